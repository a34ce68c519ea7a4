package netconf

import (
	"net/netip"
	"path"
	"slices"
	"strconv"
	"strings"
)

// declared reports whether a person's own stanzas already bring the interface
// up at boot as wanted, and nothing else does.
func declared(files map[string]string, s Settings) bool {
	var stanzas []stanza
	auto := false
	for _, file := range sortedKeys(files) {
		for _, st := range parseInterfaces(files[file]) {
			switch {
			case (st.head[0] == "auto" || strings.HasPrefix(st.head[0], "allow-")) && containsWord(st.head[1:], s.Name):
				auto = true
			case st.head[0] == "iface" && len(st.head) >= 4 && st.head[1] == s.Name &&
				slices.ContainsFunc(s.All(), func(p netip.Prefix) bool { return family(p) == st.head[2] }):
				stanzas = append(stanzas, st)
			}
		}
	}
	return auto && len(stanzas) == len(s.All()) && haveAddresses(stanzas, s) && haveMTU(stanzas, s) && haveRoutes(stanzas, s) &&
		makesVLAN(stanzas, s) && makesBond(files, s)
}

// haveAddresses reports whether each address has a stanza, and each family its
// gateway and no other.
func haveAddresses(stanzas []stanza, s Settings) bool {
	for _, p := range s.All() {
		if !slices.ContainsFunc(stanzas, func(st stanza) bool { return st.gives(p) }) {
			return false
		}
	}
	for _, ipv6 := range []bool{false, true} {
		gw, _ := s.split(ipv6)
		found := false
		for _, st := range stanzas {
			text := st.option("gateway")
			if (st.head[2] == "inet6") != ipv6 || text == "" {
				continue
			}
			if !gw.IsValid() || text != gw.String() {
				return false
			}
			found = true
		}
		if gw.IsValid() && !found {
			return false
		}
	}
	return true
}

func haveMTU(stanzas []stanza, s Settings) bool {
	found := s.MTU == 0
	for _, st := range stanzas {
		text := st.option("mtu")
		if text == "" || s.MTU == 0 {
			continue
		}
		if text != strconv.Itoa(s.MTU) {
			return false
		}
		found = true
	}
	return found
}

// haveRoutes reports whether each route has a command that adds it.
func haveRoutes(stanzas []stanza, s Settings) bool {
	for _, r := range s.Routes {
		if !r.IsDefault() && !slices.ContainsFunc(stanzas, func(st stanza) bool { return st.adds(r, s.Name) }) {
			return false
		}
	}
	return true
}

// option gives the value of an option that a stanza has once.
func (st stanza) option(name string) string {
	value := ""
	for _, o := range st.options {
		if o[0] == name && len(o) > 1 {
			value = o[1]
		}
	}
	return value
}

// gives reports whether the stanza sets just that address.
func (st stanza) gives(p netip.Prefix) bool {
	if st.head[3] != "static" || st.head[2] != family(p) {
		return false
	}
	addr, mask := st.option("address"), st.option("netmask")
	if have, err := netip.ParsePrefix(addr); err == nil {
		return have == p
	}
	a, err := netip.ParseAddr(addr)
	return err == nil && a == p.Addr() && (mask == strconv.Itoa(p.Bits()) || a.Is4() && mask == netmask(p.Bits()))
}

// adds reports whether a command of the stanza adds the route.
func (st stanza) adds(r Route, name string) bool {
	for _, o := range st.options {
		if len(o) < 4 || o[0] != "up" && o[0] != "post-up" || path.Base(o[1]) != "ip" {
			continue
		}
		f := o[2:]
		if f[0] == "-4" || f[0] == "-6" {
			f = f[1:]
		}
		if len(f) < 3 || f[0] != "route" || f[1] != "add" && f[1] != "replace" && f[1] != "append" {
			continue
		}
		f = slices.Clone(f[2:])
		for i, w := range f {
			if w == "||" {
				f = f[:i]
				break
			}
			if w == "$IFACE" || w == "\"$IFACE\"" {
				f[i] = name
			}
		}
		if w, ok := readRoute(f); ok && r.fits(w, name) {
			return true
		}
	}
	return false
}
