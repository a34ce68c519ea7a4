package ipvs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/step"
)

func TestValidateNamesTheField(t *testing.T) {
	cases := map[string]func(*Desired){
		"services[0]: protocol":                       func(d *Desired) { d.Services[0].Protocol = "icmp" },
		"services[0]: address":                        func(d *Desired) { d.Services[0].Address = "vip" },
		"services[1]: TCP 192.168.146.100:80":         func(d *Desired) { d.Services = append(d.Services, d.Services[0]) },
		"scheduler: \"rr;reboot\"":                    func(d *Desired) { d.Services[0].Scheduler = "rr;reboot" },
		"persistence_seconds":                         func(d *Desired) { d.Services[0].PersistenceSeconds = -1 },
		"persistence_prefix":                          func(d *Desired) { d.Services[0].PersistencePrefix = 33 },
		"port: 0":                                     func(d *Desired) { d.Services[0].Port = 0 },
		"backends[0]: address":                        func(d *Desired) { d.Services[0].Backends[0].Address = "" },
		"backends[1]: address: 192.168.177.10:80":     func(d *Desired) { d.Services[0].Backends[1].Address = rip1 },
		"backends[0]: forwarding":                     func(d *Desired) { d.Services[0].Backends[0].Forwarding = "masq" },
		"backends[0]: weight":                         func(d *Desired) { d.Services[0].Backends[0].Weight = 65536 },
		"backends[0]: address: 2001:db8::1 is not of": func(d *Desired) { d.Services[0].Backends[0].Address = "2001:db8::1" },
	}
	for want, edit := range cases {
		if err := Validate(edited(edit)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not say %q", err, want)
		}
	}
	if err := Validate(tutorial()); err != nil {
		t.Error(err)
	}
}

func TestCommandsAreThoseOfTheTutorial(t *testing.T) {
	cases := []struct {
		change step.Change
		want   []string
	}{
		{step.Change{Action: step.Create, ID: step.ID{Key: "TCP 192.168.146.100:80"}, To: "rr"},
			[]string{"ipvsadm -A -t 192.168.146.100:80 -s rr"}},
		{step.Change{Action: step.Update, ID: step.ID{Key: "TCP 192.168.140.100:80"}, From: "rr", To: "rr persistent 10"},
			[]string{"ipvsadm -E -t 192.168.140.100:80 -s rr -p 10"}},
		{step.Change{Action: step.Create, ID: step.ID{Key: "TCP 192.168.146.100:80 -> 192.168.177.10:80"}, To: "nat weight 1"},
			[]string{"ipvsadm -a -t 192.168.146.100:80 -r 192.168.177.10:80 -m -w 1"}},
		{step.Change{Action: step.Create, ID: step.ID{Key: "TCP 192.168.140.100:80 -> 192.168.140.20:80"}, To: "dr weight 1"},
			[]string{"ipvsadm -a -t 192.168.140.100:80 -r 192.168.140.20:80 -g -w 1"}},
		{step.Change{Action: step.Update, ID: step.ID{Key: "UDP [2001:db8::1]:53 -> [2001:db8::2]:53"}, From: "tun weight 1", To: "tun weight 0"},
			[]string{"ipvsadm -e -u [2001:db8::1]:53 -r [2001:db8::2]:53 -i -w 0"}},
		{step.Change{Action: step.Delete, ID: step.ID{Key: "TCP 192.168.146.100:80 -> 192.168.177.10:80"}, From: "nat weight 1"},
			[]string{"ipvsadm -e -t 192.168.146.100:80 -r 192.168.177.10:80 -m -w 0", "ipvsadm -d -t 192.168.146.100:80 -r 192.168.177.10:80"}},
		{step.Change{Action: step.Delete, ID: step.ID{Key: "TCP 192.168.146.100:80"}, From: "rr"},
			[]string{"ipvsadm -D -t 192.168.146.100:80"}},
		{step.Change{Action: step.Create, ID: step.ID{Key: LinkFile}, To: UnitFile},
			[]string{"systemctl enable lvsup-restore.service"}},
		{step.Change{Action: step.Adopt, ID: step.ID{Key: "TCP 192.168.146.100:80"}, To: "rr"}, nil},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, Commands(Desired{}, c.change)); diff != "" {
			t.Errorf("%s: %s", c.change.ID, diff)
		}
	}
}
