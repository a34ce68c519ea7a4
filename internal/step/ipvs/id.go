package ipvs

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

const (
	arrow         = " -> "
	timeoutPrefix = "timeout "
	daemonPrefix  = "sync daemon "
)

// sortType tells the IDs of this kind apart.
type sortType int

const (
	ofService sortType = iota
	ofBackend
	ofTimeout
	ofDaemon
	ofFile
)

func sortOf(id step.ID) sortType {
	switch {
	case strings.HasPrefix(id.Key, "/"):
		return ofFile
	case strings.HasPrefix(id.Key, timeoutPrefix):
		return ofTimeout
	case strings.HasPrefix(id.Key, daemonPrefix):
		return ofDaemon
	case strings.Contains(id.Key, arrow):
		return ofBackend
	}
	return ofService
}

// inTable reports whether the ID is that of a service or a backend.
func inTable(id step.ID) bool { return sortOf(id) <= ofBackend }

func serviceID(key ipvs.ServiceKey) step.ID { return step.ID{Key: key.String()} }

func backendID(key ipvs.ServiceKey, addr netip.AddrPort) step.ID {
	return newBackendIDs(key).of(addr)
}

// backendIDs writes the IDs of one service's backends, of which there can be
// thousands.
type backendIDs struct {
	buf   []byte
	start int
}

func newBackendIDs(key ipvs.ServiceKey) *backendIDs {
	buf := append(make([]byte, 0, 128), key.String()+arrow...)
	return &backendIDs{buf, len(buf)}
}

func (b *backendIDs) of(addr netip.AddrPort) step.ID {
	b.buf = addr.AppendTo(b.buf[:b.start])
	return step.ID{Key: string(b.buf)}
}

// parseID undoes serviceID and backendID; addr is zero for a service.
func parseID(id step.ID) (key ipvs.ServiceKey, addr netip.AddrPort, err error) {
	service, backend, has := strings.Cut(id.Key, arrow)
	if key, err = ipvs.ParseServiceKey(service); err == nil && has {
		if addr, err = netip.ParseAddrPort(backend); err != nil {
			err = fmt.Errorf("cannot read backend %q: %w", id.Key, err)
		}
	}
	return key, addr, err
}

// daemonIDs are those of all daemons that there can be.
func daemonIDs() []step.ID { return []step.ID{daemonID(ipvs.Master), daemonID(ipvs.Backup)} }

func isFile(id step.ID) bool { return sortOf(id) == ofFile }
