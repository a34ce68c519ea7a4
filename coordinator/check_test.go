package coordinator

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

func TestClocks(t *testing.T) {
	at := func(ms int) Offset {
		return Offset{Value: time.Duration(ms) * time.Millisecond, Uncertainty: 20 * time.Millisecond, Source: true}
	}
	for _, tc := range []struct {
		name    string
		offsets map[string]Offset
		off     string // hosts that are named, with their offsets
	}{
		{"agree", map[string]Offset{"a": at(10), "b": at(-30), "c": at(100)}, ""},
		{"one is late", map[string]Offset{"a": at(0), "b": at(5), "c": at(-3000)}, "c -3s"},
		{"one is early", map[string]Offset{"a": at(0), "b": at(90_000), "c": at(10)}, "b +1m30s"},
		{"the coordinator is off", map[string]Offset{"a": at(9000), "b": at(9010), "c": at(9020)}, ""},
		{"two hosts, one off", map[string]Offset{"a": at(0), "b": at(4000)}, "b +4s"},
		{"one host, off", map[string]Offset{"a": at(4000)}, "a +4s"},
		{"within the uncertainty", map[string]Offset{"a": at(0), "b": at(515)}, ""},
		{"out of all range", map[string]Offset{"a": at(0), "b": {Value: 1000 * time.Hour, Source: true}, "c": at(0)}, "b +1000h0m0s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var named []string
			for _, f := range CheckClocks(plans.TimeSync{MaxOffset: 500 * time.Millisecond}, tc.offsets) {
				if f.Severity != plans.Error {
					t.Errorf("not an error: %+v", f)
				}
				by := strings.TrimPrefix(f.Summary, "its clock is off by ")
				named = append(named, f.Host+" "+strings.Fields(by)[0])
			}
			if got := strings.Join(named, ", "); got != tc.off {
				t.Errorf("named %q, want %q", got, tc.off)
			}
		})
	}
}

func TestClockSource(t *testing.T) {
	offsets := map[string]Offset{"a": {}}
	for require, severity := range map[bool]plans.Severity{false: plans.Warning, true: plans.Error} {
		found := CheckClocks(plans.TimeSync{MaxOffset: time.Second, RequireSource: require}, offsets)
		if len(found) != 1 || found[0].Severity != severity {
			t.Errorf("require_source = %v: got %+v", require, found)
		}
	}
}

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
