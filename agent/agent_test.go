package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// shelf is a kind for tests: named values in a map.
type shelf struct {
	state   step.State
	blocked string
	failAt  int // Apply fails before the change with this index; -1 never
	lies    bool
	onWrite func(ctx context.Context, n int)
}

func newShelf(values map[string]string) *shelf {
	s := &shelf{state: step.State{}, failAt: -1}
	for k, v := range values {
		s.state[step.ID{Key: k}] = v
	}
	return s
}

func (s *shelf) kind() step.Any {
	return step.Erase(step.Kind[map[string]string, step.State]{
		Name:     "shelf",
		Validate: func(map[string]string) error { return nil },
		Observe: func(context.Context, map[string]string, step.Owned) (step.State, error) {
			have := step.State{}
			for id, v := range s.state {
				have[id] = v
			}
			return have, nil
		},
		Diff: func(want map[string]string, owned step.Owned, have step.State) []step.Change {
			flat := step.State{}
			for k, v := range want {
				flat[step.ID{Key: k}] = v
			}
			changes := step.Reconcile(flat, owned, have)
			for i := range changes {
				changes[i].Blocked = s.blocked
			}
			return changes
		},
		Apply: func(ctx context.Context, _ map[string]string, changes []step.Change) (int, error) {
			for i, c := range changes {
				if err := step.Next(ctx, c); err != nil {
					return i, err
				}
				if i == s.failAt {
					return i, errors.New("the shelf broke")
				}
				switch {
				case s.lies:
				case c.Action == step.Delete:
					delete(s.state, c.ID)
				case c.Action.Mutates():
					s.state[c.ID] = c.To
				}
				if s.onWrite != nil {
					s.onWrite(ctx, i)
				}
			}
			return len(changes), nil
		},
		Commands: func(_ map[string]string, c step.Change) []string { return []string{"put " + c.Key} },
	})
}

// client speaks to an agent as a coordinator would.
type client struct {
	t   *testing.T
	in  io.WriteCloser
	out io.Reader
	end chan error
	id  uint64

	progress func(text string) // nil: none may come
}

func dirsIn(root string) Dirs {
	return Dirs{Data: filepath.Join(root, "data"), Run: filepath.Join(root, "run"), Lib: filepath.Join(root, "lib")}
}

func start(t *testing.T, dirs Dirs, s *shelf) *client {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	c := &client{t: t, in: inW, out: outR, end: make(chan error, 1)}
	quiet := func(context.Context, ...string) (host.Result, error) { return host.Result{}, nil }
	a := New(host.Host{Root: "/", Run: quiet}, dirs, "test", []step.Any{s.kind()}, zerolog.Nop())
	go func() {
		err := a.Serve(context.Background(), inR, outW)
		outW.Close()
		c.end <- err
	}()
	var hello wire.Hello
	if err := wire.ReadFrame(outR, &hello); err != nil {
		t.Fatal(err)
	}
	if hello.Protocol != wire.Version || hello.Build != "test" || !cmp.Equal(hello.Kinds, []string{"shelf"}) {
		t.Fatalf("greeting: %+v", hello)
	}
	t.Cleanup(func() { inW.Close() })
	return c
}

func (c *client) call(op wire.Op, body, into any) error {
	c.t.Helper()
	c.id++
	req := wire.Request{ID: c.id, Op: op}
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			c.t.Fatal(err)
		}
		req.Body = raw
	}
	if err := wire.WriteFrame(c.in, req); err != nil {
		c.t.Fatal(err)
	}
	var res wire.Response
	for {
		res = wire.Response{}
		if err := wire.ReadFrame(c.out, &res); err != nil {
			c.t.Fatal(err)
		}
		if res.At == "" {
			break
		}
		if res.Progress != "" {
			c.progress(res.Progress)
		}
	}
	if res.ID != c.id {
		c.t.Fatalf("answer to %d, not to %d", res.ID, c.id)
	}
	if res.Error != nil {
		return res.Error
	}
	if into != nil {
		if err := json.Unmarshal(res.Body, into); err != nil {
			c.t.Fatal(err)
		}
	}
	return nil
}

func wants(values map[string]string) []wire.Desired {
	raw, err := json.Marshal(values)
	if err != nil {
		panic(err)
	}
	return []wire.Desired{{Kind: "shelf", Want: raw}}
}

func (c *client) observe(desired []wire.Desired, destroy bool) wire.ObserveResponse {
	c.t.Helper()
	var res wire.ObserveResponse
	if err := c.call(wire.OpObserve, wire.ObserveRequest{Desired: desired, Destroy: destroy}, &res); err != nil {
		c.t.Fatal(err)
	}
	return res
}

