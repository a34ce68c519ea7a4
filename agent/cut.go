package agent

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/linux/sshenv"
)

// How often an agent looks whether its host still has the address that the
// session came in by, and how often in a row it must be missing.
const (
	cutLook  = 2 * time.Second
	cutTimes = 3
)

// cutOff gives a channel that is closed when the address which the SSH session
// came in by is gone from this host: a guard took it back, say. No packet finds
// its way to such a session any more, and so sshd, which sends nothing, does not
// notice for hours; its agent must not stay that long, with the host's lock maybe.
// Where that address is not this system's own the channel stays open.
func (a *Agent) cutOff(ctx context.Context, cancel context.CancelFunc) <-chan struct{} {
	cut := make(chan struct{})
	server, ok := serverOf(sshenv.Connection(a.host))
	if !ok || !a.hasAddress(server) {
		return cut
	}
	go func() {
		for missing := 0; missing < cutTimes; {
			select {
			case <-ctx.Done():
				return
			case <-time.After(a.look):
			}
			if missing++; a.hasAddress(server) {
				missing = 0
			}
		}
		cancel() // as if stdin had ended
		close(cut)
	}()
	return cut
}

// serverOf reads the server's address from SSH_CONNECTION.
func serverOf(connection string) (netip.Addr, bool) {
	f := strings.Fields(connection)
	if len(f) != 4 {
		return netip.Addr{}, false
	}
	server, err := netip.ParseAddr(f[2])
	return server.Unmap().WithZone(""), err == nil
}

// hasAddress is true too if it cannot be known.
func hasAddress(a netip.Addr) bool {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, one := range all {
		if p, err := netip.ParsePrefix(one.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}
