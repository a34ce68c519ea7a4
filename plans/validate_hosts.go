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
		if h.Network != "" {
			v.oneOf(h.Source.At("network"), "network", h.Network, Networks()...)
		}
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
