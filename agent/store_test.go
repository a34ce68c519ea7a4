package agent

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/wire"
)

func TestNewerRecordIsRefused(t *testing.T) {
	dirs := dirsIn(t.TempDir())
	if err := os.MkdirAll(dirs.Data, 0o700); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dirs.Data, "owned.json")
	if err := os.WriteFile(file, []byte(`{"schema": 2, "kinds": {}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, dirs, newShelf(nil))
	err := c.call(wire.OpObserve, wire.ObserveRequest{}, nil)
	if err == nil || !strings.Contains(err.Error(), "schema 2") {
		t.Fatalf("got %v", err)
	}
}

func TestRecordIsPrivate(t *testing.T) {
	dirs := dirsIn(t.TempDir())
	c := start(t, dirs, newShelf(nil))
	c.lock()
	if err := c.apply(wants(map[string]string{"a": "1"}), false); err != nil {
		t.Fatal(err)
	}
	for path, mode := range map[string]os.FileMode{dirs.Data: 0o700, filepath.Join(dirs.Data, "owned.json"): 0o600} {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != mode {
			t.Errorf("%s has mode %o, want %o", path, got, mode)
		}
	}
}
