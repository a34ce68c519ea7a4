package agent

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// wires is a host whose one kind, "wire", has a live value and a boot value, and
// perhaps another live one that no plan wants.
type wires struct {
	mu         sync.Mutex // agent and guard are processes of their own in life
	live, boot string
	more       string
	failLive   error      // of the live change, after it was made
	slow       chan error // the live change waits for it
	failBack   error      // of the rollback
}

func (w *wires) kind() step.Any {
	live, boot, more := step.ID{Key: "live"}, step.ID{Key: "boot"}, step.ID{Key: "more"}
	return step.Erase(step.Kind[string, step.State]{
		Name:     "wire",
		Validate: func(string) error { return nil },
		Observe: func(context.Context, string, step.Owned) (step.State, error) {
			w.mu.Lock()
			defer w.mu.Unlock()
			state := step.State{live: w.live, boot: w.boot}
			if w.more != "" {
				state[more] = w.more
			}
			return state, nil
		},
		Diff: func(want string, owned step.Owned, have step.State) []step.Change {
			changes := step.Reconcile(step.State{live: want, boot: want}, owned, have)
			guarded := have[live] != want
			for i := range changes {
				if guarded && changes[i].ID == live {
					changes[i].Guarded = "it carries the session"
				}
				if guarded && changes[i].ID == more {
					changes[i].Guarded, changes[i].Early = "it carries the session", true
				}
				changes[i].Boot = guarded && changes[i].ID == boot
			}
			return changes
		},
		Apply: func(_ context.Context, want string, changes []step.Change) (int, error) {
			if w.slow != nil {
				<-w.slow
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			for i, c := range changes {
				switch c.ID {
				case boot:
					w.boot = c.To
					continue
				case more:
					w.more = ""
					continue
				}
				w.live = c.To
				if w.failLive != nil {
					return i, w.failLive
				}
			}
			return len(changes), nil
		},
		Commands: func(string, step.Change) []string { return nil },
		Guard: &step.Guard{
			Snapshot: func(context.Context, []step.Change) (json.RawMessage, error) {
				w.mu.Lock()
				defer w.mu.Unlock()
				return json.Marshal(w.live)
			},
			Rollback: func(_ context.Context, raw json.RawMessage) error {
				w.mu.Lock()
				defer w.mu.Unlock()
				if w.failBack != nil {
					return w.failBack
				}
				return json.Unmarshal(raw, &w.live)
			},
			ByHand: func(raw json.RawMessage) []string { return []string{"wire " + string(raw)} },
		},
	})
}

// guardedHost gives an agent that holds the lock, the request for a guarded
// change, and the end of its guard.
func guardedHost(t *testing.T, w *wires, wait time.Duration) (*Agent, wire.ApplyRequest, chan error) {
	t.Helper()
	root := t.TempDir()
	dirs := Dirs{Data: root + "/data", Run: root + "/run", Lib: root + "/lib"}
	newAgent := func() *Agent {
		return New(host.Host{Root: root}, dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	}
	a := newAgent()
	ended := make(chan error, 1)
	a.launch = func(context.Context, string) error {
		go func() {
			g := newAgent()
			err := g.Guard(context.Background())
			g.lock.release() // as its process ends
			ended <- err
		}()
		return nil
	}
	if err := a.takeLock(t.Context(), wire.LockRequest{Holder: "test"}); err != nil {
		t.Fatal(err)
	}
	want := json.RawMessage(`"new"`)
	seen, err := a.observe(t.Context(), wire.ObserveRequest{Desired: []wire.Desired{{Kind: "wire", Want: want}}})
	if err != nil {
		t.Fatal(err)
	}
	return a, wire.ApplyRequest{
		Desired: []wire.Desired{{Kind: "wire", Want: want}}, Planned: seen.Kinds,
		Guard: &wire.Guard{Nonce: "n1", Time: wait},
	}, ended
}

func TestConfirmedChangesStay(t *testing.T) {
	w := &wires{live: "old", boot: "old"}
	a, req, ended := guardedHost(t, w, time.Minute)
	res, err := a.apply(t.Context(), req)
	if err != nil || res.Error != nil || !res.Guarded || w.live != "new" || w.boot != "old" {
		t.Fatalf("%+v, %v; the host: %+v", res, err, w)
	}
	a.lock.release() // the agent ends
	b := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	if err := b.takeLock(t.Context(), wire.LockRequest{Holder: "other"}); err == nil {
		t.Error("the host is not locked while its guard waits")
	}
	if c, err := b.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n2"}); err != nil || c.Outcome != wire.OutcomeWaiting {
		t.Errorf("another run's nonce: %v, %v", c, err)
	}
	c, err := b.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1"})
	if err != nil || c.Outcome != wire.OutcomeConfirmed || b.lock == nil {
		t.Fatalf("confirm: %v, %v", c, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the guard: %v", err)
	}
	other := New(a.host, a.dirs, "test", nil, zerolog.Nop())
	if err := other.takeLock(t.Context(), wire.LockRequest{}); err == nil {
		t.Error("the confirmation lost the lock")
	}
	req.Guard = nil
	res, err = b.apply(t.Context(), req)
	if err != nil || res.Error != nil || w.boot != "new" {
		t.Errorf("the rest: %+v, %v; the host: %+v", res, err, w)
	}
	b.lock.release()
}

// What goes under a guard comes back with a boot until the files are written: the
// record has it until then, so that no power cut makes it somebody else's.
func TestWhatGoesEarlyIsOursUntilTheFilesAreWritten(t *testing.T) {
	w := &wires{live: "old", boot: "old", more: "address"}
	a, req, ended := guardedHost(t, w, time.Minute)
	rec, err := a.store.load()
	if err != nil {
		t.Fatal(err)
	}
	more := step.ID{Key: "more"}
	rec.owned("wire")[more] = step.Entry{Action: step.Create, After: "address"}
	if err := a.store.save(rec); err != nil {
		t.Fatal(err)
	}
	seen, err := a.observe(t.Context(), wire.ObserveRequest{Desired: req.Desired})
	if err != nil {
		t.Fatal(err)
	}
	req.Planned = seen.Kinds
	recorded := func() bool {
		rec, err := a.store.load()
		if err != nil {
			t.Fatal(err)
		}
		_, there := rec.owned("wire")[more]
		return there
	}
	if res, err := a.apply(t.Context(), req); err != nil || res.Error != nil || w.more != "" {
		t.Fatalf("%+v, %v; the host: %+v", res, err, w)
	}
	if !recorded() {
		t.Error("a power cut now brings back what the record does not know")
	}
	a.lock.release() // the agent ends
	b := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	if c, err := b.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1"}); err != nil || c.Outcome != wire.OutcomeConfirmed {
		t.Fatalf("confirm: %v, %v", c, err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the guard: %v", err)
	}
	req.Guard = nil
	if res, err := b.apply(t.Context(), req); err != nil || res.Error != nil || w.boot != "new" {
		t.Errorf("the rest: %+v, %v; the host: %+v", res, err, w)
	}
	if recorded() {
		t.Error("the record still has what is gone for good")
	}
	b.lock.release()
}

func TestUnconfirmedChangesGoBack(t *testing.T) {
	w := &wires{live: "old", boot: "old"}
	a, req, ended := guardedHost(t, w, 300*time.Millisecond)
	if res, err := a.apply(t.Context(), req); err != nil || res.Error != nil {
		t.Fatalf("%+v, %v", res, err)
	}
	a.lock.release()
	if err := <-ended; err != nil || w.live != "old" || w.boot != "old" {
		t.Errorf("the guard: %v; the host: %+v", err, w)
	}
	if rec, err := a.store.load(); err != nil || len(rec.Kinds) > 0 {
		t.Errorf("the record still has %v, %v", rec, err)
	}
	b := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	if c, err := b.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1"}); err != nil || c.Outcome != wire.OutcomeRolledBack {
		t.Errorf("confirm: %v, %v", c, err)
	}
	if err := b.takeLock(t.Context(), wire.LockRequest{}); err != nil {
		t.Errorf("still locked: %v", err)
	}
	b.lock.release()
}

func TestFailedChangesGoBackAtOnce(t *testing.T) {
	w := &wires{live: "old", boot: "old", failLive: errors.New("no such device")}
	a, req, ended := guardedHost(t, w, time.Minute)
	res, err := a.apply(t.Context(), req)
	if err != nil || res.Error == nil || !strings.Contains(res.Error.Message, "no such device; everything was put back") {
		t.Errorf("%+v, %v", res, err)
	}
	if err := <-ended; err != nil || w.live != "old" {
		t.Errorf("the guard: %v; the host: %+v", err, w)
	}
	a.lock.release()
	// The answer above may be lost with its session.
	b := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	if c, err := b.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1"}); err != nil || c.Outcome != wire.OutcomeRolledBack || c.Cause != "no such device" {
		t.Errorf("confirm: %+v, %v", c, err)
	}
}

