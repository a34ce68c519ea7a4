package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// called is what the kernel calls a service, as `ipvsadm -L -n` does.
func called(s *plans.VirtualService) string {
	switch {
	case s.FWMark != 0 && s.Is6():
		return fmt.Sprintf("FWM %d IPv6", s.FWMark)
	case s.FWMark != 0:
		return fmt.Sprintf("FWM %d", s.FWMark)
	}
	return strings.ToUpper(s.Protocol) + " " + netip.AddrPortFrom(s.Address, s.Port).String()
}

// inKernel finds a service of the plan in the table.
func (f *Facts) inKernel(s *plans.VirtualService) (wire.IPVSService, bool) {
	i := slices.IndexFunc(f.Table.Services, func(k wire.IPVSService) bool { return k.Key == called(s) })
	if i < 0 {
		return wire.IPVSService{}, false
	}
	return f.Table.Services[i], true
}

// entry finds a backend of the plan in a service of the table: one at its port, or
// else any at its address.
func entry(k wire.IPVSService, s *plans.VirtualService, b plans.Backend) (wire.IPVSBackend, bool) {
	port := b.Port
	if port == 0 {
		port = s.Port
	}
	at := -1
	for i, e := range k.Backends {
		if e.Address == b.Address.String() && (at < 0 || e.Port == port) {
			at = i
		}
	}
	if at < 0 || b.Forwarding == plans.ForwardNAT && k.Backends[at].Port != port {
		return wire.IPVSBackend{}, false
	}
	return k.Backends[at], true
}

// perService judges each service of the plan by the director's table.
func (f *Facts) perService(judge func(*plans.VirtualService, wire.IPVSService, bool) string) []Found {
	all := f.Cluster.Directors()
	if f.Table == nil || len(all) == 0 {
		return nil
	}
	var found []Found
	for i := range f.Cluster.Services {
		s := &f.Cluster.Services[i]
		k, ok := f.inKernel(s)
		if seen := judge(s, k, ok); seen != "" {
			found = append(found, Found{Host: all[0].Name, Seen: seen, Fixes: f.byApply()})
		}
	}
	return found
}

// perBackend judges each backend of the plan by the director's table.
func (f *Facts) perBackend(judge func(*plans.VirtualService, plans.Backend, wire.IPVSBackend, bool) string) []Found {
	all := f.Cluster.Directors()
	if f.Table == nil || len(all) == 0 {
		return nil
	}
	var found []Found
	for i := range f.Cluster.Services {
		s := &f.Cluster.Services[i]
		k, ok := f.inKernel(s)
		if !ok {
			continue
		}
		for _, b := range s.Backends {
			e, there := entry(k, s, b)
			if seen := judge(s, b, e, there); seen != "" {
				found = append(found, Found{Host: all[0].Name, About: hosts(b.Host), Seen: seen, Fixes: f.byApply()})
			}
		}
	}
	return found
}

func serviceMissing() Check {
	return Check{
		Code: "service-missing", Title: "the director's table lacks a virtual service",
		Mistake: "ipvsadm -A on the director, and again after each boot (ipvsadm -S and -R): the table is not kept by itself",
		Hides:   []string{"service-silent"},
		Find: func(f *Facts) []Found {
			return f.perService(func(s *plans.VirtualService, _ wire.IPVSService, there bool) string {
				if there {
					return ""
				}
				return called(s) + " is not in the table"
			})
		},
	}
}

func backendMissing() Check {
	return Check{
		Code: "backend-missing", Title: "a virtual service lacks a backend",
		Mistake: "ipvsadm -a for every real server",
		Hides:   []string{"service-silent"},
		Find: func(f *Facts) []Found {
			return f.perBackend(func(s *plans.VirtualService, b plans.Backend, _ wire.IPVSBackend, there bool) string {
				if there {
					return ""
				}
				return fmt.Sprintf("%s has no backend %s", called(s), b.Address)
			})
		},
	}
}

func weightZero() Check {
	return Check{
		Code: "weight-zero", Title: "a backend gets no new connections",
		Mistake: "a backend of weight 0 is drained: ipvsadm -e ... -w 1 gives it connections again",
		Hides:   []string{"service-silent"},
		Find: func(f *Facts) []Found {
			return f.perBackend(func(s *plans.VirtualService, b plans.Backend, e wire.IPVSBackend, there bool) string {
				if !there || e.Weight != 0 || b.Weight == 0 {
					return ""
				}
				return fmt.Sprintf("%s has %s with weight 0, the plan has %d", called(s), b.Address, b.Weight)
			})
		},
	}
}

func wrongForwarding() Check {
	return Check{
		Code: "wrong-forwarding", Title: "a backend has another forwarding than the hosts are made for",
		Mistake: "ipvsadm -a takes -m for nat, -g for dr (which it takes if it is told nothing), -i for tun",
		Hides:   []string{"service-silent"},
		Find: func(f *Facts) []Found {
			return f.perBackend(func(s *plans.VirtualService, b plans.Backend, e wire.IPVSBackend, there bool) string {
				if !there || e.Forwarding == string(b.Forwarding) || e.Forwarding == "local" {
					return ""
				}
				return fmt.Sprintf("%s sends to %s by %s, the plan says %s", called(s), b.Address, e.Forwarding, b.Forwarding)
			})
		},
	}
}

// portIgnored: dr and tun leave the packet as it is (ip_vs_dr_xmit and
// ip_vs_tunnel_xmit in net/netfilter/ipvs/ip_vs_xmit.c).
func portIgnored() Check {
	return Check{
		Code: "port-ignored", Title: "a dr or tun backend has another port than its service",
		Mistake: "dr and tun change nothing in a packet: it arrives at the service's port, whatever the table says",
		Hides:   []string{"service-silent"},
		Find: func(f *Facts) []Found {
			return f.perBackend(func(s *plans.VirtualService, b plans.Backend, e wire.IPVSBackend, there bool) string {
				if !there || b.Forwarding == plans.ForwardNAT || e.Forwarding == "nat" || s.FWMark != 0 || e.Port == s.Port {
					return ""
				}
				return fmt.Sprintf("%s has %s at port %d", called(s), b.Address, e.Port)
			})
		},
	}
}
