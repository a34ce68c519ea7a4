package coordinator

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// BenchmarkFleet plans over 1,000 hosts without a director, each with three changes, over
// pipes instead of SSH: what the coordinator itself does for a host, in time, in heap
// that is kept until the end, and in bytes of its report.
func BenchmarkFleet(b *testing.B) {
	const n = 1000
	c := &plans.Cluster{Name: "fleet", TimeSync: plans.TimeSync{MaxOffset: time.Minute}}
	hosts := fakeDialer{}
	_, like, log := fleet(1)
	for i := range n {
		h := *like["node01"]
		h.name = fmt.Sprintf("node%04d", i)
		h.facts.BootID = h.name
		h.facts.Interfaces = []wire.Interface{{Name: "eth0", Addresses: []string{netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)}).String() + "/16"}}}
		h.log = log
		hosts[h.name] = &h
		c.Hosts = append(c.Hosts, plans.Host{Name: h.name, Role: plans.RoleHost})
	}
	var heap, size uint64
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r := Open(context.Background(), Options{Cluster: c, Dialer: hosts, Build: "test"})
		p, err := r.Plan(context.Background(), false)
		if err != nil || len(p.Hosts) != n {
			b.Fatal(err)
		}
		runtime.GC()
		runtime.ReadMemStats(&after)
		heap = after.HeapAlloc - before.HeapAlloc + after.StackInuse - before.StackInuse
		var out bytes.Buffer
		if err := view.WriteJSON(&out, &view.Document{Plan: p}); err != nil {
			b.Fatal(err)
		}
		size = uint64(out.Len())
		r.Close()
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/n, "µs/host")
	b.ReportMetric(float64(heap)/n, "heap-B/host")
	b.ReportMetric(float64(size)/n, "report-B/host")
}
