package mangle

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// fake is a host with the older iptables, as the guests of the lab have: the
// plain name speaks to an nf_tables that takes no IPv4 rules.
type fake struct {
	*steptest.Host
	rules map[string][]string // by command and chain, as -S prints them
}

func newFake(t *testing.T) *fake {
	f := &fake{rules: map[string][]string{}}
	f.Host = steptest.NewHost(t, map[string]string{
		"/usr/sbin/iptables*":         "",
		"/usr/sbin/ip6tables*":        "",
		"/usr/sbin/iptables-legacy*":  "",
		"/usr/sbin/ip6tables-legacy*": "",
		"/proc/sys/kernel/osrelease":  "6.1.0\n",
		"/proc/net/ip_tables_names":   "mangle\n",
		"/proc/net/ip6_tables_names":  "mangle\n",
		"/var/lib/lvsup/owned.json":   "{}",
		"/lib/modules/6.1.0/modules.dep": "kernel/net/netfilter/nf_tables.ko:\n" +
			"kernel/net/ipv4/netfilter/iptable_mangle.ko:\n",
	}, f.command)
	return f
}

func (f *fake) command(argv []string) host.Result {
	if argv[0] == "systemctl" {
		return host.Result{Code: 1, Stderr: "no systemd"}
	}
	if argv[1] == "-V" {
		return host.Result{Stdout: "iptables v1.8.9 (nf_tables)\n"}
	}
	tool, action := argv[0], argv[4]
	if action == "-S" {
		var b strings.Builder
		for _, chain := range []string{"PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"} {
			b.WriteString("-P " + chain + " ACCEPT\n")
			for _, line := range f.rules[tool+" "+chain] {
				b.WriteString("-A " + chain + " " + line + "\n")
			}
		}
		return host.Result{Stdout: b.String()}
	}
	if err := f.Write(); err != nil {
		return host.Result{Code: 4, Stderr: err.Error()}
	}
	at, line := tool+" "+argv[5], printed(argv[6:])
	if action == "-A" {
		f.rules[at] = append(f.rules[at], line)
		return host.Result{}
	}
	i := slices.Index(f.rules[at], line)
	if i < 0 {
		return host.Result{Code: 1, Stderr: "iptables: Bad rule (does a matching rule exist in that chain?)."}
	}
	f.rules[at] = slices.Delete(slices.Clone(f.rules[at]), i, i+1)
	return host.Result{}
}

// printed is how iptables 1.8.9 prints a specification, after a recording.
func printed(spec []string) string {
	var out []string
	for i := 0; i < len(spec); i++ {
		switch word := spec[i]; {
		case word == "-s" || word == "-d":
			suffix := "/32"
			if strings.Contains(spec[i+1], ":") {
				suffix = "/128"
			}
			out = append(out, word, strings.TrimSuffix(spec[i+1], suffix)+suffix)
			i++
		case word == "-p":
			out = append(out, word, spec[i+1], "-m", spec[i+1])
			i++
		case word == "-m" && spec[i+1] != "comment":
			i++
		case word == "--set-mark":
			out = append(out, "--set-xmark", map[string]string{"1": "0x1", "2": "0x2", "77": "0x4d"}[spec[i+1]]+"/0xffffffff")
			i++
		case strings.Contains(word, " "):
			out = append(out, `"`+word+`"`)
		default:
			out = append(out, word)
		}
	}
	return strings.Join(out, " ")
}

func (f *fake) kind() kind {
	return kind{f.Host.Host, func() error { return errors.New("operation not supported") }}
}

func (f *fake) Kind() step.Any { return step.Erase(newKind(f.kind())) }

func (f *fake) Snapshot() string { return f.Host.Snapshot() + f.table() }

func (f *fake) table() string {
	var lines []string
	for at, rules := range f.rules {
		for _, r := range rules {
			lines = append(lines, at+" "+r+"\n")
		}
	}
	slices.Sort(lines)
	return strings.Join(lines, "")
}

const vip = "192.168.140.100"

func marks(mark uint32, ports ...string) Desired {
	var d Desired
	for _, p := range ports {
		d.Marks = append(d.Marks, Mark{vip, p, mark})
	}
	return d
}

func TestConform(t *testing.T) {
	const theirs = `-d 192.168.140.100/32 -p tcp -m tcp --dport 80 -m comment --comment "not lvsup" -j MARK --set-xmark 0x9/0xffffffff`
	foreign := func(t *testing.T, f steptest.Fake) {
		f.(*fake).rules["iptables-legacy PREROUTING"] = []string{theirs}
	}
	steptest.Conform(t, func(t *testing.T) steptest.Fake { return newFake(t) }, []steptest.Case{
		{
			Name:    "two ports, then a range with another mark",
			Prepare: foreign,
			Plans:   []any{marks(1, "80/tcp", "443/tcp"), marks(2, "80/tcp", "8000-8010/udp")},
			Foreign: func(f steptest.Fake) string {
				return f.(*fake).rules["iptables-legacy PREROUTING"][0]
			},
			Meddle: func(t *testing.T, f steptest.Fake) {
				fake := f.(*fake)
				at := "iptables-legacy PREROUTING"
				fake.rules[at] = append(fake.rules[at], fake.rules[at]...) // doubled
				fake.rules["iptables-legacy OUTPUT"] = nil                 // deleted
			},
		},
		{
			Name: "the segment size, for either family",
			Plans: []any{
				Desired{MSS: []MSS{{vip, 1440}, {"2001:db8::1", 1420}}},
				Desired{MSS: []MSS{{vip, 1400}}},
			},
			Meddle: func(t *testing.T, f steptest.Fake) {
				rules := f.(*fake).rules["iptables-legacy POSTROUTING"]
				rules[0] = strings.Replace(rules[0], "1400", "1460", 1) // changed
			},
		},
	})
}

