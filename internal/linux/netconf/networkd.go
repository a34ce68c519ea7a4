package netconf

import (
	"fmt"
	"maps"
	"net/netip"
	"path"
	"slices"
	"sort"
	"strconv"
	"strings"
)

// NetworkdDir is where the files of this host for systemd-networkd are.
const NetworkdDir = "/etc/systemd/network"

// networkdDirs are all that networkd reads; of files with one name it takes that
// of the first (systemd.network(5)).
func networkdDirs() []string {
	return []string{NetworkdDir, "/run/systemd/network", "/usr/local/lib/systemd/network", "/usr/lib/systemd/network", "/lib/systemd/network"}
}

// ownNetwork lists the names that the file lvsup writes for an interface can
// have. networkd takes the first file that matches, in the order of their names;
// the first of these does unless another's file comes before it.
func ownNetwork(name string) []string {
	return []string{"10-lvsup-" + name + ".network", "05-lvsup-" + name + ".network", "00-lvsup-" + name + ".network"}
}

// OwnNetworkPath is the file that lvsup writes for an interface that no other
// matches.
func OwnNetworkPath(name string) string { return path.Join(NetworkdDir, ownNetwork(name)[0]) }

func isOwnNetwork(file, name string) bool {
	for _, own := range ownNetwork(name) {
		if file == path.Join(NetworkdDir, own) {
			return true
		}
	}
	return false
}

// match says how a .network file applies to an interface.
type match struct {
	file  string // its path
	alone bool   // it is for this interface and no other
	sure  bool   // it applies for certain
}

// matching lists the files that may apply to an interface, in the order in which
// networkd asks them. One whose condition cannot be judged from here counts.
func (f Files) matching(name string) []match {
	byName := map[string]string{}
	for _, dir := range networkdDirs() {
		for p := range f.Content {
			if _, taken := byName[path.Base(p)]; path.Dir(p) == dir && strings.HasSuffix(p, ".network") && !taken {
				byName[path.Base(p)] = p
			}
		}
	}
	var all []match
	for _, base := range sortedKeys(byName) {
		p := byName[base]
		if applies, alone, sure := matches(parseINI(f.Content[p], true), name, f.MAC[name]); applies && strings.TrimSpace(f.Content[p]) != "" {
			all = append(all, match{p, alone, sure})
		}
	}
	return all
}

// matches judges the [Match] section of a file for an interface. sure says that no
// condition had to be guessed.
func matches(lines []iniLine, name, mac string) (applies, alone, sure bool) {
	byName, byMAC := false, false
	sure = true
	for _, l := range lines {
		words := strings.Fields(l.value)
		if l.section != "Match" || len(words) == 0 || l.key == "" {
			continue
		}
		one := len(words) == 1
		switch l.key {
		case "Name":
			if !matchesWord(words, name) {
				return false, false, false
			}
			byName = one && words[0] == name
		case "MACAddress", "PermanentMACAddress":
			same := false
			for _, w := range words {
				same = same || strings.EqualFold(strings.ReplaceAll(w, "-", ":"), mac)
			}
			if !same && (mac != "" || l.key == "MACAddress") {
				return false, false, false
			}
			byMAC = one && same
		case "Type":
			if !matchesWord(words, "ether") && matchesWord(words, "loopback") {
				return false, false, false
			}
			sure = sure && matchesWord(words, "ether")
		default: // a condition that may hold or not
			sure = false
		}
	}
	if !byName && !byMAC && !forWires(lines) {
		return false, false, false
	}
	return true, sure && (byName || byMAC), sure
}

// forWires reports whether a .network file may be for a card, a bond, a bridge, a
// team or a VLAN, by its Type= (systemd.network(5)). systemd brings one for wireless
// cards, which no plan is about.
func forWires(lines []iniLine) bool {
	for _, l := range lines {
		words := strings.Fields(l.value)
		if l.section == "Match" && l.key == "Type" && len(words) > 0 {
			return slices.ContainsFunc([]string{"ether", "bond", "bridge", "team", "vlan"}, func(kind string) bool { return matchesWord(words, kind) })
		}
	}
	return true
}

// matchesWord is how networkd reads a list of names: shell patterns, all of them
// turned around by a "!" before the first.
func matchesWord(words []string, name string) bool {
	invert := strings.HasPrefix(words[0], "!")
	for i, w := range words {
		if i == 0 {
			w = strings.TrimPrefix(w, "!")
		}
		if ok, err := path.Match(w, name); err == nil && ok {
			return !invert
		}
	}
	return invert
}

