package netconf

import (
	"fmt"
	"path"
	"strconv"
	"strings"
	"time"
)

// planBonds has networkd make the bonds, and the members belong to them.
func planBonds(want map[string]string, files Files, all []Settings) error {
	for _, s := range all {
		if !s.isBond() {
			continue
		}
		made, err := files.bondNetdev(s)
		if err != nil {
			return err
		}
		if !made {
			want[OwnNetdevPath(s.Name)] = renderBondNetdev(s)
		}
		for _, m := range s.Bond.Members {
			if err := files.memberNetwork(want, s, m); err != nil {
				return err
			}
		}
	}
	return nil
}

// renderBondNetdev writes a file of systemd.netdev(5).
func renderBondNetdev(s Settings) string {
	b := s.Bond
	text := fmt.Sprintf("%s[NetDev]\nName=%s\nKind=bond\n\n[Bond]\nMode=%s\nMIIMonitorSec=%dms\n", ownHeading, s.Name, b.Mode, b.MIIMon)
	if b.LACPRate != "" {
		text += "LACPTransmitRate=" + b.LACPRate + "\n"
	}
	if b.XmitHashPolicy != "" {
		text += "TransmitHashPolicy=" + b.XmitHashPolicy + "\n"
	}
	return text
}

// bondNetdev reports whether a file of others has networkd make the bond. Which
// member it prefers, the members' own files say.
func (f Files) bondNetdev(s Settings) (made bool, err error) {
	for _, p := range f.foreignNetdevs(s.Name) {
		lines := parseINI(f.Content[p], true)
		kind, _ := lastValue(lines, "NetDev", "Kind")
		have := readBond(func(name string) string {
			value, _ := lastValue(lines, "Bond", map[string]string{"mode": "Mode", "miimon": "MIIMonitorSec", "lacp_rate": "LACPTransmitRate", "xmit_hash_policy": "TransmitHashPolicy"}[name])
			if name == "miimon" {
				return milliseconds(value)
			}
			return value
		})
		have.Primary = s.Bond.Primary
		if kind != "bond" || !have.same(s.Bond) {
			return false, fmt.Errorf("cannot keep %s for the next boot: %s makes a device of that name, and not such a bond; write the same there, take that file away, or call the interface otherwise", s.Name, p)
		}
		made = true
	}
	return made, nil
}

// milliseconds reads a time span of systemd.time(7) as far as such files have one;
// a bare number is of seconds.
func milliseconds(span string) string {
	if _, err := strconv.ParseFloat(span, 64); err == nil {
		span += "s"
	}
	d, err := time.ParseDuration(strings.TrimSuffix(strings.ReplaceAll(span, " ", ""), "ec"))
	if err != nil {
		return ""
	}
	return strconv.FormatInt(d.Milliseconds(), 10)
}

// memberNetwork puts the file into want that makes an interface a member of a bond,
// before every other for it. One of others that does so already will do.
func (f Files) memberNetwork(want map[string]string, s Settings, member string) error {
	text := ownHeading + "[Match]\nName=" + member + "\n\n[Network]\nBond=" + s.Name + "\n"
	if member == s.Bond.Primary {
		text += "PrimarySlave=yes\n"
	}
	first := ""
	if all := f.matching(member); len(all) > 0 {
		if isOwnNetwork(all[0].file, member) {
			want[all[0].file] = text
			return nil
		}
		lines := parseINI(f.Content[all[0].file], true)
		if unmanaged(lines) {
			return fmt.Errorf("cannot keep %s for the next boot: %s says Unmanaged= of %s, so networkd makes it no member of a bond; take that out, or say in the plan what manages it (network = ...)", s.Name, all[0].file, member)
		}
		preferred, _ := lastValue(lines, "Network", "PrimarySlave")
		if networkMaster(f.Content[all[0].file]) == s.Name && isTrue(preferred) == (member == s.Bond.Primary) {
			return nil
		}
		first = path.Base(all[0].file)
	}
	for _, own := range ownNetwork(member) {
		if first == "" || own < first {
			want[path.Join(NetworkdDir, own)] = text
			return nil
		}
	}
	return fmt.Errorf("cannot keep %s for the next boot: networkd takes %s for its member %s, which comes before any file of lvsup's; give it a later name, as in 50-%s", s.Name, first, member, first)
}

// networkMaster is the bond that a .network file makes its interface a member of.
func networkMaster(content string) string {
	bond, _ := lastValue(parseINI(content, true), "Network", "Bond")
	return bond
}
