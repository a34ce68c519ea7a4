package netconf

import (
	"fmt"
	"net/netip"
	"path"
	"strings"
)

// marker begins the lines that lvsup takes out of a person's file. Taking it
// away gives the line back as it was.
const marker = "# lvsup: "

// ownPrefix begins the names of the files that lvsup adds to interfaces.d.
const ownPrefix = "lvsup-"

// OwnInterfacesPath is the file that lvsup writes for an interface. Its name
// has no dot, since run-parts rules apply where interfaces(5) has a
// source-directory line.
func OwnInterfacesPath(name string) string {
	return path.Join(InterfacesDir, ownPrefix+strings.ReplaceAll(name, ".", "_"))
}

// stanza is one paragraph of interfaces(5).
type stanza struct {
	start, end int      // its lines, end not included; trailing blank and comment lines are outside
	head       []string // words of its first line
	options    [][]string
}

// family is the word of interfaces(5) for an address's family.
func family(p netip.Prefix) string {
	if p.Addr().Is6() {
		return "inet6"
	}
	return "inet"
}

// RenderInterface writes the file of interfaces(5) that gives an interface its
// static addresses at boot: a stanza for each, which ifup works through in their
// order. Routes are in the last one of their family, where every network that
// their gateways may be in is there.
// device are lines that make the interface, for the first stanza.
func RenderInterface(s Settings, device string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Written by lvsup; changed by the next apply.\nauto %s\n", s.Name)
	for n, p := range s.All() {
		ipv6 := p.Addr().Is6()
		same := s.of(ipv6)
		gw, routes := s.split(ipv6)
		fmt.Fprintf(&b, "iface %s %s static\n    address %s\n", s.Name, family(p), p.Addr())
		if ipv6 {
			fmt.Fprintf(&b, "    netmask %d\n", p.Bits())
		} else {
			fmt.Fprintf(&b, "    netmask %s\n", netmask(p.Bits()))
		}
		if gw.IsValid() && p == gatewayStanza(same, gw) {
			fmt.Fprintf(&b, "    gateway %s\n", gw)
		}
		if n == 0 {
			b.WriteString(device)
		}
		if n == 0 && s.MTU != 0 {
			fmt.Fprintf(&b, "    mtu %d\n", s.MTU)
		}
		if n == 0 && len(s.DNS) > 0 { // only resolvconf reads it; Plan writes resolv.conf too
			b.WriteString("    dns-nameservers")
			for _, d := range s.DNS {
				b.WriteString(" " + d.String())
			}
			b.WriteByte('\n')
		}
		if p == same[len(same)-1] {
			for _, r := range routes {
				fmt.Fprintf(&b, "    up %s route replace %s\n", ipCommand(ipv6), r.words(s.Name))
			}
		}
	}
	return b.String()
}

func ipCommand(ipv6 bool) string {
	if ipv6 {
		return "ip -6"
	}
	return "ip"
}

// gatewayStanza picks the address whose stanza names the gateway: the one in
// whose network it is, else the first.
func gatewayStanza(all []netip.Prefix, gw netip.Addr) netip.Prefix {
	for _, p := range all {
		if p.Contains(gw) {
			return p
		}
	}
	return all[0]
}

func planIfupdown(want, files map[string]string, all []Settings) error {
	top := Uncomment(files[InterfacesTop])
	readable := map[string]string{InterfacesTop: top}
	if sourcesDir(top) {
		for p, content := range files {
			if path.Dir(p) == InterfacesDir && !strings.HasPrefix(path.Base(p), ownPrefix) {
				readable[p] = Uncomment(content)
			}
		}
	}
	replace := map[string]bool{} // "ens33 inet": the stanzas that ours replace
	for _, s := range all {
		if declared(readable, s) {
			continue
		}
		own := OwnInterfacesPath(s.Name)
		if _, taken := want[own]; taken {
			return fmt.Errorf("cannot write %s: two interfaces of the plan would use it, %s is one", own, s.Name)
		}
		want[own] = RenderInterface(s, vlanOptions(s, all)+bondOptions(s)+deviceOptions(readable, s)) + memberStanzas(s)
		for _, p := range s.All() {
			replace[s.Name+" "+family(p)] = true
		}
		for _, m := range s.Bond.Members {
			replace[m+" inet"], replace[m+" inet6"] = true, true
		}
	}
	for p, content := range readable {
		edited := commentStanzas(content, replace)
		if p == InterfacesTop && len(replace) > 0 && !sourcesDir(edited) && !sourcesOwn(edited) {
			edited = appendLine(edited, "source "+InterfacesDir+"/"+ownPrefix+"*")
		}
		if p == InterfacesTop || edited != content || content != files[p] {
			want[p] = edited
		}
	}
	return nil
}

