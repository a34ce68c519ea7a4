package netconf

import (
	"fmt"
	"path"
	"slices"
	"strconv"
	"strings"
)

// vlanKeys are the ifcfg keys of a VLAN. network-scripts reads VLAN and PHYSDEV,
// and the ID from the name; NetworkManager's plugin reads VLAN_ID.
func vlanKeys(v VLAN) []key {
	return []key{
		{name: "VLAN", value: "yes", accept: isTrue},
		{name: "PHYSDEV", value: v.Link, bare: true},
		{name: "VLAN_ID", value: strconv.Itoa(v.ID), bare: true},
		{name: "REORDER_HDR", value: "yes", accept: func(string) bool { return true }},
	}
}

// vlanOptions are the lines of interfaces(5) that make a VLAN. ifupdown itself
// makes those that are called LINK.ID; for the others it takes the package vlan,
// and where that is missing the commands do its work. A bond of the plan may come
// later in the order of the files.
func vlanOptions(s Settings, all []Settings) string {
	v := s.VLAN
	if v == (VLAN{}) {
		return ""
	}
	text := "    vlan-raw-device " + v.Link + "\n"
	if !v.telling(s.Name) {
		if slices.ContainsFunc(all, func(o Settings) bool { return o.Name == v.Link && o.isBond() }) {
			text += fmt.Sprintf("    pre-up ifup %s || true\n", v.Link)
		}
		text += fmt.Sprintf("    pre-up ip link set dev %s up\n", v.Link) +
			fmt.Sprintf("    pre-up ip link show dev %[1]s >/dev/null 2>&1 || ip link add link %[2]s name %[1]s type vlan id %[3]d\n", s.Name, v.Link, v.ID) +
			fmt.Sprintf("    post-down ip link delete dev %s || true\n", s.Name)
	}
	return text
}

// makesVLAN reports whether stanzas make the VLAN that is wanted, or nothing is
// wanted.
func makesVLAN(stanzas []stanza, s Settings) bool {
	if s.VLAN == (VLAN{}) {
		return true
	}
	found := s.VLAN.telling(s.Name)
	for _, st := range stanzas {
		for _, word := range []string{"vlan-raw-device", "vlan_raw_device"} {
			if link := st.option(word); link != "" && link != s.VLAN.Link {
				return false
			} else if link != "" {
				found = true
			}
		}
	}
	return found
}

// OwnNetdevPath is the file by which lvsup has networkd make a VLAN
// (systemd.netdev(5)).
func OwnNetdevPath(name string) string { return path.Join(NetworkdDir, "10-"+ownPrefix+name+".netdev") }

// planNetdevs has networkd make the VLANs. The link below must name them: it does
// so in a drop-in, and the file that it drops into stays as it is. want holds
// what the interfaces of the settings get.
func planNetdevs(want map[string]string, files Files, all []Settings) error {
	files = files.with(want)
	for _, s := range all {
		if s.VLAN == (VLAN{}) {
			continue
		}
		made, err := files.netdev(s)
		if err != nil {
			return err
		}
		if !made {
			want[OwnNetdevPath(s.Name)] = fmt.Sprintf("%s[NetDev]\nName=%s\nKind=vlan\n\n[VLAN]\nId=%d\n", ownHeading, s.Name, s.VLAN.ID)
		}
		link := s.VLAN.Link
		others, sure := files.linkFiles(link)
		if !sure {
			want[lastNetwork(link)] = bareNetwork(link, vlansOn(link, all))
		}
		for _, file := range others {
			if unmanaged(parseINI(files.Content[file], true)) {
				return fmt.Errorf("cannot keep %s for the next boot: %s says Unmanaged= of %s, so networkd makes no VLAN on it; take that out, or say in the plan what manages it (network = ...)", s.Name, file, link)
			}
			if !files.carries(file, s.Name) {
				want[vlanDropIn(file, s.Name)] = ownHeading + "[Network]\nVLAN=" + s.Name + "\n"
			}
		}
	}
	return nil
}

// lastNetwork is the file for a link that no other file may be for.
func lastNetwork(link string) string {
	return path.Join(NetworkdDir, "99-"+ownPrefix+link+".network")
}

