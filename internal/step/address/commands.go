package address

import (
	"net/netip"
	"path"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/step"
)

// Commands gives what a person would type for a change.
func Commands(want Desired, c step.Change) []string {
	if !c.Action.Mutates() || c.Blocked != "" {
		return nil
	}
	switch {
	case c.Field == step.ContentField:
		return fileCommands(c)
	case c.Field == FieldDevice:
		return deviceCommands(want, c)
	case c.Field == FieldLink:
		return []string{"ip link set " + c.Key + " " + c.To}
	case c.Field == FieldDHCP:
		return clientCommands(c)
	case c.Field == FieldLease:
		return leaseCommands(c)
	case c.Field == FieldIfState:
		if c.Action == step.Delete {
			return []string{"sed -i '/^" + c.Key + "=/d' " + netconf.IfState}
		}
		return []string{"mkdir -p " + path.Dir(netconf.IfState), "echo " + c.Key + "=" + c.Key + " >> " + netconf.IfState}
	case isRoute(c.ID):
		return routeCommands(c)
	case c.Field == FieldMTU:
		return []string{"ip link set " + c.Key + " mtu " + c.To}
	}
	p, err := netip.ParsePrefix(c.Field)
	switch {
	case err != nil:
		return nil
	case c.Action == step.Delete:
		return leaving(c.Key, p, "")
	}
	return []string{coming(c.Key, p)}
}

func fileCommands(c step.Change) []string {
	commands := step.FileCommands(c, netconf.Mode(c.Key))
	if dir := path.Dir(c.Key); c.Action == step.Delete && strings.HasSuffix(dir, ".network.d") {
		commands = append(commands, "rmdir --ignore-fail-on-non-empty "+dir)
	}
	if to, err := step.DecodeBytes(c.To); err == nil && netconf.Watched(c.Key) {
		commands = append(commands, netconf.ReloadCommands(c.Key, string(to))...)
	}
	return commands
}

// clientCommands end the DHCP clients of an interface. The brackets keep pkill from
// finding the shell that was given this very line.
func clientCommands(c step.Change) []string {
	var commands []string
	for _, program := range strings.Fields(c.From) {
		commands = append(commands, "pkill -KILL -f '["+program[:1]+"]"+program[1:]+".*"+c.Key+"' || :")
	}
	return commands
}

// leaseCommands take away what a DHCP client left, if its daemon has not yet.
func leaseCommands(c step.Change) []string {
	addrs, gw, err := parseLease(c.From)
	if err != nil {
		return nil
	}
	var commands []string
	if gw.IsValid() {
		commands = append(commands, "ip route del default via "+gw.String()+" dev "+c.Key+" || :")
	}
	for _, p := range addrs {
		commands = append(commands, leaving(c.Key, p, " || :")...)
	}
	return commands
}

// leaving takes an address away. The kernel would take those after it in its
// network along (__inet_del_ifa in net/ipv4/devinet.c), unless it is told to keep
// them.
func leaving(ifname string, p netip.Prefix, otherwise string) []string {
	del := "ip addr del dev " + ifname + " " + p.String() + otherwise
	if p.Addr().Is6() || p.IsSingleIP() {
		return []string{del}
	}
	knob := "/proc/sys/net/ipv4/conf/" + ifname + "/promote_secondaries"
	return []string{"before=$(cat " + knob + "); echo 1 > " + knob, del, "echo $before > " + knob}
}

// coming gives the interface an address for good, there or not.
func coming(ifname string, p netip.Prefix) string {
	command := "ip addr replace dev " + ifname + " " + p.String()
	if p.Addr().Is4() && p.Bits() < 31 && !p.Addr().IsLoopback() {
		command += " broadcast +"
	}
	return command
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
	words := func(verb, text string) string {
		if !strings.HasPrefix(text, "dev ") {
			text = "via " + text
		}
		if metric != 0 {
			text += " metric " + strconv.Itoa(metric)
		}
		return ip + " route " + verb + " " + where + " " + text
	}
	switch c.Action {
	case step.Delete:
		return []string{words("del", c.From)}
	case step.Restore: // it may differ in the metric, and both would be there
		return []string{words("del", c.From), words("replace", c.To)}
	}
	return []string{words("replace", c.To)}
}
