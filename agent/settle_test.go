package agent

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/linux/host"
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

// TestRelabel: where SELinux runs, the agent's directory gets the policy's labels.
func TestRelabel(t *testing.T) {
	root, ran := t.TempDir(), ""
	run := func(_ context.Context, argv ...string) (host.Result, error) {
		ran += strings.Join(argv, " ") + "\n"
		return host.Result{}, nil
	}
	a := &Agent{host: host.Host{Root: root, Run: run}, dirs: DefaultDirs()}
	a.relabel(t.Context())
	if ran != "" {
		t.Errorf("without SELinux it ran %q", ran)
	}
	file := filepath.Join(root, "sys/fs/selinux/enforce")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("1"), 0o644); err != nil {
		t.Fatal(err)
	}
	a.relabel(t.Context())
	if ran != "restorecon -R /usr/local/libexec/lvsup\n" {
		t.Errorf("it ran %q", ran)
	}
}