func (c *client) lock() {
	c.t.Helper()
	if err := c.call(wire.OpLock, wire.LockRequest{Holder: "the test"}, nil); err != nil {
		c.t.Fatal(err)
	}
}

// apply plans and applies both passes; it gives the agent's error, if any.
func (c *client) apply(desired []wire.Desired, destroy bool) *wire.Error {
	c.t.Helper()
	planned := c.observe(desired, destroy).Kinds
	stage := desired
	if destroy {
		stage = []wire.Desired{{Kind: "shelf"}}
	}
	for _, reverse := range []bool{false, true} {
		var res wire.ApplyResponse
		req := wire.ApplyRequest{Desired: stage, Planned: planned, Reverse: reverse, Destroy: destroy}
		if err := c.call(wire.OpApply, req, &res); err != nil {
			var e *wire.Error
			errors.As(err, &e)
			return e
		}
		if res.Error != nil {
			return res.Error
		}
	}
	return nil
}

func (s *shelf) values() map[string]string {
	flat := map[string]string{}
	for id, v := range s.state {
		flat[id.Key] = v
	}
	return flat
}

func wantValues(t *testing.T, s *shelf, want map[string]string) {
	t.Helper()
	if diff := cmp.Diff(want, s.values()); diff != "" {
		t.Errorf("the host has (-want +got):\n%s", diff)
	}
}

func TestApplyThenDestroyRestoresEverything(t *testing.T) {
	dirs := dirsIn(t.TempDir())
	s := newShelf(map[string]string{"mine": "old", "same": "x", "foreign": "f"})
	c := start(t, dirs, s)
	c.lock()
	plan := wants(map[string]string{"mine": "new", "same": "x", "fresh": "1"})
	if err := c.apply(plan, false); err != nil {
		t.Fatal(err)
	}
	wantValues(t, s, map[string]string{"mine": "new", "same": "x", "fresh": "1", "foreign": "f"})
	if again := c.observe(plan, false); len(again.Kinds) != 0 {
		t.Errorf("a second plan is not empty: %+v", again)
	}
	if err := c.call(wire.OpRemove, nil, nil); err == nil {
		t.Error("lvsup let itself be removed while it owns values")
	}
	if err := c.apply(nil, true); err != nil {
		t.Fatal(err)
	}
	wantValues(t, s, map[string]string{"mine": "old", "same": "x", "foreign": "f"})
	if err := c.call(wire.OpRemove, nil, nil); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{dirs.Data, dirs.Run, dirs.Lib} {
		if _, err := os.Stat(dir); !os.IsNotExist(err) {
			t.Errorf("%s is still there: %v", dir, err)
		}
	}
}

func TestObserveWritesNothing(t *testing.T) {
	root := t.TempDir()
	dirs := dirsIn(root)
	c := start(t, dirs, newShelf(nil))
	c.observe(wants(map[string]string{"a": "1"}), false)
	entries, err := os.ReadDir(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != "run" {
			t.Errorf("observe left %s", e.Name())
		}
	}
}

func TestDroppedFromThePlanIsDeleted(t *testing.T) {
	s := newShelf(nil)
	c := start(t, dirsIn(t.TempDir()), s)
	c.lock()
	if err := c.apply(wants(map[string]string{"a": "1", "b": "2"}), false); err != nil {
		t.Fatal(err)
	}
	if err := c.apply(wants(map[string]string{"a": "1"}), false); err != nil {
		t.Fatal(err)
	}
	wantValues(t, s, map[string]string{"a": "1"})
}

func TestRefusals(t *testing.T) {
	plan := wants(map[string]string{"a": "1"})
	planned := []wire.KindChanges{{Kind: "shelf", Changes: []step.Change{{Action: step.Create, ID: step.ID{Key: "a"}, To: "1"}}}}
	for _, tc := range []struct {
		name    string
		prepare func(*client, *shelf)
		req     wire.ApplyRequest
		code    wire.Code
		says    string
	}{
		{"without the lock", func(*client, *shelf) {}, wire.ApplyRequest{Desired: plan, Planned: planned}, wire.CodeInvalid, "lock"},
		{"stale", func(c *client, s *shelf) { c.lock() }, wire.ApplyRequest{Desired: wants(map[string]string{"a": "other"}), Planned: planned}, wire.CodeStale, "plan again"},
		{"blocked", func(c *client, s *shelf) { c.lock(); s.blocked = "carries ssh" }, wire.ApplyRequest{Desired: plan, Planned: planned}, wire.CodeBlocked, "carries ssh"},
		{"unknown kind", func(c *client, s *shelf) { c.lock() }, wire.ApplyRequest{Desired: []wire.Desired{{Kind: "castle"}}}, wire.CodeUnsupported, "castle"},
		{"does not take", func(c *client, s *shelf) { c.lock(); s.lies = true }, wire.ApplyRequest{Desired: plan, Planned: planned}, wire.CodeFailed, "did not take"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := newShelf(nil)
			c := start(t, dirsIn(t.TempDir()), s)
			tc.prepare(c, s)
			var res wire.ApplyResponse
			err := c.call(wire.OpApply, tc.req, &res)
			got := res.Error
			if err != nil {
				errors.As(err, &got)
			}
			if got == nil || got.Code != tc.code || !strings.Contains(got.Message, tc.says) {
				t.Fatalf("got %+v, want code %s saying %q", got, tc.code, tc.says)
			}
			wantValues(t, s, map[string]string{})
		})
	}
}

