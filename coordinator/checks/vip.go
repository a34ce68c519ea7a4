package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

func vipMissing() Check {
	return Check{
		Code: "vip-missing", Title: "a host that needs the VIP does not have it",
		Mistake: "the director and, under dr and tun, every real server have the VIP (ip addr add dev lo VIP/32), also after a reboot",
		Hides:   []string{"listens-elsewhere", "vip-macs", "service-silent"},
		Find: func(f *Facts) []Found {
			var found []Found
			miss := func(host string, vip netip.Addr) {
				found = append(found, Found{Host: host, Seen: fmt.Sprintf("no interface has %s", vip), Fixes: f.byApply()})
			}
			if d, live, ok := f.director(); ok {
				for s := range f.services() {
					if s.KeepVIP && !live.has(s.Address.String()) {
						miss(d.Name, s.Address)
					}
				}
			}
			for srv := range f.servers(plans.ForwardDR, plans.ForwardTUN) {
				if vip := srv.service.Address; vip.IsValid() && !srv.live.has(vip.String()) {
					miss(srv.host.Name, vip)
				}
			}
			return found
		},
	}
}

func vipElsewhere() Check {
	return Check{
		Code: "vip-elsewhere", Title: "a machine that should not have the VIP answers for it",
		Mistake: "only the director answers for the VIP: whoever else does takes clients from it",
		Hides:   []string{"vip-macs", "service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			d, _, ok := f.director()
			if !ok {
				return nil
			}
			owners := f.owners()
			var found []Found
			for _, a := range f.ARP {
				if !f.isVIP(a.Address) || !f.keeps(a.Address) {
					continue
				}
				for _, mac := range a.MACs {
					other := owners[mac]
					if other == d.Name || f.Client != nil && slices.Contains(macsOf(f.Client.Path), mac) || f.hushes(other, a.Address) {
						continue
					}
					found = append(found, Found{
						Host: d.Name, Fixes: f.takeAway(other, mac, a.Address),
						Seen: fmt.Sprintf("its VIP %s is also answered for by %s", a.Address, machine(other, mac)),
					})
				}
			}
			return found
		},
	}
}

// keeps reports whether lvsup keeps the VIP: one that others keep may be on
// another director.
func (f *Facts) keeps(vip netip.Addr) bool {
	for s := range f.services() {
		if s.Address == vip && s.KeepVIP {
			return true
		}
	}
	return false
}

// hushes reports whether the plan has the host keep the VIP without answering
// for it.
func (f *Facts) hushes(host string, vip netip.Addr) bool {
	for s := range f.services() {
		if s.Address == vip && slices.ContainsFunc(s.Backends, func(b plans.Backend) bool {
			return b.Host != "" && b.Host == host && b.Forwarding != plans.ForwardNAT
		}) {
			return true
		}
	}
	return false
}

// noisy is a link on which a real server may speak of the VIP: the one that has
// its RIP.
func noisy(srv server) (vip, rip wire.PathLink, ok bool) {
	if !srv.service.Address.Is4() {
		return vip, rip, false // IPv6 has no ARP: a host answers on the link that has the address
	}
	vip, _, hasVIP := holder(srv.live.Path, srv.service.Address)
	rip, _, hasRIP := holder(srv.live.Path, srv.backend.Address)
	return vip, rip, hasVIP && hasRIP && rip.MAC != ""
}

func vipOnWire() Check {
	return Check{
		Code: "vip-on-wire", Title: "a real server has the VIP on its network card",
		Mistake: "real servers have the VIP on lo: with arp_ignore=1 a host still answers for what is on the card that is asked",
		Hides:   []string{"arp-ignore", "arp-announce", "vip-macs", "service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			var found []Found
			for srv := range f.servers(plans.ForwardDR, plans.ForwardTUN) {
				for _, l := range srv.live.Path.Links {
					i := slices.IndexFunc(prefixes(l), func(p netip.Prefix) bool { return p.Addr() == srv.service.Address })
					if i < 0 || l.MAC == "" || onLoopback(l) {
						continue
					}
					has := prefixes(l)[i]
					found = append(found, Found{
						Host: srv.host.Name, Seen: fmt.Sprintf("%s is on %s", has, l.Name),
						Fixes: []report.Fix{on(srv.host.Name, "ip addr del", has.String(), "dev", l.Name), {Command: f.Apply}},
					})
				}
			}
			return found
		},
	}
}

