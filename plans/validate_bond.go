package plans

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/linux/netconf"
)

// ofBond tells the ifcfg keys that a bond block fills.
func ofBond(key string) bool {
	return key == "TYPE" || key == "BONDING_MASTER" || key == "BONDING_OPTS"
}

// maxMIIMon is the longest pause between two looks at a bond's members: a cable
// that is out for longer than that is no spare.
const maxMIIMon = time.Minute

// checkBond looks at the bond block of a host's n-th interface.
func (v *validator) checkBond(h *Host, n int) {
	i := &h.Interfaces[n]
	bond := i.Bond
	if i.VLAN != nil {
		v.errorAt(bond.Source.At(""), fmt.Sprintf("%s cannot be a bond and a VLAN", i.Name),
			"A VLAN on a bond is an interface of its own. Write its vlan block there, with link = the bond's name.")
	}
	if netconf.VLANName(i.Name) {
		v.errorAt(i.Source.At(""), fmt.Sprintf("%s is no name for a bond", i.Name),
			"Network scripts take it for a VLAN's. Write interface \"bond0\", for example.")
	}
	v.checkMembers(h, n)
	if bond.Mode == "" && !bond.Source.said("mode") {
		return // reported where the plan was read
	}
	v.oneOf(bond.Source.At("mode"), "mode", bond.Mode, netconf.BondModes()...)
	if !slices.Contains(netconf.BondModes(), bond.Mode) {
		return
	}
	if d := bond.MIIMon; d < time.Millisecond || d > maxMIIMon || d%time.Millisecond != 0 {
		if d != 0 || bond.Source.said("miimon") {
			v.errorAt(bond.Source.At("miimon"), fmt.Sprintf("A miimon of %s makes no sense", d),
				"It is how often the kernel looks whether a member has a link: whole milliseconds from 1ms to 1m, for example \"100ms\".")
		}
	}
	v.checkBondOption(bond, "primary", bond.Primary, netconf.Bond.TakesPrimary, "prefers none of its members")
	v.checkBondOption(bond, "lacp_rate", bond.LACPRate, netconf.Bond.TakesLACP, "speaks no LACP")
	v.checkBondOption(bond, "xmit_hash_policy", bond.XmitHashPolicy, netconf.Bond.TakesHash, "chooses no member by a hash")
	if bond.LACPRate != "" {
		v.oneOf(bond.Source.At("lacp_rate"), "lacp_rate", bond.LACPRate, netconf.LACPRates()...)
	}
	if bond.XmitHashPolicy != "" {
		v.oneOf(bond.Source.At("xmit_hash_policy"), "xmit_hash_policy", bond.XmitHashPolicy, netconf.HashPolicies()...)
	}
	if bond.Primary != "" && !slices.Contains(bond.Members, bond.Primary) {
		v.errorAt(bond.Source.At("primary"), fmt.Sprintf("%s is no member of %s", bond.Primary, i.Name),
			didYouMean(bond.Primary, bond.Members)+"The primary is one of the members: "+strings.Join(bond.Members, ", ")+".")
	}
}

// checkBondOption refuses an option that a bond of that mode has no use for.
func (v *validator) checkBondOption(bond *Bond, name, value string, takes func(netconf.Bond) bool, because string) {
	if value == "" || takes(netconf.Bond{Mode: bond.Mode}) {
		return
	}
	var modes []string
	for _, mode := range netconf.BondModes() {
		if takes(netconf.Bond{Mode: mode}) {
			modes = append(modes, mode)
		}
	}
	v.errorAt(bond.Source.At(name), fmt.Sprintf("A bond of mode %s takes no %s", bond.Mode, name),
		fmt.Sprintf("It %s. Leave it out, or choose a mode that has it: %s.", because, strings.Join(modes, ", ")))
}

// checkMembers looks at what the host's n-th interface, a bond, is made of.
func (v *validator) checkMembers(h *Host, n int) {
	i := &h.Interfaces[n]
	members := i.Bond.Members
	if len(members) == 0 {
		if i.Bond.Source.said("members") {
			v.errorAt(i.Bond.Source.At("members"), fmt.Sprintf("%s has no members", i.Name),
				"Write the names of the network cards that it is made of: members = [\"ens33\", \"ens36\"].")
		}
		return
	}
	for m, name := range members {
		at := element(i.Bond.Source, "members", strconv.Itoa(m))
		switch {
		case !ValidInterfaceName(name):
			v.errorAt(at, fmt.Sprintf("Invalid interface name %q", name), interfaceRule)
		case name == "lo":
			v.errorAt(at, "lo cannot be a member of a bond", "Write the names of network cards, such as \"ens33\".")
		case name == i.Name:
			v.errorAt(at, fmt.Sprintf("%s cannot be a member of itself", name), "Write the names of the network cards that it is made of.")
		case slices.Contains(members[:m], name):
			v.errorAt(at, fmt.Sprintf("%s is there twice", name), "Leave it out here.")
		default:
			v.checkMember(h, n, name, at)
		}
	}
}

// checkMember looks at what else the plan says of an interface that is a member of
// the n-th.
func (v *validator) checkMember(h *Host, n int, name string, at Range) {
	for j := range h.Interfaces {
		other := &h.Interfaces[j]
		switch {
		case other.Name == name && other.Bond != nil:
			v.errorAt(at, fmt.Sprintf("%s is a bond itself", name), "The kernel makes no bonds of bonds. Write the names of its cards.")
		case other.Name == name:
			v.errorAt(at, fmt.Sprintf("%s has addresses of its own", name), fmt.Sprintf(
				"A member of a bond has none: they belong to the bond. Leave out the interface block of %s (%s), or give its addresses to %s.", name, other.Source.At(""), h.Interfaces[n].Name))
		case j < n && other.Bond != nil && slices.Contains(other.Bond.Members, name):
			v.errorAt(at, fmt.Sprintf("%s is a member of %s already", name, other.Name), fmt.Sprintf(
				"An interface is in one bond (%s). Leave it out in one of the two.", other.Bond.Source.At("members")))
		}
	}
}
