package view

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestTurns has many tell things at the same time: they are told in order, and the first
// one's at once.
func TestTurns(t *testing.T) {
	const n, lines = 20, 5
	turns := NewTurns(n)
	var out, want strings.Builder
	_ = turns[1].Tell(func() error { out.WriteString("1 early\n"); return nil })
	_ = turns[0].Tell(func() error { out.WriteString("0 early\n"); return nil })
	if out.String() != "0 early\n" {
		t.Fatalf("told: %q", out.String())
	}
	var all sync.WaitGroup
	for i, turn := range turns {
		if i < 2 {
			fmt.Fprintf(&want, "%d early\n", i)
		}
		for line := range lines {
			fmt.Fprintln(&want, i, line)
		}
		all.Go(func() {
			defer turn.End()
			for line := range lines {
				time.Sleep(rand.N(time.Millisecond))
				_ = turn.Tell(func() error { fmt.Fprintln(&out, i, line); return nil })
			}
		})
	}
	all.Wait()
	if out.String() != want.String() {
		t.Errorf("told:\n%s", out.String())
	}
}
