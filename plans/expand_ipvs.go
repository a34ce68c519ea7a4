package plans

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/step/ipvs"
	"github.com/lvsup/lvsup/internal/step/mangle"
	"github.com/lvsup/lvsup/internal/step/tunnel"
	"github.com/lvsup/lvsup/internal/wire"
)

// seconds is a duration of whole seconds as the kinds count.
func seconds(d time.Duration) int { return int(d / time.Second) }

// timed reports whether the plan names a timeout.
func (i *IPVS) timed() bool {
	return i.Timeouts.TCP != 0 || i.Timeouts.TCPFin != 0 || i.Timeouts.UDP != 0
}

// keepsIPVS reports whether the director has something of IPVS to bring back at
// boot.
func (c *Cluster) keepsIPVS(h *Host) bool {
	return h.Role == RoleDirector && (len(c.Services) > 0 || c.IPVS.timed() || len(c.IPVS.Sync) > 0)
}

// wantIPVS is what the director's IPVS is told, also where that is nothing: how
// what a plan no longer names goes is told, too.
func wantIPVS(c *Cluster, h *Host, hold map[string]bool) any {
	if h.Role != RoleDirector {
		return nil
	}
	var timeouts *ipvs.Timeouts
	if t := c.IPVS.Timeouts; c.IPVS.timed() {
		timeouts = &ipvs.Timeouts{TCP: seconds(t.TCP), TCPFin: seconds(t.TCPFin), UDP: seconds(t.UDP)}
	}
	drain := seconds(c.IPVS.Drain)
	want := ipvs.Desired{Boot: true, Exclusive: c.IPVS.Exclusive, DrainSeconds: &drain, Timeouts: timeouts}
	for _, d := range c.IPVS.Sync {
		want.Sync = append(want.Sync, ipvs.Daemon{
			Role: d.Role, Interface: d.Interface, ID: d.ID,
			Group: d.Group.String(), Port: int(d.Port), TTL: d.TTL, MaxLength: d.MaxLength,
		})
	}
	for i := range c.Services {
		s := &c.Services[i]
		service := s.want()
		if s.Drain != c.IPVS.Drain {
			own := seconds(s.Drain)
			service.DrainSeconds = &own
		}
		for j := range s.Backends {
			backend := s.Backends[j].want()
			backend.Hold = hold[s.Backends[j].Host]
			service.Backends = append(service.Backends, backend)
		}
		want.Services = append(want.Services, service)
	}
	return want
}

// ExpandDestroy is Expand for taking everything away: nothing is wanted of any
// host. Directors are told how long backends may drain: what the cluster says, or
// the longest that a service does.
func ExpandDestroy(c *Cluster) (map[string][]wire.Desired, error) {
	drain := c.IPVS.Drain
	for i := range c.Services {
		drain = max(drain, c.Services[i].Drain)
	}
	longest := seconds(drain)
	raw, err := json.Marshal(ipvs.Desired{DrainSeconds: &longest})
	if err != nil {
		return nil, fmt.Errorf("cannot encode the drain of a destroy: %w", err)
	}
	all := map[string][]wire.Desired{}
	for _, h := range c.Directors() {
		all[h.Name] = []wire.Desired{{Kind: "ipvs", Want: raw}}
	}
	return all, nil
}

// want gives the service without its backends.
func (s *VirtualService) want() ipvs.Service {
	out := ipvs.Service{Scheduler: s.Scheduler, SchedulerFlags: s.SchedulerFlags, OnePacket: s.OnePacket}
	if s.FWMark != 0 {
		out.FWMark, out.IPv6 = s.FWMark, s.Is6()
	} else {
		out.Protocol, out.Address, out.Port = s.Protocol, s.Address.String(), s.Port
	}
	if p := s.Persistence; p != nil {
		out.PersistenceSeconds = seconds(p.Timeout)
		out.PersistencePrefix = p.PrefixLen
		out.Engine = p.Engine
	}
	return out
}

func (b *Backend) want() ipvs.Backend {
	out := ipvs.Backend{
		Address:        b.Address.String(),
		Port:           b.Port,
		Forwarding:     string(b.Forwarding),
		Weight:         b.Weight,
		UpperThreshold: b.UpperThreshold,
		LowerThreshold: b.LowerThreshold,
	}
	if b.Forwarding == ForwardTUN {
		out.Tunnel = &ipvs.Tunnel{Type: b.Tunnel.Type, Port: b.Tunnel.Port, Checksum: b.Tunnel.Checksum}
	}
	return out
}

// wantTunnel is what the host unwraps as a real server, each wrapping once.
func wantTunnel(c *Cluster, h *Host) any {
	var want tunnel.Desired
	for i := range c.Services {
		for _, b := range c.Services[i].Backends {
			if b.Host != h.Name || b.Forwarding != ForwardTUN {
				continue
			}
			t := tunnel.Tunnel{
				Type: b.Tunnel.Type, Port: b.Tunnel.Port,
				OuterIPv6: b.Address.Is6(), InnerIPv6: c.Services[i].Is6(),
				Checksum: b.Tunnel.Type == TunnelGRE && b.Tunnel.Checksum == ChecksumFull,
			}
			if !slices.Contains(want.Tunnels, t) {
				want.Tunnels = append(want.Tunnels, t)
			}
		}
	}
	if len(want.Tunnels) == 0 {
		return nil
	}
	return want
}

// wantMangle is the marks that a director sets, and the segment sizes that a real
// server behind a tunnel announces: the smallest where several services share a
// VIP.
func wantMangle(c *Cluster, h *Host) any {
	want := mangle.Desired{Installs: slices.ContainsFunc(h.Packages, func(p string) bool {
		return p == "nftables" || strings.HasPrefix(p, "iptables")
	})}
	for i := range c.Services {
		s := &c.Services[i]
		if !s.Address.IsValid() {
			continue
		}
		if h.Role == RoleDirector && s.FWMark != 0 {
			for _, p := range s.Ports {
				want.Marks = append(want.Marks, mangle.Mark{Address: s.Address.String(), Port: p.String(), Mark: s.FWMark})
			}
		}
		for _, b := range s.Backends {
			if b.Host != h.Name || b.Forwarding != ForwardTUN || b.Tunnel.MSS == 0 || !s.mayBeTCP() {
				continue
			}
			address := s.Address.String()
			n := slices.IndexFunc(want.MSS, func(m mangle.MSS) bool { return m.Address == address })
			if n < 0 {
				want.MSS = append(want.MSS, mangle.MSS{Address: address, Size: b.Tunnel.MSS})
			} else {
				want.MSS[n].Size = min(want.MSS[n].Size, b.Tunnel.MSS)
			}
		}
	}
	if len(want.Marks) == 0 && len(want.MSS) == 0 {
		return nil
	}
	return want
}

// mayBeTCP reports whether the service gets TCP, as far as the plan tells.
func (s *VirtualService) mayBeTCP() bool {
	ports := s.ports()
	return len(ports) == 0 || slices.ContainsFunc(ports, func(p PortRange) bool { return p.Protocol == "tcp" })
}
