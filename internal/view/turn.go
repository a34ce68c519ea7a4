package view

import "sync"

// Turn is one's place among several that have something to tell at the same time, and
// are read one after the other. The first one's is told at once; what the others have to
// tell is kept until those before them are done. A nil Turn is alone. It may be used from
// several goroutines.
type Turn struct {
	mu   *sync.Mutex // of all of them
	next *Turn

	on, ended bool
	kept      []func() error
}

// NewTurns makes so many turns, in their order.
func NewTurns(n int) []*Turn {
	turns := make([]*Turn, n)
	mu := &sync.Mutex{}
	for i := n - 1; i >= 0; i-- {
		turns[i] = &Turn{mu: mu, on: i == 0}
		if i < n-1 {
			turns[i].next = turns[i+1]
		}
	}
	return turns
}

// Tell calls tell in its turn, and gives its error if that is now. tell must not use a
// Turn itself.
func (t *Turn) Tell(tell func() error) error {
	if t == nil {
		return tell()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.on {
		t.kept = append(t.kept, tell)
		return nil
	}
	return tell()
}

// End says that nothing more is told, and lets the next have its turn. Errors of what was
// kept are lost: who writes after all of them sees what is wrong.
func (t *Turn) End() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ended = true
	for t.on && t.ended && t.next != nil {
		t = t.next
		t.on = true
		for _, tell := range t.kept {
			_ = tell()
		}
		t.kept = nil
	}
}
