package plans

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

func (v *validator) checkInterface(h *Host, n int) {
	i := &h.Interfaces[n]
	if i.Name != "" && !ValidInterfaceName(i.Name) {
		v.errorAt(i.Source.At(""), fmt.Sprintf("Invalid interface name %q", i.Name), interfaceRule)
	}
	if i.Name == "lo" {
		v.errorAt(i.Source.At(""), "lo is not for the plan to configure",
			"A VIP goes on lo by itself where it is needed. Name the host's network card, such as \"ens33\".")
	}
	for j := range h.Interfaces[:n] {
		before := &h.Interfaces[j]
		if before.Name == i.Name && i.Name != "" {
			v.errorAt(i.Source.At(""), fmt.Sprintf("Second interface %q on %s", i.Name, h.Name),
				fmt.Sprintf("There is one at %s. Merge the two, or correct the name.", before.Source.At("")))
		}
		v.checkApart(h, before, i)
		for _, ipv6 := range []bool{false, true} {
			if g := before.gatewayOf(ipv6); g.IsValid() && i.gatewayOf(ipv6).IsValid() {
				v.errorAt(i.Source.At(gatewayWord(i, g)), fmt.Sprintf("Second default gateway on %s", h.Name), fmt.Sprintf(
					"Interface %s has gateway %s already. A host has one default route: leave one of them out.", before.Name, g))
			}
		}
	}
	v.checkMTU(i)
	if i.VLAN != nil {
		v.checkVLAN(h, n)
	}
	if i.Bond != nil {
		v.checkBond(h, n)
	}
	for n := range i.Routes {
		v.checkRoute(h, i, n)
	}
	v.checkIfcfg(i)
	for n, dns := range i.DNS {
		if dns.IsUnspecified() || dns.IsMulticast() {
			v.errorAt(element(i.Source, "dns", strconv.Itoa(n)), fmt.Sprintf("%s cannot be a DNS server", dns),
				"Write the address of a name server, such as \"114.114.114.114\".")
		}
	}
}

func (v *validator) checkIfcfg(i *Interface) {
	for _, key := range slices.Sorted(maps.Keys(i.Ifcfg)) {
		value, at := i.Ifcfg[key], element(i.Source, "ifcfg", key)
		switch {
		case !validIfcfgKey(key):
			v.errorAt(at, fmt.Sprintf("Invalid ifcfg key %q", key),
				"Keys have capital letters, digits and \"_\", such as BROWSER_ONLY.")
		case i.VLAN != nil && ofVLAN(key):
			v.errorAt(at, fmt.Sprintf("%s is lvsup's to write", key), "The interface's vlan block says it. Leave this line out.")
		case i.Bond != nil && ofBond(key):
			v.errorAt(at, fmt.Sprintf("%s is lvsup's to write", key), "The interface's bond block says it. Leave this line out.")
		case attributeFor(key) != "":
			v.errorAt(at, fmt.Sprintf("%s is lvsup's to write", key), attributeFor(key))
		case !printable(value):
			v.errorAt(at, fmt.Sprintf("Invalid value %s for %s", i.Sensitive.shown("ifcfg."+key, strconv.Quote(value)), key),
				"The ifcfg files are shell: a value is one line without control characters.")
		}
	}
}

// checkApart looks for two interfaces of one host in one network.
func (v *validator) checkApart(h *Host, before, i *Interface) {
	for _, p := range i.placed() {
		for _, q := range before.All() {
			if p.Overlaps(q) {
				v.errorAt(p.at, fmt.Sprintf("%s has two interfaces in one network", h.Name), fmt.Sprintf(
					"%s on %s and %s on %s are both in %s, so the kernel may answer on either. Put them in different networks.",
					q, before.Name, p.Prefix, i.Name, q.Masked()))
				return
			}
		}
	}
}

// The sizes of a packet that an interface must be able to send in one piece (RFC
// 791, RFC 8200), and the largest that an IP header can say.
const (
	minMTU     = 576
	minMTUIPv6 = 1280
	maxMTU     = 65535
)

func (v *validator) checkMTU(i *Interface) {
	if i.MTU == 0 {
		return
	}
	at := i.Source.At("mtu")
	if i.MTU < minMTU || i.MTU > maxMTU {
		v.errorAt(at, fmt.Sprintf("Invalid mtu %d", i.MTU), "Packets have 576 to 65535 bytes; Ethernet's are of 1500. Leave mtu out to keep what the interface has.")
		return
	}
	for _, p := range i.placed() {
		if p.Addr().Is6() && i.MTU < minMTUIPv6 {
			v.errorAt(at, fmt.Sprintf("An mtu of %d is too small for IPv6", i.MTU), fmt.Sprintf(
				"%s has %s (%s), and below 1280 the kernel takes IPv6 off the interface. Write 1280 or more, or leave the address out.", i.Name, p.Prefix, p.at))
			return
		}
	}
}

// attributeFor says where a plan says what an ifcfg key says; empty if the key
// is free.
func attributeFor(key string) string {
	switch unnumbered(key) {
	case "IPADDR", "NETMASK", "PREFIX":
		return "Write it as the interface's address, with the prefix length: address = \"192.168.140.10/24\"; further ones go into addresses."
	case "IPV6ADDR", "IPV6ADDR_SECONDARIES":
		return "Write it in the interface's list: addresses = [\"2001:db8::5/64\"]."
	case "IPV6_DEFAULTGW":
		return "Write it as the interface's gateway, or beside an IPv4 one as gateway6 = \"2001:db8::1\"."
	case "MTU":
		return "Write it as the interface's mtu: mtu = 1400."
	case "GATEWAY":
		return "Write it as the interface's gateway: gateway = \"192.168.140.2\"."
	case "DNS":
		return "Write it in the interface's list: dns = [\"114.114.114.114\"]."
	case "DEVICE":
		return "It is the interface's label: interface \"ens33\"."
	case "BOOTPROTO", "ONBOOT":
		return "The plan's addresses are static and come up at boot. Leave this line out."
	}
	return ""
}

// unnumbered drops the number of a key such as IPADDR1.
func unnumbered(key string) string {
	if strings.HasPrefix(key, "IPV6") {
		return key
	}
	return strings.TrimRight(key, "0123456789")
}
