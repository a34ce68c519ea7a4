package coordinator

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

func TestSameMachineTwice(t *testing.T) {
	facts := map[string]wire.Facts{"a": {BootID: "1"}, "b": {BootID: "2"}, "c": {BootID: "1"}}
	found := checkSameMachine([]string{"a", "b", "c"}, facts)
	if len(found) != 1 || found[0].Host != "c" || !strings.Contains(found[0].Summary, "same machine as a") {
		t.Errorf("got %+v", found)
	}
}

func TestWhoMayAnswer(t *testing.T) {
	vip := netip.MustParseAddr("192.0.2.100")
	for _, tc := range []struct {
		name               string
		vip                bool
		members, strangers []string
		severity           plans.Severity // "" means no finding
	}{
		{"nobody else", true, nil, nil, ""},
		{"a real server answers for the VIP: the plan mends that", true, []string{"node1"}, nil, plans.Warning},
		{"a stranger answers for the VIP", true, []string{"node1"}, []string{"x"}, plans.Error},
		{"a stranger has a planned address", false, nil, []string{"x"}, plans.Error},
		{"a member has another's address", false, []string{"node1"}, nil, plans.Error},
	} {
		t.Run(tc.name, func(t *testing.T) {
			f, found := question{host: "master", address: vip, vip: tc.vip}.judge(tc.members, tc.strangers)
			if found != (tc.severity != "") || found && f.Severity != tc.severity {
				t.Errorf("got %v, %+v", found, f)
			}
		})
	}
}

func TestOnlyHushedRealServersMayAnswer(t *testing.T) {
	vip := netip.MustParseAddr("192.0.2.1")
	for forwarding, want := range map[plans.Forwarding]bool{plans.ForwardDR: true, plans.ForwardTUN: true, plans.ForwardNAT: false} {
		s := service("rr", 1)
		s.Backends[0].Forwarding = forwarding
		c := &plans.Cluster{Services: []plans.VirtualService{*s}}
		if got := hushes(c, "node1", vip); got != want {
			t.Errorf("%s: got %v", forwarding, got)
		}
		if hushes(c, "node2", vip) || hushes(c, "node1", vip.Next()) {
			t.Errorf("%s: another host, or another address, is taken for hushed", forwarding)
		}
	}
}

// TestOthersVIPIsNotAskedFor holds that a VIP which keepalived moves between two
// directors does not stop the plan of the one that does not have it.
func TestOthersVIPIsNotAskedFor(t *testing.T) {
	s := service("rr", 1)
	s.Address = netip.MustParseAddr("192.0.2.100")
	director := plans.Host{Name: "master", Role: plans.RoleDirector}
	facts := wire.Facts{Interfaces: []wire.Interface{{Name: "ens33", Up: true, Addresses: []string{"192.0.2.10/24"}}}}
	for _, keep := range []bool{true, false} {
		s.KeepVIP = keep
		c := &plans.Cluster{Services: []plans.VirtualService{*s}}
		if asked := len(questionsFor(c, &director, facts)) > 0; asked != keep {
			t.Errorf("keep_vip = %t: asked for it: %t", keep, asked)
		}
	}
}
