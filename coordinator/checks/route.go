package checks

import (
	"fmt"
	"net/netip"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// far stands for a client beyond every router (RFC 5737). Nothing is sent there.
func far() netip.Addr { return netip.MustParseAddr("192.0.2.1") }

func noRoute() Check {
	return Check{
		Code: "no-route", Title: "the director has no way to a real server",
		Mistake: "the director has an address (DIP) in the real servers' network, or a route there",
		Hides:   []string{"backend-silent", "service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			return f.toBackends(func(b plans.Backend, way wire.Lookup) (string, []report.Fix) {
				if way.Error == "" {
					return "", nil
				}
				return fmt.Sprintf("no way to %s: %s", b.Address, way.Error), f.byApply()
			})
		},
	}
}

func notOnLink() Check {
	return Check{
		Code: "not-on-link", Title: "a dr real server is behind a router",
		Mistake: "under dr the director reaches every real server by its MAC address: both are in one network, with one prefix length",
		Hides:   []string{"backend-silent", "service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			d, _, _ := f.director()
			return f.toBackends(func(b plans.Backend, way wire.Lookup) (string, []report.Fix) {
				if b.Forwarding != plans.ForwardDR || way.Gateway == "" || way.Error != "" {
					return "", nil
				}
				return fmt.Sprintf("its way to %s leads through %s on %s", b.Address, way.Gateway, way.Interface), []report.Fix{
					advice(d.Name, fmt.Sprintf("`ip route get %s` must show no \"via\": remove the route that leads there (ip route show to match %s), or use nat or tun", b.Address, b.Address)),
				}
			})
		},
	}
}

// toBackends judges the director's ways to the backends. What is found is the
// director's, and about the backend's host.
func (f *Facts) toBackends(judge func(plans.Backend, wire.Lookup) (string, []report.Fix)) []Found {
	d, live, ok := f.director()
	if !ok {
		return nil
	}
	var found []Found
	for i := range f.Cluster.Services {
		for _, b := range f.Cluster.Services[i].Backends {
			way, asked := lookup(live.Path, b.Address, netip.Addr{})
			if !asked {
				continue
			}
			if seen, fixes := judge(b, way); seen != "" {
				found = append(found, Found{Host: d.Name, About: hosts(b.Host), Seen: seen, Fixes: fixes, Backend: b.Address})
			}
		}
	}
	return found
}

func hosts(name string) []string {
	if name == "" {
		return nil
	}
	return []string{name}
}

func noForwarding() Check {
	return Check{
		Code: "no-forwarding", Title: "the nat director does not forward packets",
		Mistake: "net.ipv4.ip_forward = 1 on a nat director: without it the answers end there",
		Hides:   []string{"forward-drop", "service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			d, live, ok := f.director()
			if !ok {
				return nil
			}
			var found []Found
			for srv := range f.servers(plans.ForwardNAT) {
				switch {
				case srv.backend.Address.Is6() && !live.Path.ForwardsIPv6:
					found = append(found, Found{Host: d.Name, Seen: "net.ipv6.conf.all.forwarding is 0", Fixes: f.byApply()})
				case srv.backend.Address.Is4() && !live.Path.ForwardsIPv4:
					found = append(found, Found{Host: d.Name, Seen: "net.ipv4.ip_forward is 0", Fixes: f.byApply()})
				}
			}
			return found
		},
	}
}

// answers judges the way that a nat real server's answers take.
func (f *Facts) answers(judge func(srv server, director Host, client netip.Addr, known bool, way wire.Lookup) *Found) []Found {
	_, director, ok := f.director()
	if !ok {
		return nil
	}
	var found []Found
	for srv := range f.servers(plans.ForwardNAT) {
		if !srv.service.Address.IsValid() {
			continue
		}
		client, known := f.client(srv.service)
		way, asked := lookup(srv.live.Path, client, srv.backend.Address)
		if !asked || way.Local {
			continue
		}
		if one := judge(srv, director, client, known, way); one != nil {
			if director.Path.VSConntrack {
				one.Severity = plans.Warning // another rule may give them the director's address
			}
			found = append(found, *one)
		}
	}
	return found
}

func natGateway() Check {
	return Check{
		Code: "nat-gateway", Title: "answers of a nat real server do not pass the director",
		Mistake: "the gateway of every nat real server is the DIP",
		Hides:   []string{"rp-filter", "service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			return f.answers(func(srv server, director Host, client netip.Addr, _ bool, way wire.Lookup) *Found {
				if way.Error == "" && (way.Gateway == "" || director.has(way.Gateway)) {
					return nil
				}
				_, dip, _ := near(director.Path, srv.backend.Address)
				one := Found{Host: srv.host.Name, Fixes: f.byApply()}
				one.Seen = fmt.Sprintf("its answers to %s go to %s on %s, not to the DIP", client, way.Gateway, way.Interface)
				if way.Error != "" {
					one.Seen = fmt.Sprintf("it has no way to %s", client)
				}
				if !dip.IsValid() {
					return &one
				}
				one.Seen += " " + dip.Addr().String()
				if way.Error != "" {
					one.Seen = fmt.Sprintf("it has no way to %s; the DIP is %s", client, dip.Addr())
				}
				if !plansGateway(srv.host) {
					one.Fixes = []report.Fix{on(srv.host.Name, "ip route replace default via", dip.Addr().String())}
				}
				return &one
			})
		},
	}
}

func plansGateway(h *plans.Host) bool {
	for _, i := range h.Interfaces {
		if i.Gateway.IsValid() {
			return true
		}
	}
	return false
}

func clientBeside() Check {
	return Check{
		Code: "client-beside", Title: "a client is in the real servers' network",
		Mistake: "under nat no client is in the real servers' network: the answer goes there directly, from an address that was never asked",
		Hides:   []string{"rp-filter", "forward-drop", "vip-macs", "service-silent"},
		Find: func(f *Facts) []Found {
			return f.answers(func(srv server, director Host, client netip.Addr, known bool, way wire.Lookup) *Found {
				if !known || way.Error != "" || way.Gateway != "" || director.has(client.String()) {
					return nil
				}
				return &Found{
					Host: f.Client.Name, About: []string{srv.host.Name},
					Seen:  fmt.Sprintf("it asks as %s, which %s answers directly on %s", client, srv.host.Name, way.Interface),
					Fixes: []report.Fix{advice(f.Client.Name, "move the client to another network, or use dr; there, answers may go directly")},
				}
			})
		},
	}
}

// drGateway: a host drops what comes from outside with an address of its own
// (ip_route_input_slow in net/ipv4/route.c), and the director has the VIP.
func drGateway() Check {
	return Check{
		Code: "dr-gateway", Title: "answers of a dr real server go through the director",
		Mistake: "under dr the gateway of a real server is the router, not the director, which drops packets from its own VIP",
		Find: func(f *Facts) []Found {
			_, director, ok := f.director()
			if !ok {
				return nil
			}
			var found []Found
			for srv := range f.servers(plans.ForwardDR, plans.ForwardTUN) {
				way, asked := lookup(srv.live.Path, far(), netip.Addr{})
				if !asked || way.Error != "" || way.Gateway == "" || !director.has(way.Gateway) {
					continue
				}
				found = append(found, Found{
					Host: srv.host.Name, Severity: plans.Warning,
					Seen:  fmt.Sprintf("its gateway %s is the director, so clients behind a router get no answer", way.Gateway),
					Fixes: []report.Fix{advice(srv.host.Name, "make the router that clients come through its gateway")},
				})
			}
			return found
		},
	}
}
