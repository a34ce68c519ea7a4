package netfilter

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// recorded is what nft 1.0.6 printed on Linux 6.18.
func recorded(t testing.TB, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name+".json"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestNFTDrops(t *testing.T) {
	for name, want := range map[string]bool{"policy-drop": true, "reject-last": true, "open": false} {
		if got := nftDrops(recorded(t, name)); got != want {
			t.Errorf("%s: %t", name, got)
		}
	}
	// Cut off after the chain that drops.
	if out := recorded(t, "policy-drop"); !nftDrops(out[:len(out)/2]) {
		t.Error("the first half of a rule set is not read")
	}
}

func TestNFTAccepts(t *testing.T) {
	out := recorded(t, "policy-drop")
	for port, want := range map[string]bool{
		"80/tcp": true, "443/tcp": true, "1500/tcp": true, "500/udp": true, "600/udp": true,
		"1500-1600/tcp": true, "1500-2001/tcp": false, "80-443/tcp": false,
		"81/tcp": false, "80/udp": false, "2001/tcp": false, "8080/tcp": false,
	} {
		if got := nftAccepts(out, port); got != want {
			t.Errorf("%s: %t", port, got)
		}
	}
}

// As iptables-save of RHEL's iptables-services prints its default rules.
const services = `*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [9:1000]
-A INPUT -m state --state RELATED,ESTABLISHED -j ACCEPT
-A INPUT -p tcp -m state --state NEW -m tcp --dport 22 -j ACCEPT
-A INPUT -p tcp -m multiport --dports 80,443,1000:2000 -j ACCEPT
-A INPUT -p tcp -m tcp --dport 8080 -j DROP
-A INPUT -j REJECT --reject-with icmp-host-prohibited
COMMIT
`

func TestIPTables(t *testing.T) {
	if !iptablesDrops(services) {
		t.Error("a final REJECT is not seen")
	}
	if iptablesDrops(strings.ReplaceAll(services, "-A INPUT -j REJECT --reject-with icmp-host-prohibited\n", "")) {
		t.Error("rules with conditions are taken for a default")
	}
	if !iptablesDrops("*filter\n:INPUT ACCEPT [0:0]\n:FORWARD DROP [0:0]\n") {
		t.Error("a policy is not seen")
	}
	for port, want := range map[string]bool{"22/tcp": true, "443/tcp": true, "1999/tcp": true, "8080/tcp": false, "22/udp": false, "2/tcp": false, "1000-2000/tcp": true, "999-2000/tcp": false, "4/ip": false} {
		if got := iptablesAccepts(services, port); got != want {
			t.Errorf("%s: %t", port, got)
		}
	}
}

// A tunnel's packets are let in by their protocol, which the tools print by number
// or by a name of /etc/protocols.
func TestProtocols(t *testing.T) {
	for _, text := range []string{"4", "ipencap", "ipv4"} {
		if !iptablesAccepts("-A INPUT -p "+text+" -j ACCEPT\n", "4/ip") || iptablesAccepts("-A INPUT -p "+text+" -j DROP\n", "4/ip") {
			t.Errorf("iptables: %s", text)
		}
	}
	for right, want := range map[string]bool{`4`: true, `"ipencap"`: true, `{"set": ["gre", "ipencap"]}`: true, `"gre"`: false, `"tcp"`: false} {
		for _, left := range []string{`{"meta": {"key": "l4proto"}}`, `{"payload": {"protocol": "ip", "field": "protocol"}}`} {
			out := `{"nftables": [{"rule": {"family": "inet", "table": "f", "chain": "input", "expr": [{"match": {"op": "==", "left": ` + left + `, "right": ` + right + `}}, {"accept": null}]}}]}`
			if got := nftAccepts(out, "4/ip"); got != want {
				t.Errorf("nft: %s %s: %t", left, right, got)
			}
		}
	}
}

func FuzzRules(f *testing.F) {
	f.Add(recorded(f, "policy-drop"))
	f.Add(services)
	f.Fuzz(func(_ *testing.T, out string) {
		nftDrops(out)
		nftAccepts(out, "80/tcp")
		iptablesDrops(out)
		iptablesAccepts(out, "80/tcp")
	})
}
