package netconf

import (
	"errors"
	"fmt"
	"path"
	"regexp"
	"sort"
	"strconv"
	"strings"
)

// keyOrder is the order of the keys in a file that lvsup writes anew, which is
// also where a missing key goes in one that is there. DNS1, DNS2, ... and keys
// that are not listed come last.
func keyOrder() []string {
	return []string{
		"TYPE", "BROWSER_ONLY", "BOOTPROTO", "DEFROUTE", "NAME", "UUID", "DEVICE", "ONBOOT", "ETHTOOL_OPTS",
		"IPADDR", "NETMASK", "GATEWAY", "IPV6INIT", "IPV6_AUTOCONF", "IPV6ADDR", "IPV6_DEFAULTGW",
	}
}

// derived tells the keys that the plan's own attributes fill.
func derived(key string) bool {
	switch key {
	case "DEVICE", "BOOTPROTO", "ONBOOT", "IPADDR", "NETMASK", "PREFIX", "GATEWAY", "IPV6ADDR", "IPV6_DEFAULTGW":
		return true
	}
	return dnsKey(key) || indexedRE.MatchString(key)
}

var (
	ifcfgKeyRE = regexp.MustCompile(`^[A-Z][A-Z0-9_]*$`)
	indexedRE  = regexp.MustCompile(`^(IPADDR|NETMASK|PREFIX|GATEWAY)[0-9]+$`)
	dnsRE      = regexp.MustCompile(`^DNS[1-9][0-9]*$`)
	dhcpRE     = regexp.MustCompile(`^(DHCP_.*|DHCPRELEASE|DHCLIENT.*|PERSISTENT_DHCLIENT)$`)
)

func dnsKey(key string) bool { return dnsRE.MatchString(key) }

// CheckIfcfg refuses further ifcfg keys that would contradict the plan's own
// attributes or that would not be settings of an interface.
func CheckIfcfg(keys map[string]string) error {
	for _, k := range sortedKeys(keys) {
		switch {
		case !ifcfgKeyRE.MatchString(k):
			return fmt.Errorf("ifcfg key %q: write capital letters, digits and '_', beginning with a letter", k)
		case derived(k):
			return fmt.Errorf("ifcfg key %s: lvsup writes it from name, address, gateway and dns; leave it out of ifcfg", k)
		case k == "PATH" || k == "IFS" || k == "ENV" || k == "BASH_ENV" || k == "SHELLOPTS" || strings.HasPrefix(k, "LD_"):
			return fmt.Errorf("ifcfg key %s: the scripts that source the file would break on it", k)
		}
		if err := checkText(keys[k]); err != nil {
			return fmt.Errorf("ifcfg key %s: %w", k, err)
		}
	}
	return nil
}

// IfcfgPath is the file of an interface among those of a host: the one named
// after it, else the first whose DEVICE it is, else the one to make.
func IfcfgPath(files map[string]string, name string) string {
	own := path.Join(IfcfgDir, "ifcfg-"+name)
	if _, ok := files[own]; ok {
		return own
	}
	for _, p := range sortedKeys(files) {
		if path.Dir(p) != IfcfgDir || !strings.HasPrefix(path.Base(p), "ifcfg-") {
			continue
		}
		if l, ok := last(parseShell(files[p]), "DEVICE"); ok && l.plain && l.value == name {
			return p
		}
	}
	return own
}

func planIfcfg(want, files map[string]string, all []Settings) error {
	for _, s := range all {
		p := IfcfgPath(files, s.Name)
		content, err := EditIfcfg(files[p], s)
		if err != nil {
			return fmt.Errorf("cannot write %s: %w", p, err)
		}
		want[p] = content
	}
	return nil
}

// key is one key that a file must have.
type key struct {
	name, value string
	bare        bool                   // the tutorial writes addresses without quotes
	accept      func(have string) bool // other values that mean the same
}

// EditIfcfg returns the ifcfg file with the settings in it. Lines that already
// say what is wanted stay as they are, in whatever quotes, and so do comments
// and keys it does not know; keys that contradict the settings go. An empty
// content makes a new file with the keys in the order of keyOrder.
func EditIfcfg(content string, s Settings) (string, error) {
	lines := parseShell(content)
	if n := len(lines); n > 0 && open(lines[n-1].raw) {
		return "", errors.New("the file ends within a quote or a joined line, so a shell cannot read it: mend or remove it by hand")
	}
	keys, stale := wantedKeys(lines, s)
	kept := lines[:0]
	for _, l := range lines {
		if l.key == "" || !stale(l.key) {
			kept = append(kept, l)
		}
	}
	lines = kept
	for _, k := range keys {
		have, ok := last(lines, k.name)
		if ok && have.plain && (have.value == k.value || k.accept != nil && k.accept(have.value)) {
			continue
		}
		text := k.value
		if !k.bare {
			var err error
			if text, err = quote(k.value); err != nil {
				return "", fmt.Errorf("%s: %w", k.name, err)
			}
		}
		lines = set(lines, line{raw: k.name + "=" + text + "\n", key: k.name, value: k.value, plain: true})
	}
	var out strings.Builder
	for _, l := range lines {
		endLine(&out)
		out.WriteString(l.raw)
	}
	return out.String(), nil
}