// linkFiles lists the files one of which networkd takes for a link: those with a
// condition that cannot be judged from here, and the first without one. sure says
// that there is such a one.
func (f Files) linkFiles(link string) (files []string, sure bool) {
	for _, m := range f.matching(link) {
		if m.file == lastNetwork(link) {
			continue
		}
		files = append(files, m.file)
		if m.sure {
			return files, true
		}
	}
	return files, false
}

// vlanDropIn is what adds a VLAN to a .network file, wherever that is.
func vlanDropIn(file, name string) string {
	return path.Join(NetworkdDir, path.Base(file)+".d", ownPrefix+name+".conf")
}

// bareNetwork brings a link up for the VLANs on it, and nothing else.
func bareNetwork(link string, on []Settings) string {
	text := ownHeading + "[Match]\nName=" + link + "\n\n[Network]\nKeepConfiguration=static\n"
	for _, s := range on {
		text += "VLAN=" + s.Name + "\n"
	}
	return text
}

// with gives the files as they are once those of want are written.
func (f Files) with(want map[string]string) Files {
	content := map[string]string{}
	for _, m := range []map[string]string{f.Content, want} {
		for p, text := range m {
			content[p] = text
		}
	}
	f.Content = content
	return f
}

// foreignNetdevs are the files of others that have networkd make a device of that name.
func (f Files) foreignNetdevs(device string) []string {
	return slices.DeleteFunc(sortedKeys(f.Content), func(p string) bool {
		name, _ := lastValue(parseINI(f.Content[p], true), "NetDev", "Name")
		return !strings.HasSuffix(p, ".netdev") || name != device || p == OwnNetdevPath(device)
	})
}

// netdev reports whether a file of others has networkd make the VLAN.
func (f Files) netdev(s Settings) (made bool, err error) {
	for _, p := range f.foreignNetdevs(s.Name) {
		lines := parseINI(f.Content[p], true)
		kind, _ := lastValue(lines, "NetDev", "Kind")
		id, _ := lastValue(lines, "VLAN", "Id")
		if kind != "vlan" || id != strconv.Itoa(s.VLAN.ID) {
			return false, fmt.Errorf("cannot keep %s for the next boot: %s makes a device of that name, which is not VLAN %d; take that file away, or call the interface %s",
				s.Name, p, s.VLAN.ID, otherName(s))
		}
		made = true
	}
	return made, nil
}

func otherName(s Settings) string {
	names := s.VLAN.Names()
	if names[0] == s.Name {
		return names[1]
	}
	return names[0]
}

// carries reports whether a .network file or a drop-in of it names the VLAN.
// lvsup's own drop-in is not asked: it is planned anew.
func (f Files) carries(file, vlan string) bool {
	for p, content := range f.Content {
		dropIn := path.Base(path.Dir(p)) == path.Base(file)+".d" && p != vlanDropIn(file, vlan)
		if p != file && !dropIn {
			continue
		}
		if namesVLAN(content, vlan) {
			return true
		}
	}
	return false
}

// namesVLAN reports whether a .network file or drop-in puts the VLAN on its link.
func namesVLAN(content, vlan string) bool {
	return slices.ContainsFunc(parseINI(content, true), func(l iniLine) bool {
		return l.section == "Network" && l.key == "VLAN" && slices.Contains(strings.Fields(l.value), vlan)
	})
}

// editVLAN makes a profile of NetworkManager's that of the VLAN. A parent that is
// no interface's name is the UUID of the profile below, and stays.
func editVLAN(lines []iniLine, v VLAN) []iniLine {
	if v == (VLAN{}) || isVLANProfile(lines, v) {
		return lines
	}
	lines = without(lines, func(l iniLine) bool { return l.section == "vlan" && (l.key == "id" || l.key == "parent") })
	pairs := []string{"id=" + strconv.Itoa(v.ID), "parent=" + v.Link}
	if _, there := lastValue(lines, "vlan", "flags"); !there {
		pairs = append([]string{"flags=1"}, pairs...) // REORDER_HEADERS, as `ip link` sets it
	}
	return addKeys(lines, "vlan", pairs...)
}

func isVLANProfile(lines []iniLine, v VLAN) bool {
	id, _ := lastValue(lines, "vlan", "id")
	parent, _ := lastValue(lines, "vlan", "parent")
	return id == strconv.Itoa(v.ID) && (parent == v.Link || len(parent) == len("xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx"))
}
