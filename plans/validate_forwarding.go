package plans

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// checkForwarding looks at whether packets can travel the way that the
// forwarding needs.
func (v *validator) checkForwarding(s *VirtualService) {
	directors := v.cluster.Directors()
	if len(directors) == 0 || len(directors[0].Interfaces) == 0 || !s.Address.IsValid() && s.FWMark == 0 {
		return
	}
	for i := range s.Backends {
		b := &s.Backends[i]
		h, there := v.cluster.Host(b.Host)
		if !there || h.Role != RoleRealServer || !b.Address.IsValid() || b.Address.Is6() != s.Is6() {
			continue
		}
		switch b.Forwarding {
		case ForwardNAT:
			v.checkNAT(s, b, h)
		case ForwardDR:
			v.checkDR(b, h)
		}
	}
}

// onLink returns the directors' addresses in whose network an address is, one an
// interface.
func (v *validator) onLink(a netip.Addr) []netip.Prefix {
	var near []netip.Prefix
	for _, d := range v.cluster.Directors() {
		for i := range d.Interfaces {
			if p := d.Interfaces[i].with(a); p.IsValid() {
				near = append(near, p)
			}
		}
	}
	return near
}

// checkNAT holds the rules of NAT: both directions pass the director. So the
// VIP, where the clients are, and the DIP, where the real servers are, are in
// different networks, and the real servers' gateway is the DIP.
func (v *validator) checkNAT(s *VirtualService, b *Backend, h *Host) {
	near := v.onLink(b.Address)
	if len(near) == 0 {
		if v.directorsAreWhole() {
			v.errorAt(ripSource(h, b).At("address"), fmt.Sprintf("The director has no interface in the network of %s", b.Address), fmt.Sprintf(
				"With NAT, answers of %q must return through the director, so the director needs an address (DIP) in its network. Its interfaces have %s.",
				h.Name, addressesOf(v.cluster.Directors()[0])))
		}
		return
	}
	var dips []netip.Addr
	for _, p := range near {
		dips = append(dips, p.Addr())
	}
	if rip := interfaceWith(h, b.Address); near[0].Masked().Contains(s.Address) || rip != nil && rip.with(b.Address).Masked().Contains(s.Address) {
		v.errorAt(s.Source.At("address"), "VIP and DIP are in one network", fmt.Sprintf(
			"The VIP %s and the DIP %s are both in %s. With NAT a client there would get its answer past the director, from an address it never asked. "+
				"Put the VIP, and the clients, in another network than the real servers.",
			s.Address, dips[0], near[0].Masked()))
	}
	// With one interface there is no telling what the DIP is to be.
	if d := v.cluster.Directors()[0]; len(d.Interfaces) > 1 {
		v.checkReturn(h, b, dips)
	}
}

// checkReturn holds that a NAT real server's default gateway is a DIP.
func (v *validator) checkReturn(h *Host, b *Backend, dips []netip.Addr) {
	found := false
	for i := range h.Interfaces {
		iface := &h.Interfaces[i]
		gateway := iface.gatewayOf(b.Address.Is6())
		if !gateway.IsValid() {
			continue
		}
		found = true
		if !slices.Contains(dips, gateway) {
			v.errorAt(iface.Source.At(gatewayWord(iface, b.Address)), fmt.Sprintf("The gateway of %q is not the DIP", h.Name), fmt.Sprintf(
				"With NAT, answers must return through the director, and %s leads past it: clients would wait in vain. Write:\n  %s = \"%s\"", gateway, gatewayWord(iface, b.Address), dips[0]))
		}
	}
	rip := interfaceWith(h, b.Address)
	if found || rip == nil {
		return
	}
	word := gatewayWord(rip, b.Address)
	if _, wrote := rip.Source[word]; !wrote {
		v.errorAt(rip.Source.At(""), fmt.Sprintf("%q has no gateway", h.Name), fmt.Sprintf(
			"With NAT, answers must return through the director. Add to this interface:\n  %s = \"%s\"", word, dips[0]))
	}
}

// gatewayWord is the attribute that says an interface's gateway for the family of
// an address.
func gatewayWord(i *Interface, a netip.Addr) string {
	if a.Is6() && i.Address.Addr().Is4() {
		return "gateway6"
	}
	return "gateway"
}

// checkDR holds that director and real server share a network: the director
// changes nothing but the MAC address.
func (v *validator) checkDR(b *Backend, h *Host) {
	if len(v.onLink(b.Address)) == 0 && v.directorsAreWhole() {
		v.errorAt(ripSource(h, b).At("address"), fmt.Sprintf("%q is in another network than the director", h.Name), fmt.Sprintf(
			"With direct routing (dr) the director reaches %s by its MAC address only, so both need an interface in one network. "+
				"The director has %s. Move one of them, or use \"nat\" or \"tun\".", b.Address, addressesOf(v.cluster.Directors()[0])))
	}
	if rip := interfaceWith(h, b.Address); rip != nil {
		own := rip.with(b.Address)
		for _, near := range v.onLink(b.Address) {
			if near.Masked() != own.Masked() {
				v.errorAt(rip.Source.At("address"), fmt.Sprintf("%q and the director disagree about their network", h.Name), fmt.Sprintf(
					"%s has %s and the director has %s. Write the same prefix length on both.", h.Name, own, near))
			}
		}
	}
}

// directorsAreWhole reports whether every address of the directors is known.
func (v *validator) directorsAreWhole() bool {
	for _, d := range v.cluster.Directors() {
		for _, i := range d.Interfaces {
			if !i.Address.IsValid() {
				return false
			}
		}
	}
	return true
}

// ripSource is where the plan says what a backend's address is: in the backend,
// or at the host's interface.
func ripSource(h *Host, b *Backend) Source {
	if i := interfaceWith(h, b.Address); i != nil {
		return i.Source
	}
	return b.Source
}

func interfaceWith(h *Host, a netip.Addr) *Interface {
	for i := range h.Interfaces {
		if h.Interfaces[i].Has(a) {
			return &h.Interfaces[i]
		}
	}
	return nil
}

func addressesOf(h *Host) string {
	var all []string
	for _, i := range h.Interfaces {
		for _, p := range i.All() {
			all = append(all, p.String())
		}
	}
	return strings.Join(all, ", ")
}
