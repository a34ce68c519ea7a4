package netconf

import (
	"strings"
)

// bondKeys are the ifcfg keys of a bond. network-scripts makes one of an interface
// with BONDING_OPTS; NetworkManager's plugin goes by TYPE or BONDING_MASTER. Options
// that the plan has no word for stay.
func bondKeys(lines []line, b Bond) []key {
	have, _ := last(lines, "BONDING_OPTS")
	var words, others []string
	for _, o := range b.options() {
		words = append(words, o.name+"="+o.value)
	}
	values := map[string]string{}
	for _, word := range strings.Fields(have.value) {
		name, value, _ := strings.Cut(word, "=")
		values[name] = value
		switch name {
		case "mode", "miimon", "lacp_rate", "xmit_hash_policy", "primary":
		default:
			others = append(others, word)
		}
	}
	is := have.plain && readBond(func(name string) string { return values[name] }).same(b)
	return []key{
		{name: "BONDING_MASTER", value: "yes", accept: isTrue},
		{name: "BONDING_OPTS", value: strings.Join(append(words, others...), " "), accept: func(string) bool { return is }},
	}
}

// ifcfgMaster is the bond that an ifcfg file makes its interface a member of; empty
// if it does not.
func ifcfgMaster(content string) string {
	l, _ := last(parseShell(content), "MASTER")
	return l.value
}

// editIfcfgMember returns the ifcfg file of an interface that is a member of a bond.
// What would give it addresses goes.
func editIfcfgMember(content, name, bond string) (string, error) {
	return editKeys(content, func([]line) ([]key, func(string) bool) {
		anything := func(string) bool { return true }
		keys := []key{
			{name: "TYPE", value: "Ethernet", accept: anything},
			{name: "BOOTPROTO", value: "none", accept: isStatic},
			{name: "NAME", value: name, accept: anything},
			{name: "DEVICE", value: name},
			{name: "ONBOOT", value: "yes", accept: isTrue},
			{name: "MASTER", value: bond, bare: true},
			{name: "SLAVE", value: "yes", accept: isTrue},
		}
		return keys, func(k string) bool {
			switch k {
			case "BOOTPROTO", "DEVICE", "ONBOOT", "MTU":
				return false
			case "NETWORK", "BROADCAST", "PEERDNS", "BRIDGE", "MASTER_UUID", "TEAM_MASTER":
				return true
			}
			return derived(k) || strings.HasPrefix(k, "IPV6") || dhcpRE.MatchString(k)
		}
	})
}
