package vip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// fake is a host with two interfaces.
type fake struct {
	*steptest.Host
	lo, ens33 []netip.Prefix
	announced []string
}

func (f *fake) Kind() step.Any { return step.Erase(newKind(f.Host.Host, f)) }

func (f *fake) Snapshot() string { return fmt.Sprintln(f.lo, f.ens33) + f.Host.Snapshot() }

func (f *fake) Interfaces() ([]rtnl.Interface, error) {
	return []rtnl.Interface{
		{Name: "lo", Index: 1, Up: true, Loopback: true, Addresses: slices.Clone(f.lo)},
		{Name: "ens33", Index: 2, Up: true, Addresses: slices.Clone(f.ens33)},
	}, nil
}

func (f *fake) on(name string) *[]netip.Prefix {
	if name == "lo" {
		return &f.lo
	}
	return &f.ens33
}

func (f *fake) AddAddress(name string, p netip.Prefix) error {
	if err := f.Write(); err != nil {
		return err
	}
	if all := f.on(name); !slices.Contains(*all, p) {
		*all = append(*all, p)
	}
	return nil
}

func (f *fake) DelAddress(name string, p netip.Prefix) error {
	if err := f.Write(); err != nil {
		return err
	}
	all := f.on(name)
	*all = slices.DeleteFunc(*all, func(q netip.Prefix) bool { return p == q })
	return nil
}

func (f *fake) Announce(name string, a netip.Addr) error {
	f.announced = append(f.announced, a.String()+" on "+name)
	return nil
}

const generatorFile = "/usr/lib/systemd/system-generators/systemd-rc-local-generator*"

// host makes a systemd host with the files on top of the usual ones.
func newHost(files map[string]string) func(*testing.T) steptest.Fake {
	return func(t *testing.T) steptest.Fake {
		all := map[string]string{
			"/usr/lib/systemd/system/multi-user.target": "[Unit]\n",
			"/usr/sbin/ip*":             "",
			"/etc/hostname":             "h\n",
			"/etc/systemd/system/x.txt": "",
		}
		for name, content := range files {
			all[name] = content
		}
		return &fake{
			Host:  steptest.NewHost(t, all, nil),
			lo:    []netip.Prefix{netip.MustParsePrefix("127.0.0.1/8")},
			ens33: []netip.Prefix{netip.MustParsePrefix("192.168.140.20/24")},
		}
	}
}

func vips(addresses ...string) Desired {
	var d Desired
	for _, a := range addresses {
		d.VIPs = append(d.VIPs, VIP{Address: a, Interface: "lo"})
	}
	return d
}

func put(name, content string) func(*testing.T, steptest.Fake) {
	return func(_ *testing.T, f steptest.Fake) { f.(*fake).Put(name, content) }
}

func byHand(t *testing.T, f steptest.Fake) {
	if err := f.(*fake).AddAddress("lo", netip.MustParsePrefix("192.168.140.100/32")); err != nil {
		t.Fatal(err)
	}
}

func foreign(f steptest.Fake) string { return fmt.Sprint(f.(*fake).lo[0], f.(*fake).ens33) }

const one, two = "192.168.140.100/32", "192.168.140.101/32"

