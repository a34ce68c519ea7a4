package ipvs

import (
	"net/netip"
	"os"
	"sync"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
)

// connections counts those that a backend still serves. The kernel calls a
// connection active while it is being set up or established, which only TCP
// and SCTP are: what else it remembers of those is on its way out, and a
// deletion harms nobody. UDP has no end that the kernel could see, so every
// flow that it remembers counts, until its timeout: a backend of UDP that was
// busy mostly takes its whole deadline. Behind a firewall mark may be either;
// flows then tells how many are UDP.
func connections(key ipvs.ServiceKey, d ipvs.DestinationState, flows func(netip.Addr) (uint32, bool)) uint32 {
	switch {
	case key.Protocol == ipvs.UDP:
		return d.ActiveConns + d.InActConns
	case key.FWMark == 0 || d.ActiveConns > 0 || d.InActConns == 0:
		return d.ActiveConns
	}
	if n, known := flows(d.Address); known {
		return n
	}
	return d.InActConns
}

// udpFlows counts the UDP flows to a real server, of all services. It reads the
// connection table when it is first asked; known is false if that cannot be
// read or is longer than lvsup reads.
func (s system) udpFlows() func(netip.Addr) (n uint32, known bool) {
	read := sync.OnceValue(func() map[netip.Addr]uint32 {
		f, err := os.Open(s.Path(ipvs.ConnFile))
		if err != nil {
			return nil
		}
		defer f.Close()
		conns, more, err := ipvs.ParseConns(f, 0)
		if err != nil || more {
			return nil
		}
		flows := map[netip.Addr]uint32{}
		for _, c := range conns {
			if c.Protocol == "UDP" && c.Client.Port() != 0 { // else a persistence template
				flows[c.Backend.Addr()]++
			}
		}
		return flows
	})
	return func(addr netip.Addr) (uint32, bool) {
		flows := read()
		return flows[addr], flows != nil
	}
}
