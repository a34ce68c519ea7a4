package rtnl

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"

	"github.com/vishvananda/netlink/nl"
	"golang.org/x/sys/unix"
)

// lastingFlags are the flags of a route or a next hop that somebody set; the others
// are what the kernel thinks of it at the moment (include/uapi/linux/rtnetlink.h).
const lastingFlags = unix.RTNH_F_ONLINK | unix.RTNH_F_PERVASIVE

// rawRoute is SavedRoute.Raw.
type rawRoute []byte

// rtnexthopLen is the size of struct rtnexthop: a length, flags, hops, the interface.
const rtnexthopLen = 8

// SaveRoutes reads the routes of every table that lead through one of the
// interfaces, but for those that the kernel makes by itself.
func SaveRoutes(ifnames []string) ([]SavedRoute, error) {
	names, err := linkNames()
	if err != nil {
		return nil, err
	}
	var all []SavedRoute
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		raw, err := dump(func() ([][]byte, error) {
			req := nl.NewNetlinkRequest(unix.RTM_GETROUTE, unix.NLM_F_DUMP)
			req.AddData(&nl.RtMsg{RtMsg: unix.RtMsg{Family: uint8(family)}})
			return req.Execute(unix.NETLINK_ROUTE, unix.RTM_NEWROUTE)
		})
		if err != nil {
			return nil, fmt.Errorf("cannot list routes: %w", err)
		}
		for _, m := range raw {
			r, err := saved(m)
			if err != nil {
				return nil, err
			}
			if r != nil && slices.ContainsFunc(r.interfaces(), func(i int) bool { return slices.Contains(ifnames, names[i]) }) {
				all = append(all, SavedRoute{r, r.text(names)})
			}
		}
	}
	return all, nil
}

// saved takes from a message what lasts. It is nil for a route that nobody set.
func saved(m []byte) (rawRoute, error) {
	if len(m) < unix.SizeofRtMsg {
		return nil, fmt.Errorf("cannot read a route: %d bytes", len(m))
	}
	head := *nl.DeserializeRtMsg(m)
	attrs, err := nl.ParseRouteAttr(m[unix.SizeofRtMsg:])
	if err != nil {
		return nil, fmt.Errorf("cannot read a route: %w", err)
	}
	switch head.Protocol {
	case unix.RTPROT_KERNEL, unix.RTPROT_REDIRECT, unix.RTPROT_RA:
		return nil, nil
	}
	if head.Flags&unix.RTM_F_CLONED != 0 {
		return nil, nil
	}
	head.Flags &= lastingFlags
	r := rawRoute(head.Serialize())
	for _, a := range attrs {
		switch a.Attr.Type {
		case unix.RTA_CACHEINFO:
			continue
		case unix.RTA_MULTIPATH:
			for at := 0; at+rtnexthopLen <= len(a.Value); {
				a.Value[at+2] &= lastingFlags
				at += max(rtnexthopLen, (int(binary.NativeEndian.Uint16(a.Value[at:]))+3)&^3)
			}
		}
		r = append(r, nl.NewRtAttr(int(a.Attr.Type), a.Value).Serialize()...)
	}
	return r, nil
}

// attr gives the value of an attribute, nil without it.
func (r rawRoute) attr(kind uint16) []byte {
	if len(r) < unix.SizeofRtMsg {
		return nil
	}
	attrs, err := nl.ParseRouteAttr(r[unix.SizeofRtMsg:])
	if err != nil {
		return nil
	}
	for _, a := range attrs {
		if a.Attr.Type == kind {
			return a.Value
		}
	}
	return nil
}

func (r rawRoute) number(kind uint16) int {
	if v := r.attr(kind); len(v) >= 4 {
		return int(binary.NativeEndian.Uint32(v))
	}
	return 0
}

// hop is one next hop of a route.
type hop struct {
	iface   int // index
	gateway netip.Addr
	weight  int // above 1 only with several hops
}

