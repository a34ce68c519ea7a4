package rtnl

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// bondOf reads what makes a link a bond.
func bondOf(l netlink.Link, links []netlink.Link, names map[int]string) Bond {
	n, ok := l.(*netlink.Bond)
	if !ok {
		return Bond{}
	}
	b := Bond{Mode: n.Mode.String(), MIIMon: n.Miimon}
	for _, m := range links {
		if m.Attrs().MasterIndex == n.Index {
			b.Members = append(b.Members, m.Attrs().Name)
		}
	}
	switch n.Mode {
	case netlink.BOND_MODE_ACTIVE_BACKUP, netlink.BOND_MODE_BALANCE_TLB, netlink.BOND_MODE_BALANCE_ALB:
		b.Primary = names[n.Primary]
	case netlink.BOND_MODE_802_3AD:
		b.LACPRate = n.LacpRate.String()
	}
	switch n.Mode {
	case netlink.BOND_MODE_BALANCE_XOR, netlink.BOND_MODE_802_3AD, netlink.BOND_MODE_BALANCE_TLB:
		b.XmitHashPolicy = n.XmitHashPolicy.String()
	}
	return b
}

// SetBond makes the interface ifname a bond, or changes the one that it is: `ip link
// add NAME type bond ...`, `ip link set MEMBER master NAME`. A new one is down and
// without an address. Members that are not wanted any more leave it; those that come
// are set down for that moment, which costs them their routes. It is an error if the
// name is something else's, or a member belongs to another.
func SetBond(ifname string, want Bond) error {
	if err := setBond(ifname, want); err != nil {
		return fmt.Errorf("cannot make %s a %s: %w", ifname, want, err)
	}
	return nil
}

func setBond(ifname string, want Bond) error {
	fresh, err := bondLink(ifname, want)
	if err != nil {
		return err
	}
	// Loading the module may make a bond0 by itself, which is as good as any.
	switch err := netlink.LinkAdd(fresh); {
	case errors.Is(err, unix.EOPNOTSUPP):
		return fmt.Errorf("%w: the kernel has no bonds (modprobe bonding)", err)
	case err != nil && !errors.Is(err, unix.EEXIST):
		return err
	}
	have, err := bond(ifname)
	if err != nil {
		return err
	}
	for _, m := range have.Members {
		if !slices.Contains(want.Members, m) {
			if err := release(m); err != nil {
				return err
			}
		}
	}
	have.Members = slices.DeleteFunc(have.Members, func(m string) bool { return !slices.Contains(want.Members, m) })
	if err := setBondOptions(ifname, have, want); err != nil {
		return err
	}
	for _, m := range want.Members {
		if err := enslave(m, ifname); err != nil {
			return fmt.Errorf("member %s: %w", m, err)
		}
	}
	return setPrimary(ifname, want)
}

// bond reads the bond of that name.
func bond(ifname string) (Bond, error) {
	all, err := Interfaces()
	if err != nil {
		return Bond{}, err
	}
	i, _ := Find(all, ifname)
	if i.Bond.Mode == "" {
		return Bond{}, fmt.Errorf("%s is there already, and is no bond", ifname)
	}
	return i.Bond, nil
}

// bondLink is a bond with the options that are wanted, but for the primary.
func bondLink(ifname string, want Bond) (*netlink.Bond, error) {
	at := netlink.NewLinkAttrs()
	at.Name = ifname
	n := netlink.NewLinkBond(at)
	n.Mode, n.Miimon = netlink.StringToBondMode(want.Mode), want.MIIMon
	if n.Mode == netlink.BOND_MODE_UNKNOWN {
		return nil, fmt.Errorf("%q is no mode of a bond", want.Mode)
	}
	if want.LACPRate != "" {
		n.LacpRate = netlink.StringToBondLacpRate(want.LACPRate)
	}
	if want.XmitHashPolicy != "" {
		n.XmitHashPolicy = netlink.StringToBondXmitHashPolicy(want.XmitHashPolicy)
	}
	return n, nil
}

