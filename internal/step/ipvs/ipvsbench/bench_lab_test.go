//go:build lab

package ipvsbench

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"runtime/pprof"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/linux/ipvs/umltest"
	"github.com/lvsup/lvsup/internal/step"
	kind "github.com/lvsup/lvsup/internal/step/ipvs"
)

// TestBenchIPVS prints the table. What lvsup is measured with is the kind as
// the agent uses it; each round does everything once, lvsup and ipvsadm in
// turn, so that what slows the machine down slows both down.
func TestBenchIPVS(t *testing.T) {
	bench(t, effort{rounds: 3, passes: 3}, shape{100, 1_000}, shape{1, 10_000}, shape{1_000, 10})
}

// TestKernelBenchmarkRuns measures next to nothing, to hold that the benchmark
// works.
func TestKernelBenchmarkRuns(t *testing.T) {
	bench(t, effort{1, 1}, shape{2, 10}, shape{1, 20}, shape{5, 2})
}

// bench measures the memory for one shape of table and the times for others.
func bench(t *testing.T, e effort, large shape, shapes ...shape) {
	c := dial(t)
	r := &report{}
	r.line("| | lvsup | ipvsadm | ratio | spread | goal |")
	r.line("|---|---|---|---|---|---|")
	for _, s := range shapes {
		benchShape(t, c, e, s, r)
	}
	memory(t, large, r)
	fmt.Printf("\n%s\n", r)
}

func benchShape(t *testing.T, c *ipvs.Client, e effort, s shape, r *report) {
	var load, verified, restore, pass, first, save, whole, read, compared, applied samples
	want := s.desired()
	changed := s.desired()
	changed.Services[0].Backends[s.backends/2].Weight = 2
	for range e.rounds {
		a := newAgent(t)
		ipvsadm(t, "", "-C")
		runtime.GC()
		var changes []step.Change
		verified.time(func() {
			load.time(func() {
				changes = a.plan(want)
				a.apply(want, changes)
			})
			a.own(changes)
			a.expectNothing(want)
		})
		text := rules(t, c)
		ipvsadm(t, "", "-C")
		restore.time(func() { ipvsadm(t, text, "-R") })

		for range e.passes {
			runtime.GC()
			save.time(func() { ipvsadm(t, "", "-S", "-n") })
			runtime.GC()
			pass.time(func() { a.expectNothing(want) })
			first = append(first, fresh(t, s))

			// There and back again, so that every pass finds no change.
			for _, d := range []kind.Desired{changed, want} {
				runtime.GC()
				whole.time(func() {
					var have kind.Observed
					read.time(func() { have = a.observe(d) })
					compared.time(func() { changes = a.kind.Diff(d, a.owned, have) })
					applied.time(func() { a.apply(d, changes) })
				})
				if len(changes) != 1 {
					t.Fatalf("to change one backend takes %v", changes)
				}
				a.own(changes)
			}
		}
	}
	r.compare(fmt.Sprintf("load %s, against `ipvsadm -R`", s), load, restore, "at least 5")
	r.compare("the same, and a look at what came of it", verified, restore, "")
	r.compare(fmt.Sprintf("no change to %s, against `ipvsadm -S -n`", s), pass, save, "at least 1")
	r.compare("the same, in a process that has just started", first, save, "at least 1")
	r.line("| change one backend of %s | %s | | | read, compare, change: %s | most is the read |",
		s, ms(whole.median()), parts(whole, read, compared, applied))
}

// memory measures one pass without a change.
func memory(t *testing.T, s shape, r *report) {
	want := s.desired()
	a := newAgent(t)
	ipvsadm(t, "", "-C")
	changes := a.plan(want)
	a.apply(want, changes)
	a.own(changes)
	changes = nil
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	peak := watchHeap()
	start := time.Now()
	a.expectNothing(want)
	took := time.Since(start)
	most := peak()
	runtime.ReadMemStats(&after)
	const mb = 1 << 20
	backends := float64(s.services * s.backends)
	r.line("")
	r.line("A pass without a change over %s: %s, %d allocations of %.0f MiB in all (%.1f a backend, %.0f bytes), heap at most %.0f MiB, of which %.0f MiB were the plan and the record.",
		s, ms(took), after.Mallocs-before.Mallocs, float64(after.TotalAlloc-before.TotalAlloc)/mb,
		float64(after.Mallocs-before.Mallocs)/backends, float64(after.TotalAlloc-before.TotalAlloc)/backends,
		float64(most)/mb, float64(before.HeapAlloc)/mb)
}

// watchHeap looks at the heap every millisecond until the function that it
// gives is called, which returns the most that there was, in bytes.
func watchHeap() func() uint64 {
	var most atomic.Uint64
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		for {
			metrics.Read(sample)
			most.Store(max(most.Load(), sample[0].Value.Uint64()))
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(stop); <-stopped; return most.Load() }
}

// TestProfileIPVS keeps processor profiles of loading and of passes without a
// change in testdata/kernel, with UMLTEST_RECORD=1.
func TestProfileIPVS(t *testing.T) {
	dial(t)
	must(t, os.MkdirAll(umltest.Recordings, 0o755))
	want := shape{1, 10_000}.desired()
	a := newAgent(t)
	profile(t, "load.pprof", func() {
		for range 3 {
			ipvsadm(t, "", "-C")
			a.owned = step.Owned{}
			changes := a.plan(want)
			a.apply(want, changes)
			a.own(changes)
		}
	})
	profile(t, "pass.pprof", func() {
		for range 20 {
			a.plan(want)
		}
	})
	ipvsadm(t, "", "-C")
	a.owned = step.Owned{}
	want = shape{1_000, 10}.desired()
	changes := a.plan(want)
	a.apply(want, changes)
	a.own(changes)
	profile(t, "services.pprof", func() {
		for range 20 {
			a.plan(want)
		}
	})
}

func profile(t *testing.T, name string, do func()) {
	f, err := os.Create(filepath.Join(umltest.Recordings, name))
	must(t, err)
	defer f.Close()
	must(t, pprof.StartCPUProfile(f))
	do()
	pprof.StopCPUProfile()
}