func TestConformDebian(t *testing.T) {
	steptest.Conform(t, newHost(map[string]string{generatorFile: ""}), []steptest.Case{{
		Name:    "no rc.local",
		Plans:   []any{vips(one), vips(two, one), vips(two)},
		Foreign: foreign,
		Meddle:  put("/etc/rc.local", "#!/bin/sh\nmodprobe x\n"),
	}, {
		Name:    "rc.local without its run bit",
		Prepare: put("/etc/rc.local", "#!/bin/sh -e\n# rc.local\nmodprobe x\nexit 0\n"),
		Plans:   []any{vips(one), vips(two)},
		Foreign: foreign,
		Meddle: func(t *testing.T, f steptest.Fake) {
			if err := os.Chmod(f.(*fake).Path("/etc/rc.local"), 0o644); err != nil {
				t.Fatal(err)
			}
		},
	}, {
		Name:    "rc.local in Latin-1",
		Prepare: put("/etc/rc.local*", "#!/bin/sh\n# na\xefve\nexit 0"),
		Plans:   []any{vips(one)},
	}, {
		Name: "somebody takes the address away",
		Meddle: func(t *testing.T, f steptest.Fake) {
			if err := f.(*fake).DelAddress("lo", netip.MustParsePrefix(one)); err != nil {
				t.Fatal(err)
			}
		},
		Plans: []any{vips(one)},
	}, {
		Name: "typed by hand from the tutorial",
		Prepare: func(t *testing.T, f steptest.Fake) {
			byHand(t, f)
			put("/etc/rc.local*", "#!/bin/bash\ntouch /x\nip addr add dev lo 192.168.140.100/32\n")(t, f)
		},
		Plans:  []any{vips(one)},
		Adopts: true,
	}, {
		Name:    "live by hand",
		Prepare: byHand,
		Plans:   []any{vips(one)},
	}})
}

func TestConformRHEL(t *testing.T) {
	steptest.Conform(t, newHost(map[string]string{
		generatorFile:         "",
		"/etc/rc.d/rc.local":  "#!/bin/bash\n# THIS FILE IS ADDED\n\ntouch /var/lock/subsys/local\n",
		"/etc/rc.local":       "-> rc.d/rc.local",
		"/etc/rc.d/init.d/.x": "",
	}), []steptest.Case{{
		Name:    "rc.local behind its link",
		Plans:   []any{vips(one)},
		Foreign: foreign,
		Meddle:  put("/etc/rc.d/rc.local*", "#!/bin/bash\n"),
	}})
}

func TestConformWithoutRCLocal(t *testing.T) {
	steptest.Conform(t, newHost(nil), []steptest.Case{{
		Name:    "unit",
		Plans:   []any{vips(one), vips(one, two)},
		Foreign: foreign,
		Meddle: func(t *testing.T, f steptest.Fake) {
			if err := os.Remove(f.(*fake).Path(wantLink)); err != nil {
				t.Fatal(err)
			}
		},
	}, {
		Name:    "unit beside others",
		Prepare: put(wantsDir+"/sshd.service", "-> /usr/lib/systemd/system/sshd.service"),
		Plans:   []any{vips(one)},
	}})
}

