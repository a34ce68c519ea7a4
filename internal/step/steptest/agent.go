package steptest

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aymanbagabas/go-udiff"

	"github.com/lvsup/lvsup/internal/step"
)

// again is how often a Diff is asked for, to see that it does not change: map
// order shows within a few.
const again = 8

// agent does with a kind what lvsup's agent does, without the journal.
type agent struct {
	t       *testing.T
	fake    Fake
	kind    step.Any
	owned   step.Owned
	start   string
	foreign func() string // nil: unknown
	theirs  string
}

func newAgent(t *testing.T, f Fake, c Case) *agent {
	a := &agent{t: t, fake: f, kind: f.Kind(), owned: step.Owned{}, start: f.Snapshot()}
	if c.Foreign != nil {
		a.foreign = func() string { return c.Foreign(f) }
		a.theirs = a.foreign()
	}
	return a
}

// encode turns a plan into what travels on the wire.
func (a *agent) encode(plan any) json.RawMessage {
	a.t.Helper()
	if plan == nil {
		return nil
	}
	raw, err := json.Marshal(plan)
	if err != nil {
		a.t.Fatal(err)
	}
	return raw
}

// record gives what is owned as it comes back from disk.
func (a *agent) record(destroy bool) step.Owned {
	a.t.Helper()
	raw, err := json.Marshal(a.owned)
	if err != nil {
		a.t.Fatal(err)
	}
	var owned step.Owned
	if err := json.Unmarshal(raw, &owned); err != nil {
		a.t.Fatal(err)
	}
	for id, e := range owned {
		if destroy && e.Action == step.Adopt {
			delete(owned, id)
		}
	}
	return owned
}

// diff compares, and checks all that may be asked of a comparison.
func (a *agent) diff(plan any, destroy bool) []step.Change {
	a.t.Helper()
	want, before := a.encode(plan), a.fake.Snapshot()
	var first []step.Change
	var said string
	for i := range again {
		changes, err := a.kind.Diff(context.Background(), want, a.record(destroy))
		if err != nil {
			a.t.Fatalf("diff: %v", err)
		}
		commands, err := a.kind.Commands(want, changes)
		if err != nil {
			a.t.Errorf("commands: %v", err)
		}
		for n, typed := range commands {
			if c := changes[n]; c.Action.Mutates() && c.Blocked == "" && len(typed) == 0 {
				a.t.Errorf("%s %s: nobody could type it", c.Action, c.ID)
			}
		}
		raw, err := json.Marshal(changes)
		if err != nil {
			a.t.Fatal(err)
		}
		if i == 0 {
			first, said = changes, string(raw)
		} else if said != string(raw) {
			a.t.Fatalf("two diffs of one state differ:\n%s\n%s", said, raw)
		}
	}
	if after := a.fake.Snapshot(); after != before {
		a.t.Fatalf("observing wrote to the host:\n%s", diff(before, after))
	}
	seen := map[string]bool{}
	for _, c := range first {
		key := fmt.Sprint(c.ID, c.Action)
		if seen[key] {
			a.t.Errorf("%s %s comes twice", c.Action, c.ID)
		}
		seen[key] = true
		if c.Blocked != "" {
			a.t.Fatalf("%s %s is blocked: %s", c.Action, c.ID, c.Blocked)
		}
	}
	return first
}

// apply brings the host to the plan: forward pass, then reverse pass.
func (a *agent) apply(plan any, destroy bool) {
	a.t.Helper()
	for _, reverse := range []bool{false, true} {
		changes := pass(a.diff(plan, destroy), reverse)
		a.begin(changes)
		done, err := a.kind.Apply(context.Background(), a.encode(plan), changes)
		if err != nil {
			a.t.Fatalf("apply: %v", err)
		}
		if done != len(changes) {
			a.t.Fatalf("apply did %d of %d changes without an error", done, len(changes))
		}
		a.end(changes)
		a.untouched()
	}
	if left := a.diff(plan, destroy); len(left) != 0 {
		a.t.Fatalf("after the apply there is still to do: %+v", left)
	}
}

// cancelled sees that a context that has ended stops an Apply before it writes.
func (a *agent) cancelled(plan any, changes []step.Change) {
	a.t.Helper()
	if len(changes) == 0 {
		return
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	before := a.fake.Snapshot()
	done, err := a.kind.Apply(ctx, a.encode(plan), changes)
	if done != 0 || err == nil {
		a.t.Errorf("with an ended context, apply gave %d, %v", done, err)
	}
	if after := a.fake.Snapshot(); after != before {
		a.t.Errorf("with an ended context, apply wrote:\n%s", diff(before, after))
	}
}

func (a *agent) destroy() {
	a.t.Helper()
	a.apply(nil, true)
	if left := a.record(true); len(left) != 0 {
		a.t.Errorf("after destroy the record still holds %v", left)
	}
}

func (a *agent) begin(changes []step.Change) {
	for _, c := range changes {
		a.owned.Begin(c)
	}
	a.owned = a.record(false)
}

func (a *agent) end(changes []step.Change) {
	for _, c := range changes {
		a.owned.End(c)
	}
	a.owned = a.record(false)
}

func (a *agent) untouched() {
	a.t.Helper()
	if a.foreign == nil {
		return
	}
	if now := a.foreign(); now != a.theirs {
		a.t.Errorf("what is foreign was touched:\n%s", diff(a.theirs, now))
	}
}

func (a *agent) atStart(when string) {
	a.t.Helper()
	if now := a.fake.Snapshot(); now != a.start {
		a.t.Errorf("%s the host is not as it was:\n%s", when, diff(a.start, now))
	}
}

func pass(changes []step.Change, reverse bool) []step.Change {
	var some []step.Change
	for _, c := range changes {
		if c.Reverse() == reverse {
			some = append(some, c)
		}
	}
	return some
}

func diff(want, got string) string { return udiff.Unified("want", "got", want, got) }
