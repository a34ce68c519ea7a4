package netfilter

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// onHost is what Drops says of a host whose tools print this.
func onHost(t *testing.T, save, nft string, p Packet) (Drop, bool) {
	t.Helper()
	root := t.TempDir()
	for name, text := range map[string]string{
		"proc/net/ip_tables_names": "filter\n", "proc/modules": "nf_tables 1 0 - Live 0x0\n", "proc/sys/kernel/osrelease": "6.1\n",
	} {
		file := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	h := host.Host{Root: root, Run: func(_ context.Context, argv ...string) (host.Result, error) {
		switch strings.Join(argv, " ") {
		case "iptables-legacy-save -t filter":
			return host.Result{Stdout: save}, nil
		case "nft -j list ruleset":
			return host.Result{Stdout: nft}, nil
		}
		return host.Result{Code: 127}, nil
	}}
	return Read(t.Context(), h).Drops(p)
}

func TestDropsForCertain(t *testing.T) {
	const head, open = "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n", ""
	web := Packet{Hook: "input", Protocol: "tcp", Destination: "192.0.2.10", DestinationPort: 80, In: "ens33", New: true}
	back := Packet{Hook: "forward", Protocol: "tcp", Source: "192.0.2.20", SourcePort: 80, In: "ens36", Out: "ens33"}
	ipip := Packet{Hook: "input", Protocol: "4", Destination: "192.0.2.10", In: "ens33", New: true}
	for _, tc := range []struct {
		name   string
		save   string
		packet Packet
		rule   string // what drops it, "" if nothing does for certain
	}{
		{"no rules", head, web, open},
		{"one port", head + "-A INPUT -p tcp -m tcp --dport 80 -j DROP\n", web, "-A INPUT -p tcp -m tcp --dport 80 -j DROP"},
		{"another port", head + "-A INPUT -p tcp -m tcp --dport 81 -j DROP\n", web, open},
		{"another card", head + "-A INPUT -i mgmt -p tcp -m tcp --dport 80 -j DROP\n", web, open},
		{"all cards of a sort", head + "-A INPUT -i ens+ -p tcp -m multiport --dports 22,80:90 -j REJECT --reject-with icmp-port-unreachable\n", web, "-A INPUT -i ens+ -p tcp -m multiport --dports 22,80:90 -j REJECT --reject-with icmp-port-unreachable"},
		{"for some other client", head + "-A INPUT -s 203.0.113.0/24 -j DROP\n", web, open}, // who asks is not known
		{"let in before", head + "-A INPUT -p tcp -m tcp --dport 80 -j ACCEPT\n-A INPUT -j DROP\n", web, open},
		{"let in perhaps", head + "-A INPUT -p tcp -m set --match-set web dst -j ACCEPT\n-A INPUT -j DROP\n", web, open},
		{"only what is known already", head + "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A INPUT -j DROP\n", web, "-A INPUT -j DROP"},
		{"all but one port", head + "-A INPUT -p tcp -m tcp ! --dport 22 -j DROP\n", web, "-A INPUT -p tcp -m tcp ! --dport 22 -j DROP"},
		{"a policy", strings.Replace(head, ":INPUT ACCEPT", ":INPUT DROP", 1), web, "-P INPUT DROP"},
		{"a chain of its own", head + ":web - [0:0]\n-A INPUT -j web\n-A web -p tcp -m comment --comment \"no -j ACCEPT here\" -m tcp --dport 80 -j DROP\n", web, "-A web -p tcp -m comment --comment \"no -j ACCEPT here\" -m tcp --dport 80 -j DROP"},
		{"back from a chain", head + ":web - [0:0]\n-A INPUT -j web\n-A INPUT -j DROP\n-A web -p tcp -j RETURN\n-A web -j ACCEPT\n", web, "-A INPUT -j DROP"},
		{"a chain that calls itself", head + ":web - [0:0]\n-A INPUT -j web\n-A web -j web\n-A INPUT -j DROP\n", web, open},
		{"answers", strings.Replace(head, ":FORWARD ACCEPT", ":FORWARD DROP", 1), back, "-P FORWARD DROP"},
		{"answers of what is known", strings.Replace(head, ":FORWARD ACCEPT", ":FORWARD DROP", 1) + "-A FORWARD -m state --state ESTABLISHED -j ACCEPT\n", back, open},
		{"answers between two cards", head + "-A FORWARD -i ens36 -o ens33 -p tcp -m tcp --sport 80 -j DROP\n", back, "-A FORWARD -i ens36 -o ens33 -p tcp -m tcp --sport 80 -j DROP"},
		{"a protocol", head + "-A INPUT -p ipencap -j DROP\n", ipip, "-A INPUT -p ipencap -j DROP"},
		{"another protocol", head + "-A INPUT -p gre -j DROP\n", ipip, open},
	} {
		t.Run(tc.name, func(t *testing.T) {
			d, drops := onHost(t, tc.save, "", tc.packet)
			if d.Rule != tc.rule || drops != (tc.rule != "") {
				t.Errorf("got %v %+v, want %q", drops, d, tc.rule)
			}
		})
	}
	d, _ := onHost(t, head+"-A INPUT -p tcp -j DROP\n", "", web)
	if d.Undo != "iptables-legacy -D INPUT -p tcp -j DROP" {
		t.Errorf("undo: %s", d.Undo)
	}
	d, _ = onHost(t, strings.Replace(head, ":INPUT ACCEPT", ":INPUT DROP", 1), "", web)
	if d.Undo != "iptables-legacy -P INPUT ACCEPT" {
		t.Errorf("undo: %s", d.Undo)
	}
}

// What nft 1.0.6 printed: a policy that drops, with ports that are let in, and a
// rejecting last rule.
func TestNFTDropsForCertain(t *testing.T) {
	port := func(n uint16) Packet {
		return Packet{Hook: "input", Protocol: "tcp", Destination: "192.0.2.10", DestinationPort: n, In: "ens33", New: true}
	}
	if d, drops := onHost(t, "", recorded(t, "policy-drop"), port(80)); drops {
		t.Errorf("port 80, which is let in: %+v", d)
	}
	d, drops := onHost(t, "", recorded(t, "policy-drop"), port(81))
	if !drops || !strings.HasPrefix(d.Rule, "chain inet ") || !strings.HasSuffix(d.Undo, "'{ policy accept; }'") {
		t.Errorf("port 81: %v %+v", drops, d)
	}
	d, drops = onHost(t, "", recorded(t, "reject-last"), port(80))
	if !drops || d.Undo != "nft delete rule inet filter input handle 3" {
		t.Errorf("reject-last, port 80: %v %+v", drops, d)
	}
	back := Packet{Hook: "forward", Protocol: "tcp", Source: "192.0.2.20", SourcePort: 80}
	if d, drops = onHost(t, "", recorded(t, "reject-last"), back); !drops || d.Undo != "nft delete rule inet filter forward handle 4" {
		t.Errorf("reject-last, answers: %v %+v", drops, d)
	}
	if _, drops := onHost(t, "", recorded(t, "open"), port(81)); drops {
		t.Error("no rule drops, and yet")
	}
}

func FuzzWalls(f *testing.F) {
	f.Add(recorded(f, "policy-drop"))
	f.Add(services)
	f.Add("*filter\n:INPUT DROP [0:0]\n-A INPUT -m comment --comment \"a \\\" b\" ! -p tcp -j x\n-A x -g INPUT\n")
	p := Packet{Hook: "input", Protocol: "tcp", Destination: "192.0.2.10", DestinationPort: 80, New: true}
	f.Fuzz(func(_ *testing.T, out string) {
		Walls{nft: nftBases(out), iptables: map[string][]base{"ip": iptablesBases("iptables", out)}}.Drops(p)
	})
}

func TestSplitWords(t *testing.T) {
	for line, want := range map[string][]string{
		`-A INPUT  -p tcp`:                           {"-A", "INPUT", "-p", "tcp"},
		`-m comment --comment "two words" -j DROP`:   {"-m", "comment", "--comment", "two words", "-j", "DROP"},
		`--comment "a \"quote\" and a \\" -j ACCEPT`: {"--comment", `a "quote" and a \`, "-j", "ACCEPT"},
		`--log-prefix ""`:                            {"--log-prefix", ""},
		``:                                           nil,
	} {
		if got := SplitWords(line); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", line, got, want)
		}
	}
}
