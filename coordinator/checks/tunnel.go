package checks

import (
	"fmt"
	"net/netip"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// unwraps is the device that a tunnel's packets come out of, as kind tunnel makes
// it.
func unwraps(srv server) string {
	outer6, inner6 := srv.backend.Address.Is6(), srv.service.Is6()
	switch {
	case srv.backend.Tunnel.Type == plans.TunnelGRE && outer6:
		return "ip6gre0"
	case srv.backend.Tunnel.Type == plans.TunnelGRE:
		return "gre0"
	case outer6:
		return "ip6tnl0"
	case inner6:
		return "sit0"
	}
	return "tunl0"
}

func tunnelDown() Check {
	return Check{
		Code: "tunnel-down", Title: "a tun real server does not unwrap packets",
		Mistake: "under tun every real server has the tunnel's device up (modprobe ipip, ip link set tunl0 up)",
		Hides:   []string{"rp-filter", "service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			var found []Found
			for srv := range f.servers(plans.ForwardTUN) {
				device := unwraps(srv)
				if l, ok := linkOf(srv.live.Path, device); !ok {
					found = append(found, Found{Host: srv.host.Name, Seen: "it has no " + device, Fixes: f.byApply()})
				} else if !l.Up {
					found = append(found, Found{Host: srv.host.Name, Seen: device + " is down", Fixes: f.byApply()})
				}
			}
			return found
		},
	}
}

// strict is the rp_filter that drops a packet whose sender is not reached by the
// interface that it came in on (Documentation/networking/ip-sysctl.rst).
const strict = 1

// rpFilter finds interfaces that requests come in on and that answers do not go
// out of.
func rpFilter() Check {
	return Check{
		Code: "rp-filter", Title: "the reverse path filter drops requests",
		Mistake: "rp_filter (the larger of all and the interface) is 0 or 2 where answers leave by another interface than requests come by, as out of a tunnel",
		Hides:   []string{"service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			var found []Found
			for srv := range f.servers() {
				if srv.service.Is6() || !srv.service.Address.IsValid() {
					continue // IPv6 has no rp_filter
				}
				l, ok := f.arrives(srv)
				if !ok || l.RPFilter != strict {
					continue
				}
				client, known := f.client(srv.service)
				way, asked := lookup(srv.live.Path, client, netip.Addr{})
				switch {
				case srv.backend.Forwarding == plans.ForwardTUN:
					found = append(found, Found{
						Host: srv.host.Name, Fixes: f.byApply(),
						Seen: fmt.Sprintf("rp_filter of %s is 1, and no answer leaves by it", l.Name),
					})
				case known && asked && way.Error == "" && !way.Local && way.Interface != l.Name:
					found = append(found, Found{
						Host: srv.host.Name, Fixes: loosen(srv.host.Name, l.Name),
						Seen: fmt.Sprintf("rp_filter of %s is 1, and answers to %s leave by %s", l.Name, client, way.Interface),
					})
				}
			}
			return append(found, f.directorFilter()...)
		},
	}
}

// loosen accepts senders that can be reached whichever way.
func loosen(host, link string) []report.Fix {
	return []report.Fix{on(host, "sysctl", "-w", "net.ipv4.conf."+link+".rp_filter=2")}
}

// arrives is the link of a real server that requests come in on.
func (f *Facts) arrives(srv server) (wire.PathLink, bool) {
	if srv.backend.Forwarding == plans.ForwardTUN {
		return linkOf(srv.live.Path, unwraps(srv))
	}
	l, _, ok := holder(srv.live.Path, srv.backend.Address)
	return l, ok
}

// directorFilter looks at the card by which the client, on its wire, reaches the
// director.
func (f *Facts) directorFilter() []Found {
	d, live, ok := f.director()
	if !ok || f.Client == nil {
		return nil
	}
	var found []Found
	for s := range f.services() {
		answer, asked := f.asked(f.Client.Name, s.Address)
		client, known := f.client(s)
		way, looked := lookup(live.Path, client, netip.Addr{})
		if !asked || !known || !looked || way.Local || way.Error != "" || s.Is6() || len(answer.MACs) != 1 {
			continue
		}
		for _, l := range live.Path.Links {
			if l.MAC == answer.MACs[0] && l.RPFilter == strict && way.Interface != l.Name {
				found = append(found, Found{
					Host: d.Name, Fixes: loosen(d.Name, l.Name),
					Seen: fmt.Sprintf("rp_filter of %s is 1, and its way to %s leads by %s", l.Name, client, way.Interface),
				})
			}
		}
	}
	return found
}

// tunMTU finds links that the largest packets do not fit into once they are
// wrapped. A doubt: the director tells the client to send smaller ones, which
// helps if that is let through, and many a real server's card takes more than its
// MTU says.
func tunMTU() Check {
	return Check{
		Code: "tun-mtu", Title: "wrapped packets are larger than the path takes",
		Mistake: "under tun a packet grows by its wrapping: the path takes that, or clients are told a smaller segment (MSS)",
		Before:  Note,
		Find: func(f *Facts) []Found {
			d, director, ok := f.director()
			if !ok {
				return nil
			}
			var found []Found
			for srv := range f.servers(plans.ForwardTUN) {
				l, _, has := holder(srv.live.Path, srv.backend.Address)
				way, asked := lookup(director.Path, srv.backend.Address, netip.Addr{})
				if !has || !asked || way.Error != "" || l.MTU == 0 {
					continue
				}
				inner := 40 // headers of IP and TCP
				if srv.service.Is6() {
					inner = 60
				}
				wrapping := 1500 - srv.backend.Tunnel.FitMSS(srv.backend.Address.Is6(), srv.service.Is6()) - inner
				mss := l.MTU - inner // what the real server tells clients by itself
				if said := srv.backend.Tunnel.MSS; said > 0 {
					mss = min(mss, said)
				}
				need := mss + inner + wrapping
				out := way.MTU
				if via, ok := linkOf(director.Path, way.Interface); ok && out == 0 {
					out = via.MTU
				}
				switch {
				case need > l.MTU:
					found = append(found, Found{
						Host:  srv.host.Name,
						Seen:  fmt.Sprintf("%s takes %d bytes; the largest requests come in packets of %d (%d and %d of wrapping)", l.Name, l.MTU, need, need-wrapping, wrapping),
						Fixes: widen(srv.host.Name, l, max(out, need), l.MTU-wrapping-inner),
					})
				case out > 0 && need > out:
					found = append(found, Found{
						Host: d.Name, Severity: plans.Warning, Backend: srv.backend.Address,
						Seen:  fmt.Sprintf("its way to %s takes %d bytes; the largest requests need %d, and clients must hear its ICMP to send smaller ones", srv.backend.Address, out, need),
						Fixes: []report.Fix{advice("", fmt.Sprintf("tunnel { mss = %d } in the plan's service, or a larger MTU on the way", out-wrapping-inner))},
					})
				}
			}
			return found
		},
	}
}

// widen gives the link the MTU that its peer has, or else has clients told less.
func widen(host string, l wire.PathLink, mtu, mss int) []report.Fix {
	return []report.Fix{
		on(host, "ip link set", l.Name, "mtu", fmt.Sprint(mtu)),
		advice("", fmt.Sprintf("or, if the wire takes no more, tunnel { mss = %d } in the plan's service", mss)),
	}
}
