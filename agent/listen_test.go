package agent

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// begin sends a request and does not wait for its answer.
func (c *client) begin(op wire.Op, body any) {
	c.t.Helper()
	c.id++
	raw, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	if err := wire.WriteFrame(c.in, wire.Request{ID: c.id, Op: op, Body: raw}); err != nil {
		c.t.Fatal(err)
	}
}

// A coordinator that wants nothing more begun gets the answer of what was being
// done, and may go on asking.
func TestAStopEndsAnApplyBetweenTwoChangesAndIsAnswered(t *testing.T) {
	s := newShelf(nil)
	c := start(t, dirsIn(t.TempDir()), s)
	c.lock()
	s.onWrite = func(ctx context.Context, n int) {
		if n == 1 {
			_ = wire.WriteFrame(c.in, wire.Request{Op: wire.OpStop})
			<-ctx.Done()
		}
	}
	plan := wants(map[string]string{"a": "1", "b": "2", "c": "3"})
	req := wire.ApplyRequest{Desired: plan, Planned: c.observe(plan, false).Kinds}
	var res wire.ApplyResponse
	if err := c.call(wire.OpApply, req, &res); err != nil {
		t.Fatal(err)
	}
	if res.Error == nil || res.Error.Code != wire.CodeStopped || len(res.Done) != 1 || len(res.Done[0].Changes) != 2 {
		t.Errorf("got %+v", res)
	}
	wantValues(t, s, map[string]string{"a": "1", "b": "2"})
	res = wire.ApplyResponse{}
	if err := c.call(wire.OpApply, req, &res); err != nil || res.Error == nil || res.Error.Code != wire.CodeStopped || len(res.Done) != 0 {
		t.Errorf("an apply after the stop: %+v, %v", res, err)
	}
	if left := c.observe(plan, false); len(left.Kinds) != 1 || len(left.Kinds[0].Changes) != 1 {
		t.Errorf("left is %+v", left)
	}
}

// What really fails while the run is being stopped is told as it is.
func TestAFailureDuringAStopIsTold(t *testing.T) {
	s := newShelf(nil)
	s.failAt = 1
	c := start(t, dirsIn(t.TempDir()), s)
	c.lock()
	s.onWrite = func(context.Context, int) { _ = wire.WriteFrame(c.in, wire.Request{Op: wire.OpStop}) }
	plan := wants(map[string]string{"a": "1", "b": "2"})
	var res wire.ApplyResponse
	if err := c.call(wire.OpApply, wire.ApplyRequest{Desired: plan, Planned: c.observe(plan, false).Kinds}, &res); err != nil {
		t.Fatal(err)
	}
	if res.Error == nil || res.Error.Code == wire.CodeStopped && len(res.Done) != 1 {
		t.Errorf("got %+v", res)
	}
}

// piped is an agent behind real pipes, which have an end, and are full one day.
func piped(t *testing.T, dirs Dirs, s *shelf, silence time.Duration) *client {
	t.Helper()
	inR, inW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	outR, outW, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range []*os.File{inR, inW, outR, outW} {
			f.Close()
		}
	})
	quiet := func(context.Context, ...string) (host.Result, error) { return host.Result{}, nil }
	a := New(host.Host{Root: "/", Run: quiet}, dirs, "test", []step.Any{s.kind()}, zerolog.Nop())
	a.silence = silence
	c := &client{t: t, in: inW, out: outR, end: make(chan error, 1)}
	go func() { c.end <- a.Serve(context.Background(), inR, outW) }()
	var hello wire.Hello
	if err := wire.ReadFrame(outR, &hello); err != nil {
		t.Fatal(err)
	}
	return c
}

// A cable is pulled: nothing comes any more, and nothing says so. The agent gives
// the host's lock away.
func TestASilentCoordinatorIsGone(t *testing.T) {
	dirs := dirsIn(t.TempDir())
	c := piped(t, dirs, newShelf(nil), time.Second)
	c.lock()
	for range 15 { // longer than the silence, and never silent
		time.Sleep(100 * time.Millisecond)
		if err := wire.WriteFrame(c.in, wire.Request{Op: wire.OpAlive}); err != nil {
			t.Fatal(err)
		}
	}
	select {
	case err := <-c.end:
		t.Fatalf("it ended while it heard of the coordinator: %v", err)
	default:
	}
	if err := <-c.end; !errors.Is(err, errSilent) {
		t.Errorf("it ended with %v", err)
	}
	next := start(t, dirs, newShelf(nil))
	next.lock()
}

// The silence comes in the middle of a change: that one is finished, and no more.
func TestSilenceStopsBetweenTwoChanges(t *testing.T) {
	s := newShelf(nil)
	c := piped(t, dirsIn(t.TempDir()), s, 500*time.Millisecond)
	c.lock()
	plan := wants(map[string]string{"a": "1", "b": "2"})
	planned := c.observe(plan, false).Kinds
	s.onWrite = func(ctx context.Context, _ int) { <-ctx.Done() }
	c.begin(wire.OpApply, wire.ApplyRequest{Desired: plan, Planned: planned})
	if err := <-c.end; !errors.Is(err, errSilent) {
		t.Errorf("it ended with %v", err)
	}
	wantValues(t, s, map[string]string{"a": "1"})
}

// An answer that nobody takes must not keep the agent, and with it the lock.
func TestAnAnswerIntoACutConnectionDoesNotHoldTheHost(t *testing.T) {
	dirs := dirsIn(t.TempDir())
	s := newShelf(nil)
	c := piped(t, dirs, s, 500*time.Millisecond)
	c.lock()
	many := map[string]string{}
	for _, key := range []string{"a", "b", "c"} {
		many[key] = string(make([]byte, 100_000)) // more than a pipe holds
	}
	c.begin(wire.OpObserve, wire.ObserveRequest{Desired: wants(many)})
	if err := <-c.end; !errors.Is(err, errSilent) {
		t.Errorf("it ended with %v", err)
	}
	start(t, dirs, newShelf(nil)).lock()
}

// trickle gives a byte at a time.
type trickle struct {
	mu  sync.Mutex
	all []byte
}

func (r *trickle) Read(p []byte) (int, error) {
	time.Sleep(10 * time.Millisecond)
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.all) == 0 {
		return 0, io.EOF
	}
	p[0] = r.all[0]
	r.all = r.all[1:]
	return 1, nil
}

func TestASlowLineIsNotSilent(t *testing.T) {
	var frame frameBuffer
	if err := wire.WriteFrame(&frame, wire.Request{ID: 1, Op: wire.OpClock}); err != nil {
		t.Fatal(err)
	}
	l := listen(&trickle{all: frame}, 300*time.Millisecond, func() {}, func() {})
	if req, more := <-l.requests; !more || req.Op != wire.OpClock {
		t.Errorf("got %+v, %v", req, more)
	}
	select {
	case <-l.silent:
		t.Error("a line over which bytes came was taken for cut")
	default:
	}
}

type frameBuffer []byte

func (b *frameBuffer) Write(p []byte) (int, error) {
	*b = append(*b, p...)
	return len(p), nil
}
