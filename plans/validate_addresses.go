package plans

import (
	"fmt"
	"net/netip"
)

// checkAddresses looks at each address by itself and at addresses that occur
// twice.
func (v *validator) checkAddresses() {
	type place struct {
		host  *Host
		iface *Interface
	}
	seen := map[netip.Addr]place{}
	for i := range v.cluster.Hosts {
		h := &v.cluster.Hosts[i]
		for j := range h.Interfaces {
			iface := &h.Interfaces[j]
			if !iface.Address.IsValid() {
				continue
			}
			v.checkHostAddress(iface)
			v.checkGateway(h, iface)
			a := iface.Address.Addr()
			if before, twice := seen[a]; twice && before.host != h {
				v.errorAt(iface.Source.At("address"), fmt.Sprintf("Two hosts have the address %s", a), fmt.Sprintf(
					"%s %q has it too, on %s (%s). Each host needs an address of its own.",
					before.host.Role, before.host.Name, before.iface.Name, before.iface.Source.At("address")))
			} else if !twice {
				seen[a] = place{h, iface}
			}
		}
	}
}

func (v *validator) checkHostAddress(i *Interface) {
	if why := notAHost(i.Address.Addr(), i.Address); why != "" {
		first, last := hostsOf(i.Address)
		v.errorAt(i.Source.At("address"), fmt.Sprintf("%s is %s", i.Address, why),
			fmt.Sprintf("Take an address of a host: %s to %s.", first, last))
	}
}

func (v *validator) checkGateway(h *Host, i *Interface) {
	g := i.Gateway
	if !g.IsValid() {
		return
	}
	at := i.Source.At("gateway")
	switch {
	case !i.Address.Masked().Contains(g):
		v.errorAt(at, fmt.Sprintf("Gateway %s is outside the network of %s", g, i.Name), fmt.Sprintf(
			"%s is in %s, so it cannot reach %s. Take a gateway in %s.", i.Address, i.Address.Masked(), g, i.Address.Masked()))
	case h.declares(g):
		v.errorAt(at, fmt.Sprintf("%s is its own gateway", h.Name),
			fmt.Sprintf("%s is an address of %s itself. Write the router's address.", g, h.Name))
	case notAHost(g, i.Address) != "":
		v.errorAt(at, fmt.Sprintf("Gateway %s is %s", g, notAHost(g, i.Address)), "Write the router's address.")
	}
}

// notAHost says what an address is in a network if not one that a host can
// have; empty if it can.
func notAHost(a netip.Addr, network netip.Prefix) string {
	switch {
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
