package plans

import (
	"maps"
	"slices"
	"strings"
)

// Ports are the ports that traffic of the cluster reaches on the host, such as
// "80/tcp" and "8000-8010/tcp": those of the services on a director, those of its
// backends on a real server. Under dr and tun a real server sees the service's
// ports. Tunnels add what their packets come as: a UDP port, or an IP protocol by its
// number, such as "4/ip". A sync daemon that receives adds its port.
func Ports(c *Cluster, h *Host) []string {
	ports, names := map[PortRange]bool{}, map[string]bool{}
	add := func(more ...PortRange) {
		for _, p := range more {
			ports[p] = true
		}
	}
	for i := range c.Services {
		s := &c.Services[i]
		if h.Role == RoleDirector {
			add(s.ports()...)
		}
		for j := range s.Backends {
			b := &s.Backends[j]
			if b.Host != h.Name {
				continue
			}
			add(b.ports(s)...)
			switch {
			case b.Forwarding != ForwardTUN:
			case b.Tunnel.Type == TunnelGUE:
				add(PortRange{"udp", b.Tunnel.Port, b.Tunnel.Port})
			default:
				names[b.Tunnel.protocol(s.Is6())] = true
			}
		}
	}
	for _, d := range c.IPVS.Sync {
		if h.Role == RoleDirector && d.Role == SyncBackup {
			add(PortRange{"udp", d.Port, d.Port})
		}
	}
	for p := range ports {
		wider := false
		for q := range ports {
			wider = wider || q != p && q.overlaps(p) && q.First <= p.First && p.Last <= q.Last
		}
		if !wider {
			names[p.String()] = true
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// Answers are what a nat director forwards from its real servers to clients, as
// "80/tcp@192.168.177.20": the port that they answer from, and their address.
func Answers(c *Cluster, h *Host) []string {
	names := map[string]bool{}
	for i := range c.Services {
		s := &c.Services[i]
		for j := range s.Backends {
			b := &s.Backends[j]
			if h.Role != RoleDirector || b.Forwarding != ForwardNAT || !b.Address.IsValid() {
				continue
			}
			for _, p := range b.ports(s) {
				names[p.String()+"@"+b.Address.String()] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(names))
}

// vsConntrack has the kernel's connection tracking follow IPVS.
const vsConntrack = "net.ipv4.vs.conntrack"

// Tracks reports whether connection tracking follows IPVS on a host whose firewall
// is to let traffic through: on a director with services under nat alone, unless its
// own sysctl says otherwise. The answers then are ESTABLISHED, which every firewall
// lets pass, where else they are INVALID. Of dr and tun the director sees one half
// only, and would take what follows for INVALID.
func Tracks(c *Cluster, h *Host) bool {
	nat := false
	for i := range c.Services {
		s := &c.Services[i]
		if s.forwards("", ForwardDR, ForwardTUN) {
			return false
		}
		nat = nat || s.forwards("", ForwardNAT)
	}
	value, own := h.Sysctls[vsConntrack]
	return nat && h.Role == RoleDirector && (!own || strings.TrimSpace(value) == "1")
}

// protocol is the IP protocol of what the tunnel sends (assigned by IANA).
func (t Tunnel) protocol(innerIPv6 bool) string {
	switch {
	case t.Type == TunnelGRE:
		return "47/ip"
	case innerIPv6:
		return "41/ip" // IPv6 in whatever
	}
	return "4/ip" // IPv4 in whatever
}

// ports are what reaches the service; of a mark that somebody else sets, nothing
// is known.
func (s *VirtualService) ports() []PortRange {
	switch {
	case s.FWMark != 0:
		return s.Ports
	case s.Port == 0:
		return []PortRange{{Protocol: s.Protocol, First: 1, Last: 65535}}
	}
	return []PortRange{{Protocol: s.Protocol, First: s.Port, Last: s.Port}}
}

// ports are what reaches the backend. Its own port, under NAT, takes all that
// the service gets.
func (b *Backend) ports(s *VirtualService) []PortRange {
	if b.Forwarding != ForwardNAT || b.Port == 0 || b.Port == s.Port {
		return s.ports()
	}
	var own []PortRange
	for _, p := range s.ports() {
		own = append(own, PortRange{Protocol: p.Protocol, First: b.Port, Last: b.Port})
	}
	return own
}
