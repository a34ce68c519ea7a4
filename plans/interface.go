package plans

import (
	"net/netip"
	"slices"
	"time"
)

// Interface is a network interface with static addresses.
type Interface struct {
	Name      string         // kernel name, as in /sys/class/net
	Address   netip.Prefix   // host address with its prefix length, e.g. 192.168.140.10/24
	Addresses []netip.Prefix // further ones, of either family
	Gateway   netip.Addr     // of Address's family; zero: no default route through this interface
	Gateway6  netip.Addr     // for IPv6, where Address is IPv4
	DNS       []netip.Addr
	MTU       int   // bytes; 0 leaves it as it is
	VLAN      *VLAN // nil: it is a card, or made by others
	Bond      *Bond // likewise
	Routes    []Route
	// Ifcfg holds further keys for an ifcfg file (BROWSER_ONLY, UUID,
	// ETHTOOL_OPTS, ...); other network stacks ignore them.
	Ifcfg     map[string]string
	Source    Source
	Sensitive Sensitive // of Ifcfg
}

// VLAN makes an interface one of IEEE 802.1Q.
type VLAN struct {
	ID     int    // 1 to 4094
	Link   string // the interface below it
	Source Source
}

// Bond makes an interface of several others (drivers/net/bonding of the kernel).
type Bond struct {
	Mode           string        // one of netconf's BondModes
	Members        []string      // the interfaces it is made of, at least one
	MIIMon         time.Duration // how often the members' links are looked at
	Primary        string        // the member to prefer; empty: none
	LACPRate       string        // "slow" or "fast"; empty: the kernel's default
	XmitHashPolicy string        // one of netconf's HashPolicies; empty: the kernel's default
	Source         Source
}

// DefaultMIIMon is how often the links of a bond's members are looked at where the
// plan does not say.
const DefaultMIIMon = 100 * time.Millisecond

// Route is a static route through an interface, besides the default route.
type Route struct {
	To     netip.Prefix // masked
	Via    netip.Addr   // zero: the network is on the link
	Metric int          // 0: the kernel's choice
	Source Source
}

// Makes reports whether the plan makes the host's interface of that name, of others.
func (h *Host) Makes(name string) bool {
	return slices.ContainsFunc(h.Interfaces, func(i Interface) bool { return i.Name == name && i.Made() })
}

// Made reports whether lvsup makes the interface: it need not be there yet.
func (i *Interface) Made() bool { return i.VLAN != nil || i.Bond != nil }

// All lists the addresses that the plan gives the interface, Address first.
// Those that a mistake left without a value are not among them.
func (i *Interface) All() []netip.Prefix {
	all := slices.Concat([]netip.Prefix{i.Address}, i.Addresses)
	return slices.DeleteFunc(all, func(p netip.Prefix) bool { return !p.IsValid() })
}

// with gives the address of the interface in whose network a is: the one that is a
// itself if there is one. Zero if a is not on the link.
func (i *Interface) with(a netip.Addr) netip.Prefix {
	var found netip.Prefix
	for _, p := range i.All() {
		if p.Addr() == a {
			return p
		}
		if !found.IsValid() && p.Masked().Contains(a) {
			found = p
		}
	}
	return found
}

// Has reports whether the plan gives the interface the address.
func (i *Interface) Has(a netip.Addr) bool {
	return slices.ContainsFunc(i.All(), func(p netip.Prefix) bool { return p.Addr() == a })
}

// gatewayOf is the interface's default gateway for a family, zero if it has none.
func (i *Interface) gatewayOf(ipv6 bool) netip.Addr {
	if ipv6 && i.Gateway6.IsValid() {
		return i.Gateway6
	}
	if i.Gateway.IsValid() && i.Gateway.Is6() == ipv6 {
		return i.Gateway
	}
	return netip.Addr{}
}
