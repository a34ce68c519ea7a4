package netconf

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// bondOptions are the lines of interfaces(5) that make a bond. The options bond-*
// take the package ifenslave; commands do its work whether that is there or not.
// Loading the module may make a bond0 of its own, in another mode.
func bondOptions(s Settings) string {
	if !s.isBond() {
		return ""
	}
	b := s.Bond
	var text strings.Builder
	fmt.Fprintf(&text, "    pre-up ip -d link show dev %[1]s 2>/dev/null | grep -q 'bond mode %[2]s ' || { modprobe -q bonding; ip link delete dev %[1]s 2>/dev/null; ip link add name %[1]s type bond mode %[2]s; }\n", s.Name, b.Mode)
	fmt.Fprintf(&text, "    pre-up ip link set dev %s type bond%s\n", s.Name, bondWords(b))
	for _, m := range b.Members {
		fmt.Fprintf(&text, "    pre-up ip link set dev %[1]s down && ip link set dev %[1]s master %[2]s && ip link set dev %[1]s up\n", m, s.Name)
	}
	fmt.Fprintf(&text, "    post-down ip link delete dev %s || true\n", s.Name)
	return text.String()
}

// bondWords are the options besides the mode, as ip-link(8) takes them.
func bondWords(b Bond) string {
	text := ""
	for _, o := range b.options()[1:] {
		text += " " + o.name + " " + o.value
	}
	return text
}

// memberStanzas keep members without addresses, where an auto line of somebody's
// names them.
func memberStanzas(s Settings) string {
	text := ""
	for _, m := range s.Bond.Members {
		text += "iface " + m + " inet manual\n"
	}
	return text
}

// makesBond reports whether a person's stanzas make the bond that is wanted with
// the options of ifenslave, or nothing is wanted. Members are named by the bond, or
// name it.
func makesBond(files map[string]string, s Settings) bool {
	if !s.isBond() {
		return true
	}
	values := map[string]string{}
	var members []string
	for _, file := range sortedKeys(files) {
		for _, st := range parseInterfaces(files[file]) {
			if st.head[0] != "iface" || len(st.head) < 2 || strings.HasPrefix(path.Base(file), ownPrefix) {
				continue
			}
			for _, o := range st.options {
				name := strings.ReplaceAll(o[0], "_", "-")
				switch {
				case len(o) < 2:
				case st.head[1] != s.Name:
					if name == "bond-master" && o[1] == s.Name {
						members = append(members, st.head[1])
					}
				case name == "bond-slaves" || name == "slaves":
					members = append(members, slices.DeleteFunc(slices.Clone(o[1:]), func(w string) bool { return w == "none" })...)
				case strings.HasPrefix(name, "bond-"):
					values[strings.ReplaceAll(strings.TrimPrefix(name, "bond-"), "-", "_")] = o[1]
				}
			}
		}
	}
	return s.Bond.sameMembers(slices.Compact(slices.Sorted(slices.Values(members)))) && readBond(func(name string) string { return values[name] }).same(s.Bond)
}
