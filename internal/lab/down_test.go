package lab

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
)

// TestDownClearsHalfALab takes down what an Up left that was killed before it
// wrote the lab's state.
func TestDownClearsHalfALab(t *testing.T) {
	o := Options{Name: "half-made-by-a-test", StateDir: t.TempDir(), CacheDir: t.TempDir()}
	state, disks := filepath.Join(o.StateDir, o.Name), filepath.Join(o.CacheDir, "disks", o.Name)
	for _, left := range []string{state, disks} {
		if err := os.MkdirAll(left, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := Down(context.Background(), o); err != nil {
			t.Errorf("%s is there: %v", left, err)
		}
		if _, err := os.Stat(left); !os.IsNotExist(err) {
			t.Errorf("%s stays: %v", left, err)
		}
	}
	if err := Down(context.Background(), o); !errors.Is(err, ErrNoLab) {
		t.Errorf("nothing is there: %v", err)
	}
	if left, err := os.ReadDir(o.StateDir); err != nil || len(left) != 0 {
		t.Errorf("files stay: %v, %v", left, err)
	}
}
