package agent

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/wire"
)

// TestVisitorRemovesOnlyItself: a probe's vantage point may belong to another
// cluster, or be in the hands of another run.
func TestVisitorRemovesOnlyItself(t *testing.T) {
	dirs := dirsIn(t.TempDir())
	if err := os.MkdirAll(dirs.Lib, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newShelf(map[string]string{"a": "1"})
	owner, visitor := start(t, dirs, s), start(t, dirs, s)
	owner.lock()
	var refused *wire.Error
	if err := visitor.call(wire.OpRemove, nil, nil); !errors.As(err, &refused) || refused.Code != wire.CodeLocked {
		t.Errorf("while another run holds the host: %v", err)
	}
	if err := owner.apply(wants(map[string]string{"a": "1"}), false); err != nil {
		t.Fatal(err) // adopts
	}
	owner.in.Close()
	<-owner.end
	if err := visitor.call(wire.OpRemove, nil, nil); err == nil {
		t.Error("a visitor removed what another cluster has adopted")
	}
	for _, path := range []string{dirs.Lib, filepath.Join(dirs.Data, "owned.json"), filepath.Join(dirs.Run, "lock")} {
		if _, err := os.Stat(path); err != nil {
			t.Error(err)
		}
	}

	dirs = dirsIn(t.TempDir())
	visitor = start(t, dirs, newShelf(nil))
	if err := visitor.call(wire.OpRemove, nil, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dirs.Run); !os.IsNotExist(err) {
		t.Errorf("a visitor left %s: %v", dirs.Run, err)
	}
}

// TestRemoveReloadsSystemd holds that systemd is told only where it runs: a container
// may have its programs and not its first process.
func TestRemoveReloadsSystemd(t *testing.T) {
	for _, runs := range []bool{false, true} {
		root := t.TempDir()
		if runs {
			if err := os.MkdirAll(filepath.Join(root, "run/systemd/system"), 0o755); err != nil {
				t.Fatal(err)
			}
		}
		var ran []string
		run := func(_ context.Context, argv ...string) (host.Result, error) {
			ran = append(ran, strings.Join(argv, " "))
			return host.Result{}, nil
		}
		a := New(host.Host{Root: root, Run: run}, dirsIn(root), "test", nil, zerolog.Nop())
		l, err := takeLock(a.dirs.Run, "a run")
		if err != nil {
			t.Fatal(err)
		}
		a.lock = l
		if err := a.remove(t.Context()); err != nil {
			t.Error(err)
		}
		if told := slices.Contains(ran, "systemctl daemon-reload"); told != runs || len(ran) > 1 {
			t.Errorf("systemd runs: %v, commands: %q", runs, ran)
		}
	}
}

func TestAnswerTooLongToSendIsAnError(t *testing.T) {
	s := newShelf(map[string]string{"a": strings.Repeat("x", wire.MaxFrame)})
	c := start(t, dirsIn(t.TempDir()), s)
	err := c.call(wire.OpObserve, wire.ObserveRequest{Desired: wants(map[string]string{"a": "1"})}, nil)
	if err == nil || !strings.Contains(err.Error(), "too long") {
		t.Fatalf("got %v", err)
	}
	s.state = nil
	c.observe(wants(nil), false) // and it goes on
}
