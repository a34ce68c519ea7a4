package ipvs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// crowded is a host with the tutorial's table and entries of others: a service
// of their own, a backend in ours, and a sync daemon.
func crowded(t *testing.T) (*fake, step.Owned) {
	f, owned := newFake(t), step.Owned{}
	f.apply(t, tutorial(), owned)
	other := serviceKey("10.9.9.9", 443)
	f.typed(t,
		ipvs.AddService(ipvs.Service{Key: other, Scheduler: "sh"}),
		ipvs.AddDestination(other, natBackend("10.1.1.1", 7)),
		ipvs.AddDestination(serviceKey(vip, 80), natBackend("192.168.177.99", 1)))
	f.daemon(t, ipvs.Daemon{Role: ipvs.Master, Interface: "ens33"})
	return f, owned
}

func TestWithoutExclusiveOthersStay(t *testing.T) {
	f, owned := crowded(t)
	if left := f.changes(t, tutorial(), owned); len(left) > 0 {
		t.Errorf("there is to do: %v", left)
	}
}

func TestExclusiveTakesTheWholeTable(t *testing.T) {
	f, owned := crowded(t)
	want := edited(func(d *Desired) { d.Exclusive = true })
	changes := f.diff(t, want, owned)
	var keys []string
	for _, c := range changes {
		keys = append(keys, c.Key)
		if c.Action != step.Delete || !c.Reverse() || !strings.Contains(c.Why, "exclusive = true") {
			t.Errorf("%+v", c)
		}
	}
	if got, want := strings.Join(keys, ", "), "TCP 10.9.9.9:443 -> 10.1.1.1:80, "+
		"TCP 192.168.146.100:80 -> 192.168.177.99:80, TCP 10.9.9.9:443"; got != want {
		t.Errorf("removed are %s; want %s", got, want)
	}
	f.kernel.Connect(serviceKey("10.9.9.9", 443), 0, 1)
	f.system.drain = time.Hour
	looks := 0
	f.watch(func() {
		if looks++; looks == 3 {
			if !strings.Contains(f.rules(), "10.1.1.1:80 -m -w 0") {
				t.Errorf("others' backends are to drain as well, yet the table is\n%s", f.rules())
			}
			f.kernel.Connect(serviceKey("10.9.9.9", 443), 0, 0)
		}
	})
	f.apply(t, want, owned)
	alone := newFake(t)
	alone.apply(t, tutorial(), step.Owned{})
	if f.rules() != alone.rules() {
		t.Errorf("left:\n%s", f.rules())
	}
	if left := f.changes(t, want, owned); len(left) > 0 {
		t.Errorf("a second plan has %v", left)
	}
	if daemons, _ := f.kernel.Daemons(context.Background()); len(daemons) != 1 {
		t.Error("the daemon of others is gone, which is no part of the table")
	}
}

// TestExclusiveForgetsWhatWasBefore takes a service that lvsup had changed, and
// that without exclusive would go back to what it was.
func TestExclusiveForgetsWhatWasBefore(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.typed(t, ipvs.AddService(ipvs.Service{Key: serviceKey(vip, 80), Scheduler: "sh"}))
	f.apply(t, tutorial(), owned)
	want := Desired{Exclusive: true}
	f.apply(t, want, owned)
	if f.rules() != "" || len(owned) > 0 {
		t.Errorf("left: %v\n%s", owned, f.rules())
	}
	if left := f.changes(t, want, owned); len(left) > 0 {
		t.Errorf("a second plan has %v", left)
	}
}

func TestAHeldBackendStaysUnderExclusive(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.apply(t, tutorial(), owned)
	want := edited(func(d *Desired) { d.Exclusive = true; d.Services[0].Backends[1].Hold = true })
	if left := f.changes(t, want, owned); len(left) > 0 {
		t.Errorf("there is to do: %v", left)
	}
}
