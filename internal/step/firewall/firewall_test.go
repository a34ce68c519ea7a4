package firewall

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// fake is a host with systemctl, firewall-cmd and ufw.
type fake struct {
	*steptest.Host
	units  map[string]*unit  // without ".service"
	ports  map[string]bool   // "permanent public 80/tcp", "now public 80/tcp", "ufw 80/tcp"
	loaded bool              // netfilter-persistent's rules are in the kernel
	rules  string            // what nft -j list ruleset prints
	tables map[string]string // what iptables-save and ip6tables-save print, by tool
}

type unit struct{ active, enabled bool }

func newFake(t *testing.T) steptest.Fake {
	f := &fake{units: map[string]*unit{}, ports: map[string]bool{}, tables: map[string]string{}}
	f.Host = steptest.NewHost(t, map[string]string{"/proc/sys/kernel/osrelease": "6.1\n"}, f.command)
	return f
}

func (f *fake) Kind() step.Any { return step.Erase(New(f.Host.Host)) }

func (f *fake) Snapshot() string {
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(f.units)) {
		fmt.Fprintf(&b, "%s %+v\n", n, *f.units[n])
	}
	for _, p := range slices.Sorted(maps.Keys(f.ports)) {
		fmt.Fprintln(&b, p)
	}
	return fmt.Sprintf("%srules loaded %t\n%s%s%s", &b, f.loaded, f.tables[iptables], f.tables["ip6tables"], f.Host.Snapshot())
}

func answer(yes bool) host.Result {
	if yes {
		return host.Result{Stdout: "yes\n"}
	}
	return host.Result{Code: 1, Stdout: "no\n"}
}

func (f *fake) command(argv []string) host.Result {
	switch argv[0] {
	case "systemctl":
		return f.systemctl(argv[1:])
	case "firewall-cmd":
		return f.firewallCmd(argv[1:])
	case "ufw":
		return f.ufw(argv[1:])
	case "nft":
		if f.loaded {
			return host.Result{Stdout: `{"nftables": [{"chain": {"family": "ip", "table": "filter", "name": "INPUT", "hook": "input", "policy": "drop"}}]}`}
		}
		return host.Result{Stdout: f.rules}
	case "iptables", "ip6tables", "iptables-save", "ip6tables-save":
		return f.iptables(argv)
	case "netfilter-persistent":
		return f.mutate(func() { f.loaded = argv[1] == "start" })
	}
	return host.Result{Code: 127, Stderr: argv[0] + ": not found"}
}

func (f *fake) mutate(do func()) host.Result {
	if err := f.Write(); err != nil {
		return host.Result{Code: 13, Stderr: err.Error()}
	}
	do()
	return host.Result{}
}

func (f *fake) systemctl(argv []string) host.Result {
	if argv[0] != "show" {
		u := f.units[strings.TrimSuffix(argv[1], ".service")]
		return f.mutate(func() {
			switch argv[0] {
			case "start", "stop":
				u.active = argv[0] == "start"
			default:
				u.enabled = argv[0] == "enable"
			}
		})
	}
	var blocks []string
	for _, name := range argv[slices.Index(argv, "--")+1:] {
		u := f.units[strings.TrimSuffix(name, ".service")]
		if u == nil {
			blocks = append(blocks, "LoadState=not-found\nActiveState=inactive\nUnitFileState=\n")
			continue
		}
		now, boot := inactive, disabled
		if u.active {
			now = active
		}
		if u.enabled {
			boot = enabled
		}
		blocks = append(blocks, fmt.Sprintf("LoadState=loaded\nActiveState=%s\nUnitFileState=%s\n", now, boot))
	}
	return host.Result{Stdout: strings.Join(blocks, "\n")}
}

func (f *fake) firewallCmd(argv []string) host.Result {
	if !f.units["firewalld"].active {
		return host.Result{Code: 252, Stderr: "FirewallD is not running\n"}
	}
	switch argv[0] {
	case "--get-active-zones":
		return host.Result{Stdout: "internal\n  interfaces: ens36\n"}
	case "--get-default-zone":
		return host.Result{Stdout: "public\n"}
	}
	when := "now"
	if argv[0] == "--permanent" {
		when, argv = "permanent", argv[1:]
	}
	zone := strings.TrimPrefix(argv[0], "--zone=")
	verb, port, _ := strings.Cut(argv[1], "=")
	verb, what, _ := strings.Cut(verb[2:], "-")
	key := when + " " + zone + " " + port
	if what == "protocol" {
		key += "/ip"
	}
	switch verb {
	case "query":
		return answer(f.ports[key])
	case "add":
		return f.mutate(func() { f.ports[key] = true })
	default:
		return f.mutate(func() { delete(f.ports, key) })
	}
}

func (f *fake) ufw(argv []string) host.Result {
	switch strings.Join(argv[:min(2, len(argv))], " ") {
	case "show added":
		var b strings.Builder
		b.WriteString("Added user rules (see 'ufw status' for running firewall):\n")
		for _, p := range slices.Sorted(maps.Keys(f.ports)) {
			b.WriteString(strings.Replace(p, "ufw ", "ufw allow ", 1) + "\n")
		}
		return host.Result{Stdout: b.String()}
	case "delete allow":
		return f.mutate(func() { delete(f.ports, "ufw "+argv[2]) })
	case "disable":
		return f.mutate(func() { f.Put("/etc/ufw/ufw.conf", "ENABLED=no\n") })
	case "--force enable":
		return f.mutate(func() { f.Put("/etc/ufw/ufw.conf", "ENABLED=yes\n") })
	default: // allow PORT
		return f.mutate(func() { f.ports["ufw "+argv[1]] = true })
	}
}

