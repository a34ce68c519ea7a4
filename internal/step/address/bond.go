package address

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

// bondText begins the text of a device that is a bond.
const bondText = "bond "

// checkBonds refuses a member that has an interface of its own in the plan, that
// carries a VLAN, or that two bonds want.
func checkBonds(all []netconf.Settings) error {
	bonds := map[string]string{} // by member
	for _, s := range all {
		for _, m := range s.Bond.Members {
			switch {
			case named(all, m):
				return fmt.Errorf("%s: bond: its member %s has addresses of its own; leave out the interface block of one of them", s.Name, m)
			case bonds[m] != "":
				return fmt.Errorf("%s: bond: %s is a member of %s already", s.Name, m, bonds[m])
			}
			bonds[m] = s.Name
		}
	}
	for _, s := range all {
		if bond := bonds[s.VLAN.Link]; bond != "" {
			return fmt.Errorf("%s: vlan: %s is a member of %s; write that as the link", s.Name, s.VLAN.Link, bond)
		}
	}
	return nil
}

// bondOf names the bond of the plan that an interface is a member of; empty if it
// is of none.
func bondOf(settings []netconf.Settings, name string) string {
	for _, s := range settings {
		if slices.Contains(s.Bond.Members, name) {
			return s.Name
		}
	}
	return ""
}

// members lists the members of the plan's bonds.
func members(settings []netconf.Settings) []string {
	var names []string
	for _, s := range settings {
		names = append(names, s.Bond.Members...)
	}
	return names
}

// blockBonds refuses what would take an interface away from whoever uses it, and
// what the kernel does only to a bond without members.
func blockBonds(changes []step.Change, settings []netconf.Settings, owned step.Owned, have Observed) {
	going := map[step.ID]bool{}
	for _, c := range changes {
		going[c.ID] = c.Action == step.Delete
	}
	for n := range changes {
		c := &changes[n]
		if c.Field != FieldDevice || !strings.HasPrefix(c.To, bondText) || c.Action.Removes() || !c.Action.Mutates() {
			continue
		}
		want, err := rtnl.ParseBond(c.To)
		if err != nil {
			continue
		}
		was, err := rtnl.ParseBond(c.From)
		switch {
		case c.Action == step.Update && err != nil:
			c.Blocked = fmt.Sprintf("%s is %s; remove it (ip link delete %s) if nothing needs it, or give the bond another name", c.Key, strings.Replace(c.From, noBond, "there, and is no bond", 1), c.Key)
		case c.Action == step.Update && was.Remakes(want) && len(was.Members) > 0:
			way := "remove it (ip link delete " + c.Key + "), and apply again"
			if e := owned[c.ID]; e.Action == step.Create {
				way = "take " + c.Key + " out of the plan, apply, and put it in again"
			}
			c.Blocked = "the kernel changes mode and lacp_rate only of a bond without members; " + way
		}
		for _, m := range want.Members {
			if c.Blocked == "" && !slices.Contains(was.Members, m) {
				c.Blocked = notFree(c.Key, m, going, have)
			}
		}
	}
}

// notFree says why an interface cannot become a member of a bond; empty if it can.
// What a DHCP client has put there goes with the client.
func notFree(bond, name string, going map[step.ID]bool, have Observed) string {
	i, _ := rtnl.Find(have.Interfaces, name)
	if s := have.Session; s != nil && s.crosses(name) {
		return fmt.Sprintf("%s carries this SSH session (%s), and a member of a bond has no address: the session would be lost before the bond has one; connect through another interface (connection { host = ... }), or make the bond at the console",
			name, s)
	}
	if i.Master != "" && i.Master != bond {
		return fmt.Sprintf("%s belongs to %s; take it out there (ip link set %s nomaster, and in the file that says so)", name, i.Master, name)
	}
	if used := usedFor(name, going, have); used != "" && used != bond {
		return fmt.Sprintf("%s has %s, and a member of a bond has nothing of its own; take that away (ip address, ip link), and out of the file that brings it back", name, used)
	}
	return ""
}

// bondCommands make a bond as it is wanted, of whatever is there.
func bondCommands(name string, b rtnl.Bond, ordered []string) []string {
	commands := []string{
		fmt.Sprintf("ip -d link show dev %[1]s 2>/dev/null | grep -q 'bond mode %[2]s ' || { modprobe -q bonding; ip link delete dev %[1]s 2>/dev/null; ip link add name %[1]s type bond mode %[2]s; }", name, b.Mode),
	}
	words := fmt.Sprintf(" miimon %d", b.MIIMon)
	for _, o := range [][2]string{{"lacp_rate", b.LACPRate}, {"xmit_hash_policy", b.XmitHashPolicy}, {"primary", b.Primary}} {
		if o[1] != "" {
			words += " " + o[0] + " " + o[1]
		}
	}
	for _, m := range ordered {
		commands = append(commands, fmt.Sprintf("grep -qw %[1]s /sys/class/net/%[2]s/bonding/slaves || { ip link set dev %[1]s down; ip link set dev %[1]s master %[2]s; ip link set dev %[1]s up; }", m, name))
	}
	return append(commands, "ip link set dev "+name+" type bond"+words)
}

// inOrder are the members of a bond as the plan has them: the first gives the bond
// its hardware address.
func inOrder(want Desired, name string, b rtnl.Bond) []string {
	for _, i := range want.Interfaces {
		if i.Name == name && i.Bond != nil && (rtnl.Bond{Mode: b.Mode, Members: i.Bond.Members}).String() == (rtnl.Bond{Mode: b.Mode, Members: b.Members}).String() {
			return i.Bond.Members
		}
	}
	return b.Members
}
