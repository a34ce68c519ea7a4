package plans

import (
	"fmt"
	"slices"
)

// The segment sizes that make sense: what every IPv4 host takes (RFC 9293), and
// what fits into the largest packet beside 40 bytes of headers.
const (
	minMSS = 536
	maxMSS = 65495
)

// ways are the forwardings of the service and of its backends.
func (s *VirtualService) ways() []Forwarding {
	ways := []Forwarding{s.Forwarding}
	for _, b := range s.Backends {
		ways = append(ways, b.Forwarding)
	}
	return ways
}

// given reports whether there is a tunnel to look at.
func (t *Tunnel) given() bool { return t.Type != "" || t.Source != nil }

// checkTunnel looks at how packets are wrapped that go those ways. A backend has
// its service's tunnel unless the plan says otherwise, so the same may be said
// twice; Validate keeps one.
func (v *validator) checkTunnel(t *Tunnel, ways ...Forwarding) {
	if !slices.Contains(ways, ForwardTUN) {
		misspelt := slices.ContainsFunc(ways, func(f Forwarding) bool { return f != ForwardNAT && f != ForwardDR })
		if t.given() && !misspelt {
			v.errorAt(t.Source.At(""), "A tunnel without tunnelling",
				"Only forwarding = \"tun\" wraps packets. Write that beside the tunnel block, or leave the block out.")
		}
		return
	}
	v.oneOf(t.Source.At("type"), "tunnel type", t.Type, TunnelIPIP, TunnelGUE, TunnelGRE)
	v.oneOf(t.Source.At("checksum"), "tunnel checksum", t.Checksum, ChecksumNone, ChecksumFull, ChecksumRemote)
	switch {
	case t.Type == TunnelGUE && t.Port == 0:
		v.errorAt(t.Source.At("port"), "A gue tunnel without a port",
			"GUE travels in UDP. Say which port the real servers take it on, for example the registered one:\n  port = 6080")
	case t.Type != TunnelGUE && t.Port != 0:
		v.errorAt(t.Source.At("port"), fmt.Sprintf("A port for %s", t.Type), "Only gue travels in UDP. Leave port out, or write type = \"gue\".")
	}
	switch {
	case t.Type == TunnelIPIP && (t.Checksum == ChecksumFull || t.Checksum == ChecksumRemote):
		v.errorAt(t.Source.At("checksum"), "A checksum for ipip", "Its header has no room for one. Leave checksum out, or write type = \"gue\" or \"gre\".")
	case t.Type == TunnelGRE && t.Checksum == ChecksumRemote:
		v.errorAt(t.Source.At("checksum"), "A remote checksum for gre", "That is gue's. Write checksum = \"full\", or leave it out.")
	}
	if t.MSS != 0 && (t.MSS < minMSS || t.MSS > maxMSS) {
		v.errorAt(t.Source.At("mss"), fmt.Sprintf("Invalid mss %d", t.MSS), fmt.Sprintf(
			"Choose from %d to %d bytes, 0 to leave segments alone, or leave it out for what fits into packets of 1500 bytes.", minMSS, maxMSS))
	}
}

// checkTunnelEnds looks at what a real server can take at the same time: its gre
// device wants a checksum or none (net/ipv4/gre_demux.c leaves that to the
// device's flags), and a UDP port is the tunnel's or a service's.
func (v *validator) checkTunnelEnds(h *Host) {
	type end struct {
		s *VirtualService
		b *Backend
	}
	gre := map[bool]end{} // by the RIP's family
	var gues, udp []end
	for i := range v.cluster.Services {
		s := &v.cluster.Services[i]
		for j := range s.Backends {
			b := &s.Backends[j]
			if b.Host != h.Name {
				continue
			}
			udp = append(udp, end{s, b})
			switch t := &b.Tunnel; {
			case b.Forwarding != ForwardTUN:
			case t.Type == TunnelGUE:
				gues = append(gues, end{s, b})
			case t.Type == TunnelGRE && t.Checksum == ChecksumFull && b.Address.Is6():
				v.errorAt(t.Source.At("checksum"), "A gre checksum over IPv6", fmt.Sprintf(
					"The kernel's ip6gre0 on %q takes packets without one only. Leave checksum out, or give the backend an IPv4 address.", h.Name))
			case t.Type == TunnelGRE:
				before, seen := gre[b.Address.Is6()]
				if seen && (before.b.Tunnel.Checksum == ChecksumFull) != (t.Checksum == ChecksumFull) {
					v.errorAt(t.Source.At("checksum"), fmt.Sprintf("%q would take gre with a checksum and without", h.Name), fmt.Sprintf(
						"Its gre device takes one or the other, and virtual_service %q has checksum = %q (%s). Write the same here.",
						before.s.Name, before.b.Tunnel.Checksum, before.b.Tunnel.Source.At("checksum")))
				} else if !seen {
					gre[b.Address.Is6()] = end{s, b}
				}
			}
		}
	}
	for _, g := range gues {
		port := PortRange{"udp", g.b.Tunnel.Port, g.b.Tunnel.Port}
		for _, u := range udp {
			if port.First != 0 && slices.ContainsFunc(u.b.ports(u.s), port.overlaps) {
				v.errorAt(g.b.Tunnel.Source.At("port"), fmt.Sprintf("Port %s on %q is a service's", port, h.Name), fmt.Sprintf(
					"What arrives there for virtual_service %q (%s) would be taken for tunnelled packets. Choose another port for the tunnel.",
					u.s.Name, u.s.Source.At("")))
				break
			}
		}
	}
}