// setBondOptions sets what differs. have is the bond with the members that stay.
func setBondOptions(ifname string, have, want Bond) error {
	n, err := bondLink(ifname, want)
	if err != nil {
		return err
	}
	l, err := link(ifname)
	if err != nil {
		return err
	}
	n.Index = l.Attrs().Index
	if !have.Remakes(want) {
		n.Mode, n.LacpRate = -1, -1 // the kernel refuses even the same
		if have.MIIMon == want.MIIMon && have.XmitHashPolicy == want.XmitHashPolicy {
			return nil
		}
		return netlink.LinkModify(n)
	}
	if len(have.Members) > 0 {
		return errors.New("the kernel changes mode and lacp_rate only of a bond without members; remove it first (ip link delete " + ifname + ")")
	}
	wasUp := l.Attrs().Flags&net.FlagUp != 0
	if wasUp {
		err = netlink.LinkSetDown(l)
	}
	if err == nil {
		err = netlink.LinkModify(n)
	}
	if err == nil && wasUp {
		err = netlink.LinkSetUp(l)
	}
	return err
}

// enslave makes an interface a member. The kernel takes none that is up
// (bond_enslave in drivers/net/bonding/bond_main.c), and sets it up itself.
func enslave(member, ifname string) error {
	l, err := link(member)
	if err != nil {
		return err
	}
	master, err := link(ifname)
	if err != nil {
		return err
	}
	switch l.Attrs().MasterIndex {
	case master.Attrs().Index:
		return nil
	case 0:
	default:
		return errors.New("it belongs to another interface; take it out there (ip link set " + member + " nomaster)")
	}
	if err := netlink.LinkSetDown(l); err != nil {
		return err
	}
	if err := netlink.LinkSetMaster(l, master); err != nil {
		return err
	}
	return netlink.LinkSetUp(l)
}

// setPrimary says which member is preferred; that one must be a member by then.
func setPrimary(ifname string, want Bond) error {
	have, err := bond(ifname)
	if err != nil || have.Primary == want.Primary {
		return err
	}
	n, err := bondLink(ifname, Bond{Mode: want.Mode})
	if err != nil {
		return err
	}
	l, err := link(ifname)
	if err != nil {
		return err
	}
	n.Index, n.Mode, n.Miimon, n.Primary = l.Attrs().Index, -1, -1, 0 // which is nobody
	if want.Primary != "" {
		if l, err = link(want.Primary); err != nil {
			return err
		}
		n.Primary = l.Attrs().Index
	}
	return netlink.LinkModify(n)
}

// release takes an interface out of its bond. It stays up if it was: the kernel sets
// it down with that.
func release(member string) error {
	l, err := link(member)
	if err != nil {
		return err
	}
	if err = netlink.LinkSetNoMaster(l); err == nil && l.Attrs().Flags&net.FlagUp != 0 {
		err = netlink.LinkSetUp(l)
	}
	if err != nil {
		return fmt.Errorf("cannot release %s: %w", member, err)
	}
	return nil
}

// DelBond removes the interface, and with it its addresses and routes. Members that
// were up stay so. It is not an error if it is not there; one that is no bond stays,
// and is.
func DelBond(ifname string) error {
	l, err := netlink.LinkByName(ifname)
	var notFound netlink.LinkNotFoundError
	if errors.As(err, &notFound) {
		return nil
	}
	var have Bond
	if err == nil {
		have, err = bond(ifname)
	}
	for _, m := range have.Members {
		if err == nil {
			err = release(m)
		}
	}
	if err == nil {
		err = netlink.LinkDel(l)
	}
	if err != nil && !errors.Is(err, unix.ENODEV) {
		return fmt.Errorf("cannot remove %s: %w", ifname, err)
	}
	return nil
}