func planNetworkd(want map[string]string, files Files, all []Settings) error {
	for _, s := range all {
		file, content, err := files.networkFile(s)
		if err != nil {
			return err
		}
		want[file] = content
	}
	if err := planBonds(want, files, all); err != nil {
		return err
	}
	return planNetdevs(want, files, all)
}

// networkFile says which file brings an interface up, and what it must hold. A
// person's file for just this interface is edited. One that is for others too,
// that something else writes, or that has drop-ins with addresses, is outranked.
func (f Files) networkFile(s Settings) (file, content string, err error) {
	first, have := "", newView()
	if all := f.matching(s.Name); len(all) > 0 {
		m, text := all[0], f.Content[all[0].file]
		lines := parseINI(text, true)
		if unmanaged(lines) {
			return "", "", fmt.Errorf("cannot keep the address of %s for the next boot: %s says Unmanaged=, so networkd leaves it alone; take that out, or say in the plan what manages it (network = ...)", s.Name, m.file)
		}
		edit := m.alone && path.Dir(m.file) == NetworkdDir && !fromCloudInit(m.file, text) && !f.dropInsSet(m.file)
		if edit || isOwnNetwork(m.file, s.Name) {
			return m.file, editNetwork(text, s), nil
		}
		first, have = path.Base(m.file), networkView(lines)
	}
	for _, own := range ownNetwork(s.Name) {
		if first == "" || own < first {
			return path.Join(NetworkdDir, own), renderNetwork(s, have), nil
		}
	}
	return "", "", fmt.Errorf("cannot keep the address of %s for the next boot: networkd takes %s for it, which comes before any file of lvsup's; give it a later name, as in 50-%s", s.Name, first, first)
}

func unmanaged(lines []iniLine) bool {
	v, _ := lastValue(lines, "Link", "Unmanaged")
	return isTrue(v) || strings.EqualFold(v, "on")
}

// dropInsSet reports whether a drop-in of the file has to do with addresses.
func (f Files) dropInsSet(file string) bool {
	for p, content := range f.Content {
		if path.Base(path.Dir(p)) != path.Base(file)+".d" {
			continue
		}
		for _, l := range parseINI(content, true) {
			switch l.key {
			case "Address", "Gateway", "DHCP", "DNS", "Destination", "MTUBytes":
				return true
			}
		}
	}
	return false
}

// fromCloudInit tells the files that cloud-init writes, and writes again.
func fromCloudInit(file, content string) bool {
	return strings.Contains(path.Base(file), "cloud-init") || strings.Contains(content, "generated from information provided by the datasource") ||
		strings.Contains(content, "Created by cloud-init")
}

// renderNetwork writes a file of systemd.network(5).
func renderNetwork(s Settings, have view) string {
	head := parseINI("# Written by lvsup; changed by the next apply.\n[Match]\nName="+s.Name+"\n", true)
	if s.MTU != 0 {
		head = addSection(head, "Link", "MTUBytes="+strconv.Itoa(s.MTU))
	}
	head = addSection(head, "Network", networkPairs(s, have)...)
	return iniText(addRoutes(head, s))
}

// networkPairs are the keys of a [Network] section. KeepConfiguration=static
// keeps networkd from taking away addresses that it has not set, a VIP among
// them, when its files change or it starts anew. have says what DHCP did before:
// DHCPv4 stays where the plan has IPv6 addresses alone. DHCPv6 beside DHCPv4 need
// not be asked for, since routers announce it; where none does, networkd would
// wait for it and call the interface unready.
func networkPairs(s Settings, have view) []string {
	dhcp := "no"
	switch {
	case have.dhcp[false] && !s.static(false):
		dhcp = "ipv4"
	case have.dhcp[true] && !have.dhcp[false] && !s.static(true):
		dhcp = "ipv6"
	}
	pairs := []string{"DHCP=" + dhcp, "KeepConfiguration=static"}
	for _, p := range s.All() {
		pairs = append(pairs, "Address="+p.String())
	}
	for _, ipv6 := range []bool{false, true} {
		if gateway, _ := s.split(ipv6); gateway.IsValid() {
			pairs = append(pairs, "Gateway="+gateway.String())
		}
	}
	for _, d := range s.DNS {
		pairs = append(pairs, "DNS="+d.String())
	}
	return pairs
}

func addRoutes(lines []iniLine, s Settings) []iniLine {
	for _, r := range s.Routes {
		if r.IsDefault() {
			continue // Gateway= says it
		}
		pairs := []string{"Destination=" + r.To.String()}
		if r.Via.IsValid() {
			pairs = append(pairs, "Gateway="+r.Via.String())
		}
		if r.Metric != 0 {
			pairs = append(pairs, "Metric="+strconv.Itoa(r.Metric))
		}
		lines = addSection(lines, "Route", pairs...)
	}
	return lines
}

