package firewall

import (
	"strings"

	"github.com/lvsup/lvsup/internal/shell"
	"github.com/lvsup/lvsup/internal/step"
)

// commands are what a person would type.
func commands(_ Desired, c step.Change) []string {
	if !c.Action.Mutates() || c.Blocked != "" {
		return nil
	}
	d, isDoor := parseDoor(c.Field)
	switch {
	case c.Key == ufw && c.Field == "active":
		return []string{shell.Quote(ufwSwitch(c.To == active)...)}
	case c.Key == persistent && c.Field == "active":
		return []string{shell.Quote(persistentSwitch(c.To == active)...)}
	case isDoor && d.chain != "":
		return d.typed(c)
	case isDoor:
		return []string{shell.Quote(d.command(c.Key, c.To == portOpen)...)}
	}
	verb := map[string]string{active: "start", inactive: "stop", enabled: "enable", disabled: "disable"}[c.To]
	return []string{shell.Quote("systemctl", verb, c.Key)}
}

// typed is what a person would type for the change of a door in a wall.
func (d door) typed(c step.Change) []string {
	n, err := parseNeed(d.port)
	if err != nil {
		return nil
	}
	open := c.To == portOpen
	where := strings.ReplaceAll(d.chain, "/", " ")
	_, chain, _ := strings.Cut(d.chain, "/")
	mine := strings.ReplaceAll(comment+d.port, "/", `\/`)
	switch file := strings.TrimPrefix(c.Why, in); {
	case d.when == boot && d.nft() && open:
		return []string{"cat >> " + file + " <<'EOF'\n" + d.line() + "\nEOF"}
	case d.when == boot && d.nft():
		return []string{`sed -i '/"` + mine + `"/d' ` + file}
	case d.when == boot && open:
		return []string{"sed -i '/^\\*filter/,/^COMMIT/{\n/^COMMIT/i " + d.line() + "\n}' " + file}
	case d.when == boot:
		return []string{"sed -i '/^-[AI] " + chain + ` .*"` + mine + `"/d' ` + file}
	case d.nft() && open:
		return []string{shell.Quote("nft", d.line())}
	case d.nft():
		return []string{"nft -a list chain " + where + ` | sed -n 's/.*comment "` + mine + `" # handle \([0-9]*\)$/delete rule ` + where + ` \1/p' | nft -f -`}
	}
	verb := "-D"
	if open {
		verb = "-I"
	}
	return []string{shell.Quote(append([]string{strings.TrimPrefix(c.Why, with), "-w", verb, chain}, n.iptables()...)...)}
}
