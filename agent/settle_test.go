package agent

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"
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

// TestLeftUploadsGo: an upload that is under way keeps its file.
func TestLeftUploadsGo(t *testing.T) {
	a := &Agent{dirs: Dirs{Lib: t.TempDir()}}
	file := func(name string, age time.Duration) string {
		path := filepath.Join(a.dirs.Lib, name)
		then := time.Now().Add(-age)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, then, then); err != nil {
			t.Fatal(err)
		}
		return path
	}
	left := file(".lvsup-upload-left", 2*leftUpload)
	kept := []string{file(".lvsup-upload-now", time.Minute), file("agent-0123", 2*leftUpload)}
	if err := a.removeLeftUploads(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Lstat(left); !os.IsNotExist(err) {
		t.Errorf("what an upload left is still there: %v", err)
	}
	for _, path := range kept {
		if _, err := os.Lstat(path); err != nil {
			t.Error(err)
		}
	}
}