// editNetwork returns the file with the settings in it. One that gives them
// already comes back as it is; of another the keys and sections that contradict
// them go, and all else stays.
func editNetwork(content string, s Settings) string {
	lines := parseINI(content, true)
	v := networkView(lines)
	if v.gives(s) {
		return content
	}
	gone := map[int]bool{}
	for nth, sec := range sections(lines) {
		switch sec.name {
		case "Address":
			p, ok := parseAddress(sec.keys["Address"])
			gone[nth] = ok && s.static(p.Addr().Is6())
		case "Route":
			to, ok := sec.destination()
			gone[nth] = ok && s.replaces(to)
		}
	}
	lines = withoutSections(lines, gone)
	lines = without(lines, func(l iniLine) bool {
		p, ok := parseAddress(l.value)
		switch l.section + "." + l.key {
		case "Network.DHCP":
			return true
		case "Network.Address", "Network.Gateway":
			return ok && s.static(p.Addr().Is6())
		case "Network.DNS":
			return len(s.DNS) > 0
		case "Link.MTUBytes":
			return s.MTU != 0
		}
		return false
	})
	pairs := networkPairs(s, v)
	if _, there := lastValue(lines, "Network", "KeepConfiguration"); there {
		pairs = slices.DeleteFunc(pairs, func(p string) bool { return strings.HasPrefix(p, "KeepConfiguration=") })
	}
	lines = addKeys(lines, "Network", pairs...)
	if s.MTU != 0 {
		lines = addKeys(lines, "Link", "MTUBytes="+strconv.Itoa(s.MTU))
	}
	return iniText(addRoutes(lines, s))
}

// section is one section of a .network file, for those whose keys belong
// together.
type section struct {
	name string
	keys map[string]string
}

// sections gives the sections of a file by their place in it.
func sections(lines []iniLine) map[int]section {
	all := map[int]section{}
	for _, l := range lines {
		if _, ok := all[l.nth]; !ok {
			all[l.nth] = section{l.section, map[string]string{}}
		}
		if l.key != "" {
			all[l.nth].keys[l.key] = l.value
		}
	}
	return all
}

// destination is where the route of a [Route] section goes to.
func (s section) destination() (netip.Prefix, bool) {
	gw, _ := netip.ParseAddr(s.keys["Gateway"])
	return parseDestination(s.keys["Destination"], gw.Is6())
}

// networkView reads a .network file.
func networkView(lines []iniLine) view {
	v := newView()
	for _, l := range lines {
		if l.section != "Network" {
			continue
		}
		a, err := netip.ParseAddr(l.value)
		switch l.key {
		case "DHCP":
			v.dhcp[false] = isTrue(l.value) || l.value == "on" || l.value == "both" || l.value == "ipv4" || l.value == "v4"
			v.dhcp[true] = isTrue(l.value) || l.value == "on" || l.value == "both" || l.value == "ipv6" || l.value == "v6"
		case "Address":
			if p, ok := parseAddress(l.value); ok {
				v.addrs = append(v.addrs, p)
			}
		case "Gateway":
			if err == nil {
				v.gateway[a.Is6()] = a
			}
		case "DNS":
			for _, w := range strings.Fields(l.value) {
				if a, err := netip.ParseAddr(w); err == nil {
					v.dns = append(v.dns, a)
				}
			}
		}
	}
	byPlace := sections(lines)
	places := make([]int, 0, len(byPlace))
	for nth := range maps.Keys(byPlace) {
		places = append(places, nth)
	}
	sort.Ints(places)
	for _, nth := range places {
		sec := byPlace[nth]
		switch sec.name {
		case "Address":
			if p, ok := parseAddress(sec.keys["Address"]); ok {
				v.addrs = append(v.addrs, p)
			}
		case "Route":
			to, ok := sec.destination()
			gw, _ := netip.ParseAddr(sec.keys["Gateway"])
			metric, _ := strconv.Atoi(sec.keys["Metric"])
			switch {
			case ok && to.Bits() == 0:
				v.gateway[to.Addr().Is6()] = gw
			case ok:
				v.routes = append(v.routes, Route{To: to, Via: gw, Metric: metric})
			}
		case "Link":
			v.mtu, _ = strconv.Atoi(sec.keys["MTUBytes"])
		}
	}
	return v
}
