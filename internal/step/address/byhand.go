package address

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/rtnl"
)

// byHand gives the commands with which a person at the console does what rollback
// does. All of them may be typed again.
func byHand(snap snapshot) []string {
	var cmds []string
	for _, l := range snap.Links {
		if l.Up {
			cmds = append(cmds, "ip link set "+l.Name+" up")
		}
		if l.MTU != 0 {
			cmds = append(cmds, fmt.Sprintf("ip link set %s mtu %d", l.Name, l.MTU))
		}
		for _, p := range l.Addresses {
			cmd := "ip address replace " + p.String()
			if p.Addr().Is4() && !p.IsSingleIP() {
				cmd += " broadcast +"
			}
			cmd += " dev " + l.Name
			if slices.Contains(l.Leases, p) {
				s := int(max(leaseBack, l.validFor(p)).Seconds())
				cmd += fmt.Sprintf(" valid_lft %d preferred_lft %d", s, s)
			}
			cmds = append(cmds, cmd)
		}
		for _, p := range l.Added {
			if !slices.Contains(l.Addresses, p) {
				cmds = append(cmds, "ip address delete "+p.String()+" dev "+l.Name)
			}
		}
	}
	for _, d := range snap.Devices {
		cmds = append(cmds, "ip link delete "+d.Name)
	}
	for _, d := range snap.Bonds {
		if b, err := rtnl.ParseBond(d.Text); err == nil {
			cmds = append(cmds, bondCommands(d.Name, b, b.Members)...)
		}
	}
	for _, viaGateway := range []bool{false, true} {
		for _, r := range snap.Exact {
			if strings.Contains(r.Text, " via ") == viaGateway {
				cmds = append(cmds, "ip route replace "+r.Text)
			}
		}
		for _, r := range snap.Routes {
			if r.Gateway.IsValid() == viaGateway && len(snap.Exact) == 0 {
				cmds = append(cmds, "ip route replace "+spelled(r))
			}
		}
	}
	for _, l := range snap.Links {
		if !l.Up {
			cmds = append(cmds, "ip link set "+l.Name+" down")
		}
	}
	for _, c := range snap.Clients {
		if len(c.Argv) > 0 {
			cmds = append(cmds, c.Path+" "+strings.Join(c.Argv[1:], " "))
		}
	}
	return cmds
}

// spelled writes a route as ip-route(8) takes it.
func spelled(r rtnl.Route) string {
	text := r.Destination.String()
	if r.IsDefault() {
		text = "default"
	}
	if r.Gateway.IsValid() {
		text += " via " + r.Gateway.String()
	}
	text += " dev " + r.Interface
	if r.Source.IsValid() {
		text += " src " + r.Source.String()
	}
	if r.Metric != 0 {
		text += fmt.Sprintf(" metric %d", r.Metric)
	}
	return text
}
