package ipvs

import (
	"net/netip"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// Commands gives what a person would type for a change.
func Commands(_ Desired, c step.Change) []string {
	if !c.Action.Mutates() {
		return nil
	}
	switch sortOf(c.ID) {
	case ofFile:
		return fileCommands(c)
	case ofTimeout:
		if t, err := parseTimeout(c.ID, c.To); err == nil {
			return []string{"ipvsadm " + ipvs.TimeoutArguments(t)}
		}
		return nil
	case ofDaemon:
		return daemonCommands(c)
	}
	key, addr, err := parseID(c.ID)
	switch {
	case err != nil:
		return nil
	case sortOf(c.ID) == ofService:
		return serviceCommands(c, key)
	}
	return backendCommands(c, key, addr)
}

func backendCommands(c step.Change, key ipvs.ServiceKey, addr netip.AddrPort) []string {
	backend := func(option, value string) string {
		d, err := parseBackend(addr, value)
		if err != nil {
			return "# " + err.Error()
		}
		// ipip is what -i means, and nobody types it.
		return "ipvsadm " + option + " " + strings.Replace(ipvs.DestinationArguments(key, d), " --tun-type ipip", "", 1)
	}
	switch c.Action {
	case step.Create:
		return []string{backend("-a", c.To)}
	case step.Delete:
		remove := "ipvsadm -d " + ipvs.KeyArguments(key) + " -r " + addr.String()
		if c.From == drained(c.From) {
			return []string{remove}
		}
		return []string{backend("-e", drained(c.From)), remove}
	}
	return []string{backend("-e", c.To)}
}

func serviceCommands(c step.Change, key ipvs.ServiceKey) []string {
	if c.Action == step.Delete {
		return []string{"ipvsadm -D " + ipvs.KeyArguments(key)}
	}
	s, err := parseService(key, c.To)
	if err != nil {
		return nil
	}
	option := "-E"
	if c.Action == step.Create {
		option = "-A"
	}
	return []string{"ipvsadm " + option + " " + ipvs.ServiceArguments(s)}
}

func daemonCommands(c step.Change) []string {
	var lines []string
	if c.From != "" {
		lines = append(lines, "ipvsadm --stop-daemon "+strings.TrimPrefix(c.Key, daemonPrefix))
	}
	if c.Action == step.Delete {
		return lines
	}
	d, err := parseDaemon(c.ID, c.To)
	if err != nil {
		return nil
	}
	return append(lines, "ipvsadm --start-daemon "+ipvs.DaemonArguments(d))
}

// savedRules is where the tutorial keeps the rules.
const savedRules = "/opt/web_rule"

func fileCommands(c step.Change) []string {
	removed := c.Action == step.Delete
	switch {
	case c.Key == RulesFile && removed:
		return []string{"rm " + savedRules}
	case c.Key == RulesFile:
		return []string{"ipvsadm -S -n > " + savedRules}
	case removed:
		return []string{"rm " + c.Key}
	}
	return []string{"vim " + c.Key}
}
