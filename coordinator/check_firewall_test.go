package coordinator

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// TestForwardedAnswers: under nat the answers pass the director's FORWARD chain.
// Opening it is the firewall kind's, but for firewalld beside dr or tun.
func TestForwardedAnswers(t *testing.T) {
	const nat, dr = plans.ForwardNAT, plans.ForwardDR
	for _, tt := range []struct {
		role       plans.Role
		forwarding []plans.Forwarding
		policy     plans.Policy
		active     string
		drops      bool
		warned     bool
	}{
		{plans.RoleDirector, []plans.Forwarding{nat}, plans.PolicyUnmanaged, "nftables", true, true},
		{plans.RoleDirector, []plans.Forwarding{nat}, plans.PolicyUnmanaged, "nftables", false, false},
		{plans.RoleDirector, []plans.Forwarding{nat}, plans.PolicyOpen, "firewalld", true, false},
		{plans.RoleDirector, []plans.Forwarding{nat, dr}, plans.PolicyOpen, "firewalld", true, true},
		{plans.RoleDirector, []plans.Forwarding{nat, dr}, plans.PolicyOpen, "ufw", true, false},
		{plans.RoleDirector, []plans.Forwarding{nat, dr}, plans.PolicyDisabled, "firewalld", true, false},
		{plans.RoleDirector, []plans.Forwarding{dr}, plans.PolicyUnmanaged, "firewalld", true, false},
		{plans.RoleRealServer, []plans.Forwarding{nat}, plans.PolicyUnmanaged, "firewalld", true, false},
	} {
		c := &plans.Cluster{Firewall: tt.policy, Services: []plans.VirtualService{{Protocol: "tcp", Port: 80}}}
		for _, f := range tt.forwarding {
			c.Services[0].Backends = append(c.Services[0].Backends, plans.Backend{Host: "node1", Address: netip.MustParseAddr("192.168.177.20"), Forwarding: f})
		}
		facts := wire.FirewallFacts{Drops: tt.drops, Active: []string{tt.active}}
		warned := false
		for _, f := range checkFirewall(c, &plans.Host{Name: "h", Role: tt.role}, facts, wire.Path{RefusesAnswers: tt.drops}) {
			warned = warned || f.Severity == plans.Warning && strings.Contains(f.Summary, "drops the answers of the real servers") && strings.HasSuffix(f.Summary, "80/tcp@192.168.177.20")
		}
		if warned != tt.warned {
			t.Errorf("%+v: warned %v", tt, warned)
		}
	}
}

// TestRefusedPorts: what an unmanaged firewall drops is named, and nothing else.
func TestRefusedPorts(t *testing.T) {
	for policy, said := range map[plans.Policy]int{plans.PolicyUnmanaged: 1, plans.PolicyOpen: 0, plans.PolicyDisabled: 0} {
		c := &plans.Cluster{Firewall: policy}
		facts := wire.FirewallFacts{Drops: true, Active: []string{"nftables"}}
		got := checkFirewall(c, &plans.Host{Name: "h"}, facts, wire.Path{Refused: []string{"4/ip", "80/tcp"}})
		if len(got) != said || said > 0 && got[0].Summary != "its firewall (nftables) drops what nothing lets in, and nothing lets in 4/ip, 80/tcp" {
			t.Errorf("%s: %+v", policy, got)
		}
		if more := checkFirewall(c, &plans.Host{Name: "h"}, facts, wire.Path{}); len(more) > 0 {
			t.Errorf("%s: %+v", policy, more)
		}
	}
}
