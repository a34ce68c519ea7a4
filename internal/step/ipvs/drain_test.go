package ipvs

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/linux/ipvs/ipvstest"
	"github.com/lvsup/lvsup/internal/step"
)

// watched calls look before each look at a service.
type watched struct {
	*ipvstest.Kernel
	look func()
}

func (w *watched) Destinations(ctx context.Context, key ipvs.ServiceKey) ([]ipvs.DestinationState, error) {
	w.look()
	return w.Kernel.Destinations(ctx, key)
}

func (f *fake) watch(look func()) {
	f.system.open = func(context.Context) (table, error) { return &watched{f.kernel, look}, nil }
}

func withoutBackends(services ...int) Desired {
	return edited(func(d *Desired) {
		second := d.Services[0]
		second.Port = 443
		d.Services = append(d.Services, second)
		for _, i := range services {
			d.Services[i].Backends = nil
		}
	})
}

func TestBackendsDrainBeforeTheyGo(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.system.drain = time.Hour
	f.apply(t, tutorial(), owned)
	key := serviceKey(vip, 80)
	f.kernel.Connect(key, 0, 2)
	looks := 0
	f.watch(func() {
		if looks++; looks == 4 {
			if !strings.Contains(f.rules(), rip1+":80 -m -w 0") || strings.Contains(f.rules(), rip2) {
				t.Errorf("the idle one is to go at once and the other to drain, yet the table is\n%s", f.rules())
			}
			f.kernel.Connect(key, 0, 0)
		}
	})
	f.apply(t, edited(func(d *Desired) { d.Services[0].Backends = nil }), owned)
	if looks < 4 || strings.Contains(f.rules(), rip1) {
		t.Errorf("%d looks, left:\n%s", looks, f.rules())
	}
}

// TestEachBackendHasItsOwnDeadline has two services in one apply, of which one
// does not wait and the other waits as long as the plan says.
func TestEachBackendHasItsOwnDeadline(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.system.drain = time.Hour
	f.apply(t, withoutBackends(), owned)
	for _, port := range []uint16{80, 443} {
		f.kernel.Connect(serviceKey(vip, port), 0, 8)
	}
	want := withoutBackends(0, 1)
	want.DrainSeconds = seconds(1)
	want.Services[0].DrainSeconds = seconds(0)
	looks := 0
	f.watch(func() {
		if looks++; looks == 5 && (strings.Contains(f.rules(), "-a -t "+vip+":80") || !strings.Contains(f.rules(), "-a -t "+vip+":443 -r "+rip1)) {
			t.Errorf("while one service drains the table is\n%s", f.rules())
		}
	})
	var told, noted []string
	changes := f.diff(t, want, owned)
	start := time.Now()
	ctx := step.WithProgress(context.Background(), func(text string) { told = append(told, text) })
	ctx = step.WithNotes(ctx, func(text string) { noted = append(noted, text) })
	n, err := f.system.apply(ctx, want, changes)
	if took := time.Since(start); n != len(changes) || err != nil || took < time.Second || took > 10*time.Second {
		t.Errorf("done %d of %d, %v in %v", n, len(changes), err, took)
	}
	if strings.Contains(f.rules(), "-a") {
		t.Errorf("left after the deadline:\n%s", f.rules())
	}
	if diff := cmp.Diff([]string{"draining 1 backend: 8 connections, at most 1s more"}, told); diff != "" {
		t.Errorf("told:\n%s", diff)
	}
	ended := []string{
		"cut off 8 connections of TCP 192.168.146.100:80 -> 192.168.177.10:80: its time to drain (0s) is over",
		"cut off 8 connections of TCP 192.168.146.100:443 -> 192.168.177.10:80: its time to drain (1s) is over",
	}
	if diff := cmp.Diff(ended, noted); diff != "" {
		t.Errorf("noted (-want +got):\n%s", diff)
	}
}

// TestADrainThatIsCancelledIsTakenUpAgain leaves weight 0, and the next run
// finishes.
func TestADrainThatIsCancelledIsTakenUpAgain(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.apply(t, tutorial(), owned)
	f.kernel.Connect(serviceKey(vip, 80), 1, 2)
	f.system.drain = time.Hour
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	changes := f.diff(t, Desired{}, owned)
	n, err := f.system.apply(ctx, Desired{}, changes)
	if n != 3 || !errors.Is(err, context.DeadlineExceeded) { // two files, the idle backend
		t.Errorf("done %d of %v, %v", n, changes, err)
	}
	for _, c := range changes[:n] {
		owned.End(c)
	}
	if !strings.Contains(f.rules(), rip2+":80 -m -w 0") {
		t.Errorf("a backend with connections was cut off by the end of the context:\n%s", f.rules())
	}
	f.system.drain = 0
	f.apply(t, Desired{}, owned)
	if f.rules() != "" || len(owned) > 0 {
		t.Errorf("left after the deadline: %v\n%s", owned, f.rules())
	}
}

func TestWhatCountsAsAConnection(t *testing.T) {
	f := newFake(t)
	unknown := f.system.udpFlows()
	// A UDP flow, its template, and a TCP connection that is over.
	f.Put(ipvs.ConnFile, "Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData\n"+
		"UDP C0000201 9C40 C0A89264 0035 C0A8B10A 0035 UDP             299\n"+
		"UDP C0000201 0000 C0A89264 0035 C0A8B10A 0035 NONE            360\n"+
		"TCP C0000201 9C41 C0A89264 0050 C0A8B10A 0050 TIME_WAIT       100\n")
	known := f.system.udpFlows()
	backend := func(rip string, active, inactive uint32) ipvs.DestinationState {
		return ipvs.DestinationState{Destination: natBackend(rip, 0), ActiveConns: active, InActConns: inactive}
	}
	for _, tc := range []struct {
		key     ipvs.ServiceKey
		backend ipvs.DestinationState
		want    uint32
	}{
		{ipvs.ServiceKey{Protocol: ipvs.TCP}, backend(rip1, 2, 5), 2},
		{ipvs.ServiceKey{Protocol: ipvs.SCTP}, backend(rip1, 2, 5), 2},
		{ipvs.ServiceKey{Protocol: ipvs.UDP}, backend(rip1, 0, 5), 5},
		{ipvs.ServiceKey{FWMark: 1}, backend(rip1, 2, 5), 2},
		{ipvs.ServiceKey{FWMark: 1}, backend(rip1, 0, 2), 1},
		{ipvs.ServiceKey{FWMark: 1}, backend(rip2, 0, 2), 0},
	} {
		if got := connections(tc.key, tc.backend, known); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.key, got, tc.want)
		}
	}
	if got := connections(ipvs.ServiceKey{FWMark: 1}, backend(rip2, 0, 2), unknown); got != 0 {
		t.Errorf("the table is read when it is asked for, yet there are %d", got)
	}
	if got := connections(ipvs.ServiceKey{FWMark: 1}, backend(rip2, 0, 2), newFake(t).system.udpFlows()); got != 2 {
		t.Errorf("without the connection table %d count, want 2", got)
	}
}
