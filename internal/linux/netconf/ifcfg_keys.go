package netconf

import (
	"slices"
	"sort"
	"strconv"
	"strings"
)

// key is one key that a file must have.
type key struct {
	name, value string
	bare        bool                   // the tutorial writes addresses without quotes
	accept      func(have string) bool // other values that mean the same
}

// keyOrder is the order of the keys in a file that lvsup writes anew, which is
// also where a missing key goes in one that is there. IPADDR1, PREFIX1, IPADDR2,
// ... follow GATEWAY; DNS1, DNS2, ... and keys that are not listed come last.
func keyOrder() []string {
	return []string{
		"TYPE", "BROWSER_ONLY", "BOOTPROTO", "DEFROUTE", "NAME", "UUID", "DEVICE", "ONBOOT", "ETHTOOL_OPTS", "MTU",
		"IPADDR", "NETMASK", "GATEWAY", "IPV6INIT", "IPV6_AUTOCONF", "IPV6ADDR", "IPV6ADDR_SECONDARIES", "IPV6_DEFAULTGW",
	}
}

// derived tells the keys that the plan's own attributes fill.
func derived(key string) bool {
	switch key {
	case "DEVICE", "BOOTPROTO", "ONBOOT", "IPADDR", "NETMASK", "PREFIX", "GATEWAY", "MTU",
		"IPV6ADDR", "IPV6ADDR_SECONDARIES", "IPV6_DEFAULTGW":
		return true
	}
	return dnsKey(key) || indexedRE.MatchString(key)
}

// wantedKeys lists the keys the settings need, in order, and tells those that
// would contradict them. What a person chose and does no harm (TYPE, NAME) is
// only set where it is missing.
func wantedKeys(lines []line, s Settings) (keys []key, stale func(string) bool) {
	anything := func(string) bool { return true }
	defroute := anything
	if s.Gateway.IsValid() {
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
	if s.VLAN != (VLAN{}) {
		keys[0] = key{name: "TYPE", value: "Vlan", accept: func(have string) bool { return strings.EqualFold(have, "Vlan") }}
		keys = append(keys, vlanKeys(s.VLAN)...)
	}
	if s.isBond() {
		keys[0] = key{name: "TYPE", value: "Bond", accept: func(have string) bool { return strings.EqualFold(have, "Bond") }}
		keys = append(keys, bondKeys(lines, s.Bond)...)
	}
	if s.MTU != 0 {
		keys = append(keys, key{name: "MTU", value: strconv.Itoa(s.MTU), bare: true})
	}
	v4 := len(s.of(false)) > 0
	usePrefix := false
	if v4 {
		var more []key
		more, usePrefix = keys4(lines, s)
		keys = append(keys, more...)
	}
	if len(s.of(true)) > 0 {
		keys = append(keys, keys6(lines, s)...)
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
		case strings.HasPrefix(k, "NETMASK") && wanted["PREFIX"+k[len("NETMASK"):]]:
			return true
		case s.Address.Addr().Is6() && k == "IPV6_DEFAULTGW":
			return true
		case len(s.DNS) > 0 && (dnsKey(k) || k == "PEERDNS"):
			return true
		case s.VLAN != (VLAN{}) && k == "VID": // which goes before the name
			return true
		}
		return dhcpRE.MatchString(k)
	}
}

// keys4 lists the keys of the IPv4 addresses. The first has no number; the
// others get the first free ones from 1, which is how expand_config of
// network-scripts counts: IPADDR, IPADDR0, IPADDR1, IPADDR2 to the first gap.
// Numbered addresses that are in the file already stay.
func keys4(lines []line, s Settings) (keys []key, usePrefix bool) {
	all := s.of(false)
	first := all[0]
	keys = append(keys, key{name: "IPADDR", value: first.Addr().String(), bare: true})
	// PREFIX wins over NETMASK where both are set.
	if usePrefix = holds(lines, "PREFIX", strconv.Itoa(first.Bits())); !usePrefix {
		keys = append(keys, key{name: "NETMASK", value: netmask(first.Bits()), bare: true})
	}
	if gw, _ := s.split(false); gw.IsValid() {
		keys = append(keys, key{name: "GATEWAY", value: gw.String(), bare: true})
	}
	taken := map[int]string{}
	for _, l := range lines {
		if m := indexedRE.FindStringSubmatch(l.key); m != nil && m[1] == "IPADDR" {
			n, _ := strconv.Atoi(m[2])
			taken[n] = l.value
		}
	}
	for _, p := range all[1:] {
		n := 1
		for taken[n] != "" && taken[n] != p.Addr().String() {
			n++
		}
		for have, value := range taken {
			if have >= 1 && value == p.Addr().String() {
				n = have
			}
		}
		taken[n] = p.Addr().String()
		number := strconv.Itoa(n)
		keys = append(keys, key{name: "IPADDR" + number, value: p.Addr().String(), bare: true})
		_, prefixed := last(lines, "PREFIX"+number)
		if prefixed || !holds(lines, "NETMASK"+number, netmask(p.Bits())) {
			keys = append(keys, key{name: "PREFIX" + number, value: strconv.Itoa(p.Bits()), bare: true})
		}
	}
	return keys, usePrefix
}

// keys6 lists the keys of the IPv6 addresses. Where the plan's own first address
// is IPv4, an IPV6ADDR that is in the file already stays, and routers may go on
// telling of other addresses unless the plan has a gateway.
func keys6(lines []line, s Settings) []key {
	all := s.of(true)
	gw, _ := s.split(true)
	keys := []key{{name: "IPV6INIT", value: "yes", accept: isTrue}}
	if s.Address.Addr().Is6() || gw.IsValid() {
		keys = append(keys, key{name: "IPV6_AUTOCONF", value: "no"})
	}
	first := all[0].String()
	if l, ok := last(lines, "IPV6ADDR"); ok && l.plain && l.value != "" && s.Address.Addr().Is4() {
		first = l.value
	}
	keys = append(keys, key{name: "IPV6ADDR", value: first, bare: true})
	var more []string
	if l, ok := last(lines, "IPV6ADDR_SECONDARIES"); ok && l.plain {
		more = strings.Fields(l.value)
	}
	more = slices.DeleteFunc(more, func(text string) bool { return text == first })
	for _, p := range all {
		if text := p.String(); text != first && !slices.Contains(more, text) {
			more = append(more, text)
		}
	}
	if len(more) > 0 {
		keys = append(keys, key{name: "IPV6ADDR_SECONDARIES", value: strings.Join(more, " ")})
	}
	if gw.IsValid() {
		text := gw.String()
		if onAnyLink(gw) { // ipv6_set_default_route must be told the link
			text += "%" + s.Name
		}
		keys = append(keys, key{name: "IPV6_DEFAULTGW", value: text, bare: true})
	}
	return keys
}

// holds reports whether a key certainly has the value.
func holds(lines []line, name, value string) bool {
	l, ok := last(lines, name)
	return ok && l.plain && l.value == value
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
	const room = 1000 // for the numbered keys that follow one
	if dnsKey(key) {
		n, _ := strconv.Atoi(key[len("DNS"):])
		return len(keyOrder())*room + min(n, room-1)
	}
	place := 0
	if m := indexedRE.FindStringSubmatch(key); m != nil {
		n, _ := strconv.Atoi(m[2])
		place = 2 * min(n, room/2-1)
		if m[1] != "IPADDR" {
			place++
		}
		key = "GATEWAY"
	}
	for i, k := range keyOrder() {
		if k == key {
			return i*room + place
		}
	}
	return (len(keyOrder()) + 1) * room
}
