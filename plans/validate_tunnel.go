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

// ways are the forwardings of the service's backends; its own if it has none yet.
func (s *VirtualService) ways() []Forwarding {
	if len(s.Backends) == 0 {
		return []Forwarding{s.Forwarding}
	}
	var ways []Forwarding
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