// A guard that was killed goes on from its memory, also past its time.
func TestGuardGoesOnAfterItWasKilled(t *testing.T) {
	w := &wires{live: "new", boot: "old"}
	a, _, _ := guardedHost(t, w, time.Minute)
	a.lock.release()
	now, err := bootTime()
	if err != nil {
		t.Fatal(err)
	}
	state := &guardState{Nonce: "n1", Kind: "wire", Snapshot: json.RawMessage(`"old"`), Deadline: now - 1, Applied: true}
	if err := a.dirs.writeGuard(state); err != nil {
		t.Fatal(err)
	}
	if err := a.Guard(context.Background()); err != nil || w.live != "old" {
		t.Errorf("the guard: %v; the host: %+v", err, w)
	}
	// It does so once.
	w.live = "new"
	if err := a.Guard(context.Background()); err != nil || w.live != "new" {
		t.Errorf("the guard again: %v; the host: %+v", err, w)
	}
}

func TestGuardedChangesNeedAGuard(t *testing.T) {
	w := &wires{live: "old", boot: "old"}
	a, req, _ := guardedHost(t, w, time.Minute)
	req.Guard = nil
	res, err := a.apply(t.Context(), req)
	if err != nil || res.Error == nil || res.Error.Code != wire.CodeBlocked || w.live != "old" {
		t.Fatalf("%+v, %v; the host: %+v", res, err, w)
	}
	if text := res.Error.Message; !strings.HasPrefix(text, `to update live (found "old", wanted "new")`) {
		t.Errorf("which change it is must be said: %s", text)
	}
	a.lock.release()
}