func TestWhatIptablesGets(t *testing.T) {
	f := newFake(t)
	want := Desired{Marks: []Mark{{vip, "8000-8010/tcp", 77}}, MSS: []MSS{{"2001:db8::1", 1420}}}
	have, err := f.kind().observe(context.Background(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	changes := Diff(want, nil, have)
	var typed []string
	for _, c := range changes[:2] {
		typed = append(typed, Commands(want, c)...)
	}
	if _, err := f.kind().apply(context.Background(), want, changes); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(`ip6tables-legacy POSTROUTING -s 2001:db8::1/128 -p tcp -m tcp --tcp-flags SYN,RST SYN -m comment --comment "lvsup mss 2001:db8::1" -j TCPMSS --set-mss 1420
iptables-legacy OUTPUT -d 192.168.140.100/32 -p tcp -m tcp --dport 8000:8010 -m comment --comment "lvsup mark 192.168.140.100 8000-8010/tcp" -j MARK --set-xmark 0x4d/0xffffffff
iptables-legacy PREROUTING -d 192.168.140.100/32 -p tcp -m tcp --dport 8000:8010 -m comment --comment "lvsup mark 192.168.140.100 8000-8010/tcp" -j MARK --set-xmark 0x4d/0xffffffff
`, f.table()); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{
		"iptables-legacy -w -t mangle -A PREROUTING -d 192.168.140.100 -p tcp --dport 8000:8010 -m comment --comment 'lvsup mark 192.168.140.100 8000-8010/tcp' -j MARK --set-mark 77",
		"iptables-legacy -w -t mangle -A OUTPUT -d 192.168.140.100 -p tcp --dport 8000:8010 -m comment --comment 'lvsup mark 192.168.140.100 8000-8010/tcp' -j MARK --set-mark 77",
		"ip6tables-legacy -w -t mangle -A POSTROUTING -s 2001:db8::1 -p tcp --tcp-flags SYN,RST SYN -m comment --comment 'lvsup mss 2001:db8::1' -j TCPMSS --set-mss 1420",
	}, typed); diff != "" {
		t.Error(diff)
	}
}

func TestAHostWithoutATool(t *testing.T) {
	f := newFake(t)
	for _, name := range []string{"iptables", "iptables-legacy"} {
		if err := os.Remove(filepath.Join(f.Root, "usr/sbin", name)); err != nil {
			t.Fatal(err)
		}
	}
	want := marks(1, "80/tcp")
	have, err := f.kind().observe(context.Background(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	c := Diff(want, nil, have)[0]
	if !strings.Contains(c.Blocked, `packages = ["nftables"]`) {
		t.Errorf("%+v", c)
	}
	want.Installs = true
	c = Diff(want, nil, have)[0]
	if c.Blocked != "" || c.Action != step.Create {
		t.Errorf("where the plan installs one: %+v", c)
	}
	if got := strings.Join(Commands(want, c), "\n"); !strings.Contains(got, "nft 'add rule inet lvsup prerouting ip daddr 192.168.140.100 tcp dport 80 meta mark set 1 comment ") {
		t.Errorf("commands:\n%s", got)
	}
}

func TestRestore(t *testing.T) {
	f := newFake(t)
	if err := f.kind().restore(context.Background()); err != nil || len(f.Ran) > 0 {
		t.Errorf("without a file: %v, ran %v", err, f.Ran)
	}
	f.Put(StateFile, encode(marks(1, "80/tcp")))
	for range 2 {
		if err := f.kind().restore(context.Background()); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(f.table(), "lvsup mark"); n != 2 {
			t.Errorf("%d rules:\n%s", n, f.table())
		}
	}
	f.Put(StateFile, `{"version":2}`)
	if err := f.kind().restore(context.Background()); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a newer file: %v", err)
	}
}

func TestValidate(t *testing.T) {
	for want, bad := range map[string]Desired{
		"marks[0]: mark: 0":         marks(0, "80/tcp"),
		`"80" is not like`:          marks(1, "80"),
		`"90-80/tcp" is not like`:   marks(1, "90-80/tcp"),
		`"0/tcp" is not like`:       marks(1, "0/tcp"),
		`"80/tcp; x" is not like`:   marks(1, "80/tcp; x"),
		"marks[1]: mark 192.168.14": marks(1, "80/tcp", "80/tcp"),
		`mss[0]: address: "x"`:      {MSS: []MSS{{"x", 1400}}},
		"mss[0]: size: 10":          {MSS: []MSS{{vip, 10}}},
	} {
		if err := Validate(bad); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: %v, want %q", bad, err, want)
		}
	}
}
