package plans

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
)

// ofVLAN tells the ifcfg keys that a vlan block fills.
func ofVLAN(key string) bool {
	switch key {
	case "TYPE", "VLAN", "VLAN_ID", "VID", "PHYSDEV":
		return true
	}
	return false
}

// checkVLAN looks at the vlan block of a host's n-th interface.
func (v *validator) checkVLAN(h *Host, n int) {
	i := &h.Interfaces[n]
	vlan := i.VLAN
	if vlan.ID < 1 || vlan.ID > netconf.MaxVLAN {
		if vlan.ID != 0 || vlan.Source == nil { // one that is missing or no number has been reported
			v.errorAt(vlan.Source.At("id"), fmt.Sprintf("Invalid VLAN %d", vlan.ID), fmt.Sprintf("VLANs have numbers from 1 to %d.", netconf.MaxVLAN))
		}
		return
	}
	at := vlan.Source.At("link")
	switch {
	case vlan.Link == "":
		if vlan.Source.said("link") {
			v.errorAt(at, "No link", "Write the name of the interface whose cable the VLAN takes: link = \"ens33\".")
		}
		return
	case !ValidInterfaceName(vlan.Link):
		v.errorAt(at, fmt.Sprintf("Invalid interface name %q", vlan.Link), interfaceRule)
		return
	case vlan.Link == "lo":
		v.errorAt(at, "lo carries no VLANs", "Write the name of the host's network card, such as \"ens33\".")
		return
	case vlan.Link == i.Name:
		v.errorAt(at, fmt.Sprintf("%s stands on itself", i.Name), "Write the name of the interface below the VLAN: link = \"ens33\".")
		return
	}
	v.checkVLANName(i)
	for j := range h.Interfaces {
		other := &h.Interfaces[j]
		switch {
		case other.Bond != nil && slices.Contains(other.Bond.Members, vlan.Link) && other.Name != "":
			v.errorAt(at, fmt.Sprintf("%s is a member of %s", vlan.Link, other.Name),
				fmt.Sprintf("Tagged frames go through the bond as a whole. Write link = \"%s\".", other.Name))
		case other.Name == vlan.Link && other.VLAN != nil:
			v.errorAt(at, fmt.Sprintf("%s is a VLAN itself", other.Name),
				"lvsup sets up no VLANs in VLANs. Write the card below: link = \"ens33\".")
		case other.Name == vlan.Link && other.MTU != 0 && i.MTU > other.MTU:
			v.errorAt(i.Source.At("mtu"), fmt.Sprintf("An mtu of %d does not go through %s", i.MTU, other.Name), fmt.Sprintf(
				"That has an mtu of %d (%s), and the kernel allows a VLAN no more. Raise the one, or lower the other.", other.MTU, other.Source.At("mtu")))
		case j < n && other.VLAN != nil && other.VLAN.ID == vlan.ID && other.VLAN.Link == vlan.Link && other.Name != i.Name:
			v.errorAt(i.Source.At(""), fmt.Sprintf("Second interface for VLAN %d on %s", vlan.ID, vlan.Link), fmt.Sprintf(
				"It is %s already (%s). Write the addresses there, in addresses.", other.Name, other.Source.At("")))
		}
	}
}

// checkVLANName holds a VLAN's interface to the names that every network stack
// reads alike.
func (v *validator) checkVLANName(i *Interface) {
	names := netconf.VLAN{ID: i.VLAN.ID, Link: i.VLAN.Link}.Names()
	names = slices.DeleteFunc(names, func(name string) bool { return !ValidInterfaceName(name) })
	if i.Name == "" || slices.Contains(names, i.Name) || !ValidInterfaceName(i.Name) {
		return
	}
	v.errorAt(i.Source.At(""), fmt.Sprintf("%s is no name for VLAN %d on %s", i.Name, i.VLAN.ID, i.VLAN.Link), fmt.Sprintf(
		"Network scripts read the VLAN out of the name. Write interface \"%s\", or correct the vlan block.", strings.Join(names, "\" or interface \"")))
}
