package netconf

import (
	"fmt"
	"path"
	"strings"
)

// commentNetplan puts the marker before the lines that go, and gives back those
// that need not go any more.
func (f Files) commentNetplan(want map[string]string, gone map[string]map[int]bool) {
	for _, file := range f.netplanFiles() {
		before := f.Content[file]
		plain := Uncomment(before)
		lines := splitLines(plain)
		for i := range lines {
			if gone[file][i] {
				lines[i] = marker + lines[i]
			}
		}
		after := strings.Join(lines, "")
		if path.Dir(file) != NetplanDir || after == plain && plain == before {
			continue
		}
		want[file] = after
		const off = ownHeading + "network: {config: disabled}\n"
		if now := f.Content[NoCloudNetwork]; f.CloudInit && fromCloudInit(file, plain) && (now == off || !strings.Contains(now, "disabled")) {
			want[NoCloudNetwork] = off
		}
	}
}

// stripNetplan marks the lines of others that would add to what lvsup's file
// says, or come after it. kept are addresses of theirs that stay, but stood in a
// list with some that go.
func stripNetplan(gone map[string]map[int]bool, defs []definition, s Settings) (kept []string, err error) {
	for _, d := range defs {
		if d.node.flow() {
			return nil, inBraces(d.file, s.Name)
		}
		drop := map[*yamlNode]bool{}
		late := path.Base(d.file) > path.Base(OwnNetplan)
		for _, c := range d.node.children {
			switch c.key {
			case "dhcp4":
				drop[c] = late && s.static(false)
			case "dhcp6":
				drop[c] = late && s.static(true)
			case "mtu":
				drop[c] = late && s.MTU != 0
			case "interfaces":
				drop[c] = s.isBond()
			case "parameters":
				drop[c] = s.isBond() && c.flow()
				for _, p := range c.children {
					drop[p] = s.isBond() && ofBond(p.key)
				}
			case "gateway4":
				drop[c] = s.static(false)
			case "gateway6":
				drop[c] = s.static(true)
			case "addresses":
				theirs := 0
				for _, text := range c.list() {
					if p, ok := parseAddress(text); ok && !s.static(p.Addr().Is6()) {
						kept, theirs = append(kept, p.String()), theirs+1
					}
				}
				drop[c] = len(c.list()) > theirs
				if !drop[c] {
					kept = kept[:len(kept)-theirs]
				}
			case "nameservers":
				if c.flow() && len(s.DNS) > 0 && strings.Contains(c.value, "search") {
					return nil, inBraces(d.file, "the nameservers of "+s.Name)
				}
				if c.flow() {
					drop[c] = len(s.DNS) > 0
				} else if a := c.child("addresses"); a != nil {
					drop[a] = len(s.DNS) > 0
				}
			case "routes":
				if c.flow() {
					return nil, inBraces(d.file, "the routes of "+s.Name)
				}
				for _, r := range c.children {
					if r.flow() {
						return nil, inBraces(d.file, "the routes of "+s.Name)
					}
					to, ok := netplanRoute(r)
					drop[r] = ok && s.replaces(to.To)
				}
			}
		}
		mayEdit := path.Dir(d.file) == NetplanDir
		for n, yes := range drop {
			if yes && !mayEdit {
				return nil, fmt.Errorf("cannot keep the address of %s for the next boot: %s sets its %s too, and netplan would use both; take that out there", s.Name, d.file, n.key)
			}
		}
		markGone(gone, d, drop)
	}
	return kept, nil
}

// markGone marks the lines of nodes, and of mappings that have nothing left:
// netplan takes no empty ones.
func markGone(gone map[string]map[int]bool, d definition, drop map[*yamlNode]bool) {
	if gone[d.file] == nil {
		gone[d.file] = map[int]bool{}
	}
	var visit func(n *yamlNode) bool
	visit = func(n *yamlNode) bool {
		whole := len(n.children) > 0
		for _, c := range n.children {
			whole = visit(c) && whole
		}
		if whole = whole || drop[n]; whole {
			for i := n.start; i < n.end; i++ {
				gone[d.file][i] = true
			}
		}
		return whole
	}
	chain := append(append([]*yamlNode{}, d.path...), d.node)
	visit(d.node)
	for i := len(chain) - 2; i >= 0; i-- {
		for _, c := range chain[i].children {
			if !gone[d.file][c.start] {
				return
			}
		}
		gone[d.file][chain[i].start] = true
	}
}
