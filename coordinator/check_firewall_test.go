package coordinator

import (
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// TestForwardedReplies: under nat the replies pass the director's FORWARD chain,
// which lvsup does not open.
func TestForwardedReplies(t *testing.T) {
	for _, tt := range []struct {
		role       plans.Role
		forwarding plans.Forwarding
		policy     plans.Policy
		drops      bool
		warned     bool
	}{
		{plans.RoleDirector, plans.ForwardNAT, plans.PolicyUnmanaged, true, true},
		{plans.RoleDirector, plans.ForwardNAT, plans.PolicyOpen, true, true},
		{plans.RoleDirector, plans.ForwardNAT, plans.PolicyDisabled, true, false},
		{plans.RoleDirector, plans.ForwardNAT, plans.PolicyOpen, false, false},
		{plans.RoleDirector, plans.ForwardDR, plans.PolicyOpen, true, false},
		{plans.RoleRealServer, plans.ForwardNAT, plans.PolicyOpen, true, false},
	} {
		c := &plans.Cluster{
			Firewall: tt.policy,
			Services: []plans.VirtualService{{Protocol: "tcp", Port: 80, Backends: []plans.Backend{{Host: "node1", Forwarding: tt.forwarding}}}},
		}
		facts := wire.Facts{Root: true, FreeBytes: minFree, Firewall: wire.FirewallFacts{Drops: tt.drops}}
		facts.IPVS.Available = true
		warned := false
		for _, f := range checkHost(c, &plans.Host{Name: "h", Role: tt.role}, facts) {
			warned = warned || f.Severity == plans.Warning && strings.Contains(f.Summary, "may drop the replies of the real servers")
		}
		if warned != tt.warned {
			t.Errorf("%+v: warned %v", tt, warned)
		}
	}
}
