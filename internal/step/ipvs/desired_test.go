package ipvs

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/step"
)

func TestValidateNamesTheField(t *testing.T) {
	cases := map[string]func(*Desired){
		"services[0]: protocol":                               func(d *Desired) { d.Services[0].Protocol = "icmp" },
		"services[0]: address":                                func(d *Desired) { d.Services[0].Address = "vip" },
		"services[1]: TCP 192.168.146.100:80":                 func(d *Desired) { d.Services = append(d.Services, d.Services[0]) },
		"scheduler: \"rr;reboot\"":                            func(d *Desired) { d.Services[0].Scheduler = "rr;reboot" },
		"persistence_seconds":                                 func(d *Desired) { d.Services[0].PersistenceSeconds = -1 },
		"persistence_prefix":                                  func(d *Desired) { d.Services[0].PersistencePrefix = 33 },
		"port: 0":                                             func(d *Desired) { d.Services[0].Port = 0 },
		"backends[0]: address":                                func(d *Desired) { d.Services[0].Backends[0].Address = "" },
		"backends[1]: address: 192.168.177.10:80":             func(d *Desired) { d.Services[0].Backends[1].Address = rip1 },
		"backends[0]: forwarding":                             func(d *Desired) { d.Services[0].Backends[0].Forwarding = "masq" },
		"backends[0]: weight":                                 func(d *Desired) { d.Services[0].Backends[0].Weight = 65536 },
		"backends[0]: address: 2001:db8::1 is not of":         func(d *Desired) { d.Services[0].Backends[0].Address = "2001:db8::1" },
		"fwmark: a service has either":                        func(d *Desired) { d.Services[0].FWMark = 1 },
		"one_packet: tcp":                                     func(d *Desired) { d.Services[0].OnePacket = true },
		"scheduler_flags: \"mh-port\" is no flag of rr":       func(d *Desired) { d.Services[0].SchedulerFlags = []string{"mh-port"} },
		"scheduler_flags: \"flag-1\"":                         func(d *Desired) { d.Services[0].SchedulerFlags = []string{"flag-1"} },
		"engine: sip is one of persistence":                   func(d *Desired) { d.Services[0].Engine = "sip" },
		"engine: \"sap\"":                                     func(d *Desired) { d.Services[0].Engine, d.Services[0].PersistenceSeconds = "sap", 60 },
		"engine: sip reads udp":                               func(d *Desired) { d.Services[0].Engine, d.Services[0].PersistenceSeconds = "sip", 60 },
		"lower_threshold: 80 is not within 0..0":              func(d *Desired) { d.Services[0].Backends[0].LowerThreshold = 80 },
		"upper_threshold: -1":                                 func(d *Desired) { d.Services[0].Backends[0].UpperThreshold = -1 },
		"tunnel: forwarding is nat":                           func(d *Desired) { d.Services[0].Backends[0].Tunnel = &Tunnel{Type: "ipip"} },
		"tunnel: type":                                        tunnelled(Tunnel{Type: "vxlan"}),
		"tunnel: port: gue needs":                             tunnelled(Tunnel{Type: "gue"}),
		"tunnel: port: gre has none":                          tunnelled(Tunnel{Type: "gre", Port: 1}),
		"tunnel: checksum: ipip":                              tunnelled(Tunnel{Type: "ipip", Checksum: "full"}),
		"tunnel: checksum: gre":                               tunnelled(Tunnel{Type: "gre", Checksum: "remote"}),
		"tunnel: checksum: \"some\"":                          tunnelled(Tunnel{Type: "gre", Checksum: "some"}),
		"services[0] (TCP 192.168.146.100:80): drain_seconds": func(d *Desired) { d.Services[0].DrainSeconds = seconds(-1) },
		"drain_seconds: -2":                                   func(d *Desired) { d.DrainSeconds = seconds(-2) },
		"timeouts: tcp_fin":                                   func(d *Desired) { d.Timeouts = &Timeouts{TCPFin: -1} },
		"timeouts: udp":                                       func(d *Desired) { d.Timeouts = &Timeouts{UDP: 1 << 31} },
		"sync[0]: role":                                       synced(func(d *Daemon) { d.Role = "slave" }),
		"sync[0]: interface":                                  synced(func(d *Daemon) { d.Interface = "../x" }),
		"sync[0]: id":                                         synced(func(d *Daemon) { d.ID = 256 }),
		"sync[0]: group":                                      synced(func(d *Daemon) { d.Group = "192.0.2.1" }),
		"sync[0]: port":                                       synced(func(d *Daemon) { d.Port = 0 }),
		"sync[0]: ttl":                                        synced(func(d *Daemon) { d.TTL = 256 }),
		"sync[0]: max_length: 65508 is not within 1..65507":   synced(func(d *Daemon) { d.MaxLength = 65508 }),
		"sync[0]: max_length: 1023 is not within 1024..65507": synced(func(d *Daemon) { d.Role, d.MaxLength = "backup", 1023 }),
		"sync[1]: role: master is there twice":                func(d *Desired) { d.Sync = []Daemon{master(), master()} },
		"backends[0]: address: 2001:db8::1 is not of the service's family, which the kernel refuses beside": func(d *Desired) {
			d.Sync = []Daemon{master()}
			d.Services[0].Backends[0].Address, d.Services[0].Backends[0].Forwarding = "2001:db8::1", "tun"
		},
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

func tunnelled(tunnel Tunnel) func(*Desired) {
	return func(d *Desired) {
		d.Services[0].Backends[0].Forwarding, d.Services[0].Backends[0].Tunnel = "tun", &tunnel
	}
}

func synced(edit func(*Daemon)) func(*Desired) {
	return func(d *Desired) {
		daemon := master()
		edit(&daemon)
		d.Sync = []Daemon{daemon}
	}
}

// master is a sync daemon with nothing but defaults.
func master() Daemon {
	return Daemon{Role: "master", Interface: "ens33", ID: 1, Group: "224.0.0.81", Port: 8848, TTL: 1}
}

func seconds(n int) *int { return &n }

func TestEverythingAtOnceIsValid(t *testing.T) {
	if err := Validate(everything()); err != nil {
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
			[]string{
				"ipvsadm -e -t 192.168.146.100:80 -r 192.168.177.10:80 -m -w 0",
				`i=0; while [ $i -lt 30 ] && ipvsadm -L -n -c | awk '$6 == "192.168.177.10:80"' | grep -q .; do i=$((i + 1)); sleep 1; done`,
				"ipvsadm -d -t 192.168.146.100:80 -r 192.168.177.10:80",
			}},
		{step.Change{Action: step.Delete, ID: step.ID{Key: "TCP 192.168.146.100:80"}, From: "rr"},
			[]string{"ipvsadm -D -t 192.168.146.100:80"}},
		{step.Change{Action: step.Create, ID: step.ID{Key: "FWM 1 IPv6"}, To: "mh (mh-fallback,mh-port) persistent 60 pe sip ops"},
			[]string{"ipvsadm -A -f 1 -6 -s mh -p 60 --pe sip -o -b mh-fallback,mh-port"}},
		{step.Change{Action: step.Update, ID: step.ID{Key: "FWM 1 -> 192.168.177.10:0"}, From: "nat weight 1", To: "tun gue port 6080 csum weight 1 upper 100 lower 80"},
			[]string{"ipvsadm -e -f 1 -r 192.168.177.10:0 -i -w 1 --tun-type gue --tun-port 6080 --tun-csum -x 100 -y 80"}},
		{step.Change{Action: step.Update, ID: step.ID{Key: "timeout tcpfin"}, From: "120", To: "60"},
			[]string{"ipvsadm --set 0 60 0"}},
		{step.Change{Action: step.Update, ID: step.ID{Key: "sync daemon master"}, From: "mcast ens33 syncid 1", To: "mcast ens33 syncid 2 ttl 3"},
			[]string{"ipvsadm --stop-daemon master", "ipvsadm --start-daemon master --mcast-interface ens33 --syncid 2 --mcast-ttl 3"}},
		{step.Change{Action: step.Delete, ID: step.ID{Key: "sync daemon backup"}, From: "mcast ens33 syncid 1"},
			[]string{"ipvsadm --stop-daemon backup"}},
		{step.Change{Action: step.Adopt, ID: step.ID{Key: "TCP 192.168.146.100:80"}, To: "rr"}, nil},
	}
	for _, c := range cases {
		if diff := cmp.Diff(c.want, Commands(Desired{}, c.change)); diff != "" {
			t.Errorf("%s: %s", c.change.ID, diff)
		}
	}
}