func TestRemovalThatDoesNotTakeIsSeen(t *testing.T) {
	s := newShelf(nil)
	c := start(t, dirsIn(t.TempDir()), s)
	c.lock()
	if err := c.apply(wants(map[string]string{"a": "1"}), false); err != nil {
		t.Fatal(err)
	}
	s.lies = true
	if err := c.apply(nil, true); err == nil || !strings.Contains(err.Message, "did not take") {
		t.Fatalf("got %v", err)
	}
	s.lies = false
	if err := c.apply(nil, true); err != nil {
		t.Fatal(err)
	}
	wantValues(t, s, map[string]string{})
}

func TestUnknownOperationIsUnsupported(t *testing.T) {
	c := start(t, dirsIn(t.TempDir()), newShelf(nil))
	err := c.call("juggle", nil, nil)
	var e *wire.Error
	if !errors.As(err, &e) || e.Code != wire.CodeUnsupported {
		t.Fatalf("got %v", err)
	}
}

func TestOneRunAtATime(t *testing.T) {
	dirs := dirsIn(t.TempDir())
	first := start(t, dirs, newShelf(nil))
	first.lock()
	second := start(t, dirs, newShelf(nil))
	err := second.call(wire.OpLock, wire.LockRequest{Holder: "somebody else"}, nil)
	var e *wire.Error
	if !errors.As(err, &e) || e.Code != wire.CodeLocked || !strings.Contains(e.Message, "the test") {
		t.Fatalf("got %v", err)
	}
	first.in.Close()
	if err := <-first.end; err != nil {
		t.Fatal(err)
	}
	second.lock() // the lock ended with its holder
}

// TestDeathBetweenTwoWrites cuts an apply short at every change and lets a
// fresh agent go on.
func TestDeathBetweenTwoWrites(t *testing.T) {
	goal := map[string]string{"a": "1", "b": "2", "c": "3"}
	for n := range 4 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			dirs := dirsIn(t.TempDir())
			s := newShelf(map[string]string{"b": "before"})
			s.failAt = n
			c := start(t, dirs, s)
			c.lock()
			if err := c.apply(wants(goal), false); (err == nil) != (n == 3) {
				t.Fatalf("first apply: %v", err)
			}
			c.in.Close()
			<-c.end

			s.failAt = -1
			c = start(t, dirs, s)
			c.lock()
			if err := c.apply(wants(goal), false); err != nil {
				t.Fatal(err)
			}
			wantValues(t, s, goal)
			if err := c.apply(nil, true); err != nil {
				t.Fatal(err)
			}
			wantValues(t, s, map[string]string{"b": "before"})
		})
	}
}

func TestCoordinatorsDeathStopsBetweenTwoChanges(t *testing.T) {
	s := newShelf(nil)
	c := start(t, dirsIn(t.TempDir()), s)
	c.lock()
	s.onWrite = func(ctx context.Context, n int) {
		c.in.Close() // as when the SSH session ends
		<-ctx.Done()
	}
	plan := wants(map[string]string{"a": "1", "b": "2"})
	planned := c.observe(plan, false).Kinds
	raw, err := json.Marshal(wire.ApplyRequest{Desired: plan, Planned: planned})
	if err != nil {
		t.Fatal(err)
	}
	if err := wire.WriteFrame(c.in, wire.Request{ID: 99, Op: wire.OpApply, Body: raw}); err != nil {
		t.Fatal(err)
	}
	go io.Copy(io.Discard, c.out)
	if err := <-c.end; err != nil {
		t.Fatal(err)
	}
	wantValues(t, s, map[string]string{"a": "1"})
}