// arpIgnore: 0 and 3 let a host answer for an address on lo
// (Documentation/networking/ip-sysctl.rst).
func arpIgnore() Check {
	return Check{
		Code: "arp-ignore", Title: "a real server answers ARP for the VIP",
		Mistake: "net.ipv4.conf.all.arp_ignore = 1 on every dr and tun real server, before it gets the VIP",
		Hides:   []string{"arp-announce", "vip-macs", "service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			var found []Found
			for srv := range f.servers(plans.ForwardDR, plans.ForwardTUN) {
				vip, rip, ok := noisy(srv)
				if !ok || !onLoopback(vip) || rip.ARPIgnore != 0 && rip.ARPIgnore != 3 {
					continue
				}
				seen := fmt.Sprintf("arp_ignore of %s is %d while %s has the VIP %s", rip.Name, rip.ARPIgnore, vip.Name, srv.service.Address)
				if f.answered(srv.service.Address, rip.MAC) {
					seen += ", and " + rip.MAC + " answers for it"
				}
				found = append(found, Found{Host: srv.host.Name, Seen: seen, Fixes: f.byApply()})
			}
			return found
		},
	}
}

// answered reports whether that MAC answered anybody for the address.
func (f *Facts) answered(a netip.Addr, mac string) bool {
	return slices.ContainsFunc(f.ARP, func(x ARP) bool { return x.Address == a && slices.Contains(x.MACs, mac) })
}

func arpAnnounce() Check {
	return Check{
		Code: "arp-announce", Title: "a real server tells its neighbours that it has the VIP",
		Mistake: "net.ipv4.conf.all.arp_announce = 2 on every dr and tun real server: with less its own ARP requests carry the VIP, and neighbours remember its MAC for it",
		Hides:   []string{"vip-macs", "service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			var found []Found
			for srv := range f.servers(plans.ForwardDR, plans.ForwardTUN) {
				if vip, rip, ok := noisy(srv); ok && onLoopback(vip) && rip.ARPAnnounce < 2 {
					found = append(found, Found{
						Host: srv.host.Name, Fixes: f.byApply(),
						Seen: fmt.Sprintf("arp_announce of %s is %d while %s has the VIP %s", rip.Name, rip.ARPAnnounce, vip.Name, srv.service.Address),
					})
				}
			}
			return found
		},
	}
}

// vipMACs is what a client sees of all that: not one MAC, the director's.
func vipMACs() Check {
	return Check{
		Code: "vip-macs", Title: "not exactly one MAC answers for the VIP",
		Mistake: "one MAC answers for the VIP, the director's",
		Hides:   []string{"service-silent"},
		Find: func(f *Facts) []Found {
			d, live, ok := f.director()
			if !ok || f.Client == nil {
				return nil
			}
			var found []Found
			for s := range f.services() {
				answer, ok := f.asked(f.Client.Name, s.Address)
				if !ok || !s.KeepVIP {
					continue
				}
				own := macsOf(live.Path)
				mine := slices.DeleteFunc(slices.Clone(answer.MACs), func(m string) bool { return !slices.Contains(own, m) })
				if len(mine) > 0 && len(mine) == len(answer.MACs) {
					continue // a director with two cards on one wire may answer by both
				}
				seen := fmt.Sprintf("%s is told %s for %s", f.Client.Name, strings.Join(answer.MACs, ", "), s.Address)
				if len(answer.MACs) == 0 {
					seen = fmt.Sprintf("nobody answers %s for %s", f.Client.Name, s.Address)
				}
				found = append(found, Found{
					Host: d.Name, About: append(backendHosts(s), f.Client.Name), Seen: seen,
					Fixes: []report.Fix{advice("", "look at `lvsup plan`; is the client on the director's wire, and the director's interface the one that the plan names?")},
				})
			}
			return found
		},
	}
}
