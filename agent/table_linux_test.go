package agent

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// TestTableTellsWhatIsForeign: a backend that somebody put into our service, and
// a service that is not ours at all.
func TestTableTellsWhatIsForeign(t *testing.T) {
	web := ipvs.ServiceKey{Protocol: ipvs.TCP, Address: netip.MustParseAddr("192.0.2.1"), Port: 80}
	mark := ipvs.ServiceKey{FWMark: 7, Address: netip.IPv6Unspecified()}
	backend := func(addr string) ipvs.DestinationState {
		return ipvs.DestinationState{Destination: ipvs.Destination{Address: netip.MustParseAddr(addr), Port: 80, Forwarding: ipvs.NAT, Weight: 1}}
	}
	owned := step.Owned{
		{Key: "TCP 192.0.2.1:80"}:                     {Action: step.Create},
		{Key: "TCP 192.0.2.1:80 -> 198.51.100.1:80"}:  {Action: step.Adopt},
		{Key: "TCP 192.0.2.99:80 -> 198.51.100.2:80"}: {Action: step.Create}, // of another service
	}
	got := serviceOf(ipvs.ServiceState{
		Service:      ipvs.Service{Key: web, Scheduler: "mh", Flags: ipvs.FlagSched2 | ipvs.FlagPersistent, Timeout: 30},
		Destinations: []ipvs.DestinationState{backend("198.51.100.1"), backend("198.51.100.2")},
	}, owned)
	want := wire.IPVSService{
		Key: "TCP 192.0.2.1:80", Protocol: "tcp", Address: "192.0.2.1", Port: 80,
		Scheduler: "mh", Flags: []string{"mh-port"}, Persistence: 30,
		Backends: []wire.IPVSBackend{
			{Address: "198.51.100.1", Port: 80, Forwarding: "nat", Weight: 1},
			{Address: "198.51.100.2", Port: 80, Forwarding: "nat", Weight: 1, Foreign: true},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	got = serviceOf(ipvs.ServiceState{Service: ipvs.Service{Key: mark, Scheduler: "rr", Flags: ipvs.FlagOnePacket}}, owned)
	if diff := cmp.Diff(wire.IPVSService{Key: "FWM 7 IPv6", FWMark: 7, Scheduler: "rr", OnePacket: true, Foreign: true, Backends: []wire.IPVSBackend{}}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
