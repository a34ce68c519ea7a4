package rtnl

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// dumpAttempts bounds how often an interrupted dump is read again. Each retry
// means that the table changed under the read.
const dumpAttempts = 20

// dump calls list until the kernel gives a consistent answer.
func dump[T any](list func() ([]T, error)) ([]T, error) {
	var err error
	for range dumpAttempts {
		var all []T
		if all, err = list(); !errors.Is(err, netlink.ErrDumpInterrupted) {
			return all, err
		}
	}
	return nil, err
}

// Interfaces lists the interfaces of this network namespace by index, with
// their addresses.
func Interfaces() ([]Interface, error) {
	links, err := dump(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("cannot list interfaces: %w", err)
	}
	addrs, err := dump(func() ([]netlink.Addr, error) { return netlink.AddrList(nil, netlink.FAMILY_ALL) })
	if err != nil {
		return nil, fmt.Errorf("cannot list addresses: %w", err)
	}
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	all := make([]Interface, 0, len(links))
	for _, l := range links {
		at := l.Attrs()
		i := Interface{
			Name: at.Name, Index: at.Index, MAC: at.HardwareAddr.String(),
			MTU: at.MTU, Up: at.Flags&net.FlagUp != 0, Loopback: at.Flags&net.FlagLoopback != 0,
			VLAN: vlanOf(l, names), Bond: bondOf(l, links, names), Master: names[at.MasterIndex],
		}
		for _, a := range addrs {
			if a.LinkIndex != i.Index {
				continue
			}
			p, ok := prefix(a.IPNet)
			if !ok {
				continue
			}
			i.Addresses = append(i.Addresses, p)
			if a.Flags&unix.IFA_F_PERMANENT == 0 {
				i.Dynamic = append(i.Dynamic, p)
				i.Valid = append(i.Valid, time.Duration(a.ValidLft)*time.Second)
			}
		}
		all = append(all, i)
	}
	return all, nil
}

// Routes lists the unicast routes of the main table, IPv4 first. A multipath
// route gives one Route for each next hop.
func Routes() ([]Route, error) {
	names, err := linkNames()
	if err != nil {
		return nil, err
	}
	var all []Route
	for _, family := range []int{netlink.FAMILY_V4, netlink.FAMILY_V6} {
		rs, err := dump(func() ([]netlink.Route, error) { return netlink.RouteList(nil, family) })
		if err != nil {
			return nil, fmt.Errorf("cannot list routes: %w", err)
		}
		for _, r := range rs {
			if r.Type == unix.RTN_UNICAST {
				all = append(all, convert(r, family == netlink.FAMILY_V6, names)...)
			}
		}
	}
	return all, nil
}

// RouteTo asks the kernel which way it would send a packet to addr.
// Destination is that one address.
func RouteTo(addr netip.Addr) (Route, error) {
	addr = addr.Unmap().WithZone("")
	names, err := linkNames()
	if err != nil {
		return Route{}, err
	}
	rs, err := netlink.RouteGet(addr.AsSlice())
	if err != nil {
		return Route{}, fmt.Errorf("cannot find a route to %s: %w", addr, err)
	}
	if len(rs) == 0 {
		return Route{}, fmt.Errorf("cannot find a route to %s: the kernel gave none", addr)
	}
	r := convert(rs[0], addr.Is6(), names)[0]
	r.Destination = netip.PrefixFrom(addr, addr.BitLen())
	return r, nil
}

// AddAddress gives the interface the address for good. It is not an error if
// it is there already; if it had a lifetime, that is lifted.
func AddAddress(ifname string, p netip.Prefix) error {
	return addAddress(ifname, p, &netlink.Addr{IPNet: ipNet(p)})
}

// AddVIP is AddAddress for an address that the host answers on and does not
// send from: an IPv6 one is deprecated from the start, as with `ip addr add ...
// preferred_lft 0`.
func AddVIP(ifname string, p netip.Prefix) error {
	a := &netlink.Addr{IPNet: ipNet(p)}
	if p.Addr().Is6() {
		a.ValidLft = math.MaxUint32 // for ever (INFINITY_LIFE_TIME)
	}
	return addAddress(ifname, p, a)
}

func addAddress(ifname string, p netip.Prefix, a *netlink.Addr) error {
	l, err := link(ifname)
	if err == nil {
		if p.Addr().IsLoopback() {
			// Never the source of what leaves, as with ifconfig (inet_insert_ifa).
			a.Scope = unix.RT_SCOPE_HOST
		}
		// Replace and not add: it also lifts the lifetime of a lease.
		err = netlink.AddrReplace(l, a)
	}
	if p.Addr().Is6() && (errors.Is(err, unix.EACCES) || errors.Is(err, unix.EOPNOTSUPP)) {
		err = fmt.Errorf("%w: IPv6 is switched off there (net.ipv6.conf.%s.disable_ipv6, or ipv6.disable of the kernel)", err, ifname)
	}
	if err != nil {
		return fmt.Errorf("cannot add address %s to %s: %w", p, ifname, err)
	}
	return nil
}

