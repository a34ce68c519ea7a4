package coordinator

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// pagePort is where a probe expects HTTP. Of what listens on another port only
// a connection is asked for.
const pagePort = 80

// maxAsks bounds the ports of one firewall mark that a probe asks.
const maxAsks = 16

// asks lists the ports of a service's VIP that a probe can ask, or says why
// there are none.
func asks(c *plans.Cluster, s *plans.VirtualService) (ports []uint16, notRun string) {
	switch {
	case len(s.Backends) == 0:
		return nil, "it has no backends"
	case len(live(s)) == 0:
		return nil, "all its backends have weight 0"
	case !s.Address.IsValid():
		return nil, "the plan names no address that gets the mark"
	case s.FWMark == 0 && s.Protocol != "tcp":
		return nil, onlyTCP(s.Protocol)
	case s.FWMark == 0 && s.Port != 0:
		return []uint16{s.Port}, ""
	case s.FWMark == 0:
		if !servesPages(c, s) {
			return nil, "it takes every port, and the plan does not say on which one something listens"
		}
		return []uint16{pagePort}, ""
	case len(s.Ports) == 0:
		return nil, "somebody else sets the mark, so the plan does not say which port to ask"
	}
	protocol := s.Ports[0].Protocol
	for _, p := range s.Ports {
		if p.Protocol != "tcp" || p.First != p.Last || len(ports) == maxAsks {
			continue // something need not listen on every port of a range
		}
		ports = append(ports, p.First)
	}
	switch {
	case len(ports) > 0:
		return ports, ""
	case slices.ContainsFunc(s.Ports, func(p plans.PortRange) bool { return p.Protocol == "tcp" }):
		return nil, "something need not listen on every port of a range, so none is asked"
	}
	return nil, onlyTCP(protocol)
}

func onlyTCP(protocol string) string {
	return fmt.Sprintf("only tcp can be asked; what answers over %s is known to its own clients", protocol)
}

// servesPages reports whether lvsup gave one of the backends a page.
func servesPages(c *plans.Cluster, s *plans.VirtualService) bool {
	return slices.ContainsFunc(s.Backends, func(b plans.Backend) bool { return pageOf(c, b) != nil })
}

// pageOf is the test page of a backend's host, nil if the plan gives it none.
func pageOf(c *plans.Cluster, b plans.Backend) *plans.HTTPD {
	if h, ok := c.Host(b.Host); ok {
		return h.HTTPD
	}
	return nil
}

// portOf is where a backend gets what was sent to a port of the VIP.
func portOf(b plans.Backend, asked uint16) uint16 {
	if b.Port != 0 {
		return b.Port
	}
	return asked
}

// labels names the backends of a service as people know them, each differently:
// by host, where it is one of the plan's and has one backend here.
func labels(s *plans.VirtualService) []string {
	times := map[string]int{}
	for _, b := range s.Backends {
		times[b.Host]++
	}
	var names []string
	for _, b := range s.Backends {
		at := b.Address.String()
		if b.Port != 0 && b.Port != s.Port {
			at = netip.AddrPortFrom(b.Address, b.Port).String()
		}
		switch {
		case b.Host == "":
		case times[b.Host] > 1:
			at = b.Host + "/" + at
		default:
			at = b.Host
		}
		names = append(names, at)
	}
	return names
}

// keptElsewhere reports whether a VIP that others keep is not on the director
// now: another one may have it, as with keepalived.
func keptElsewhere(s *plans.VirtualService, director *plans.Host, f wire.Facts) bool {
	if s.KeepVIP {
		return false
	}
	has := func(prefix string) bool {
		p, err := netip.ParsePrefix(prefix)
		return err == nil && p.Addr() == s.Address
	}
	return !slices.ContainsFunc(director.Interfaces, func(i plans.Interface) bool { return i.Has(s.Address) }) &&
		!slices.ContainsFunc(f.Interfaces, func(i wire.Interface) bool { return slices.ContainsFunc(i.Addresses, has) })
}

// called is what a probe calls a service that it did not ask.
func called(s *plans.VirtualService) string {
	if s.FWMark != 0 {
		return s.Name + " (firewall mark " + strconv.FormatUint(uint64(s.FWMark), 10) + ")"
	}
	return s.Name + " (" + netip.AddrPortFrom(s.Address, s.Port).String() + ")"
}