func TestConform(t *testing.T) {
	off := Desired{Policy: Disabled}
	open := Desired{Policy: Open, Ports: []string{"80/tcp", "53/udp", "8000-8010/tcp", "4/ip"}, Answers: []string{"80/tcp@192.168.177.20"}}
	with := func(units map[string]*unit) func(*testing.T, steptest.Fake) {
		return func(_ *testing.T, f steptest.Fake) {
			for n, u := range units {
				c := *u
				f.(*fake).units[n] = &c
				f.(*fake).loaded = n == "netfilter-persistent" || f.(*fake).loaded
			}
			if units["ufw"] != nil {
				f.(*fake).Put("/etc/ufw/ufw.conf", "ENABLED=yes\n")
			}
		}
	}
	all := map[string]*unit{"firewalld": {true, true}, "nftables": {true, false}, "iptables": {false, true}, "netfilter-persistent": {true, true}, "ufw": {true, true}}
	steptest.Conform(t, newFake, []steptest.Case{
		{Name: "all off", Plans: []any{off}, Prepare: with(all), Meddle: func(_ *testing.T, f steptest.Fake) {
			f.(*fake).units["firewalld"].active = true
		}},
		{Name: "Debian's rules", Plans: []any{off}, Prepare: with(map[string]*unit{"netfilter-persistent": {true, true}})},
		{Name: "off already", Adopts: true, Plans: []any{off}, Prepare: with(map[string]*unit{"firewalld": {}})},
		{Name: "none", Adopts: true, Plans: []any{off}},
		{Name: "unmanaged", Adopts: true, Plans: []any{Desired{Policy: Unmanaged}}, Prepare: with(all)},
		{Name: "firewalld open", Plans: []any{open}, Prepare: with(map[string]*unit{"firewalld": {true, true}}), Meddle: func(_ *testing.T, f steptest.Fake) {
			delete(f.(*fake).ports, "now public 80/tcp")
		}},
		{Name: "open at boot only", Plans: []any{open}, Prepare: func(t *testing.T, f steptest.Fake) {
			with(map[string]*unit{"firewalld": {true, true}})(t, f)
			f.(*fake).ports["permanent public 80/tcp"] = true
		}},
		{Name: "firewalld open, then off", Plans: []any{open, off}, Prepare: with(map[string]*unit{"firewalld": {true, true}})},
		{Name: "ufw open, then one port less", Plans: []any{open, Desired{Policy: Open, Ports: []string{"80/tcp"}}},
			Prepare: with(map[string]*unit{"ufw": {true, true}})},
	})
}

func TestActiveZones(t *testing.T) {
	// As firewalld 1.3 prints them, and as 2.0 marks the default one.
	for _, out := range []string{"internal\n  interfaces: br1\npublic\n  interfaces: br0\n", "public (default)\n  interfaces: br0\ninternal\n  sources: 10.0.0.0/8\n"} {
		if got := strings.Join(activeZones(out), " "); got != "internal public" {
			t.Errorf("%q: %s", out, got)
		}
	}
}

func TestCommands(t *testing.T) {
	for _, tt := range []struct {
		change step.Change
		want   string
	}{
		{step.Change{Action: step.Update, ID: activeID(firewalld), From: active, To: inactive}, "systemctl stop firewalld"},
		{step.Change{Action: step.Update, ID: enabledID(firewalld), From: enabled, To: disabled}, "systemctl disable firewalld"},
		{step.Change{Action: step.Restore, ID: activeID(ufw), From: inactive, To: active}, "ufw --force enable"},
		{step.Change{Action: step.Create, ID: door{port: "80/tcp", zone: "public", when: boot}.id(firewalld), To: portOpen},
			"firewall-cmd --permanent --zone=public --add-port=80/tcp"},
		{step.Change{Action: step.Delete, ID: door{port: "80/tcp", zone: "public", when: live}.id(firewalld), From: portOpen},
			"firewall-cmd --zone=public --remove-port=80/tcp"},
		{step.Change{Action: step.Create, ID: door{port: "4/ip", zone: "public", when: live}.id(firewalld), To: portOpen},
			"firewall-cmd --zone=public --add-protocol=4"},
		{step.Change{Action: step.Create, ID: door{port: "8000-8010/tcp", zone: "public", when: live}.id(firewalld), To: portOpen},
			"firewall-cmd --zone=public --add-port=8000-8010/tcp"},
		{step.Change{Action: step.Create, ID: door{port: "8000-8010/tcp"}.id(ufw), To: portOpen}, "ufw allow 8000:8010/tcp"},
		{step.Change{Action: step.Delete, ID: door{port: "80/tcp"}.id(ufw), From: portOpen}, "ufw delete allow 80/tcp"},
	} {
		if got := strings.Join(commands(Desired{}, tt.change), "; "); got != tt.want {
			t.Errorf("%s: got %q", tt.change.ID, got)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, bad := range []Desired{{Policy: "off"}, {Policy: Open, Ports: []string{"http"}}, {Policy: Open, Ports: []string{"80/tcp --zone=x"}}, {Ports: []string{"0/tcp"}}, {Ports: []string{"8000-/tcp"}}, {Ports: []string{"4-5/ip"}}} {
		if Validate(bad) == nil {
			t.Errorf("%+v is accepted", bad)
		}
	}
}
