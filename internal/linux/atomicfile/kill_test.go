//go:build linux

package atomicfile

import (
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestKilledWriter is, with the variable set, the process that TestKill kills.
func TestKilledWriter(t *testing.T) {
	dir := os.Getenv("LVSUP_KILL_DIR")
	for i := 0; dir != ""; i++ {
		content := strings.Repeat(string(rune('a'+i%26)), 1<<16)
		mustWrite(t, filepath.Join(dir, "old"), content, 0o644)
		mustWrite(t, filepath.Join(dir, "new"), content, 0o644)
		if err := Remove(filepath.Join(dir, "new")); err != nil {
			t.Fatal(err)
		}
	}
}

// TestKill ends a writer with SIGKILL at random moments: every file is whole,
// and the next write leaves nothing of the one that was cut short.
func TestKill(t *testing.T) {
	dir := t.TempDir()
	for range 12 {
		cmd := exec.Command(os.Args[0], "-test.run=^TestKilledWriter$")
		cmd.Env = append(os.Environ(), "LVSUP_KILL_DIR="+dir)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		waitFor(t, filepath.Join(dir, "old")) // a busy machine may be slow to start it
		time.Sleep(rand.N(40 * time.Millisecond))
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		cmd.Wait() // says that it was killed
		for _, name := range []string{"old", "new"} {
			data, ok, err := Read(filepath.Join(dir, name))
			if err != nil || ok && (len(data) != 1<<16 || strings.Trim(string(data), string(data[:1])) != "") {
				t.Fatalf("%s holds %d bytes, %v", name, len(data), err)
			}
			mustWrite(t, filepath.Join(dir, name), "after", 0o644)
		}
		only(t, dir, "new", "old")
		for _, name := range []string{"old", "new"} {
			if err := Remove(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// waitFor returns when the file is there.
func waitFor(t *testing.T, name string) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		if _, err := os.Stat(name); err == nil {
			return
		}
	}
	t.Fatalf("%s never came", name)
}
