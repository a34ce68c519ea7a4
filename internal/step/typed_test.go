package step

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// typed runs the commands in a POSIX shell.
func typed(t interface{ Fatalf(string, ...any) }, commands []string) {
	script := strings.Join(commands, "\n") + "\n"
	if out, err := exec.Command("sh", "-euc", script).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
}

// Whatever a file holds and is to hold, the commands make it so, byte for byte.
func TestFileCommands(t *testing.T) {
	dir := t.TempDir()
	content := rapid.OneOf(
		rapid.StringMatching(`([a-z '"$\\]{0,12}\n){0,5}`), rapid.StringOf(rapid.RuneFrom([]rune("aEOF\n\t'\"\\$`%\x00\x1b\u202eé�"))),
		rapid.Map(rapid.SliceOf(rapid.Byte()), func(b []byte) string { return string(b) }),
	)
	rapid.Check(t, func(t *rapid.T) {
		path := filepath.Join(dir, rapid.SampledFrom([]string{"a", "it's $HOME", "-n"}).Draw(t, "name"))
		c := Change{Action: Create, ID: ID{Key: path, Field: ContentField}}
		to := content.Draw(t, "to")
		if rapid.Bool().Draw(t, "there") {
			from := content.Draw(t, "from")
			if rapid.Bool().Draw(t, "appended") {
				to = from + to
			}
			if err := os.WriteFile(path, []byte(from), 0o640); err != nil {
				t.Fatal(err)
			}
			c.Action, c.From = Update, EncodeBytes([]byte(from))
		} else if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
		c.To = EncodeBytes([]byte(to))
		mode := rapid.SampledFrom([]os.FileMode{0o600, 0o755}).Draw(t, "mode")
		commands := FileCommands(c, mode)
		typed(t, commands)
		got, err := os.ReadFile(path)
		if err != nil || string(got) != to {
			t.Fatalf("%q (%v), want %q, by\n%s", got, err, to, strings.Join(commands, "\n"))
		}
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		if c.Action == Update {
			mode = 0o640
		}
		if info.Mode().Perm() != mode {
			t.Fatalf("mode %o, want %o", info.Mode().Perm(), mode)
		}
		typed(t, FileCommands(Change{Action: Delete, ID: c.ID}, mode))
		if _, err := os.Stat(path); !os.IsNotExist(err) {
			t.Fatalf("still there: %v", err)
		}
	})
}
