package plans

import (
	"maps"
	"slices"
)

// Ports are the ports that traffic of the cluster reaches on the host, such as
// "80/tcp" and "8000-8010/tcp": those of the services on a director, those of its
// backends on a real server. Under dr and tun a real server sees the service's
// ports. Tunnels and sync daemons add the UDP port that they listen on.
func Ports(c *Cluster, h *Host) []string {
	set := map[string]bool{}
	add := func(ports ...PortRange) {
		for _, p := range ports {
			set[p.String()] = true
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
			if b.Forwarding == ForwardTUN && b.Tunnel.Port != 0 {
				add(PortRange{Protocol: "udp", First: b.Tunnel.Port, Last: b.Tunnel.Port})
			}
		}
	}
	for _, d := range c.IPVS.Sync {
		if h.Role == RoleDirector && d.Role == SyncBackup {
			add(PortRange{Protocol: "udp", First: d.Port, Last: d.Port})
		}
	}
	return slices.Sorted(maps.Keys(set))
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