// parseInterfaces finds the stanzas of a file of interfaces(5).
func parseInterfaces(content string) []stanza {
	var all []stanza
	lines := splitLines(content)
	for i := 0; i < len(lines); {
		text, next := joined(lines, i)
		f := strings.Fields(text)
		switch {
		case len(f) == 0 || strings.HasPrefix(f[0], "#"):
		case startsStanza(f[0]):
			all = append(all, stanza{start: i, end: next, head: f})
		case len(all) > 0:
			st := &all[len(all)-1]
			st.options, st.end = append(st.options, f), next
		}
		i = next
	}
	return all
}

// joined reads a logical line: a final backslash joins the next one, except
// after a comment.
func joined(lines []string, i int) (text string, next int) {
	text = strings.TrimRight(lines[i], "\n")
	i++
	if strings.HasPrefix(strings.TrimLeft(text, " \t"), "#") {
		return text, i
	}
	for strings.HasSuffix(text, `\`) && i < len(lines) {
		text = strings.TrimSuffix(text, `\`) + strings.TrimRight(lines[i], "\n")
		i++
	}
	return text, i
}

// startsStanza tells the words that begin a paragraph in interfaces(5).
func startsStanza(word string) bool {
	switch word {
	case "iface", "mapping", "auto", "source", "source-directory", "template", "rename", "no-auto-down", "no-scripts":
		return true
	}
	return strings.HasPrefix(word, "allow-")
}

// commentStanzas puts the marker before each line of the iface stanzas that are
// replaced. auto and allow-hotplug lines stay: they fit the new stanza as well,
// and may name other interfaces.
func commentStanzas(content string, replace map[string]bool) string {
	lines := splitLines(content)
	for _, st := range parseInterfaces(content) {
		if st.head[0] != "iface" || len(st.head) < 3 || !replace[st.head[1]+" "+st.head[2]] {
			continue
		}
		for i := st.start; i < st.end; i++ {
			lines[i] = marker + lines[i]
		}
	}
	return strings.Join(lines, "")
}

// Uncomment gives back the lines that lvsup took out of a file of
// interfaces(5).
func Uncomment(content string) string {
	lines := splitLines(content)
	for i, l := range lines {
		lines[i] = strings.TrimPrefix(l, marker)
	}
	return strings.Join(lines, "")
}

// Uncommented drops the comment lines of a file.
func Uncommented(content string) string {
	var b strings.Builder
	for _, l := range splitLines(content) {
		if !strings.HasPrefix(strings.TrimLeft(l, " \t"), "#") {
			b.WriteString(l)
		}
	}
	return b.String()
}

// sourcesDir reports whether every file of interfaces.d is read.
func sourcesDir(content string) bool {
	return sources(content, InterfacesDir+"/*")
}

// sourcesOwn reports whether at least the files that lvsup writes are.
func sourcesOwn(content string) bool {
	return sources(content, InterfacesDir+"/"+ownPrefix+"*")
}

func sources(content string, patterns ...string) bool {
	for _, st := range parseInterfaces(content) {
		for _, w := range st.head[1:] {
			if !path.IsAbs(w) { // relative to the file that says it
				w = path.Join(path.Dir(InterfacesTop), w)
			}
			dir := st.head[0] == "source-directory" && path.Clean(w) == InterfacesDir
			if dir || st.head[0] == "source" && containsWord(patterns, w) {
				return true
			}
		}
	}
	return false
}

func appendLine(content, l string) string {
	var b strings.Builder
	b.WriteString(content)
	endLine(&b)
	return b.String() + l + "\n"
}

func containsWord(words []string, w string) bool {
	for _, x := range words {
		if x == w {
			return true
		}
	}
	return false
}
