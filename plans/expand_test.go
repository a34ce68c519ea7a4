package plans

import (
	"encoding/json"
	"net/netip"
	"strings"
	"testing"
)

// TestExpandByFamily holds where a VIP goes, and which forwarding NAT needs, for
// both families.
func TestExpandByFamily(t *testing.T) {
	for _, tc := range []struct {
		vip, dip, rip      string
		forwarding         Forwarding
		director, realHost []string // pieces of what the host must have
	}{
		{"192.168.140.100", "192.168.140.10/24", "192.168.140.20/24", ForwardDR,
			[]string{`"192.168.140.100/32","interface":"lo"`},
			[]string{`"192.168.140.100/32","interface":"lo"`, `"net.ipv4.conf.all.arp_ignore":"1"`}},
		{"2001:db8::100", "2001:db8::10/64", "2001:db8::20/64", ForwardDR,
			[]string{`"2001:db8::100/128","interface":"ens33"`},
			[]string{`"2001:db8::100/128","interface":"lo"`}},
		{"2001:db8:1::100", "2001:db8::10/64", "2001:db8::20/64", ForwardDR,
			[]string{`"2001:db8:1::100/128","interface":"lo"`}, nil},
		{"192.168.146.100", "192.168.177.254/24", "192.168.177.10/24", ForwardNAT, []string{`"net.ipv4.ip_forward":"1"`}, nil},
		{"2001:db8:1::100", "2001:db8::10/64", "2001:db8::20/64", ForwardNAT, []string{`"net.ipv6.conf.all.forwarding":"1"`}, nil},
	} {
		host := func(name string, role Role, address string) Host {
			return Host{Name: name, Role: role, Interfaces: []Interface{{Name: "ens33", Address: netip.MustParsePrefix(address)}}}
		}
		c := &Cluster{
			Hosts: []Host{host("master", RoleDirector, tc.dip), host("node1", RoleRealServer, tc.rip)},
			Services: []VirtualService{{
				Address: netip.MustParseAddr(tc.vip), Port: 80, Protocol: "tcp", Scheduler: "rr", Forwarding: tc.forwarding, KeepVIP: true,
				Backends: []Backend{{Host: "node1", Address: netip.MustParsePrefix(tc.rip).Addr(), Port: 80, Weight: 1, Forwarding: tc.forwarding}},
			}},
		}
		all, err := Expand(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, pieces := range map[string][]string{"master": tc.director, "node1": tc.realHost} {
			text, err := json.Marshal(all[name])
			if err != nil {
				t.Fatal(err)
			}
			for _, piece := range pieces {
				if !strings.Contains(string(text), piece) {
					t.Errorf("%s %s: %s lacks %s:\n%s", tc.forwarding, tc.vip, name, piece, text)
				}
			}
		}
	}
}
