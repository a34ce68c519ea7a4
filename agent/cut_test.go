package agent

import (
	"io"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// A session whose address is gone is dead, though nobody says so; one that is
// away for a moment is not.
func TestAgentEndsWhenItsAddressIsGone(t *testing.T) {
	t.Setenv("SSH_CONNECTION", "192.0.2.9 50000 192.0.2.1 22")
	root := t.TempDir()
	a := New(host.Host{Root: root}, Dirs{Data: root + "/data", Run: root + "/run", Lib: root + "/lib"}, "test", nil, zerolog.Nop())
	var looks atomic.Int32
	a.look = time.Millisecond
	a.hasAddress = func(x netip.Addr) bool {
		n := looks.Add(1)
		return x != netip.MustParseAddr("192.0.2.1") || n < 3 || n == 5
	}
	in, stays := io.Pipe()
	defer stays.Close()
	err := a.Serve(t.Context(), in, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "the address that this session came in by is gone") {
		t.Errorf("it ended with %v", err)
	}
	if n := looks.Load(); n != 8 {
		t.Errorf("it looked %d times, want 8: it is there twice, missing twice, there, and missing three times", n)
	}
}
