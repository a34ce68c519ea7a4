package netconf

import (
	"fmt"
	"path"
	"strconv"
	"strings"
)

// Paths of netplan, and of cloud-init, which writes one of its files.
const (
	NetplanDir = "/etc/netplan"
	// OwnNetplan is the file that lvsup writes. It comes late: of one key in two
	// files the later file's value holds. Lists are another matter: netplan puts
	// them end to end (netplan-generate(8)).
	OwnNetplan = NetplanDir + "/90-lvsup.yaml"
	// NoCloudNetwork keeps cloud-init from writing its file again, as the
	// heading of that file says.
	NoCloudNetwork = "/etc/cloud/cloud.cfg.d/99-disable-network-config.cfg"
	// netplanDropIns is for what netplan has no key for; %s is the name of the
	// definition (systemd.network(5)).
	netplanDropIns = NetworkdDir + "/10-netplan-%s.network.d/lvsup.conf"
)

// keepStatic is a drop-in that has networkd leave addresses which it has not set.
const keepStatic = ownHeading + "[Network]\nKeepConfiguration=static\n"

const ownHeading = "# Written by lvsup; changed by the next apply.\n"

// definition is what one file says of one interface.
type definition struct {
	file string
	kind string // "ethernets", "bonds", ...
	id   string // its key there, which need not be the interface's name
	node *yamlNode
	path []*yamlNode // the nodes above it
	wide bool        // it matches by a pattern, and so maybe others too
}

// netplanDirs are those that netplan reads, the first going before the others
// for files of one name.
func netplanDirs() []string {
	return []string{"/run/netplan", NetplanDir, "/usr/lib/netplan", "/lib/netplan"}
}

// netplanFiles lists the files in the order of their names, without lvsup's.
func (f Files) netplanFiles() []string {
	byName := map[string]string{}
	for _, dir := range netplanDirs() {
		for p := range f.Content {
			if _, taken := byName[path.Base(p)]; path.Dir(p) == dir && strings.HasSuffix(p, ".yaml") && !taken && p != OwnNetplan {
				byName[path.Base(p)] = p
			}
		}
	}
	var all []string
	for _, base := range sortedKeys(byName) {
		all = append(all, byName[base])
	}
	return all
}

// definitions finds what the files say of an interface, in their order.
func (f Files) definitions(name string) (all []definition, err error) {
	for _, file := range f.netplanFiles() {
		nodes, err := parseYAML(Uncomment(f.Content[file]))
		if err != nil {
			return nil, fmt.Errorf("cannot read %s: %w", file, err)
		}
		for _, network := range nodes {
			if network.key != "network" {
				continue
			}
			if network.flow() && strings.Contains(network.value, name) {
				return nil, inBraces(file, name)
			}
			for _, kind := range network.children {
				if kind.flow() && strings.Contains(kind.value, name) {
					return nil, inBraces(file, name)
				}
				for _, d := range kind.children {
					if mine, wide := f.defines(d, name); mine {
						all = append(all, definition{file, kind.key, d.key, d, []*yamlNode{network, kind}, wide})
					}
				}
			}
		}
	}
	return all, nil
}

// rendersNM reports whether NetworkManager is what netplan writes for, where
// these definitions hold.
func (f Files) rendersNM(defs []definition) bool {
	renderer := ""
	set := func(n *yamlNode) {
		if r := n.child("renderer"); r != nil {
			renderer = r.scalar()
		}
	}
	for _, file := range f.netplanFiles() {
		nodes, err := parseYAML(Uncomment(f.Content[file]))
		for _, n := range nodes {
			if err == nil && n.key == "network" {
				set(n)
			}
		}
	}
	for _, d := range defs {
		set(d.node)
	}
	return renderer == "NetworkManager"
}

func inBraces(file, name string) error {
	return fmt.Errorf("cannot edit %s: it has %s in {braces}; write it as indented lines", file, name)
}

// defines reports whether a definition is for the interface.
func (f Files) defines(d *yamlNode, name string) (mine, wide bool) {
	m := d.child("match")
	mac, pattern, driver := m.field("macaddress"), m.field("name"), m.field("driver")
	switch {
	case d.key == "-":
		return false, false
	case d.child("set-name") != nil:
		return d.child("set-name").scalar() == name, false
	case mac != "":
		return strings.EqualFold(mac, f.MAC[name]), false
	case pattern != "":
		ok, err := path.Match(pattern, name)
		return ok && err == nil, pattern != name
	case driver != "" || m != nil:
		return true, true
	}
	return d.key == name, false
}

