package plans

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/procsys"
)

func (v *validator) checkHosts() {
	seen := map[string]*Host{}
	for i := range v.cluster.Hosts {
		h := &v.cluster.Hosts[i]
		if !named(h.Source, h.Name) {
			continue // a missing label has been reported
		}
		if !validName(h.Name) {
			v.errorAt(h.Source.At("name"), fmt.Sprintf("Invalid host name %q", h.Name), nameRule)
		}
		if before, twice := seen[h.Name]; twice {
			v.errorAt(h.Source.At("name"), fmt.Sprintf("Second host named %q", h.Name), fmt.Sprintf(
				"The %s at %s has that name. Every host needs its own, whatever its role.", before.Role, before.Source.At("")))
		} else {
			seen[h.Name] = h
		}
		v.checkConnection(h.Connection, v.cluster.Connection)
		v.checkPackages(h)
		v.checkSysctls(h)
		if h.HTTPD != nil && strings.ContainsRune(h.HTTPD.Index, 0) {
			v.errorAt(h.HTTPD.Source.At("index"), "NUL character in the page", "Leave it out.")
		}
		for j := range h.Interfaces {
			v.checkInterface(h, j)
		}
	}
}

func (v *validator) checkPackages(h *Host) {
	for i, p := range h.Packages {
		if !validPackage(p) {
			v.errorAt(element(h.Source, "packages", strconv.Itoa(i)), fmt.Sprintf("Invalid package name %q", p),
				"Write the name as the host's package manager knows it, such as \"ipvsadm\".")
		}
	}
}

func (v *validator) checkSysctls(h *Host) {
	needed := map[string]string{}
	for name, value := range v.cluster.neededSysctls(h) {
		for _, alias := range procsys.Aliases(name) {
			needed[alias] = value
		}
	}
	for _, key := range slices.Sorted(maps.Keys(h.Sysctls)) {
		value, at := h.Sysctls[key], element(h.Source, "sysctl", key)
		shown := h.Sensitive.shown("sysctl."+key, strconv.Quote(value))
		switch want, isNeeded := needed[key]; {
		case !validSysctl(key):
			v.errorAt(at, fmt.Sprintf("Invalid kernel parameter %q", key),
				"Write its name as sysctl -a shows it, such as \"net.ipv4.ip_forward\".")
		case !printable(value) || strings.TrimSpace(value) == "":
			v.errorAt(at, fmt.Sprintf("Invalid value %s for %s", shown, key), "A kernel parameter's value is one line of text that is not empty.")
		case isNeeded && strings.TrimSpace(value) != want:
			v.errorAt(at, fmt.Sprintf("%s = %s breaks the cluster", key, strings.Trim(shown, `"`)), fmt.Sprintf(
				"The services of this plan need %s = %s on %s %q, and lvsup sets it. Leave this line out.", key, want, h.Role, h.Name))
		}
	}
}

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
		if i.Address.IsValid() && before.Address.IsValid() && i.Address.Overlaps(before.Address) {
			v.errorAt(i.Source.At("address"), fmt.Sprintf("%s has two interfaces in one network", h.Name), fmt.Sprintf(
				"%s on %s and %s on %s are both in %s, so the kernel may answer on either. Put them in different networks.",
				before.Address, before.Name, i.Address, i.Name, before.Address.Masked()))
		}
		if i.Gateway.IsValid() && before.Gateway.IsValid() && i.Gateway.Is4() == before.Gateway.Is4() {
			v.errorAt(i.Source.At("gateway"), fmt.Sprintf("Second default gateway on %s", h.Name), fmt.Sprintf(
				"Interface %s has gateway %s already. A host has one default route: leave one of them out.", before.Name, before.Gateway))
		}
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
		case attributeFor(key) != "":
			v.errorAt(at, fmt.Sprintf("%s is lvsup's to write", key), attributeFor(key))
		case !printable(value):
			v.errorAt(at, fmt.Sprintf("Invalid value %s for %s", i.Sensitive.shown("ifcfg."+key, strconv.Quote(value)), key),
				"The ifcfg files are shell: a value is one line without control characters.")
		}
	}
}

// attributeFor says where a plan says what an ifcfg key says; empty if the key
// is free.
func attributeFor(key string) string {
	switch strings.TrimRight(key, "0123456789") {
	case "IPADDR", "NETMASK", "PREFIX":
		return "Write it as the interface's address, with the prefix length: address = \"192.168.140.10/24\"."
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
