package rtnl

import (
	"errors"
	"fmt"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// vlanOf reads what makes a link a VLAN. One of 802.1ad is none: its tags are
// others.
func vlanOf(l netlink.Link, names map[int]string) VLAN {
	v, ok := l.(*netlink.Vlan)
	if !ok || v.VlanProtocol != netlink.VLAN_PROTOCOL_8021Q {
		return VLAN{}
	}
	return VLAN{ID: v.VlanId, Link: names[v.ParentIndex]}
}

// AddVLAN makes the interface ifname (`ip link add link LINK name NAME type vlan
// id ID`), down and without an address. It is not an error if it is there already;
// one of that name that is something else is.
func AddVLAN(ifname string, v VLAN) error {
	l, err := link(v.Link)
	if err == nil {
		at := netlink.NewLinkAttrs()
		at.Name, at.ParentIndex = ifname, l.Attrs().Index
		err = netlink.LinkAdd(&netlink.Vlan{LinkAttrs: at, VlanId: v.ID, VlanProtocol: netlink.VLAN_PROTOCOL_8021Q})
	}
	switch {
	case errors.Is(err, unix.EEXIST):
		err = isVLAN(ifname, v)
	case errors.Is(err, unix.EOPNOTSUPP):
		err = fmt.Errorf("%w: the kernel has no VLANs (modprobe 8021q)", err)
	}
	if err != nil {
		return fmt.Errorf("cannot make %s as %s: %w", ifname, v, err)
	}
	return nil
}

// isVLAN says what else the name is, or that another has the VLAN.
func isVLAN(ifname string, v VLAN) error {
	all, err := Interfaces()
	if err != nil {
		return err
	}
	for _, i := range all {
		switch {
		case i.Name == ifname && i.VLAN == v:
			return nil
		case i.Name == ifname && i.VLAN == VLAN{}:
			return fmt.Errorf("%s is there already, and is no VLAN", ifname)
		case i.Name == ifname:
			return fmt.Errorf("%s is there already, as %s", ifname, i.VLAN)
		}
	}
	for _, i := range all {
		if i.VLAN == v {
			return fmt.Errorf("that VLAN is there already, as %s", i.Name)
		}
	}
	return unix.EEXIST
}

// DelVLAN removes the interface, and with it its addresses and routes. It is not
// an error if it is not there; one that is no VLAN stays, and is.
func DelVLAN(ifname string) error {
	l, err := netlink.LinkByName(ifname)
	var notFound netlink.LinkNotFoundError
	if errors.As(err, &notFound) {
		return nil
	}
	if err == nil {
		if _, ok := l.(*netlink.Vlan); !ok {
			return fmt.Errorf("cannot remove %s: it is no VLAN but %s", ifname, l.Type())
		}
		err = netlink.LinkDel(l)
	}
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("cannot remove %s: %w", ifname, err)
	}
	return nil
}
