package vip

import (
	"path"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/shell"
	"github.com/lvsup/lvsup/internal/step"
)

// Commands are what a person would type for the change.
func Commands(want Desired, c step.Change) []string {
	if !c.Action.Mutates() || c.Blocked != "" {
		return nil
	}
	gone := c.Action == step.Delete
	switch c.Field {
	case live:
		v := parse(c.Key)
		if gone {
			return []string{"ip addr del dev " + v.Interface + " " + v.Address}
		}
		return []string{"ip addr add dev " + v.Interface + " " + v.Address + v.lifetime()}
	case mode:
		return []string{shell.Quote("chmod", c.To, c.Key)}
	case dir:
		if gone {
			return []string{"rmdir --ignore-fail-on-non-empty " + c.Key}
		}
		return []string{"mkdir -p " + c.Key}
	case link:
		switch c.Action {
		case step.Create:
			return []string{"systemctl enable " + unitName}
		case step.Delete:
			return []string{"systemctl disable " + unitName}
		}
		return []string{shell.Quote("ln", "-sfn", c.To, c.Key), daemonReload}
	case step.ContentField:
		return fileCommands(want, c)
	}
	return nil
}

const daemonReload = "systemctl daemon-reload"

func fileCommands(want Desired, c step.Change) []string {
	if !isNetwork(c.Key) {
		commands := step.FileCommands(c, 0o644) // that a script may run is a change of its own
		if c.Key == unitFile {
			commands = append(commands, daemonReload)
		}
		return commands
	}
	commands := step.FileCommands(c, netconf.Mode(c.Key))
	if c.Action == step.Delete && isDropIn(c.Key) {
		commands = append(commands, "rmdir --ignore-fail-on-non-empty "+path.Dir(c.Key))
	}
	to, err := step.DecodeBytes(c.To)
	if err != nil || !netconf.Watched(c.Key) {
		return commands
	}
	commands = append(commands, netconf.ReloadCommands(c.Key, string(to))...)
	if !c.Action.Removes() || len(want.VIPs) == 0 {
		return commands
	}
	// A daemon takes the addresses of a file that goes off the interface, a moment
	// after it has heard of it.
	commands = append(commands, "sleep "+goneSeconds)
	for _, v := range want.VIPs {
		commands = append(commands, v.command("ip"))
	}
	return commands
}

// goneSeconds is how long a daemon may take for that.
const goneSeconds = "5"