func diffOf(t *testing.T, f steptest.Fake, want Desired) []step.Change {
	t.Helper()
	k := newKind(f.(*fake).Host.Host, f.(*fake))
	have, err := k.Observe(context.Background(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	return Diff(want, nil, have)
}

func TestCommands(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		want  []string
	}{
		"rc.local": {
			map[string]string{generatorFile: "", "/etc/rc.d/rc.local": "#!/bin/sh\nexit 0\n", "/etc/rc.local": "-> rc.d/rc.local"},
			[]string{
				"+ 192.168.140.100/32 dev lo (live)", "ip addr add dev lo 192.168.140.100/32",
				"~ /etc/rc.d/rc.local (content)",
				"cat > /etc/rc.d/rc.local <<'EOF'\n#!/bin/sh\n" + blockBegin + "\nip addr replace 192.168.140.100/32 dev lo\n" + blockEnd + "\nexit 0\nEOF",
				"~ /etc/rc.d/rc.local (mode)", "chmod 0755 /etc/rc.d/rc.local",
			},
		},
		"unit": {
			nil,
			[]string{
				"+ 192.168.140.100/32 dev lo (live)", "ip addr add dev lo 192.168.140.100/32",
				"+ " + unitFile + " (content)",
				"cat > " + unitFile + " <<'EOF'\n" +
					"# Written by lvsup from its plan; an edit here is overwritten by the next apply.\n" +
					"[Unit]\nDescription=Virtual IP addresses of an LVS cluster\nAfter=network.target\n\n" +
					"[Service]\nType=oneshot\nExecStart=/usr/sbin/ip addr replace 192.168.140.100/32 dev lo\n\n" +
					"[Install]\nWantedBy=multi-user.target\nEOF",
				"systemctl daemon-reload",
				"+ " + wantsDir + " (dir)", "mkdir -p " + wantsDir,
				"+ " + wantLink + " (link)", "systemctl enable lvsup-vip.service",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range diffOf(t, newHost(tt.files)(t), vips(one)) {
				got = append(got, string(c.Action)+" "+c.ID.String())
				got = append(got, Commands(vips(one), c)...)
			}
			if d := cmp.Diff(tt.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

func TestUnitReloadsSystemd(t *testing.T) {
	f := newHost(nil)(t).(*fake)
	changes := diffOf(t, f, vips(one))
	if !strings.Contains(changes[1].Why, "no longer has rc.local") {
		t.Errorf("the unit comes because %q", changes[1].Why)
	}
	if n, err := newKind(f.Host.Host, f).Apply(context.Background(), vips(one), changes); err != nil || n != len(changes) {
		t.Fatalf("apply: %d, %v", n, err)
	}
	if d := cmp.Diff([]string{"systemctl daemon-reload"}, f.Ran); d != "" {
		t.Error(d)
	}
}

func TestAnnounce(t *testing.T) {
	f := newHost(map[string]string{generatorFile: ""})(t).(*fake)
	want := vips(one)
	want.VIPs = append(want.VIPs, VIP{Address: "192.168.140.9/24", Interface: "ens33"})
	if _, err := newKind(f.Host.Host, f).Apply(context.Background(), want, diffOf(t, f, want)); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"192.168.140.9 on ens33"}, f.announced); d != "" {
		t.Error(d)
	}
}

func TestBlocked(t *testing.T) {
	for name, tt := range map[string]struct {
		files map[string]string
		says  string
	}{
		"unit masked": {
			map[string]string{generatorFile: "", "/etc/systemd/system/rc-local.service": "-> /dev/null"},
			"systemctl unmask rc-local.service",
		},
		"unit masked by an empty file": {
			map[string]string{generatorFile: "", "/run/systemd/system/rc-local.service": ""},
			"/run/systemd/system/rc-local.service",
		},
		"generator masked": {
			map[string]string{generatorFile: "", "/etc/systemd/system-generators/systemd-rc-local-generator": "-> /dev/null"},
			"remove that link",
		},
		"DOS line ends": {map[string]string{generatorFile: "", "/etc/rc.local": "#!/bin/sh\r\nexit 0\r\n"}, "DOS line ends"},
		"no shell":      {map[string]string{generatorFile: "", "/etc/rc.local": "#!/usr/bin/perl\nexit;\n"}, "no shell script"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newHost(tt.files)(t).(*fake)
			changes := diffOf(t, f, vips(one))
			if c := changes[0]; !strings.Contains(c.Blocked, tt.says) {
				t.Errorf("got %+v; want it blocked with %q", c, tt.says)
			}
			if n, err := newKind(f.Host.Host, f).Apply(context.Background(), vips(one), changes); n != 0 || err == nil {
				t.Errorf("a blocked change was applied: %d, %v", n, err)
			}
		})
	}
}

func TestRunner(t *testing.T) {
	for name, tt := range map[string]struct {
		files  map[string]string
		script string
		runner Runner
	}{
		"Debian":                    {map[string]string{generatorFile: ""}, "/etc/rc.local", RCLocal},
		"merged /usr not yet":       {map[string]string{"/lib/systemd/system-generators/systemd-rc-local-generator": ""}, "/etc/rc.local", RCLocal},
		"RHEL":                      {map[string]string{generatorFile: "", "/etc/rc.d/rc0.d/x": ""}, "/etc/rc.d/rc.local", RCLocal},
		"RHEL, only the link":       {map[string]string{generatorFile: "", "/etc/rc.local": "-> rc.d/rc.local"}, "/etc/rc.d/rc.local", RCLocal},
		"the unit says":             {map[string]string{generatorFile: "", "/etc/rc.d/x": "", "/lib/systemd/system/rc-local.service": "[Unit]\nConditionFileIsExecutable=/etc/rc.local\n"}, "/etc/rc.local", RCLocal},
		"systemd 260":               {nil, "/etc/rc.local", Unit},
		"systemd 260, unit by hand": {map[string]string{wantsDir + "/rc-local.service": "-> ../rc-local.service"}, "/etc/rc.local", RCLocal},
	} {
		t.Run(name, func(t *testing.T) {
			script, r, blocked, err := runner(newHost(tt.files)(t).(*fake).Host.Host)
			if script != tt.script || r != tt.runner || blocked != "" || err != nil {
				t.Errorf("got %s, %s, %q, %v; want %s, %s", script, r, blocked, err, tt.script, tt.runner)
			}
		})
	}
	h := steptest.NewHost(t, map[string]string{"/etc/init.d/x": ""}, nil)
	if _, _, blocked, err := runner(h.Host); blocked == "" || err != nil {
		t.Errorf("without any init: %q, %v", blocked, err)
	}
}

func TestMissingInterfaceIsNamed(t *testing.T) {
	f := newHost(nil)(t).(*fake)
	want := Desired{VIPs: []VIP{{Address: one, Interface: "ens99"}}}
	_, err := newKind(f.Host.Host, f).Observe(context.Background(), want, nil)
	if !errors.Is(err, rtnl.ErrNoInterface) || !strings.Contains(err.Error(), "ens99") {
		t.Errorf("got %v", err)
	}
}

func TestAdoptedVIPNamesItsLine(t *testing.T) {
	f := newHost(map[string]string{generatorFile: "", "/etc/rc.local*": "#!/bin/sh\nip addr add dev lo " + one + "\n"})(t).(*fake)
	byHand(t, f)
	owned := step.Owned{}
	for _, c := range diffOf(t, f, vips(one)) {
		owned.End(c)
	}
	k := newKind(f.Host.Host, f)
	have, err := k.Observe(context.Background(), Desired{}, owned)
	if err != nil {
		t.Fatal(err)
	}
	changes := Diff(Desired{}, owned, have)
	if c := changes[len(changes)-1]; c.Action != step.Delete || !strings.Contains(c.Why, "/etc/rc.local:2") {
		t.Errorf("got %+v", c)
	}
}

func TestValidate(t *testing.T) {
	for _, pair := range [][2]string{
		{"192.168.140.100", "lo"}, {"192.168.140.100/24", "lo"}, {"192.168.140.100/33", "lo"}, {"", "lo"},
		{"::ffff:192.168.140.100/128", "lo"}, {"2001:DB8::1/128", "lo"}, {"fe80::1%eth0/128", "lo"}, {"0.0.0.0/32", "lo"},
		{"127.0.0.1/32", "lo"}, {"224.0.0.1/32", "lo"}, {one, ""}, {one, "lo; reboot"}, {one, "a\nb"}, {one, "-x"}, {one, "aaaaaaaaaaaaaaaa"},
	} {
		bad := VIP{Address: pair[0], Interface: pair[1]}
		if err := Validate(Desired{VIPs: []VIP{bad}}); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	for _, bad := range []Desired{
		{VIPs: []VIP{{Address: "192.168.140.9/24", Interface: "ens33", Native: true}}},
		{Network: "wicked"},
		{Cards: []string{"a b"}},
	} {
		if err := Validate(bad); err == nil {
			t.Errorf("%+v was accepted", bad)
		}
	}
	if err := Validate(vips(one, one)); err == nil {
		t.Error("one VIP twice was accepted")
	}
	good := vips(one, "2001:db8::1/128")
	good.VIPs = append(good.VIPs, VIP{Address: "192.168.140.9/24", Interface: "ens33"})
	if err := Validate(good); err != nil {
		t.Error(err)
	}
}
