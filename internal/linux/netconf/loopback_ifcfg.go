package netconf

import (
	"errors"
	"fmt"
	"net/netip"
	"path"
	"strconv"
	"strings"
)

// aliases writes a file ifcfg-lo:N for each address, as LVS's users have always
// done (network-scripts/ifup-aliases in fedora-sysv/initscripts). The file that
// has an address keeps it, so that numbers do not move.
func (l Loopback) aliases(want map[string]string, vips []netip.Prefix) error {
	files := l.Files.Content
	if _, there := files[path.Join(IfcfgDir, "ifcfg-lo")]; !l.Aliases || !there {
		return errors.New("nothing here brings ifcfg-lo:N up at boot, which network-scripts do with ifcfg-lo (chkconfig network on)")
	}
	taken := map[string]bool{}
	for p := range files {
		taken[p] = true
	}
	for _, v := range vips {
		if v.Addr().Is6() {
			return fmt.Errorf("ifcfg files have no word for an address such as %s that nothing may leave with", v.Addr())
		}
		file := aliasOf(files, v.Addr())
		for n := 0; file == ""; n++ {
			if p := aliasPath(n); !taken[p] {
				file = p
			}
		}
		taken[file] = true
		want[file] = editAlias(files[file], strings.TrimPrefix(path.Base(file), "ifcfg-"), v.Addr())
	}
	return nil
}

func aliasPath(n int) string { return path.Join(IfcfgDir, "ifcfg-lo:"+strconv.Itoa(n)) }

// aliasOf finds the alias of lo that has an address; empty if there is none.
func aliasOf(files map[string]string, a netip.Addr) string {
	for _, p := range sortedKeys(files) {
		if l, ok := last(parseShell(files[p]), "IPADDR"); ok && l.value == a.String() && strings.HasPrefix(p, IfcfgDir+"/ifcfg-lo:") {
			return p
		}
	}
	return ""
}

// editAlias returns the file with the address in it. ifup-aliases asks ONPARENT,
// and other readers ONBOOT; both are yes unless the file says no.
func editAlias(content, device string, a netip.Addr) string {
	if content == "" {
		content = ownHeading
	}
	lines := parseShell(content)
	for _, pair := range [][2]string{{"DEVICE", device}, {"IPADDR", a.String()}, {"NETMASK", netmask(32)}, {"ONBOOT", "yes"}} {
		have, there := last(lines, pair[0])
		prefix, _ := last(lines, "PREFIX")
		same := have.value == pair[1] || pair[0] == "ONBOOT" && isTrue(have.value) || pair[0] == "DEVICE" && strings.HasPrefix(have.value, "lo:")
		switch {
		case there && have.plain && same:
		case pair[0] == "NETMASK" && prefix.value == "32": // the other way to say it, which goes first
		default:
			lines = set(lines, line{raw: pair[0] + `="` + pair[1] + "\"\n", key: pair[0], value: pair[1], plain: true})
		}
	}
	var out strings.Builder
	for _, l := range lines {
		if (l.key == "PREFIX" && l.value != "32") || (l.key == "ONPARENT" && strings.EqualFold(l.value, "no")) {
			continue
		}
		endLine(&out)
		out.WriteString(l.raw)
	}
	return out.String()
}
