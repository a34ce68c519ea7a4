package netconf

import (
	"fmt"
	"slices"
	"strconv"
)

// firstNetplanID is the key of a definition that goes before a pattern's.
func firstNetplanID(name string) string { return "00-lvsup-" + name }

// netplanLink gives the key of the definition that a VLAN stands on, which netplan
// must have: one that no file has, nor an interface of the plan, is put into out, and told to leave
// the link's addresses to others.
func (f Files) netplanLink(want map[string]string, out map[string][]string, s Settings, all []Settings) (string, error) {
	link := s.VLAN.Link
	if s.VLAN == (VLAN{}) {
		return "", nil
	}
	mine, err := f.definitions(s.Name)
	if err != nil {
		return "", err
	}
	for _, d := range mine {
		if d.kind != "vlans" && !d.wide {
			return "", fmt.Errorf("cannot keep %s for the next boot: %s has it among %s and not among vlans; take it out there, or call the interface %s", s.Name, d.file, d.kind, otherName(s))
		}
	}
	found, err := f.definitions(link)
	if err != nil {
		return "", err
	}
	own, wide := narrow(found)
	planned := slices.ContainsFunc(all, func(o Settings) bool { return o.Name == link })
	switch {
	case len(own) > 0:
		return own[0].id, nil
	case planned && wide != "":
		return firstNetplanID(link), nil
	case planned:
		return link, nil
	case wide != "":
		return "", fmt.Errorf("cannot keep %s for the next boot: %s has %s together with others, and the VLAN would be made on all of them; give it a definition of its own there", s.Name, wide, link)
	}
	bare := "    " + yamlText(link) + ": {}\n"
	if !slices.Contains(out["ethernets"], bare) {
		out["ethernets"] = append(out["ethernets"], bare)
	}
	if !f.rendersNM(nil) {
		want[fmt.Sprintf(netplanDropIns, link)] = keepStatic
	}
	return link, nil
}

// isNetplanVLAN reports whether the definitions make the VLAN that is wanted, or
// nothing is wanted.
func isNetplanVLAN(defs []definition, s Settings, link string) bool {
	id, on := "", ""
	for _, d := range defs {
		if n := d.node.child("id"); n != nil {
			id = n.scalar()
		}
		if n := d.node.child("link"); n != nil {
			on = n.scalar()
		}
	}
	return s.VLAN == (VLAN{}) || id == strconv.Itoa(s.VLAN.ID) && on == link
}

func netplanVLAN(s Settings, link string) string {
	if s.VLAN == (VLAN{}) {
		return ""
	}
	return fmt.Sprintf("      id: %d\n      link: %s\n", s.VLAN.ID, yamlText(link))
}