// planNetplan writes one file for all interfaces, and takes out of the others'
// what cannot be overridden.
func planNetplan(want map[string]string, files Files, all []Settings) error {
	out := map[string][]string{} // by kind, the lines of lvsup's file
	gone := map[string]map[int]bool{}
	for _, s := range all {
		found, err := files.definitions(s.Name)
		if err != nil {
			return err
		}
		nm := files.rendersNM(found)
		defs, wide := narrow(found)
		link, err := files.netplanLink(want, out, s, all)
		if err != nil {
			return err
		}
		if netplanView(defs).gives(s) && len(defs) > 0 && isNetplanVLAN(defs, s, link) && files.isNetplanBond(defs, s) {
			continue
		}
		kind, id := "ethernets", s.Name
		switch {
		case s.VLAN != (VLAN{}):
			kind = "vlans"
		case s.isBond():
			kind = "bonds"
		}
		members, err := files.netplanMembers(out, gone, s)
		if err != nil {
			return err
		}
		if len(defs) > 0 && s.isBond() && defs[0].kind != kind {
			return fmt.Errorf("cannot keep %s for the next boot: %s has it among %s and not among bonds; take it out there, or call the interface otherwise", s.Name, defs[0].file, defs[0].kind)
		}
		if len(defs) > 0 {
			kind, id = defs[0].kind, defs[0].id
		}
		matches := ""
		if len(defs) == 0 && wide != "" {
			switch kind {
			case "vlans":
				return fmt.Errorf("cannot keep %s for the next boot: a pattern in %s matches its name, and may go before it; make that narrower, or call the interface %s", s.Name, wide, otherName(s))
			case "bonds":
				return fmt.Errorf("cannot keep %s for the next boot: a pattern in %s matches its name, and may go before it; make that narrower, or call the interface otherwise", s.Name, wide)
			}
			if nm {
				return fmt.Errorf("cannot keep the address of %s for the next boot: %s has it together with others, and NetworkManager would choose; give it a definition of its own there", s.Name, wide)
			}
			// networkd takes the first file by name, and netplan names it after this.
			id, matches = firstNetplanID(s.Name), "      match:\n        name: "+yamlText(s.Name)+"\n"
		}
		kept, err := stripNetplan(gone, defs, s)
		if err != nil {
			return err
		}
		out[kind] = append(out[kind], "    "+yamlText(id)+":\n"+matches+netplanVLAN(s, link)+netplanBond(s, members)+renderNetplan(s, kept))
		if !nm {
			want[fmt.Sprintf(netplanDropIns, id)] = keepStatic
		}
	}
	files.commentNetplan(want, gone)
	if len(out) == 0 {
		return nil
	}
	text := ownHeading + "network:\n  version: 2\n"
	for _, kind := range sortedKeys(out) {
		text += "  " + kind + ":\n" + strings.Join(out[kind], "")
	}
	want[OwnNetplan] = text
	return nil
}

// narrow drops definitions by pattern, and names the file of the first. networkd
// takes the file that comes first by name, and netplan names them after the
// definitions: where that is the pattern's, the others mean nothing.
func narrow(defs []definition) (own []definition, wide string) {
	first := ""
	for _, d := range defs {
		switch {
		case !d.wide:
			own = append(own, d)
		case wide == "":
			wide, first = d.file, d.id
		}
	}
	if len(own) > 0 && wide != "" && first < own[0].id {
		own = nil
	}
	return own, wide
}

// renderNetplan writes the definition of an interface below its key.
func renderNetplan(s Settings, kept []string) string {
	var b strings.Builder
	for _, f := range []struct {
		ipv6 bool
		key  string
	}{{false, "dhcp4"}, {true, "dhcp6"}} {
		if s.static(f.ipv6) {
			b.WriteString("      " + f.key + ": false\n")
		}
	}
	if s.MTU != 0 {
		b.WriteString("      mtu: " + strconv.Itoa(s.MTU) + "\n")
	}
	b.WriteString("      addresses:\n")
	for _, p := range s.All() {
		b.WriteString("        - " + yamlText(p.String()) + "\n")
	}
	for _, k := range kept {
		b.WriteString("        - " + yamlText(k) + "\n")
	}
	routes := s.Routes
	if s.Gateway.IsValid() {
		to, _ := parseDestination("", s.Gateway.Is6())
		routes = append([]Route{{To: to, Via: s.Gateway}}, routes...)
	}
	if len(routes) > 0 {
		b.WriteString("      routes:\n")
	}
	for _, r := range routes {
		b.WriteString("        - to: " + yamlText(r.To.String()) + "\n")
		if r.Via.IsValid() {
			b.WriteString("          via: " + yamlText(r.Via.String()) + "\n")
		} else {
			b.WriteString("          scope: link\n")
		}
		if r.Metric != 0 {
			b.WriteString("          metric: " + strconv.Itoa(r.Metric) + "\n")
		}
	}
	if len(s.DNS) > 0 {
		b.WriteString("      nameservers:\n        addresses:\n")
	}
	for _, d := range s.DNS {
		b.WriteString("          - " + yamlText(d.String()) + "\n")
	}
	return b.String()
}

// yamlText quotes what YAML could take for something else than a text.
func yamlText(text string) string {
	plain := strings.IndexFunc(text, func(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }) == 0 || strings.Count(text, ".") == 3
	switch strings.ToLower(text) {
	case "y", "n", "yes", "no", "on", "off", "true", "false", "null":
		plain = false
	}
	if plain && !strings.Contains(text, ":") {
		return text
	}
	return `"` + text + `"`
}