// wantedKeys lists the keys the settings need, in order, and tells those that
// would contradict them. What a person chose and does no harm (TYPE, NAME) is
// only set where it is missing.
func wantedKeys(lines []line, s Settings) (keys []key, stale func(string) bool) {
	anything := func(string) bool { return true }
	v4, gw := s.Address.Addr().Is4(), s.Gateway.IsValid()
	defroute := anything
	if gw {
		defroute = isTrue
	}
	keys = []key{
		{name: "TYPE", value: "Ethernet", accept: anything},
		{name: "BOOTPROTO", value: "none", accept: isStatic},
		{name: "DEFROUTE", value: "yes", accept: defroute},
		{name: "NAME", value: s.Name, accept: anything},
		{name: "DEVICE", value: s.Name},
		{name: "ONBOOT", value: "yes", accept: isTrue},
	}
	bits := strconv.Itoa(s.Address.Bits())
	usePrefix := false
	if v4 {
		keys = append(keys, key{name: "IPADDR", value: s.Address.Addr().String(), bare: true})
		// PREFIX wins over NETMASK where both are set.
		l, ok := last(lines, "PREFIX")
		usePrefix = ok && l.plain && l.value == bits
		if !usePrefix {
			keys = append(keys, key{name: "NETMASK", value: netmask(s.Address.Bits()), bare: true})
		}
		if gw {
			keys = append(keys, key{name: "GATEWAY", value: s.Gateway.String(), bare: true})
		}
	} else {
		keys = append(keys,
			key{name: "IPV6INIT", value: "yes", accept: isTrue},
			key{name: "IPV6_AUTOCONF", value: "no"},
			key{name: "IPV6ADDR", value: s.Address.String(), bare: true})
		if gw {
			keys = append(keys, key{name: "IPV6_DEFAULTGW", value: s.Gateway.String(), bare: true})
		}
	}
	for i, d := range s.DNS {
		keys = append(keys, key{name: "DNS" + strconv.Itoa(i+1), value: d.String(), bare: true})
	}
	keys = overlay(keys, s.Ifcfg)
	wanted := map[string]bool{}
	for _, k := range keys {
		wanted[k.name] = true
	}
	return keys, func(k string) bool {
		switch {
		case wanted[k]:
			return false
		case v4 && (k == "NETWORK" || k == "BROADCAST" || k == "GATEWAY"):
			return true
		case v4 && (k == "IPADDR0" || k == "NETMASK0" || k == "PREFIX0" || k == "GATEWAY0"):
			return true
		case v4 && k == "PREFIX":
			return !usePrefix
		case !v4 && k == "IPV6_DEFAULTGW":
			return true
		case len(s.DNS) > 0 && (dnsKey(k) || k == "PEERDNS"):
			return true
		}
		return dhcpRE.MatchString(k)
	}
}

// overlay puts the plan's further keys over and between the others.
func overlay(keys []key, more map[string]string) []key {
	for _, name := range sortedKeys(more) {
		k := key{name: name, value: more[name]}
		found := false
		for i := range keys {
			if keys[i].name == name {
				keys[i], found = k, true
			}
		}
		if !found {
			keys = append(keys, k)
		}
	}
	sort.SliceStable(keys, func(i, j int) bool { return rank(keys[i].name) < rank(keys[j].name) })
	return keys
}

// rank is a key's place in a file.
func rank(key string) int {
	order := keyOrder()
	for i, k := range order {
		if k == key {
			return i
		}
	}
	if dnsKey(key) {
		n, _ := strconv.Atoi(key[len("DNS"):])
		return len(order) + min(n, 1000)
	}
	return len(order) + 2000
}

// set replaces the assignments of a key by one, or puts it in its place.
func set(lines []line, l line) []line {
	var out []line
	done := false
	for _, have := range lines {
		switch {
		case have.key != l.key:
			out = append(out, have)
		case !done:
			out, done = append(out, l), true
		}
	}
	if done {
		return out
	}
	at := len(out)
	if r := rank(l.key); r < rank("") {
		at = 0
		placed := false
		for i, have := range out {
			if have.key != "" && rank(have.key) < r {
				at, placed = i+1, true
			}
		}
		if !placed { // before the first key that comes after it, below any heading
			at = len(out)
			for i, have := range out {
				if have.key != "" && rank(have.key) > r {
					at = i
					break
				}
			}
		}
	}
	out = append(out, line{})
	copy(out[at+1:], out[at:])
	out[at] = l
	return out
}

// last is the assignment that counts: a shell takes the last one.
func last(lines []line, key string) (line, bool) {
	for i := len(lines) - 1; i >= 0; i-- {
		if lines[i].key == key {
			return lines[i], true
		}
	}
	return line{}, false
}

// isStatic tells the values of BOOTPROTO that start no DHCP client.
func isStatic(bootproto string) bool {
	b := strings.ToLower(bootproto)
	return b == "none" || b == "static"
}

// isTrue is is_true of /etc/rc.d/init.d/functions.
func isTrue(v string) bool {
	switch strings.ToLower(v) {
	case "t", "true", "y", "yes", "1":
		return true
	}
	return false
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	sort.Strings(keys)
	return keys
}
