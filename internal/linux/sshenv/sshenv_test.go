package sshenv

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// proc lays out a chain of processes: self, its parent, and so on.
func proc(t *testing.T, environs ...string) host.Host {
	t.Helper()
	root := t.TempDir()
	for i, env := range environs {
		pid := "self"
		if i > 0 {
			pid = fmt.Sprint(100 + i)
		}
		dir := filepath.Join(root, "proc", pid)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		parent := 100 + i + 1
		if i == len(environs)-1 {
			parent = 1
		}
		stat := fmt.Sprintf("%d (a) S (sudo) S %d 1 1 0", 100+i, parent)
		for file, text := range map[string]string{"stat": stat, "environ": env} {
			if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return host.Host{Root: root}
}

func TestConnection(t *testing.T) {
	const line = "192.0.2.9 50000 192.0.2.1 22"
	t.Setenv(name, "")
	for label, tc := range map[string]struct {
		environs []string
		want     string
	}{
		"two above, past sudo": {[]string{"", "A=1\x00", "B=2\x00SSH_CONNECTION=" + line + "\x00"}, line},
		"nowhere":              {[]string{"", "A=1\x00"}, ""},
		"another variable":     {[]string{"", "MY_SSH_CONNECTION=x\x00"}, ""},
	} {
		t.Run(label, func(t *testing.T) {
			if got := Connection(proc(t, tc.environs...)); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	t.Setenv(name, line)
	if got := Connection(proc(t, "")); got != line {
		t.Errorf("own environment: got %q", got)
	}
}
