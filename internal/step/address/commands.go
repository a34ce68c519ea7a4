package address

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/step"
)

// Commands gives what a person would type for a change.
func Commands(_ Desired, c step.Change) []string {
	if !c.Action.Mutates() {
		return nil
	}
	switch {
	case c.Field == step.ContentField:
		return fileCommands(c)
	case c.Field == FieldLink:
		return []string{"ip link set " + c.Key + " " + c.To}
	case c.Field == FieldDHCP:
		var cmds []string
		for _, program := range strings.Fields(c.From) {
			cmds = append(cmds, "pkill -KILL -f '"+program+".*"+c.Key+"'")
		}
		return cmds
	case c.Field == FieldLease:
		addrs, gw, err := parseLease(c.From)
		if err != nil {
			return nil
		}
		var cmds []string
		if gw.IsValid() {
			cmds = append(cmds, "ip route del default via "+gw.String()+" dev "+c.Key)
		}
		for _, p := range addrs {
			cmds = append(cmds, "ip addr del dev "+c.Key+" "+p.String())
		}
		return cmds
	case c.Field == FieldIfState:
		if c.Action == step.Delete {
			return []string{"sed -i '/^" + c.Key + "=/d' " + netconf.IfState}
		}
		return []string{"echo " + c.Key + "=" + c.Key + " >> " + netconf.IfState}
	case isRoute(c.ID):
		return routeCommands(c)
	case c.Field == FieldMTU:
		return []string{"ip link set " + c.Key + " mtu " + c.To}
	case c.Action == step.Delete:
		return []string{"ip addr del dev " + c.Key + " " + c.Field}
	case c.From == leased:
		return []string{"ip addr change dev " + c.Key + " " + c.Field + " valid_lft forever preferred_lft forever"}
	}
	return []string{"ip addr add dev " + c.Key + " " + c.Field}
}

func fileCommands(c step.Change) []string {
	if c.Action == step.Delete {
		return []string{"rm " + c.Key}
	}
	lines := []string{"cat > " + c.Key + " <<'EOF'"}
	if text := strings.TrimSuffix(c.To, "\n"); text != "" {
		lines = append(lines, strings.Split(text, "\n")...)
	}
	lines = append(lines, "EOF")
	if mode := netconf.Mode(c.Key); c.Action == step.Create && mode != 0o644 {
		lines = append(lines, fmt.Sprintf("chmod %o %s", mode, c.Key))
	}
	return lines
}

func routeCommands(c step.Change) []string {
	to, metric, err := destination(c.ID)
	if err != nil {
		return nil
	}
	ip, where := "ip", to.String()
	if c.Field == FieldGateway6 || isStatic(c.ID) && to.Addr().Is6() {
		ip = "ip -6"
	}
	if c.Key == KeyDefault {
		where = "default"
	}
	words := func(verb, text string) []string {
		if !strings.HasPrefix(text, "dev ") {
			text = "via " + text
		}
		if metric != 0 {
			text += " metric " + strconv.Itoa(metric)
		}
		return []string{ip + " route " + verb + " " + where + " " + text}
	}
	switch {
	case c.Action == step.Delete:
		return words("del", c.From)
	case c.Action == step.Create && c.Key != KeyDefault:
		return words("add", c.To)
	}
	return words("replace", c.To)
}
