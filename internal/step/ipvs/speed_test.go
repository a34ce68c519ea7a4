package ipvs

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// crowd is a service with so many backends, the kernel's view of it, and the
// record that an apply leaves.
func crowd(n int) (Desired, []ipvs.ServiceState, step.Owned) {
	want := edited(func(d *Desired) { d.Services[0].Backends = nil })
	state := ipvs.ServiceState{Service: ipvs.Service{Key: serviceKey(vip, 80), Scheduler: "rr"}}
	for i := range n {
		addr := netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		want.Services[0].Backends = append(want.Services[0].Backends, Backend{Address: addr.String(), Port: 80, Forwarding: "nat", Weight: 1})
		state.Destinations = append(state.Destinations, ipvs.DestinationState{Destination: natBackend(addr.String(), 1)})
	}
	owned := step.Owned{}
	for id, value := range flatten(want, Observed{}).wanted {
		owned[id] = step.Entry{Action: step.Create, After: value}
	}
	return want, []ipvs.ServiceState{state}, owned
}

// compare does what a pass does beside reading.
func compare(want Desired, table []ipvs.ServiceState, owned step.Owned) ([]step.Change, error) {
	if err := Validate(want); err != nil {
		return nil, err
	}
	have := Observed{State: make(step.State, len(owned))}
	addTable(have.State, table)
	for _, path := range []string{ModulesFile, RulesFile} {
		have.State[contentID(path)] = owned[contentID(path)].After
	}
	return Diff(want, owned, have), nil
}

func TestTenThousandBackendsAsWanted(t *testing.T) {
	changes, err := compare(crowd(10_000))
	if err != nil || len(changes) > 0 {
		t.Errorf("%d changes, %v", len(changes), err)
	}
}

func BenchmarkCompare(b *testing.B) {
	for _, n := range []int{10, 10_000} {
		want, table, owned := crowd(n)
		b.Run(fmt.Sprintf("backends=%d", n), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := compare(want, table, owned); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
