package netconf

import (
	"slices"
	"strings"
)

// deviceOptions are the lines of a person's stanzas that make the device or say
// what it is made of, each once: without them a bond or a bridge would not be there
// after a boot. Those of a VLAN or a bond that is the plan's own are in vlanOptions and
// bondOptions.
func deviceOptions(files map[string]string, s Settings) string {
	var lines []string
	for _, file := range sortedKeys(files) {
		for _, st := range parseInterfaces(files[file]) {
			if st.head[0] != "iface" || len(st.head) < 2 || st.head[1] != s.Name {
				continue
			}
			for _, o := range st.options {
				line := "    " + strings.Join(o, " ") + "\n"
				planned := strings.HasPrefix(o[0], "vlan") && s.VLAN != VLAN{} || (strings.HasPrefix(o[0], "bond") || o[0] == "slaves") && s.isBond()
				if ofDevice(o[0]) && !planned && !slices.Contains(lines, line) {
					lines = append(lines, line)
				}
			}
		}
	}
	return strings.Join(lines, "")
}

// ofDevice tells the options that ifenslave, bridge-utils, vlan, wpasupplicant and
// ifupdown itself have for devices, in either spelling.
func ofDevice(option string) bool {
	switch option {
	case "slaves", "hwaddress", "hw-mac-address":
		return true
	}
	for _, prefix := range []string{"bond", "bridge", "vlan", "wpa"} {
		if strings.HasPrefix(option, prefix+"-") || strings.HasPrefix(option, prefix+"_") {
			return true
		}
	}
	return false
}
