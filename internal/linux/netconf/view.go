package netconf

import (
	"net/netip"
	"slices"
)

// view is what the files of a stack say of one interface, in one form for all
// stacks that list addresses.
type view struct {
	dhcp    map[bool]bool // by family, true is IPv6
	addrs   []netip.Prefix
	gateway map[bool]netip.Addr
	dns     []netip.Addr
	routes  []Route // without default routes
	mtu     int
}

func newView() view {
	return view{dhcp: map[bool]bool{}, gateway: map[bool]netip.Addr{}}
}

// gives reports whether the interface comes up just as wanted. What the settings
// say nothing of is free: the other family, further routes.
func (v view) gives(s Settings) bool {
	for _, ipv6 := range []bool{false, true} {
		gateway, routes := s.split(ipv6)
		if s.static(ipv6) && (v.dhcp[ipv6] || !sameSet(v.addrs, s.of(ipv6), ipv6) || v.gateway[ipv6] != gateway) {
			return false
		}
		for _, r := range routes {
			if !slices.Contains(v.routes, r) {
				return false
			}
		}
	}
	return (s.MTU == 0 || v.mtu == s.MTU) && len(v.dns) >= len(s.DNS) && slices.Equal(v.dns[:len(s.DNS)], s.DNS)
}

// static reports whether the settings list addresses of a family; what a file
// has of the other is left alone.
func (s Settings) static(ipv6 bool) bool { return len(s.of(ipv6)) > 0 }

// sameSet compares the addresses of a family in any order.
func sameSet(have, want []netip.Prefix, ipv6 bool) bool {
	n := 0
	for _, p := range have {
		if p.Addr().Is6() != ipv6 {
			continue
		}
		if n++; !slices.Contains(want, p) {
			return false
		}
	}
	return n == len(want)
}

// replaces reports whether a route of a file gives way to the settings': the
// default route of a family with addresses, and what goes where one of theirs
// goes.
func (s Settings) replaces(to netip.Prefix) bool {
	if to.Bits() == 0 {
		return s.static(to.Addr().Is6())
	}
	return slices.ContainsFunc(s.Routes, func(r Route) bool { return r.To == to })
}

// parseAddress reads an address with or without a prefix length.
func parseAddress(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p, true
	}
	a, err := netip.ParseAddr(text)
	return netip.PrefixFrom(a, a.BitLen()), err == nil
}

// parseDestination reads where a route goes to, "default" included.
func parseDestination(text string, ipv6 bool) (netip.Prefix, bool) {
	switch text {
	case "", "default":
		if ipv6 {
			return netip.PrefixFrom(netip.IPv6Unspecified(), 0), true
		}
		return netip.PrefixFrom(netip.IPv4Unspecified(), 0), true
	}
	p, ok := parseAddress(text)
	return p.Masked(), ok
}