// A host so slow that the guard's time is over before the changes are made ends
// where it began.
func TestSlowChangesGoBack(t *testing.T) {
	w := &wires{live: "old", boot: "old"}
	a, req, ended := guardedHost(t, w, 50*time.Millisecond)
	w.slow = ended
	res, err := a.apply(t.Context(), req)
	if err != nil || res.Error == nil || !strings.Contains(res.Error.Message, "everything was put back") || w.live != "old" {
		t.Errorf("%+v, %v; the host: %+v", res, err, w)
	}
	a.lock.release()
}

// The answer to a confirmation may be lost with its session: the next session
// hears the same, and gets the lock.
func TestConfirmationCanBeAskedAgain(t *testing.T) {
	w := &wires{live: "old", boot: "old"}
	a, req, ended := guardedHost(t, w, time.Minute)
	if res, err := a.apply(t.Context(), req); err != nil || res.Error != nil {
		t.Fatalf("%+v, %v", res, err)
	}
	a.lock.release()
	first := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	if c, err := first.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1"}); err != nil || c.Outcome != wire.OutcomeConfirmed {
		t.Fatalf("confirm: %v, %v", c, err)
	}
	<-ended
	again := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	var known *wire.Error
	if _, err := again.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1"}); !errors.As(err, &known) || known.Code != wire.CodeLocked {
		t.Errorf("while the first is there: %v", err)
	}
	first.lock.release()
	if c, err := again.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1"}); err != nil || c.Outcome != wire.OutcomeConfirmed || again.lock == nil {
		t.Errorf("again: %v, %v", c, err)
	}
	again.lock.release()
}

func TestLookConfirmsNothing(t *testing.T) {
	w := &wires{live: "old", boot: "old"}
	a, req, ended := guardedHost(t, w, time.Second)
	if res, err := a.apply(t.Context(), req); err != nil || res.Error != nil {
		t.Fatalf("%+v, %v", res, err)
	}
	a.lock.release()
	b := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	look := wire.ConfirmRequest{Nonce: "n1", Look: true}
	if c, err := b.confirm(t.Context(), look); err != nil || c.Outcome != wire.OutcomeWaiting {
		t.Errorf("while the guard waits: %v, %v", c, err)
	}
	if err := <-ended; err != nil || w.live != "old" {
		t.Errorf("the guard: %v; the host: %+v", err, w)
	}
	if c, err := b.confirm(t.Context(), look); err != nil || c.Outcome != wire.OutcomeRolledBack || b.lock != nil {
		t.Errorf("after it: %v, %v", c, err)
	}
}