// LeaseAddress gives the interface the address for so long, in whole seconds:
// the kernel drops it then, unless somebody renews it.
func LeaseAddress(ifname string, p netip.Prefix, valid time.Duration) error {
	l, err := link(ifname)
	if err == nil {
		seconds := int(valid.Seconds())
		err = netlink.AddrReplace(l, &netlink.Addr{IPNet: ipNet(p), ValidLft: seconds, PreferedLft: seconds})
	}
	if err != nil {
		return fmt.Errorf("cannot add address %s to %s: %w", p, ifname, err)
	}
	return nil
}

// AddRoute adds a route to the main table, or does nothing if it is there. A
// gateway that no route leads to is taken to be on the link.
func AddRoute(r Route) error {
	l, err := link(r.Interface)
	if err == nil {
		n := toNetlink(l, r)
		n.Protocol = protoNumber(r.Proto)
		err = netlink.RouteAdd(n)
		if r.Gateway.IsValid() && (errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH)) {
			// It was set with onlink, which is not read: the gateway is outside
			// every network of the interface, as many clouds have it.
			n.Flags |= int(netlink.FLAG_ONLINK)
			err = netlink.RouteAdd(n)
		}
	}
	if err != nil && !errors.Is(err, unix.EEXIST) {
		return fmt.Errorf("cannot add %s: %w", r, err)
	}
	return nil
}

// DelAddress takes the address from the interface. It is not an error if it is
// not there. Other addresses of the same network stay, which by itself the
// kernel sees to only where promote_secondaries is set.
func DelAddress(ifname string, p netip.Prefix) error {
	l, err := link(ifname)
	if err == nil {
		err = keepSecondaries(ifname, p, func() error {
			return netlink.AddrDel(l, &netlink.Addr{IPNet: ipNet(p)})
		})
	}
	if err != nil && !errors.Is(err, unix.EADDRNOTAVAIL) {
		return fmt.Errorf("cannot remove address %s from %s: %w", p, ifname, err)
	}
	return nil
}

// keepSecondaries runs remove with promote_secondaries set if p has company in
// its network: without it the kernel removes the later addresses of a network
// together with the first (__inet_del_ifa in net/ipv4/devinet.c).
func keepSecondaries(ifname string, p netip.Prefix, remove func() error) error {
	all, err := Interfaces()
	if err != nil {
		return err
	}
	i, _ := Find(all, ifname)
	company := false
	for _, q := range i.Addresses {
		company = company || q != p && q.Addr().Is4() && q.Masked() == p.Masked()
	}
	if !company {
		return remove()
	}
	path := "/proc/sys/net/ipv4/conf/" + ifname + "/promote_secondaries"
	before, err := os.ReadFile(path)
	if err == nil && strings.TrimSpace(string(before)) == "0" {
		if err = os.WriteFile(path, []byte("1"), 0o644); err == nil {
			defer os.WriteFile(path, before, 0o644) // it was writable a moment ago
		}
	}
	if err != nil {
		return fmt.Errorf("other addresses in %s would go with it: %w", p.Masked(), err)
	}
	return remove()
}

// SetUp sets the interface up.
func SetUp(ifname string) error {
	l, err := link(ifname)
	if err == nil {
		err = netlink.LinkSetUp(l)
	}
	if err != nil {
		return fmt.Errorf("cannot set %s up: %w", ifname, err)
	}
	return nil
}

// SetMTU sets how many bytes a packet through the interface may have. Below 1280
// the kernel takes IPv6 from the interface (RFC 8200).
func SetMTU(ifname string, mtu int) error {
	l, err := link(ifname)
	if err == nil {
		err = netlink.LinkSetMTU(l, mtu)
	}
	if errors.Is(err, unix.EINVAL) {
		err = fmt.Errorf("%w: its driver cannot do that (ip -d link show %s has maxmtu)", err, ifname)
	}
	if err != nil {
		return fmt.Errorf("cannot set the mtu of %s to %d: %w", ifname, mtu, err)
	}
	return nil
}

// SetDown sets the interface down. The kernel drops its routes with that, and
// its IPv6 addresses.
func SetDown(ifname string) error {
	l, err := link(ifname)
	if err == nil {
		err = netlink.LinkSetDown(l)
	}
	if err != nil {
		return fmt.Errorf("cannot set %s down: %w", ifname, err)
	}
	return nil
}

