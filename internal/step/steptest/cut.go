package steptest

import (
	"context"
	"fmt"
	"testing"
)

// manner is how an apply comes to its end.
type manner string

const (
	killed manner = "killed" // the agent dies: nothing after the write is recorded
	failed manner = "failed" // the write fails: what was done is recorded
)

// way is one place and manner in which an apply is cut short.
type way struct {
	reverse bool
	changes int // apply only so many changes of the pass
	writes  int // refuse writes after so many; negative: never
	manner  manner
}

func (w way) name(plan int) string {
	pass := "forward"
	if w.reverse {
		pass = "reverse"
	}
	if w.writes >= 0 {
		return fmt.Sprintf("plan %d %s %s at write %d", plan, w.manner, pass, w.writes)
	}
	return fmt.Sprintf("plan %d %s %s after change %d", plan, w.manner, pass, w.changes)
}

// cuts lists every way to cut an apply of the plan short. It uses the agent up.
func cuts(t *testing.T, a *agent, plan any) []way {
	t.Helper()
	var ways []way
	faulty, _ := a.fake.(Faulty)
	for _, reverse := range []bool{false, true} {
		changes := pass(a.diff(plan, false), reverse)
		for n := range changes {
			ways = append(ways, way{reverse, n, -1, killed})
		}
		if len(changes) == 0 {
			continue
		}
		ways = append(ways, way{reverse, len(changes), -1, killed})
		writes := 0
		if faulty != nil {
			writes = a.countWrites(faulty, plan, len(changes), reverse)
		}
		for n := range writes {
			ways = append(ways, way{reverse, len(changes), n, killed}, way{reverse, len(changes), n, failed})
		}
	}
	return ways
}

// countWrites applies one pass and counts its writes, by letting through one
// more each time until none fails.
func (a *agent) countWrites(f Faulty, plan any, max int, reverse bool) int {
	a.t.Helper()
	bound := 100 * (max + 1)
	for n := 0; n < bound; n++ {
		todo := pass(a.diff(plan, false), reverse)
		a.begin(todo)
		f.FailAfter(1)
		done, err := a.kind.Apply(context.Background(), a.encode(plan), todo)
		f.FailAfter(-1)
		a.end(todo[:done])
		if err == nil {
			return n + 1
		}
	}
	a.t.Fatalf("an apply that may write once at a time does not come to an end in %d tries", bound)
	return 0
}

// applyCut applies the plan up to the cut.
func (a *agent) applyCut(plan any, w way) {
	a.t.Helper()
	for _, reverse := range []bool{false, true} {
		changes := pass(a.diff(plan, false), reverse)
		if reverse != w.reverse {
			a.begin(changes)
			done, err := a.kind.Apply(context.Background(), a.encode(plan), changes)
			if err != nil || done != len(changes) {
				a.t.Fatalf("apply: %d of %d, %v", done, len(changes), err)
			}
			a.end(changes)
			continue
		}
		a.begin(changes)
		if f, ok := a.fake.(Faulty); ok && w.writes >= 0 {
			f.FailAfter(w.writes)
			defer f.FailAfter(-1)
		}
		done, err := a.kind.Apply(context.Background(), a.encode(plan), changes[:min(w.changes, len(changes))])
		if w.writes < 0 && err != nil {
			a.t.Fatalf("apply: %v", err)
		}
		if w.manner == failed {
			a.end(changes[:done])
		}
		a.untouched()
		return
	}
}