// A guard that systemd starts again keeps other runs out, and hands the lock
// over like the first one.
func TestGuardThatWasKilledLocksAgain(t *testing.T) {
	w := &wires{live: "new", boot: "old"}
	a, _, ended := guardedHost(t, w, time.Minute)
	a.lock.release()
	now, err := bootTime()
	if err != nil {
		t.Fatal(err)
	}
	if err := a.dirs.writeGuard(&guardState{Nonce: "n1", Kind: "wire", Snapshot: json.RawMessage(`"old"`), Deadline: now + int64(time.Minute), Applied: true}); err != nil {
		t.Fatal(err)
	}
	if err := a.launch(t.Context(), "n1"); err != nil {
		t.Fatal(err)
	}
	b := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	for {
		r, err := a.dirs.tellGuard(t.Context(), msgApplied, "n1", nil)
		if err == nil && r.OK {
			break
		}
		time.Sleep(time.Millisecond)
	}
	if err := b.takeLock(t.Context(), wire.LockRequest{Holder: "other"}); err == nil {
		t.Error("the host is not locked while its guard waits")
	}
	if c, err := b.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1"}); err != nil || c.Outcome != wire.OutcomeConfirmed || b.lock == nil {
		t.Errorf("confirm: %v, %v", c, err)
	}
	if err := <-ended; err != nil || w.live != "new" {
		t.Errorf("the guard: %v; the host: %+v", err, w)
	}
	b.lock.release()
}

// A guard that could not be armed in time takes nothing back when it comes
// after all: what it would take back is another run's work.
func TestGuardThatIsNotNeededTakesNothingBack(t *testing.T) {
	w := &wires{live: "old", boot: "old"}
	a, req, _ := guardedHost(t, w, 50*time.Millisecond)
	a.launch = func(context.Context, string) error { return errors.New("no systemd-run") }
	if err := os.MkdirAll(a.host.Path("/run/systemd/system"), 0o755); err != nil {
		t.Fatal(err)
	}
	var ran []string
	a.host.Run = func(_ context.Context, argv ...string) (host.Result, error) {
		ran = append(ran, strings.Join(argv, " "))
		return host.Result{}, nil
	}
	res, err := a.apply(t.Context(), req)
	if err != nil || res.Error == nil || !strings.Contains(res.Error.Message, "cannot start the guard: no systemd-run") {
		t.Fatalf("%+v, %v", res, err)
	}
	if len(ran) != 1 || ran[0] != "systemctl stop lvsup-guard-n1" {
		t.Errorf("ran %q", ran)
	}
	w.live = "another run's"
	if err := a.Guard(context.Background()); err != nil || w.live != "another run's" {
		t.Errorf("the guard: %v; the host: %+v", err, w)
	}
	a.lock.release()
}

// Nor does one whose memory another guard has taken over.
func TestGuardGivesWayToTheNext(t *testing.T) {
	w := &wires{live: "old", boot: "old"}
	a, _, ended := guardedHost(t, w, time.Minute)
	now, err := bootTime()
	if err != nil {
		t.Fatal(err)
	}
	state := &guardState{Nonce: "n1", Kind: "wire", Snapshot: json.RawMessage(`"old"`), Deadline: now + int64(1500*time.Millisecond)}
	if err := a.dirs.writeGuard(state); err != nil {
		t.Fatal(err)
	}
	if err := a.launch(t.Context(), "n1"); err != nil {
		t.Fatal(err)
	}
	for {
		if r, err := a.dirs.tellGuard(t.Context(), msgApplied, "n1", nil); err == nil && r.OK {
			break
		}
		time.Sleep(time.Millisecond)
	}
	state.Nonce, w.live = "n2", "another run's"
	if err := a.dirs.writeGuard(state); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil || w.live != "another run's" {
		t.Errorf("the guard: %v; the host: %+v", err, w)
	}
	a.lock.release()
}
