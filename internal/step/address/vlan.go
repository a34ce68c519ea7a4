package address

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

// planned is the index of an interface that is not there yet.
const planned = -1

// What the device of an interface is that is not what the plan makes it.
const (
	noVLAN = "no vlan"
	noBond = "no bond"
)

// checkVLANs refuses VLANs in VLANs, which no stack's files are written for here,
// and two interfaces for one VLAN, which the kernel does not make.
func checkVLANs(all []netconf.Settings) error {
	seen := map[netconf.VLAN]string{}
	for _, s := range all {
		switch {
		case s.VLAN == netconf.VLAN{}:
			continue
		case slices.ContainsFunc(all, func(o netconf.Settings) bool { return o.Name == s.VLAN.Link && o.VLAN != netconf.VLAN{} }):
			return fmt.Errorf("%s: vlan: %s is a VLAN itself; write the interface below both", s.Name, s.VLAN.Link)
		case seen[s.VLAN] != "":
			return fmt.Errorf("%s: vlan: %s is that VLAN already; write its addresses there", s.Name, seen[s.VLAN])
		}
		seen[s.VLAN] = s.Name
	}
	return nil
}

// isMade reports whether the plan makes that interface.
func isMade(all []netconf.Settings, name string) bool {
	return slices.ContainsFunc(all, func(s netconf.Settings) bool {
		return s.Name == name && (s.VLAN != netconf.VLAN{} || s.Bond.Mode != "")
	})
}

// etherMTU is the MTU that a bond is made with (ether_setup in net/ethernet/eth.c);
// its members take it over.
const etherMTU = 1500

// withPlanned adds the interfaces that the plan makes, as the kernel will make them:
// down, and VLANs as large as the interface below.
func withPlanned(have []rtnl.Interface, settings []netconf.Settings) []rtnl.Interface {
	all := slices.Clip(have)
	for _, s := range settings {
		if _, there := rtnl.Find(have, s.Name); !there && s.Bond.Mode != "" {
			all = append(all, rtnl.Interface{Name: s.Name, Index: planned, MTU: etherMTU, Bond: rtnl.Bond(s.Bond)})
		}
	}
	for _, s := range settings {
		if _, there := rtnl.Find(have, s.Name); there || s.VLAN == (netconf.VLAN{}) {
			continue
		}
		link, _ := rtnl.Find(all, s.VLAN.Link)
		all = append(all, rtnl.Interface{Name: s.Name, Index: planned, MTU: link.MTU, VLAN: rtnl.VLAN(s.VLAN)})
	}
	return all
}

// deviceText says what an interface is made of; bond says that the plan wants a bond.
func deviceText(i rtnl.Interface, bond bool) string {
	switch {
	case i.Bond.Mode != "":
		return i.Bond.String()
	case i.VLAN != rtnl.VLAN{}:
		return i.VLAN.String()
	case bond:
		return noBond
	}
	return noVLAN
}

// parseDevice reads what rtnl.VLAN's String wrote.
func parseDevice(text string) (rtnl.VLAN, error) {
	var v rtnl.VLAN
	if _, err := fmt.Sscanf(text, "vlan %d on %s", &v.ID, &v.Link); err != nil {
		return v, fmt.Errorf("cannot read device %q: %w", text, err)
	}
	return v, nil
}

// blockVLANs refuses what would take a device away from whoever uses it, and what
// networkd does not do without losing the address of the session for a moment: to
// hear of a VLAN it sets the interface below up anew, and with it the lease.
func blockVLANs(changes []step.Change, settings []netconf.Settings, have Observed) {
	stack := have.Stack == netconf.StackNetworkd || have.Stack == netconf.StackNetplan
	for n := range changes {
		c := &changes[n]
		if c.Field != FieldDevice || strings.HasPrefix(c.To, bondText) || c.Action.Removes() || !c.Action.Mutates() {
			continue
		}
		if c.Action == step.Update {
			c.Blocked = fmt.Sprintf("%s is %s; remove it (ip link delete %s) if nothing needs it, or give the VLAN its other name", c.Key, strings.Replace(c.From, noVLAN, "there, and is no VLAN", 1), c.Key)
			continue
		}
		v, err := parseDevice(c.To)
		link, _ := rtnl.Find(have.Interfaces, v.Link)
		if s := have.Session; err == nil && stack && s != nil && (s.Interface == v.Link || s.Out == v.Link) && !named(settings, v.Link) && len(leases(link)) > 0 {
			c.Blocked = fmt.Sprintf("%s carries this SSH session (%s) with an address from DHCP, and networkd would let go of that to make a VLAN on it; give %s a static address in the plan, or connect through another interface (connection { host = ... })",
				v.Link, s, v.Link)
		}
	}
}

func deviceCommands(want Desired, c step.Change) []string {
	if c.Action == step.Delete {
		return []string{"ip link delete " + c.Key}
	}
	if b, err := rtnl.ParseBond(c.To); err == nil {
		commands := bondCommands(c.Key, b, inOrder(want, c.Key, b))
		if was, err := rtnl.ParseBond(c.From); err == nil {
			for _, m := range was.Members {
				if !slices.Contains(b.Members, m) {
					commands = append(commands, "ip link set dev "+m+" nomaster")
				}
			}
		}
		return commands
	}
	v, err := parseDevice(c.To)
	if err != nil {
		return nil
	}
	// A daemon that heard of the files may have made it.
	return []string{fmt.Sprintf("ip link show dev %[2]s >/dev/null 2>&1 || ip link add link %[1]s name %[2]s type vlan id %[3]d", v.Link, c.Key, v.ID)}
}

func (s system) device(want Desired, c step.Change) error {
	if c.Action == step.Delete {
		return s.removeDevice(c.Key, c.From)
	}
	if b, err := rtnl.ParseBond(c.To); err == nil {
		b.Members = inOrder(want, c.Key, b)
		return s.kernel.SetBond(c.Key, b)
	}
	v, err := parseDevice(c.To)
	if err != nil {
		return err
	}
	return s.kernel.AddVLAN(c.Key, v)
}

// removeDevice removes what a device's text says it is.
func (s system) removeDevice(name, text string) error {
	if strings.HasPrefix(text, bondText) {
		return s.kernel.DelBond(name)
	}
	return s.kernel.DelVLAN(name)
}

// device is an interface that is made of others.
type device struct {
	Name string `json:"name"`
	Text string `json:"text"` // as the change has it
}
