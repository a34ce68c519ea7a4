package netconf

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// netplanMembers gives the keys of the definitions that a bond is made of, in the
// order of its members. What others' files give the members of addresses is marked
// as gone, and those that no file has are put into out.
func (f Files) netplanMembers(out map[string][]string, gone map[string]map[int]bool, s Settings) ([]string, error) {
	var ids []string
	for _, m := range s.Bond.Members {
		found, err := f.definitions(m)
		if err != nil {
			return nil, err
		}
		own, wide := narrow(found)
		if wide != "" {
			return nil, fmt.Errorf("cannot keep %s for the next boot: %s has its member %s together with others; give it a definition of its own there", s.Name, wide, m)
		}
		kind, id := "ethernets", m
		if len(own) > 0 {
			kind, id = own[0].kind, own[0].id
		}
		for _, d := range own {
			if err := stripMember(gone, d, s.Name, m); err != nil {
				return nil, err
			}
		}
		out[kind] = append(out[kind], "    "+yamlText(id)+":\n      dhcp4: false\n      dhcp6: false\n")
		ids = append(ids, id)
	}
	return ids, nil
}

// stripMember marks what would give a member of a bond addresses.
func stripMember(gone map[string]map[int]bool, d definition, bond, member string) error {
	if d.node.flow() && strings.Trim(d.node.value, "{} ") != "" {
		return inBraces(d.file, member)
	}
	drop := map[*yamlNode]bool{}
	for _, c := range d.node.children {
		switch c.key {
		case "dhcp4", "dhcp6": // lvsup's file says otherwise
			drop[c] = path.Base(d.file) > path.Base(OwnNetplan)
		case "addresses", "gateway4", "gateway6", "routes", "nameservers":
			drop[c] = true
		}
		if drop[c] && path.Dir(d.file) != NetplanDir {
			return fmt.Errorf("cannot keep %s for the next boot: %s sets %s of its member %s; take that out there", bond, d.file, c.key, member)
		}
	}
	markGone(gone, d, drop)
	return nil
}

// netplanParameter is the name that netplan has for an option of a bond.
func netplanParameter(option string) string {
	switch option {
	case "miimon":
		return "mii-monitor-interval"
	case "xmit_hash_policy":
		return "transmit-hash-policy"
	}
	return strings.ReplaceAll(option, "_", "-")
}

// ofBond tells the parameters that lvsup has a word for.
func ofBond(parameter string) bool {
	switch parameter {
	case "mode", "mii-monitor-interval", "lacp-rate", "transmit-hash-policy", "primary":
		return true
	}
	return false
}

// netplanBond writes what a bond is made of; primary is a key like ids.
func netplanBond(s Settings, ids []string) string {
	if !s.isBond() {
		return ""
	}
	text := "      interfaces:\n"
	for _, id := range ids {
		text += "        - " + yamlText(id) + "\n"
	}
	text += "      parameters:\n"
	for _, o := range s.Bond.options() {
		value := o.value
		if o.name == "primary" {
			value = ids[slices.Index(s.Bond.Members, value)]
		}
		text += "        " + netplanParameter(o.name) + ": " + yamlText(value) + "\n"
	}
	return text
}

// isNetplanBond reports whether the definitions make the bond that is wanted of
// members without addresses, or nothing is wanted.
func (f Files) isNetplanBond(defs []definition, s Settings) bool {
	if !s.isBond() {
		return true
	}
	var members []string
	values := map[string]string{}
	for _, d := range defs {
		members = append(members, d.node.child("interfaces").list()...)
		if parameters := d.node.child("parameters"); parameters != nil {
			for _, c := range parameters.children {
				values[c.key] = c.scalar()
			}
		}
	}
	have := readBond(func(name string) string {
		value := values[netplanParameter(name)]
		if name == "miimon" { // of milliseconds, where it has no unit
			return strings.TrimSuffix(value, "ms")
		}
		return value
	})
	slices.Sort(members)
	members = slices.Compact(members)
	for n, id := range members {
		for _, m := range s.Bond.Members {
			found, err := f.definitions(m)
			own, _ := narrow(found)
			if err != nil || len(own) == 0 || own[0].id != id {
				continue
			}
			for _, d := range own {
				if stripMember(map[string]map[int]bool{}, d, s.Name, m) != nil {
					return false
				}
			}
			if v := netplanView(own); v.dhcp[false] || v.dhcp[true] || len(v.addrs) > 0 {
				return false
			}
			if have.Primary == id {
				have.Primary = m
			}
			members[n] = m
		}
	}
	return s.Bond.sameMembers(members) && have.same(s.Bond)
}
