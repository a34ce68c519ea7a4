package firewall

import (
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// iptables does what iptables-save -t filter, iptables -w -I and iptables -w -D do.
func (f *fake) iptables(argv []string) host.Result {
	tool := strings.TrimSuffix(argv[0], "-save")
	save := f.tables[tool]
	if save == "" {
		return host.Result{Code: 3, Stderr: tool + ": no such table"}
	}
	if tool != argv[0] {
		return host.Result{Stdout: save}
	}
	lines := strings.Split(save, "\n")
	first := slices.IndexFunc(lines, func(l string) bool { return strings.HasPrefix(l, "-A "+argv[3]+" ") || l == "COMMIT" })
	if argv[2] == "-I" {
		return f.mutate(func() {
			f.tables[tool] = strings.Join(slices.Insert(lines, first, "-A "+argv[3]+" "+quoted(argv[4:])), "\n")
		})
	}
	number, err := strconv.Atoi(argv[4])
	if err != nil || argv[2] != "-D" {
		return host.Result{Code: 2, Stderr: "what is " + strings.Join(argv, " ")}
	}
	return f.mutate(func() {
		f.tables[tool] = strings.Join(slices.Delete(lines, first+number-1, first+number), "\n")
	})
}

// As the packages install them: RHEL's iptables-services, and the part of ufw's
// before.rules that matters, which is loaded without clearing the other chains.
const (
	sysconfig = `# sample configuration for iptables service
*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -i lo -j ACCEPT
-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -j REJECT --reject-with icmp-host-prohibited
-A FORWARD -j REJECT --reject-with icmp-host-prohibited
COMMIT
`
	beforeRules = `# rules.before
*filter
:ufw-before-input - [0:0]
:ufw-before-forward - [0:0]
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-input -m conntrack --ctstate INVALID -j DROP
# don't delete the 'COMMIT' line or these rules won't be processed
COMMIT`
	ufwLive = `*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw-before-input - [0:0]
:ufw-before-forward - [0:0]
-A INPUT -j ufw-before-input
-A FORWARD -j ufw-before-forward
-A ufw-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
`
)

// theirs is what is not lvsup's.
func theirs(files ...string) func(steptest.Fake) string {
	return func(f steptest.Fake) string {
		fk := f.(*fake)
		text := fk.tables[iptables]
		for _, name := range files {
			text += fk.read(name)
		}
		lines := strings.Split(text, "\n")
		return strings.Join(slices.DeleteFunc(lines, mineInLine), "\n")
	}
}

func (f *fake) read(name string) string {
	_, text, err := worker{f.Host.Host}.file(map[bool]string{true: ufw, false: iptables}[strings.Contains(name, "ufw")], "ip")
	if err != nil {
		return err.Error()
	}
	return text
}

func rhel(_ *testing.T, f steptest.Fake) {
	fk := f.(*fake)
	fk.units[iptables] = &unit{true, true}
	fk.tables[iptables] = strings.SplitAfterN(sysconfig, "\n", 2)[1]
	fk.Put("/etc/sysconfig/iptables", sysconfig)
}

func ubuntu(_ *testing.T, f steptest.Fake) {
	fk := f.(*fake)
	fk.units[ufw] = &unit{true, true}
	fk.Put("/etc/ufw/ufw.conf", "ENABLED=yes\n")
	fk.Put("/etc/ufw/before.rules", beforeRules)
	fk.tables[iptables] = ufwLive
}

func TestConformWithRulesOfOthers(t *testing.T) {
	nat := Desired{Policy: Open, Ports: []string{"80/tcp", "22/tcp"}, Answers: []string{"80/tcp@192.168.177.20", "8080-8081/udp@192.168.177.30"}}
	tun := Desired{Policy: Open, Ports: []string{"80/tcp", "4/ip"}}
	steptest.Conform(t, newFake, []steptest.Case{
		{
			Name: "iptables-services", Prepare: rhel, Plans: []any{nat, tun}, Foreign: theirs("/etc/sysconfig/iptables"),
			Meddle: func(_ *testing.T, f steptest.Fake) { f.(*fake).tables[iptables] = sysconfig },
		},
		{
			Name: "iptables-services, the file written anew", Prepare: rhel, Plans: []any{nat}, Foreign: theirs("/etc/sysconfig/iptables"),
			Meddle: func(_ *testing.T, f steptest.Fake) { f.(*fake).Put("/etc/sysconfig/iptables", sysconfig) },
		},
		{Name: "ufw", Prepare: ubuntu, Plans: []any{tun, nat}, Foreign: theirs("/etc/ufw/before.rules")},
		{Name: "iptables-services open, then off", Prepare: rhel, Plans: []any{nat, Desired{Policy: Disabled}}},
	})
}

// planned are the changes of a plan for a fresh host, in one line each.
func planned(t *testing.T, f steptest.Fake, want Desired) []string {
	t.Helper()
	k := New(f.(*fake).Host.Host)
	have, err := k.Observe(t.Context(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	var said []string
	for _, c := range k.Diff(want, nil, have) {
		text := c.ID.String()
		if c.Blocked != "" {
			text += " blocked: " + c.Blocked
		}
		said = append(said, text)
		said = append(said, k.Commands(want, c)...)
	}
	return said
}

// Only what is closed is opened, before the rules on states, now and at boot.
func TestJustWhatIsClosed(t *testing.T) {
	nat := Desired{Policy: Open, Ports: []string{"22/tcp", "80/tcp"}, Answers: []string{"80/tcp@192.168.177.20"}}
	for name, tt := range map[string]struct {
		prepare func(*testing.T, steptest.Fake)
		want    Desired
		plan    []string
	}{
		"iptables-services": {rhel, nat, []string{
			"iptables (port 80/tcp chain ip/INPUT boot)",
			"sed -i '/^\\*filter/,/^COMMIT/{\n/^COMMIT/i -I INPUT -p tcp --dport 80 -m comment --comment \"lvsup 80/tcp\" -j ACCEPT\n}' /etc/sysconfig/iptables",
			"iptables (port 80/tcp@192.168.177.20 chain ip/FORWARD boot)",
			"sed -i '/^\\*filter/,/^COMMIT/{\n/^COMMIT/i -I FORWARD -s 192.168.177.20 -p tcp --sport 80 -m comment --comment \"lvsup 80/tcp@192.168.177.20\" -j ACCEPT\n}' /etc/sysconfig/iptables",
			"iptables (port 80/tcp chain ip/INPUT live)",
			"iptables -w -I INPUT -p tcp --dport 80 -m comment --comment 'lvsup 80/tcp' -j ACCEPT",
			"iptables (port 80/tcp@192.168.177.20 chain ip/FORWARD live)",
			"iptables -w -I FORWARD -s 192.168.177.20 -p tcp --sport 80 -m comment --comment 'lvsup 80/tcp@192.168.177.20' -j ACCEPT",
		}},
		"ufw knows connections": {ubuntu, Desired{Policy: Open, Answers: nat.Answers, Tracked: true}, nil},
		"ufw and a protocol": {ubuntu, Desired{Policy: Open, Ports: []string{"4/ip"}}, []string{
			"ufw (port 4/ip chain ip/ufw-before-input boot)",
			"sed -i '/^\\*filter/,/^COMMIT/{\n/^COMMIT/i -I ufw-before-input -p 4 -m comment --comment \"lvsup 4/ip\" -j ACCEPT\n}' /etc/ufw/before.rules",
			"ufw (port 4/ip chain ip/ufw-before-input live)",
			"iptables -w -I ufw-before-input -p 4 -m comment --comment 'lvsup 4/ip' -j ACCEPT",
		}},
		"typed, and in no file": {func(t *testing.T, f steptest.Fake) {
			rhel(t, f)
			f.(*fake).units[nftables] = &unit{true, true}
			delete(f.(*fake).units, iptables)
			f.(*fake).rules = `{"nftables": [{"chain": {"family": "inet", "table": "f", "name": "input", "hook": "input", "policy": "drop"}}]}`
		}, Desired{Policy: Open, Ports: []string{"80/tcp"}}, []string{
			`nftables (port 80/tcp) blocked: rules that are in no file which nftables loads drop it; open it where they come from, or write policy = "disabled" or "unmanaged" in the firewall block`,
		}},
	} {
		f := newFake(t)
		tt.prepare(t, f)
		if got := planned(t, f, tt.want); !slices.Equal(got, tt.plan) {
			t.Errorf("%s:\n%s", name, strings.Join(got, "\n"))
		}
	}
}

// A file gets a line and loses it again, byte for byte, and keeps what others
// wrote.
func TestEdit(t *testing.T) {
	chain := door{port: "80/tcp", chain: "ip/INPUT", when: boot}
	nft := door{port: "80/tcp", chain: "inet/filter/input", when: boot}
	for _, tt := range []struct {
		d          door
		text, open string
	}{
		{chain, "*filter\n:INPUT DROP\nCOMMIT\n", "*filter\n:INPUT DROP\n-I INPUT -p tcp --dport 80 -m comment --comment \"lvsup 80/tcp\" -j ACCEPT\nCOMMIT\n"},
		{chain, "*nat\nCOMMIT\n*filter\nCOMMIT", "*nat\nCOMMIT\n*filter\n-I INPUT -p tcp --dport 80 -m comment --comment \"lvsup 80/tcp\" -j ACCEPT\nCOMMIT"},
		{nft, "table inet filter {\n}\n", "table inet filter {\n}\ninsert rule inet filter input tcp dport 80 accept comment \"lvsup 80/tcp\"\n"},
		{nft, "table inet filter {\n}", "table inet filter {\n}\ninsert rule inet filter input tcp dport 80 accept comment \"lvsup 80/tcp\""},
	} {
		open, ok := tt.d.edit(tt.text, true)
		if !ok || open != tt.open || !tt.d.has(open) || tt.d.has(tt.text) {
			t.Errorf("open: %q", open)
		}
		if again, _ := tt.d.edit(open, true); again != open {
			t.Errorf("again: %q", again)
		}
		if closed, _ := tt.d.edit(open, false); closed != tt.text {
			t.Errorf("closed: %q", closed)
		}
	}
	if _, ok := chain.edit("*nat\nCOMMIT\n", true); ok {
		t.Error("a file without a filter table is taken for one")
	}
	// As nft list ruleset and iptables-save write it down, among others.
	for _, tt := range []struct {
		d    door
		line string
		mine bool
	}{
		{nft, "\t\ttcp dport 80 accept comment \"lvsup 80/tcp\"", true},
		{nft, "insert rule inet other input tcp dport 80 accept comment \"lvsup 80/tcp\"", false},
		{nft, "\t\ttcp dport 80 accept comment \"lvsup 8080/tcp\"", false},
		{nft, "# comment \"lvsup 80/tcp\"", false},
		{chain, "-A INPUT -p tcp -m tcp --dport 80 -m comment --comment \"lvsup 80/tcp\" -j ACCEPT", true},
		{chain, "-A FORWARD -p tcp -m tcp --dport 80 -m comment --comment \"lvsup 80/tcp\" -j ACCEPT", false},
	} {
		if tt.d.owns(tt.line) != tt.mine {
			t.Errorf("%q", tt.line)
		}
	}
}

func TestDoorIDs(t *testing.T) {
	for _, d := range []door{{port: "80/tcp"}, {port: "4/ip", zone: "public", when: live}, {port: "80/tcp@2001:db8::1", chain: "inet/filter/forward", when: boot}} {
		if got, ok := parseDoor(d.id(ufw).Field); !ok || got != d {
			t.Errorf("%+v: %+v", d, got)
		}
	}
	if _, ok := parseDoor(step.ID{Field: "active"}.Field); ok {
		t.Error("a service is a door")
	}
}
