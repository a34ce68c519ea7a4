package ipvs

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// Commands gives what a person would type for a change.
func Commands(want Desired, c step.Change) []string {
	if !c.Action.Mutates() || c.Blocked != "" {
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
	return backendCommands(want, c, key, addr)
}

func backendCommands(want Desired, c step.Change, key ipvs.ServiceKey, addr netip.AddrPort) []string {
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
		long := int(drainTimes(want, DrainTimeout)(key).Seconds())
		if c.From == drained(c.From) || long == 0 {
			return []string{remove}
		}
		return []string{backend("-e", drained(c.From)), waitFor(addr, long), remove}
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

// waitFor waits until no connection leads to the backend, for so many seconds. The
// sixth column of ipvsadm -L -n -c is the real server's address and port.
func waitFor(addr netip.AddrPort, seconds int) string {
	match := `$6 == "` + addr.String() + `"`
	if addr.Port() == 0 { // of any port
		match = `index($6, "` + strings.TrimSuffix(addr.String(), "0") + `") == 1`
	}
	return fmt.Sprintf("i=0; while [ $i -lt %d ] && ipvsadm -L -n -c | awk '%s' | grep -q .; do i=$((i + 1)); sleep 1; done", seconds, match)
}

func fileCommands(c step.Change) []string {
	if c.Key == RulesFile {
		return step.FileCommands(c, 0o600)
	}
	return step.FileCommands(c, 0o644)
}