func (r rawRoute) hops() []hop {
	several := r.attr(unix.RTA_MULTIPATH)
	if several == nil {
		gw, _ := netip.AddrFromSlice(r.attr(unix.RTA_GATEWAY))
		return []hop{{r.number(unix.RTA_OIF), gw, 1}}
	}
	var all []hop
	for len(several) >= rtnexthopLen {
		n := int(binary.NativeEndian.Uint16(several))
		if n < rtnexthopLen || n > len(several) {
			break
		}
		h := hop{iface: int(binary.NativeEndian.Uint32(several[4:])), weight: int(several[3]) + 1}
		if attrs, err := nl.ParseRouteAttr(several[rtnexthopLen:n]); err == nil {
			for _, a := range attrs {
				if a.Attr.Type == unix.RTA_GATEWAY {
					h.gateway, _ = netip.AddrFromSlice(a.Value)
				}
			}
		}
		all = append(all, h)
		several = several[min(len(several), (n+3)&^3):]
	}
	return all
}

func (r rawRoute) interfaces() []int {
	var all []int
	for _, h := range r.hops() {
		all = append(all, h.iface)
	}
	return all
}

// direct reports whether the route needs no other one to reach its gateway.
func (r rawRoute) direct() bool {
	return !slices.ContainsFunc(r.hops(), func(h hop) bool { return h.gateway.IsValid() })
}

// key is what the kernel tells IPv4 routes apart by.
func (r rawRoute) key() string {
	h := nl.DeserializeRtMsg(r)
	return fmt.Sprint(h.Family, h.Tos, r.table(), r.destination(), r.number(unix.RTA_PRIORITY))
}

func (r rawRoute) table() int {
	if t := r.number(unix.RTA_TABLE); t != 0 {
		return t
	}
	return int(nl.DeserializeRtMsg(r).Table)
}

func (r rawRoute) destination() netip.Prefix {
	h := nl.DeserializeRtMsg(r)
	if a, ok := netip.AddrFromSlice(r.attr(unix.RTA_DST)); ok {
		return netip.PrefixFrom(a, int(h.Dst_len))
	}
	if h.Family == unix.AF_INET6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// text writes the route as ip-route(8) takes it, as far as a person needs it.
func (r rawRoute) text(names map[int]string) string {
	text := r.destination().String()
	if r.destination().Bits() == 0 {
		text = "default"
	}
	hops := r.hops()
	for _, h := range hops {
		if len(hops) > 1 {
			text += " nexthop"
		}
		if h.gateway.IsValid() {
			text += " via " + h.gateway.String()
		}
		text += " dev " + names[h.iface]
		if len(hops) > 1 {
			text += " weight " + strconv.Itoa(h.weight)
		}
	}
	if t := r.table(); t != unix.RT_TABLE_MAIN {
		text += " table " + strconv.Itoa(t)
	}
	if src, ok := netip.AddrFromSlice(r.attr(unix.RTA_PREFSRC)); ok {
		text += " src " + src.String()
	}
	if m := r.number(unix.RTA_PRIORITY); m != 0 {
		text += " metric " + strconv.Itoa(m)
	}
	return text
}

// RestoreRoutes gives the kernel back those of the routes that it does not have,
// each in place of one that came since for the same destination. It goes on after a
// failure.
func RestoreRoutes(routes []SavedRoute, ifnames []string) error {
	have, err := SaveRoutes(ifnames)
	if err != nil {
		return err
	}
	var failed []error
	for _, direct := range []bool{true, false} {
		for _, saved := range routes {
			r := rawRoute(saved.Raw)
			if len(r) < unix.SizeofRtMsg || r.direct() != direct || Holds(have, saved) {
				continue
			}
			// One for the same destination that was there before has to stay.
			flags := unix.NLM_F_CREATE | unix.NLM_F_REPLACE
			if slices.ContainsFunc(have, func(h SavedRoute) bool { return rawRoute(h.Raw).key() == r.key() && Holds(routes, h) }) {
				flags = unix.NLM_F_CREATE | unix.NLM_F_APPEND
			}
			req := nl.NewNetlinkRequest(unix.RTM_NEWROUTE, flags|unix.NLM_F_ACK)
			req.AddRawData(r)
			if _, err := req.Execute(unix.NETLINK_ROUTE, 0); err != nil && !errors.Is(err, unix.EEXIST) {
				failed = append(failed, fmt.Errorf("cannot bring back the route %s: %w", saved.Text, err))
				continue
			}
			have = append(have, saved)
		}
	}
	return errors.Join(failed...)
}
