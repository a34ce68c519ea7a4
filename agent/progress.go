package agent

import (
	"context"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// teller sends a request's progress while it is worked on: a text at once, or
// when wire.ProgressInterval is over since the frame before, or, if it is the
// last, before the answer. It tells what the agent is at, too. Safe for use from
// several goroutines.
type teller struct {
	out io.Writer
	id  uint64

	mu   sync.Mutex
	last time.Time // of the last frame
	held string    // came too early
	at   string    // what the agent is at
	said string    // what the coordinator knows it to be at
	quit chan struct{}
	over bool
}

// pace is how often a teller looks whether what the agent is at has changed, and how
// often it says that the agent lives if it has not.
type pace struct{ look, alive time.Duration }

type tellerKey struct{}

// withTeller has what a kind tells go to t.
func withTeller(ctx context.Context, t *teller) context.Context {
	return step.WithProgress(context.WithValue(ctx, tellerKey{}, t), t.tell)
}

// comparing notes that the agent compares a kind.
func comparing(ctx context.Context, kind string) {
	if t, ok := ctx.Value(tellerKey{}).(*teller); ok {
		t.doing(kind + ": compare")
	}
}

// changing notes each change of a kind that is begun under the context it gives.
func changing(ctx context.Context, kind string) context.Context {
	t, ok := ctx.Value(tellerKey{}).(*teller)
	if !ok {
		return ctx
	}
	return step.WithNext(ctx, func(c step.Change) { t.doing(kind + ": " + c.Action.String() + " " + c.ID.String()) })
}

// begin has the coordinator hear, from a second on, what the agent is at. Nobody needs
// to hear it once ctx has ended: the coordinator is gone.
func (t *teller) begin(ctx context.Context, p pace) {
	t.quit = make(chan struct{})
	go func() {
		pulse := time.NewTicker(p.look)
		defer pulse.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-t.quit:
				return
			case <-pulse.C:
				t.pulse(p)
			}
		}
	}()
}

func (t *teller) pulse(p pace) {
	t.mu.Lock()
	defer t.mu.Unlock()
	still := time.Since(t.last)
	news := t.held != "" || t.at != t.said
	if !t.over && (still >= p.alive || news && still >= p.look) {
		t.send()
	}
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

// doing notes what the agent is at; it is sent with the next pulse.
func (t *teller) doing(at string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.at = short(at)
}

// end sends what was held back. Whatever is told from now on is too late.
func (t *teller) end() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.held != "" {
		t.send()
	}
	if !t.over && t.quit != nil {
		close(t.quit)
	}
	t.over = true
}

func (t *teller) send() {
	_ = wire.WriteFrame(t.out, wire.Response{ID: t.id, Progress: t.held, At: t.at})
	t.held, t.said, t.last = "", t.at, time.Now()
}

// short makes a text fit into a progress frame.
func short(text string) string {
	if len(text) > wire.MaxProgress {
		text = text[:wire.MaxProgress-len("...")] + "..."
	}
	return strings.ToValidUTF8(text, "")
}
