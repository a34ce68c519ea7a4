package bench

import (
	"bytes"
	"os/exec"
	"runtime"
	"testing"
)

// TestMemoryIsTheProcessesOwn: much that this process has is not counted for a small
// one that it starts, and what one takes for a moment is.
func TestMemoryIsTheProcessesOwn(t *testing.T) {
	const much = 200 << 20
	ballast := bytes.Repeat([]byte{1}, much)
	for _, test := range []struct {
		script      string
		least, most int64
	}{
		{"sleep 0.3", 1, 20 << 20},
		{`x=$(head -c 60000000 /dev/zero | tr '\0' x); x=; sleep 0.3`, 60_000_000, much},
	} {
		cmd := exec.Command("sh", "-c", test.script)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		stop := followMemory(cmd.Process.Pid)
		if err := cmd.Wait(); err != nil {
			t.Fatal(err)
		}
		if got := stop(); got < test.least || got > test.most {
			t.Errorf("%s: %d bytes; want %d to %d", test.script, got, test.least, test.most)
		}
	}
	runtime.KeepAlive(ballast)
}
