package coordinator

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// TestSlotsBoundAllRuns has many small runs of which one host hangs: together they never
// work on more hosts than there are slots, and what hangs costs its own time only.
func TestSlotsBoundAllRuns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const runs, hosts, slots = 50, 4, 10
		s := NewSlots(slots)
		var atWork, most, open, mostOpen atomic.Int32
		note := func(now, most *atomic.Int32) {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
		}
		begin := time.Now()
		var all sync.WaitGroup
		for i := range runs {
			share, err := s.Admit(t.Context(), hosts)
			if err != nil {
				t.Fatal(err)
			}
			note(&open, &mostOpen)
			all.Go(func() {
				defer share.Close()
				defer open.Add(-1)
				r := &Run{opts: Options{Parallel: DefaultParallel, Share: share}}
				for range 2 { // stages
					r.each([]string{"a", "b", "c", "d"}, func(host string) {
						note(&atWork, &most)
						defer atWork.Add(-1)
						if i == 0 && host == "a" {
							time.Sleep(time.Minute)
						}
						time.Sleep(time.Second)
					})
				}
			})
		}
		all.Wait()
		if most.Load() != slots {
			t.Errorf("%d hosts were worked on at once, want %d", most.Load(), slots)
		}
		if mostOpen.Load() > slots {
			t.Errorf("%d runs were open at once, though few hosts were at work", mostOpen.Load())
		}
		if took := time.Since(begin); took > 2*time.Minute+5*time.Second {
			t.Errorf("it took %v: what hangs held others up", took)
		}
	})
}

// TestAdmitEnds holds that a run which never takes its slots, and an end from outside,
// leave nobody waiting.
func TestAdmitEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := NewSlots(2)
		first, err := s.Admit(t.Context(), 100)
		if err != nil {
			t.Fatal(err)
		}
		over := errors.New("it is over")
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, over)
		defer cancel()
		if _, err := s.Admit(ctx, 1); !errors.Is(err, over) {
			t.Fatalf("another run began beside one that waits for slots: %v", err)
		}
		first.Close()
		if _, err := s.Admit(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	})
}
