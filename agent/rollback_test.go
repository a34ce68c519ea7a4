package agent

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// waiting gives an agent of a host whose changes wait for their confirmation.
func waiting(t *testing.T, w *wires, wait time.Duration) *Agent {
	t.Helper()
	a, _, _ := guardedHost(t, w, time.Minute)
	a.lock.release()
	now, err := bootTime()
	if err != nil {
		t.Fatal(err)
	}
	state := &guardState{Nonce: "n1", Kind: "wire", Snapshot: json.RawMessage(`"old"`), Deadline: now + int64(wait), Applied: true}
	if err := a.dirs.writeGuard(state); err != nil {
		t.Fatal(err)
	}
	a.quick = 10 * time.Millisecond
	return a
}

// whatWasShouted stands in for a console.
func whatWasShouted(t *testing.T, a *Agent) func() string {
	t.Helper()
	console := filepath.Join(a.host.Root, "dev", "kmsg")
	if err := os.MkdirAll(filepath.Dir(console), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(console, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	return func() string {
		text, err := os.ReadFile(console)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
}

// (systemctl stop, kill, the end of a container)
func TestGuardThatIsToldToEndTakesTheChangesBack(t *testing.T) {
	w := &wires{live: "new", boot: "old"}
	a := waiting(t, w, time.Minute)
	ctx, stop := context.WithCancel(context.Background())
	time.AfterFunc(50*time.Millisecond, stop)
	if err := a.Guard(ctx); err != nil || w.live != "old" {
		t.Errorf("the guard: %v; the host: %+v", err, w)
	}
	a.lock.release()
	c, err := a.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1"})
	if err != nil || c.Outcome != wire.OutcomeRolledBack || c.Cause != "the guard was told to end before its time" {
		t.Errorf("confirm: %+v, %v", c, err)
	}
}

// What cannot be taken back is said on the console, with what to type, and tried
// until it holds.
func TestRollbackIsTriedUntilItHolds(t *testing.T) {
	w := &wires{live: "new", boot: "old", failBack: errors.New("ens33 lacks 192.0.2.1/24")}
	a := waiting(t, w, 10*time.Millisecond)
	shouted := whatWasShouted(t, a)
	ended := make(chan error, 1)
	go func() { ended <- a.Guard(context.Background()) }()
	b := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	var c wire.ConfirmResponse
	for c.Left == "" {
		var err error
		if c, err = b.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1", Look: true}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(5 * time.Millisecond)
	}
	if c.Outcome != wire.OutcomeRolledBack || c.Left != "ens33 lacks 192.0.2.1/24" || len(c.ByHand) != 1 || c.ByHand[0] != `wire "old"` {
		t.Errorf("confirm: %+v", c)
	}
	w.mu.Lock()
	w.failBack = nil
	w.mu.Unlock()
	if err := <-ended; err != nil || w.live != "old" {
		t.Errorf("the guard: %v; the host: %+v", err, w)
	}
	if c, err := b.confirm(t.Context(), wire.ConfirmRequest{Nonce: "n1"}); err != nil || c.Outcome != wire.OutcomeRolledBack || c.Left != "" {
		t.Errorf("confirm in the end: %+v, %v", c, err)
	}
	for _, want := range []string{"<0>lvsup: the rollback of this host's network changes is not complete: ens33 lacks 192.0.2.1/24\n", "<0>lvsup: wire \"old\"\n", "is complete now\n"} {
		if strings.Count(shouted(), want) != 1 {
			t.Errorf("the console has %q, want %q once", shouted(), want)
		}
	}
	a.lock.release()
}

// Also by a guard that was killed over it.
func TestGuardThatWasKilledTriesOn(t *testing.T) {
	w := &wires{live: "new", boot: "old", failBack: errors.New("ens33 is gone")}
	a := waiting(t, w, 10*time.Millisecond)
	ctx, kill := context.WithTimeout(context.Background(), 200*time.Millisecond)
	defer kill()
	if err := a.Guard(ctx); err == nil || !strings.Contains(err.Error(), "ens33 is gone") {
		t.Errorf("the guard: %v: systemd would not start it again", err)
	}
	w.failBack = nil
	again := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	if err := again.Guard(context.Background()); err != nil || w.live != "old" {
		t.Errorf("the next guard: %v; the host: %+v", err, w)
	}
	again.lock.release()
}

// A run that came after has made something of the host: that stays.
func TestGuardDoesNotTryOnOverAnotherRun(t *testing.T) {
	w := &wires{live: "new", boot: "old", failBack: errors.New("ens33 is gone")}
	a := waiting(t, w, 10*time.Millisecond)
	ended := make(chan error, 1)
	go func() { ended <- a.Guard(context.Background()) }()
	b := New(a.host, a.dirs, "test", []step.Any{w.kind()}, zerolog.Nop())
	for {
		if s, err := a.dirs.readGuard(); err == nil && s.Left != "" {
			break
		}
		time.Sleep(time.Millisecond)
	}
	for b.takeLock(t.Context(), wire.LockRequest{Holder: "another run"}) != nil {
		time.Sleep(5 * time.Millisecond)
	}
	b.lock.release()
	w.mu.Lock()
	w.live, w.failBack = "another run's", nil
	w.mu.Unlock()
	if err := <-ended; err != nil || w.live != "another run's" {
		t.Errorf("the guard: %v; the host: %+v", err, w)
	}
}
