package agent

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

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
