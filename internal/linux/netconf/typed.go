package netconf

import (
	"path"
	"strings"
)

// ReloadCommands is what a person would type to do as Reload does, once a file
// has the content; content is empty for a file that is gone. A daemon that does
// not run is told nothing.
func ReloadCommands(file, content string) []string {
	var commands []string
	dir := path.Dir(file)
	if dir == NetplanDir {
		commands = append(commands, "netplan generate")
	}
	if dir == NetplanDir || strings.HasPrefix(file, NetworkdDir+"/") {
		commands = append(commands, "! systemctl -q is-active systemd-networkd || networkctl reload")
	}
	if dir != IfcfgDir && dir != KeyfileDir && dir != NetplanDir {
		return commands
	}
	tell := "nmcli connection reload"
	if name, which := interfaceOf(file, content); name != "" {
		tell += "; nmcli device reapply " + name + " || nmcli connection up " + which + "ifname " + name
	}
	return append(commands, "! systemctl -q is-active NetworkManager || { "+tell+"; }")
}

// interfaceOf is the interface that the file configures, as far as the file alone
// shows it, and the words that name its profile to nmcli.
func interfaceOf(file, content string) (name, which string) {
	name, isIfcfg := strings.CutPrefix(path.Base(file), "ifcfg-")
	switch {
	case content == "":
	case path.Dir(file) == IfcfgDir && isIfcfg && !strings.HasPrefix(name, "lo"):
		return name, ""
	case path.Dir(file) == KeyfileDir:
		if p := profileOf(file, content); p.uuid != "" {
			return p.name, "uuid " + p.uuid + " "
		}
	}
	return "", ""
}
