package netconf

import (
	"fmt"
	"net/netip"
	"slices"
)

// Route is a static route of an interface.
type Route struct {
	To     netip.Prefix // destination network, masked
	Via    netip.Addr   // zero: on-link
	Metric int          // 0: the stack's default
}

// IsDefault reports whether the route matches every destination of its family.
func (r Route) IsDefault() bool { return r.To.Bits() == 0 }

// Further are the texts of a plan for what an interface has besides an address,
// a gateway and name servers.
type Further struct {
	Addresses []string    `json:"addresses,omitempty"` // with prefix length, of either family
	Gateway6  string      `json:"gateway6,omitempty"`  // the gateway for IPv6 of an interface whose Address is IPv4
	MTU       int         `json:"mtu,omitempty"`       // bytes; 0 leaves it as it is
	Routes    []RouteText `json:"routes,omitempty"`
	VLAN      *VLAN       `json:"vlan,omitempty"` // nil: the interface is a card, or made by others
	Bond      *Bond       `json:"bond,omitempty"` // likewise
}

// RouteText is a Route in the words of a plan.
type RouteText struct {
	To     string `json:"to"`               // "10.8.0.0/16"
	Via    string `json:"via,omitempty"`    // empty: on-link
	Metric int    `json:"metric,omitempty"` // 0: whatever the stack takes
}

// The sizes of a packet that an interface must be able to send in one piece
// (RFC 791, RFC 8200), and the largest that the header of an IP packet can say.
const (
	MinMTU     = 576
	MinMTUIPv6 = 1280
	MaxMTU     = 65535
)

// With adds what else the plan says of the interface, and names the field that
// is wrong.
func (s Settings) With(f Further) (Settings, error) {
	for _, text := range f.Addresses {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			return s, fmt.Errorf("%s: addresses %q: write a host address with its prefix length, as in 192.168.140.10/24", s.Name, text)
		}
		if err := checkAddress(p); err != nil {
			return s, fmt.Errorf("%s: addresses %s: %w", s.Name, text, err)
		}
		if s.Has(p.Addr()) {
			return s, fmt.Errorf("%s: addresses %s: it is there twice; leave one out", s.Name, text)
		}
		s.Others = append(slices.Clip(s.Others), p)
	}
	switch six := slices.ContainsFunc(s.All(), func(p netip.Prefix) bool { return p.Addr().Is6() }); {
	case f.MTU != 0 && (f.MTU < MinMTU || f.MTU > MaxMTU):
		return s, fmt.Errorf("%s: mtu %d: write a number of bytes from %d to %d", s.Name, f.MTU, MinMTU, MaxMTU)
	case f.MTU != 0 && f.MTU < MinMTUIPv6 && six:
		return s, fmt.Errorf("%s: mtu %d: IPv6 needs %d at least", s.Name, f.MTU, MinMTUIPv6)
	}
	s.MTU = f.MTU
	if f.VLAN != nil {
		if err := s.checkVLAN(*f.VLAN); err != nil {
			return s, fmt.Errorf("%s: vlan: %w", s.Name, err)
		}
		s.VLAN = *f.VLAN
	}
	if f.Bond != nil {
		if err := s.checkBond(*f.Bond); err != nil {
			return s, fmt.Errorf("%s: bond: %w", s.Name, err)
		}
		s.Bond = f.Bond.complete()
	}
	if f.Gateway6 != "" {
		gw, err := netip.ParseAddr(f.Gateway6)
		if err != nil || !s.reaches(gw) || !gw.Is6() || s.Address.Addr().Is6() {
			return s, fmt.Errorf("%s: gateway6 %q: write an IPv6 address in a network of the interface; where address is IPv6, it is the gateway", s.Name, f.Gateway6)
		}
		s.Routes = append(slices.Clip(s.Routes), Route{To: netip.PrefixFrom(netip.IPv6Unspecified(), 0), Via: gw})
	}
	for _, text := range f.Routes {
		r, err := s.route(text)
		if err != nil {
			return s, fmt.Errorf("%s: route to %s: %w", s.Name, text.To, err)
		}
		s.Routes = append(slices.Clip(s.Routes), r)
	}
	return s, nil
}

func (s Settings) route(text RouteText) (Route, error) {
	to, err := netip.ParsePrefix(text.To)
	if err != nil || to != to.Masked() || to.Addr().Is4In6() {
		return Route{}, fmt.Errorf("write a network with its prefix length, as in 10.8.0.0/16")
	}
	r := Route{To: to, Metric: text.Metric}
	if text.Via != "" {
		if r.Via, err = netip.ParseAddr(text.Via); err != nil || !s.reaches(r.Via) || s.Has(r.Via) || r.Via.Is6() != to.Addr().Is6() {
			return r, fmt.Errorf("via %q: write an address of a router in a network of the interface, of the same family", text.Via)
		}
	}
	switch {
	case r.IsDefault():
		return r, fmt.Errorf("that is the default route: write it as the interface's gateway")
	case r.Metric < 0 || int64(r.Metric) > 1<<32-1:
		return r, fmt.Errorf("metric %d: write a number from 1 to 4294967295", r.Metric)
	case slices.ContainsFunc(s.Routes, func(o Route) bool { return o.To == r.To && o.Metric == r.Metric }):
		return r, fmt.Errorf("it is there twice; leave one out, or give them different metrics")
	}
	return r, nil
}

// All lists the addresses of the interface, Address first.
func (s Settings) All() []netip.Prefix { return append([]netip.Prefix{s.Address}, s.Others...) }

// Has reports whether the interface is to have the address, with whatever
// prefix length.
func (s Settings) Has(a netip.Addr) bool {
	return slices.ContainsFunc(s.All(), func(p netip.Prefix) bool { return p.Addr() == a })
}

// of lists the addresses of one family.
func (s Settings) of(ipv6 bool) []netip.Prefix {
	return slices.DeleteFunc(s.All(), func(p netip.Prefix) bool { return p.Addr().Is6() != ipv6 })
}

// reaches reports whether a neighbour of the interface can have the address.
func (s Settings) reaches(a netip.Addr) bool {
	return a.Zone() == "" && (onAnyLink(a) || slices.ContainsFunc(s.All(), func(p netip.Prefix) bool { return p.Contains(a) }))
}

// onAnyLink tells the addresses that every link has of its own.
func onAnyLink(a netip.Addr) bool { return a.Is6() && a.IsLinkLocalUnicast() }

// split divides the routes of a family into the gateway of its default route,
// zero if there is none, and the others.
func (s Settings) split(ipv6 bool) (gateway netip.Addr, others []Route) {
	if s.Gateway.IsValid() && s.Gateway.Is6() == ipv6 {
		gateway = s.Gateway
	}
	for _, r := range s.Routes {
		switch {
		case r.To.Addr().Is6() != ipv6:
		case r.IsDefault():
			gateway = r.Via
		default:
			others = append(others, r)
		}
	}
	return gateway, others
}
