package agent

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
)

// TestAgentPutsItselfBack: a destroy that was ending may take the file of an
// agent that has just started.
func TestAgentPutsItselfBack(t *testing.T) {
	file := filepath.Join(t.TempDir(), "lvsup", "agent-0123")
	if err := putBack(file); err != nil {
		t.Fatal(err)
	}
	want, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(file)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes of %d came back, %v", len(got), len(want), err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o755 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.WriteFile(file, []byte("as it is"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := putBack(file); err != nil {
		t.Fatal(err)
	}
	if now, _ := os.ReadFile(file); string(now) != "as it is" {
		t.Error("a file that is there was written over")
	}
}
