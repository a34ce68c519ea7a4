// Package rtnl reads and changes network interfaces, addresses and routes
// through rtnetlink (rtnetlink(7), net/core/rtnetlink.c, net/ipv4/devinet.c).
//
// Every function opens its own socket in the network namespace of the calling
// thread, so all of them may be used from several goroutines at once. A dump
// that the kernel marks as interrupted is read again: its content would mix two
// states of the table.
package rtnl

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
)

// ErrNoInterface is what errors about an interface that does not exist wrap.
var ErrNoInterface = errors.New("no such interface")

// Interface is a network interface with its addresses.
type Interface struct {
	Name     string
	Index    int
	MAC      string // "02:00:00:00:00:01"; empty where the link has none
	Up       bool   // IFF_UP: set up by the administrator, whatever the carrier
	Loopback bool
	MTU      int // bytes
	VLAN     VLAN
	Bond     Bond
	Master   string // the bond or bridge that it is a member of
	// Addresses are the interface's own addresses of both families with their
	// prefix lengths, link-local ones included, in kernel order.
	Addresses []netip.Prefix
	// Dynamic are those of Addresses that the kernel will drop when their
	// lifetime ends unless somebody renews them: leases and advertisements.
	Dynamic []netip.Prefix
	// Valid is how long each of Dynamic stays unless it is renewed, in whole
	// seconds and in the same order.
	Valid []time.Duration
}

// Has reports whether the interface carries the address with that prefix
// length.
func (i Interface) Has(p netip.Prefix) bool { return contains(i.Addresses, p) }

// ValidFor gives the rest of the lifetime of an address, 0 if it has none or it
// is not known.
func (i Interface) ValidFor(p netip.Prefix) time.Duration {
	if n := slices.Index(i.Dynamic, p); n >= 0 && n < len(i.Valid) {
		return i.Valid[n]
	}
	return 0
}

// IsDynamic reports whether that address of the interface has a lifetime.
func (i Interface) IsDynamic(p netip.Prefix) bool { return contains(i.Dynamic, p) }

func contains(all []netip.Prefix, p netip.Prefix) bool {
	for _, q := range all {
		if q == p {
			return true
		}
	}
	return false
}

// Route is a unicast route.
type Route struct {
	Destination netip.Prefix // masked; 0.0.0.0/0 or ::/0 is the default route
	Gateway     netip.Addr   // zero: on-link
	Source      netip.Addr   // preferred source address; zero: the kernel chooses
	Interface   string
	Proto       string // who made it, as ip-route(8) prints it: "kernel", "boot", "static", "dhcp", "ra", or a number
	Metric      int    // lower wins
}

// Same reports whether two routes do the same, whoever made them.
func (r Route) Same(o Route) bool {
	r.Proto = o.Proto
	return r == o
}

// String gives "the route to 10.8.0.0/16 via 192.168.140.2 dev ens33", and so of
// one without a gateway or to everywhere.
func (r Route) String() string {
	text := "the route to " + r.Destination.String()
	if r.IsDefault() {
		text = "the default route"
	}
	if r.Gateway.IsValid() {
		text += " via " + r.Gateway.String()
	}
	return text + " dev " + r.Interface
}

// DefaultDestination is where the default route of a family leads: everywhere.
func DefaultDestination(ipv6 bool) netip.Prefix {
	if ipv6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// IsDefault reports whether the route matches every destination of its family.
func (r Route) IsDefault() bool { return r.Destination.Bits() == 0 }

// Default picks the default route that the kernel uses for a family: the one
// with the lowest metric, the first of equals.
func Default(routes []Route, ipv6 bool) (Route, bool) {
	var best []Route
	for _, r := range routes {
		if r.IsDefault() && r.Destination.Addr().Is6() == ipv6 {
			best = append(best, r)
		}
	}
	if len(best) == 0 {
		return Route{}, false
	}
	sort.SliceStable(best, func(i, j int) bool { return best[i].Metric < best[j].Metric })
	return best[0], true
}

// Find returns the interface with that name.
func Find(all []Interface, name string) (Interface, bool) {
	for _, i := range all {
		if i.Name == name {
			return i, true
		}
	}
	return Interface{}, false
}

// Holder returns the interface that carries the address, whatever the prefix
// length.
func Holder(all []Interface, addr netip.Addr) (Interface, bool) {
	for _, i := range all {
		for _, p := range i.Addresses {
			if p.Addr() == addr.Unmap().WithZone("") {
				return i, true
			}
		}
	}
	return Interface{}, false
}

// Missing is the error for an interface that a person named and the host does
// not have. It names those it has, and wraps ErrNoInterface.
func Missing(name string, all []Interface) error {
	var names []string
	for _, i := range all {
		state := "down"
		if i.Up {
			state = "up"
		}
		switch {
		case i.Loopback:
			names = append(names, i.Name)
		case i.MAC == "":
			names = append(names, fmt.Sprintf("%s (link %s)", i.Name, state))
		default:
			names = append(names, fmt.Sprintf("%s (%s, link %s)", i.Name, i.MAC, state))
		}
	}
	return &missingError{name: name, has: strings.Join(names, ", ")}
}

type missingError struct{ name, has string }

func (e *missingError) Error() string {
	if e.has == "" {
		return "no interface " + e.name + " on this host"
	}
	return "no interface " + e.name + " on this host; it has " + e.has
}

func (e *missingError) Unwrap() error { return ErrNoInterface }

// protoName gives the words of /etc/iproute2/rt_protos for the protocols of
// include/uapi/linux/rtnetlink.h that a host of ours may show.
func protoName(p int) string {
	switch p {
	case 1:
		return "redirect"
	case 2:
		return "kernel"
	case 3:
		return "boot"
	case 4:
		return "static"
	case 9:
		return "ra"
	case 16:
		return "dhcp"
	}
	return strconv.Itoa(p)
}
