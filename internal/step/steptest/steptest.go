package steptest

import (
	"testing"

	"github.com/lvsup/lvsup/internal/step"
)

// Fake is a host that a kind works on in a test.
type Fake interface {
	// Kind gives the kind under test, working on this host.
	Kind() step.Any
	// Snapshot is the whole state of the host as text: equal states give equal
	// text, and any difference that a person would mind shows.
	Snapshot() string
}

// Faulty is a Fake that can refuse writes, for kinds that make several writes
// in one Change or batch them. Embedding *Host makes a Fake Faulty.
type Faulty interface {
	Fake
	// FailAfter lets n more writes through and makes all later ones fail; a
	// negative n lets all through.
	FailAfter(n int)
}

// Case is one history of a host: it starts as Prepare leaves it and is brought
// to each of Plans in turn.
type Case struct {
	Name string
	// Prepare makes the start state; nil leaves the fake as newFake made it.
	Prepare func(t *testing.T, f Fake)
	// Plans are the Desired values of the kind, in order of time; nil wants
	// nothing.
	Plans []any
	// Foreign gives the part of the state that no change may touch; nil checks
	// only that a destroy leaves all as it was.
	Foreign func(f Fake) string
	// Meddle is what somebody else does to the host after the last plan is
	// applied. It must show as drift, and the next apply must repair it. A
	// destroy right after it must come to an end, whatever it leaves.
	Meddle func(t *testing.T, f Fake)
	// Adopts says that the start state already has everything of the first
	// plan: no change to it may mutate.
	Adopts bool
}

// Conform runs every case against fresh fakes and fails the test where a law
// does not hold.
func Conform(t *testing.T, newFake func(t *testing.T) Fake, cases []Case) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) {
			start := func(t *testing.T) *agent {
				f := newFake(t)
				if c.Prepare != nil {
					c.Prepare(t, f)
				}
				return newAgent(t, f, c)
			}
			t.Run("whole", func(t *testing.T) { whole(t, start(t), c) })
			t.Run("drop", func(t *testing.T) { drop(t, start(t), c) })
			if c.Meddle != nil {
				t.Run("meddle", func(t *testing.T) { meddle(t, start, c) })
			}
			for i := range c.Plans {
				cut(t, start, c, i)
			}
		})
	}
}

// whole lives the case through without a mishap, and destroys.
func whole(t *testing.T, a *agent, c Case) {
	for i, plan := range c.Plans {
		changes := a.diff(plan, false)
		if c.Adopts && i == 0 {
			for _, ch := range changes {
				if ch.Action.Mutates() {
					t.Errorf("the host has it all, but plan 0 wants to %s %s", ch.Action, ch.ID)
				}
			}
		}
		a.cancelled(plan, changes)
		a.apply(plan, false)
	}
	a.destroy()
	a.atStart("after destroy")
}

// drop brings the host to a plan that wants nothing, which unlike a destroy
// also lets go of what was adopted.
func drop(t *testing.T, a *agent, c Case) {
	for _, plan := range c.Plans {
		a.apply(plan, false)
	}
	adopted := false
	for _, e := range a.owned {
		adopted = adopted || e.Action == step.Adopt
	}
	a.apply(nil, false)
	if len(a.owned) != 0 {
		t.Errorf("with nothing wanted, the record still holds %v", a.owned)
	}
	if !adopted {
		a.atStart("with nothing wanted")
	}
}

// meddle lets somebody else change the host.
func meddle(t *testing.T, start func(*testing.T) *agent, c Case) {
	for _, repair := range []bool{true, false} {
		a := start(t)
		for _, plan := range c.Plans {
			a.apply(plan, false)
		}
		c.Meddle(t, a.fake)
		a.foreign = nil // somebody else may touch what is foreign
		if repair {
			last := c.Plans[len(c.Plans)-1]
			if len(a.diff(last, false)) == 0 {
				t.Error("what somebody else changed is not seen as drift")
			}
			a.apply(last, false)
		}
		a.destroy()
	}
}

// cut brings plan i to an early end at every place, in every way, and sees that
// both ways out are open.
func cut(t *testing.T, start func(*testing.T) *agent, c Case, i int) {
	before := func(t *testing.T) *agent {
		a := start(t)
		for _, plan := range c.Plans[:i] {
			a.apply(plan, false)
		}
		return a
	}
	goal := before(t)
	goal.apply(c.Plans[i], false)
	want := goal.fake.Snapshot()

	for _, way := range cuts(t, before(t), c.Plans[i]) {
		t.Run(way.name(i), func(t *testing.T) {
			a := before(t)
			a.applyCut(c.Plans[i], way)
			a.apply(c.Plans[i], false)
			if got := a.fake.Snapshot(); got != want {
				t.Errorf("a rerun reaches another end:\n%s", diff(want, got))
			}
			a.destroy()
			a.atStart("after rerun and destroy")

			b := before(t)
			b.applyCut(c.Plans[i], way)
			b.destroy()
			b.atStart("after destroy")
		})
	}
}
