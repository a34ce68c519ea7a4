package plans

import (
	"fmt"
	"net/netip"
	"strconv"
)

// checkAddresses looks at each address by itself and at addresses that occur
// twice.
func (v *validator) checkAddresses() {
	type place struct {
		host  *Host
		iface *Interface
		at    Range
	}
	seen := map[netip.Addr]place{}
	for i := range v.cluster.Hosts {
		h := &v.cluster.Hosts[i]
		for j := range h.Interfaces {
			iface := &h.Interfaces[j]
			v.checkGateways(h, iface)
			for _, p := range iface.placed() {
				v.checkHostAddress(p)
				before, twice := seen[p.Addr()]
				switch {
				case !twice:
					seen[p.Addr()] = place{h, iface, p.at}
				case before.iface == iface:
					v.errorAt(p.at, fmt.Sprintf("%s has %s twice", iface.Name, p.Addr()), fmt.Sprintf(
						"It stands at %s already. Leave it out here, or correct it.", before.at))
				case before.host != h:
					v.errorAt(p.at, fmt.Sprintf("Two hosts have the address %s", p.Addr()), fmt.Sprintf(
						"%s %q has it too, on %s (%s). Each host needs an address of its own.",
						before.host.Role, before.host.Name, before.iface.Name, before.at))
				}
			}
		}
	}
}

// placed is an address of an interface with its place in the plan.
type placed struct {
	netip.Prefix
	at Range
}

// placed lists what All does.
func (i *Interface) placed() []placed {
	var all []placed
	if i.Address.IsValid() {
		all = append(all, placed{i.Address, i.Source.At("address")})
	}
	for n, p := range i.Addresses {
		if p.IsValid() {
			all = append(all, placed{p, element(i.Source, "addresses", strconv.Itoa(n))})
		}
	}
	return all
}

func (v *validator) checkHostAddress(p placed) {
	if why := notAHost(p.Addr(), p.Prefix); why != "" {
		first, last := hostsOf(p.Prefix)
		v.errorAt(p.at, fmt.Sprintf("%s is %s", p.Prefix, why),
			fmt.Sprintf("Take an address of a host: %s to %s.", first, last))
	}
}

// checkGateways looks at the default gateways of an interface. That of Address's
// family must be in Address's own network: what network-scripts looks at.
func (v *validator) checkGateways(h *Host, i *Interface) {
	if !i.Address.IsValid() {
		return
	}
	if g, at := i.Gateway, i.Source.At("gateway"); g.IsValid() {
		switch {
		case g.Is6() && i.Address.Addr().Is4() && i.with(g).IsValid():
			v.errorAt(at, fmt.Sprintf("Gateway %s is for IPv6", g), fmt.Sprintf("Beside the IPv4 address %s it has a word of its own:\n  gateway6 = %q", i.Address, g))
		case !i.Address.Masked().Contains(g) && !(linkLocal(g) && i.Address.Addr().Is6()):
			v.errorAt(at, fmt.Sprintf("Gateway %s is outside the network of %s", g, i.Name), fmt.Sprintf(
				"%s is in %s, so it cannot reach %s. Take a gateway in %s.", i.Address, i.Address.Masked(), g, i.Address.Masked()))
		default:
			v.checkRouter(h, i.Address, g, at)
		}
	}
	if g, at := i.Gateway6, i.Source.At("gateway6"); g.IsValid() {
		switch {
		case g.Is4():
			v.errorAt(at, fmt.Sprintf("%s is an IPv4 address", g), fmt.Sprintf("gateway6 is for IPv6. Write:\n  gateway = %q", g))
		case i.Address.Addr().Is6():
			v.errorAt(at, "gateway6 beside an IPv6 address", fmt.Sprintf("%s is the address of the interface, so its gateway has the usual word:\n  gateway = %q", i.Address, g))
		case !linkLocal(g) && !i.with(g).IsValid():
			v.errorAt(at, fmt.Sprintf("Gateway %s is outside the networks of %s", g, i.Name), fmt.Sprintf(
				"The interface needs an address in its network, for example:\n  addresses = [\"%s/64\"]", netip.PrefixFrom(g, 64).Masked().Addr().Next().Next()))
		default:
			v.checkRouter(h, i.with(g), g, at)
		}
	}
}

// checkRouter looks at a router's address in the network of one of ours.
func (v *validator) checkRouter(h *Host, own netip.Prefix, g netip.Addr, at Range) {
	switch {
	case h.declares(g):
		v.errorAt(at, fmt.Sprintf("%s is its own gateway", h.Name),
			fmt.Sprintf("%s is an address of %s itself. Write the router's address.", g, h.Name))
	case notAHost(g, own) != "":
		v.errorAt(at, fmt.Sprintf("Gateway %s is %s", g, notAHost(g, own)), "Write the router's address.")
	}
}

// linkLocal tells the addresses that every link has of its own.
func linkLocal(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }

// notAHost says what an address is in a network if not one that a host can
// have; empty if it can.
func notAHost(a netip.Addr, network netip.Prefix) string {
	switch {
	case a.Is4In6():
		return "an IPv4 address in IPv6 form"
	case a.IsUnspecified():
		return "the unspecified address"
	case a.IsLoopback():
		return "a loopback address"
	case a.IsMulticast():
		return "a multicast address"
	case a == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "the broadcast address"
	}
	// Networks of one or two addresses (RFC 3021) have none to spare, and IPv6
	// has no broadcast.
	if !a.Is4() || network.Bits() >= 31 || !network.Contains(a) {
		return ""
	}
	if a == network.Masked().Addr() {
		return "the address of the network itself"
	}
	if a == broadcast(network) {
		return "the broadcast address of " + network.Masked().String()
	}
	return ""
}

// broadcast is the last address of an IPv4 network.
func broadcast(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	for bit := p.Bits(); bit < 32; bit++ {
		b[bit/8] |= 1 << (7 - bit%8)
	}
	return netip.AddrFrom4(b)
}

// hostsOf gives the first and the last address for hosts, of the network an
// example is taken from where the address has none worth naming.
func hostsOf(p netip.Prefix) (first, last netip.Addr) {
	if !p.Addr().Is4() || p.Bits() >= 31 || p.Bits() < 8 || notAHost(p.Masked().Addr().Next(), p) != "" {
		p = netip.MustParsePrefix("192.168.140.0/24")
	}
	return p.Masked().Addr().Next(), broadcast(p).Prev()
}
