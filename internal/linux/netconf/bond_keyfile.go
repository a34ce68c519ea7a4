package netconf

import (
	"fmt"
)

// memberKeyfile says which profile of NetworkManager's makes an interface a member
// of a bond, and what it must hold. One that does so already stays as it is; others
// are outranked.
func (f Files) memberKeyfile(s Settings, member string) (file, content string, err error) {
	all := f.profiles(member)
	if len(all) > 0 && !all[0].wide && all[0].file != OwnKeyfilePath(member) {
		switch first := all[0]; {
		case first.port == s.Name || first.port != "" && first.port == f.bondUUID(s.Name):
			return first.file, f.Content[first.file], nil
		case first.port != "":
			return "", "", fmt.Errorf("%s makes its member %s a port of %s; take that out there", first.file, member, first.port)
		case fmt.Sprint(first.priority) == ownPriority:
			return "", "", fmt.Errorf("%s has the highest priority for its member %s, and NetworkManager may take that; delete it, or set autoconnect=false in it", first.file, member)
		}
	}
	lines := parseINI(ownHeading, false)
	lines = append(lines, addSection(nil, "connection", "id="+ownPrefix+member, "uuid="+profileUUID(member), "type=ethernet",
		"interface-name="+member, "autoconnect-priority="+ownPriority, "master="+s.Name, "slave-type=bond")...)
	return OwnKeyfilePath(member), iniText(lines), nil
}

// bondUUID is the UUID of the profile that others have for a bond, by which profiles
// of its members may name it.
func (f Files) bondUUID(name string) string {
	if all := f.profiles(name); len(all) > 0 && all[0].kind == "bond" {
		return all[0].uuid
	}
	return ""
}

// editBond makes a profile of NetworkManager's that of the bond. Options that the
// plan has no word for stay.
func editBond(lines []iniLine, s Settings) []iniLine {
	if !s.isBond() || isBondProfile(lines, s) {
		return lines
	}
	lines = without(lines, func(l iniLine) bool {
		switch l.key {
		case "mode", "miimon", "lacp_rate", "xmit_hash_policy", "primary":
			return l.section == "bond"
		}
		return false
	})
	var pairs []string
	for _, o := range s.Bond.options() {
		pairs = append(pairs, o.name+"="+o.value)
	}
	return addKeys(lines, "bond", pairs...)
}

// isBondProfile reports whether a profile makes the bond that is wanted, or nothing
// is wanted. Without a word NetworkManager looks at the members' links every 100 ms.
func isBondProfile(lines []iniLine, s Settings) bool {
	return !s.isBond() || readBond(func(name string) string {
		value, there := lastValue(lines, "bond", name)
		if !there && name == "miimon" {
			return "100"
		}
		return value
	}).same(s.Bond)
}
