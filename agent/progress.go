package agent

import (
	"io"
	"strings"
	"sync"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// teller sends a request's progress while it is worked on: a text at once, or
// when wire.ProgressInterval is over since the one before, or, if it is the
// last, before the answer. Safe for use from several goroutines.
type teller struct {
	out io.Writer
	id  uint64

	mu   sync.Mutex
	last time.Time
	held string // came too early
	over bool
}

// tell is for step.WithProgress. A frame that cannot be sent is no failure: the
// answer will not get through either.
func (t *teller) tell(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.over {
		return
	}
	t.held = short(text)
	if time.Since(t.last) >= wire.ProgressInterval {
		t.send()
	}
}

// end sends what was held back. Whatever is told from now on is too late.
func (t *teller) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.send()
	t.over = true
}

func (t *teller) send() {
	if t.held == "" {
		return
	}
	_ = wire.WriteFrame(t.out, wire.Response{ID: t.id, Progress: t.held})
	t.held, t.last = "", time.Now()
}

// short makes a text fit into a progress frame.
func short(text string) string {
	if len(text) > wire.MaxProgress {
		text = text[:wire.MaxProgress-len("...")] + "..."
	}
	return strings.ToValidUTF8(text, "")
}
