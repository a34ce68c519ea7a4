package checks

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
)

func linkDown() Check {
	return Check{
		Code: "link-down", Title: "an interface of the plan is down",
		Mistake: "ONBOOT=yes and a cable: an interface that is down carries nothing",
		Hides:   []string{"*"},
		Find: func(f *Facts) []Found {
			var found []Found
			for _, h := range f.Cluster.Hosts {
				path := f.Hosts[h.Name].Path
				for _, i := range h.Interfaces {
					switch l, ok := linkOf(path, i.Name); {
					case len(path.Links) == 0 || ok && l.Up && l.Carrier:
					case !ok && i.Made():
						found = append(found, Found{Host: h.Name, Seen: "it has no interface " + i.Name, Fixes: f.byApply()})
					case !ok:
						found = append(found, Found{Host: h.Name, Seen: "it has no interface " + i.Name, Fixes: []report.Fix{advice(h.Name, "give the machine that interface, or write its name as `ip link` shows it")}})
					case !l.Up:
						found = append(found, Found{Host: h.Name, Seen: i.Name + " is down", Fixes: f.byApply()})
					default:
						found = append(found, Found{Host: h.Name, Seen: i.Name + " has no carrier", Fixes: []report.Fix{advice(h.Name, "plug in the cable of "+i.Name)}})
					}
				}
			}
			return found
		},
	}
}

// vipPrefix finds a VIP on lo with the prefix of its network. The kernel takes
// every address of a loopback's network for its own (fib_add_ifaddr in
// net/ipv4/fib_frontend.c).
func vipPrefix() Check {
	return Check{
		Code: "vip-prefix", Title: "the VIP on lo has its network's prefix length",
		Mistake: "on lo the VIP has /32: with a shorter prefix the host takes the whole network for itself",
		Hides:   []string{"*"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			var found []Found
			for s := range f.services() {
				for _, name := range slices.Sorted(maps.Keys(f.Hosts)) {
					l, has, ok := holder(f.Hosts[name].Path, s.Address)
					if !ok || !onLoopback(l) || has.IsSingleIP() {
						continue
					}
					whole := netip.PrefixFrom(s.Address, s.Address.BitLen()).String()
					found = append(found, Found{
						Host: name,
						Seen: fmt.Sprintf("%s is on %s: all of %s is the host itself", has, l.Name, has.Masked()),
						Fixes: []report.Fix{
							on(name, "ip addr replace", whole, "dev", l.Name),
							on(name, "ip addr del", has.String(), "dev", l.Name),
						},
					})
				}
			}
			return found
		},
	}
}

func addressMissing() Check {
	return Check{
		Code: "address-missing", Title: "a host does not have an address of the plan",
		Mistake: "the static addresses are what the other hosts send to",
		Hides:   []string{"*"},
		Find: func(f *Facts) []Found {
			var found []Found
			for _, h := range f.Cluster.Hosts {
				for _, i := range h.Interfaces {
					l, ok := linkOf(f.Hosts[h.Name].Path, i.Name)
					if ok && !slices.Contains(l.Addresses, i.Address.String()) {
						found = append(found, Found{
							Host: h.Name, Fixes: f.byApply(),
							Seen: fmt.Sprintf("%s has %s, not %s", i.Name, listed(l.Addresses), i.Address),
						})
					}
				}
			}
			return found
		},
	}
}

func listed(all []string) string {
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, ", ")
}

// duplicateAddress looks at who answered for an address that is no VIP beside
// its owner.
func duplicateAddress() Check {
	return Check{
		Code: "duplicate-address", Title: "two machines have one address",
		Mistake: "each host has an address of its own: what is sent to two reaches now one, now the other",
		Hides:   []string{"backend-silent", "service-silent"},
		Before:  Hold,
		Find: func(f *Facts) []Found {
			owners := f.owners()
			var found []Found
			for _, a := range f.ARP {
				owner := f.planned(a.Address)
				if owner == "" || f.isVIP(a.Address) {
					continue
				}
				for _, mac := range a.MACs {
					other := owners[mac]
					if other == owner {
						continue
					}
					found = append(found, Found{
						Host: owner, Fixes: f.takeAway(other, mac, a.Address),
						Seen: fmt.Sprintf("its address %s is also answered for by %s", a.Address, machine(other, mac)),
					})
				}
			}
			return found
		},
	}
}

// planned is the host whose interface has the address in the plan.
func (f *Facts) planned(a netip.Addr) string {
	for _, h := range f.Cluster.Hosts {
		for _, i := range h.Interfaces {
			if i.Address.Addr() == a {
				return h.Name
			}
		}
	}
	return ""
}

func (f *Facts) isVIP(a netip.Addr) bool {
	for s := range f.services() {
		if s.Address == a {
			return true
		}
	}
	return false
}

func machine(name, mac string) string {
	if name == "" {
		return "a machine outside the plan (" + mac + ")"
	}
	return name + " (" + mac + ")"
}

// takeAway is how a host gets rid of an address that another should have.
func (f *Facts) takeAway(name, mac string, a netip.Addr) []report.Fix {
	if l, has, ok := holder(f.Hosts[name].Path, a); ok {
		return []report.Fix{on(name, "ip addr del", has.String(), "dev", l.Name)}
	}
	return []report.Fix{advice(name, fmt.Sprintf("find the machine with the MAC address %s and take %s from it", mac, a))}
}

// wrongWire finds a real server on whose link nobody but itself sees it.
func wrongWire() Check {
	return Check{
		Code: "wrong-wire", Title: "a real server is not on the director's wire",
		Mistake: "director and real servers are plugged into one network (VMnet, VLAN, switch)",
		Hides:   []string{"*"},
		Find: func(f *Facts) []Found {
			d, dLive, ok := f.director()
			if !ok {
				return nil
			}
			var found []Found
			for srv := range f.servers() {
				way, asked := lookup(dLive.Path, srv.backend.Address, netip.Addr{})
				l, _, has := holder(srv.live.Path, srv.backend.Address)
				if !asked || way.Error != "" || way.Gateway != "" || way.Local || !has || !l.Up {
					continue
				}
				if answer, ok := f.asked(d.Name, srv.backend.Address); ok && len(answer.MACs) == 0 {
					found = append(found, Found{
						Host: srv.host.Name, About: []string{d.Name},
						Seen: fmt.Sprintf("%s is on its %s (%s, up), but nobody answers %s's ARP for it on %s", srv.backend.Address, l.Name, l.MAC, d.Name, way.Interface),
						Fixes: []report.Fix{advice(srv.host.Name, fmt.Sprintf(
							"plug %s (%s) into the network that %s of %s is in", l.Name, l.MAC, way.Interface, d.Name))},
					})
				}
			}
			return found
		},
	}
}

// asked is who answered that host for an address.
func (f *Facts) asked(host string, a netip.Addr) (ARP, bool) {
	i := slices.IndexFunc(f.ARP, func(x ARP) bool { return x.Host == host && x.Address == a })
	if i < 0 {
		return ARP{}, false
	}
	return f.ARP[i], true
}

// macsOf are the MAC addresses of a path's links.
func macsOf(p wire.Path) []string {
	var all []string
	for _, l := range p.Links {
		if l.MAC != "" {
			all = append(all, l.MAC)
		}
	}
	return all
}