// ReplaceRoute makes r the route to its destination with its metric, in place of
// another with that metric: the kernel holds one IPv4 route a destination and
// metric. Proto is not looked at.
func ReplaceRoute(r Route) error {
	l, err := link(r.Interface)
	if err == nil {
		err = netlink.RouteReplace(toNetlink(l, r))
	}
	if errors.Is(err, unix.ENETUNREACH) || errors.Is(err, unix.EHOSTUNREACH) {
		err = fmt.Errorf("%w: %s has no address in the gateway's network, or is down", err, r.Interface)
	}
	if err != nil {
		return fmt.Errorf("cannot set %s: %w", r, err)
	}
	return nil
}

// DelRoutes removes the routes to r's destination through its gateway and
// interface, whatever their metric but for those that keep holds of. It is not an
// error if there is none.
func DelRoutes(r Route, keep []int) error {
	routes, err := Routes()
	if err != nil {
		return err
	}
	for _, have := range routes {
		if have.Destination == r.Destination && have.Interface == r.Interface && have.Gateway == r.Gateway && !slices.Contains(keep, have.Metric) {
			if err := DelRoute(have); err != nil {
				return err
			}
		}
	}
	return nil
}

// DelRoute removes the route with r's destination, gateway, interface and
// metric. It is not an error if there is none.
func DelRoute(r Route) error {
	l, err := link(r.Interface)
	if err == nil {
		err = netlink.RouteDel(toNetlink(l, r))
	}
	if err != nil && !errors.Is(err, unix.ESRCH) {
		return fmt.Errorf("cannot remove %s: %w", r, err)
	}
	return nil
}

func toNetlink(l netlink.Link, r Route) *netlink.Route {
	n := &netlink.Route{LinkIndex: l.Attrs().Index, Dst: ipNet(r.Destination), Priority: r.Metric}
	if r.Gateway.IsValid() {
		n.Gw = r.Gateway.AsSlice()
	} else if r.Destination.Addr().Is4() {
		n.Scope = netlink.SCOPE_LINK
	}
	if r.Source.IsValid() {
		n.Src = r.Source.AsSlice()
	}
	return n
}

// link finds an interface, and names those there are if it does not exist.
func link(name string) (netlink.Link, error) {
	l, err := netlink.LinkByName(name)
	var notFound netlink.LinkNotFoundError
	if errors.As(err, &notFound) {
		all, err := Interfaces()
		if err != nil {
			return nil, err
		}
		return nil, Missing(name, all)
	}
	return l, err
}

func linkNames() (map[int]string, error) {
	links, err := dump(netlink.LinkList)
	if err != nil {
		return nil, fmt.Errorf("cannot list interfaces: %w", err)
	}
	names := make(map[int]string, len(links))
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	return names, nil
}

// convert turns a route of the library into ours, one for each next hop.
func convert(r netlink.Route, ipv6 bool, names map[int]string) []Route {
	dst, ok := prefix(r.Dst)
	if !ok {
		dst = DefaultDestination(ipv6)
	}
	base := Route{
		Destination: dst.Masked(), Gateway: addr(r.Gw), Source: addr(r.Src),
		Interface: names[r.LinkIndex], Proto: protoName(int(r.Protocol)), Metric: r.Priority,
	}
	if len(r.MultiPath) == 0 {
		return []Route{base}
	}
	var all []Route
	for _, hop := range r.MultiPath {
		one := base
		one.Gateway, one.Interface = addr(hop.Gw), names[hop.LinkIndex]
		all = append(all, one)
	}
	return all
}

func addr(ip net.IP) netip.Addr {
	a, _ := netip.AddrFromSlice(ip)
	return a.Unmap()
}

func prefix(n *net.IPNet) (netip.Prefix, bool) {
	if n == nil {
		return netip.Prefix{}, false
	}
	a := addr(n.IP)
	ones, bits := n.Mask.Size()
	if !a.IsValid() || bits == 0 {
		return netip.Prefix{}, false
	}
	if a.Is4() && bits == 128 {
		ones -= 96
	}
	return netip.PrefixFrom(a, ones), true
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// protoNumber undoes protoName; what it does not know is what ip(8) uses.
func protoNumber(name string) netlink.RouteProtocol {
	for n := range unix.RTPROT_DHCP + 1 {
		if protoName(n) == name {
			return netlink.RouteProtocol(n)
		}
	}
	if n, err := strconv.Atoi(name); err == nil {
		return netlink.RouteProtocol(n)
	}
	return unix.RTPROT_BOOT
}
