package ipvs

import (
	"path"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// Commands gives what a person would type for a change.
func Commands(want Desired, c step.Change) []string {
	switch {
	case !c.Action.Mutates():
		return nil
	case isFile(c.ID):
		return fileCommands(c)
	}
	key, addr, err := parseID(c.ID)
	if err != nil {
		return nil
	}
	if !isBackend(c.ID) {
		return serviceCommands(c, key)
	}
	backend := func(option, value string) string {
		d := ipvs.Destination{Address: addr.Addr(), Port: addr.Port()}
		if err := setBackend(&d, value); err != nil {
			return "# " + err.Error()
		}
		// ipip is what -i means, and nobody types it.
		return "ipvsadm " + option + " " + strings.TrimSuffix(ipvs.DestinationArguments(key, d), " --tun-type ipip")
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
	s := ipvs.Service{Key: key}
	if err := setService(&s, c.To); err != nil {
		return nil
	}
	option := "-E"
	if c.Action == step.Create {
		option = "-A"
	}
	return []string{"ipvsadm " + option + " " + ipvs.ServiceArguments(s)}
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
	case c.Key == LinkFile && removed:
		return []string{"systemctl disable " + Unit}
	case c.Key == LinkFile:
		return []string{"systemctl enable " + Unit}
	case removed:
		return []string{"rm " + c.Key}
	case c.Key == UnitFile:
		return []string{"systemctl edit --force --full " + path.Base(c.Key)}
	}
	return []string{"vim " + c.Key}
}
