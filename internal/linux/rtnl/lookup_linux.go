package rtnl

import (
	"fmt"
	"net/netip"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Way is how the kernel would send a packet.
type Way struct {
	Route
	Local bool // to this host itself
	MTU   int  // of the route in bytes, what was learnt of the path included; 0: the interface's
}

// Lookup asks the kernel how it would send a packet of its own from one address to
// another, as `ip route get TO from FROM` does. Without a from the kernel
// chooses. Policy rules and what was learnt of the path count.
func Lookup(to, from netip.Addr) (Way, error) {
	names, err := linkNames()
	if err != nil {
		return Way{}, err
	}
	to = to.Unmap().WithZone("")
	var options netlink.RouteGetOptions
	if from.IsValid() {
		options.SrcAddr = from.AsSlice()
	}
	rs, err := netlink.RouteGetWithOptions(to.AsSlice(), &options)
	if err != nil {
		return Way{}, fmt.Errorf("cannot find a route to %s: %w", to, err)
	}
	if len(rs) == 0 {
		return Way{}, fmt.Errorf("cannot find a route to %s: the kernel gave none", to)
	}
	w := Way{Route: convert(rs[0], to.Is6(), names)[0], Local: rs[0].Type == unix.RTN_LOCAL, MTU: rs[0].MTU}
	w.Destination = netip.PrefixFrom(to, to.BitLen())
	return w, nil
}

// Cable is what an interface says of its link.
type Cable struct {
	Carrier bool // something is at the other end (IFF_LOWER_UP)
	MTU     int  // bytes
}

// Cables gives that of every interface by name.
func Cables() (map[string]Cable, error) {
	links, err := dump(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("cannot list interfaces: %w", err)
	}
	all := make(map[string]Cable, len(links))
	for _, l := range links {
		at := l.Attrs()
		all[at.Name] = Cable{Carrier: at.RawFlags&unix.IFF_LOWER_UP != 0, MTU: at.MTU}
	}
	return all, nil
}
