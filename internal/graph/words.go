package graph

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// matchOf says which packets a service takes.
func matchOf(s *plans.VirtualService) string {
	if s.FWMark == 0 {
		if s.Port == 0 {
			return s.Protocol + " every port"
		}
		return fmt.Sprintf("%s %d", s.Protocol, s.Port)
	}
	text := fmt.Sprintf("fwmark %d", s.FWMark)
	var ports []string
	for _, p := range s.Ports {
		ports = append(ports, p.String())
	}
	if len(ports) > 0 {
		text += " (" + strings.Join(ports, ", ") + ")"
	}
	return text
}

// howOf says how a service chooses a real server, and how packets get there.
func howOf(s *plans.VirtualService) string {
	words := []string{s.Scheduler}
	words = append(words, s.SchedulerFlags...)
	ways := []plans.Forwarding{s.Forwarding}
	for _, b := range s.Backends {
		ways = append(ways, b.Forwarding)
	}
	if len(s.Backends) > 0 {
		ways = ways[1:]
	}
	words = append(words, join(distinct(ways), " and "))
	if s.OnePacket {
		words = append(words, "one packet at a time")
	}
	if s.Persistence != nil {
		words = append(words, "persistence "+span(s.Persistence.Timeout))
	}
	return strings.Join(words, ", ")
}

// span writes a duration without the zero parts of Go's: 10m, not 10m0s.
func span(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// sharesOf says what part the backends have that is says: a line for each weight
// and port, with the services unless the plan has one only.
func sharesOf(c *plans.Cluster, is func(plans.Backend) bool) []string {
	var parts []string
	in := map[string][]string{}
	for i := range c.Services {
		s := &c.Services[i]
		for _, b := range s.Backends {
			if !is(b) {
				continue
			}
			text := fmt.Sprintf("weight %d", b.Weight)
			if s.FWMark == 0 && b.Port != s.Port || s.FWMark != 0 && b.Port != 0 {
				text = fmt.Sprintf("port %d, %s", b.Port, text)
			}
			if b.UpperThreshold > 0 {
				text += fmt.Sprintf(", at most %s", view.Plural(b.UpperThreshold, "connection"))
			}
			if in[text] == nil {
				parts = append(parts, text)
			}
			in[text] = append(in[text], s.Name)
		}
	}
	for i, text := range parts {
		names := slices.Compact(in[text])
		switch {
		case len(c.Services) == 1:
		case len(names) == len(c.Services) && len(names) > 2:
			parts[i] = text + ": all services"
		default:
			parts[i] = text + ": " + strings.Join(names, ", ")
		}
	}
	return parts
}

// wayName is a forwarding method in words.
func wayName(w plans.Forwarding) string {
	switch w {
	case plans.ForwardNAT:
		return "NAT"
	case plans.ForwardDR:
		return "direct routing"
	case plans.ForwardTUN:
		return "tunnel"
	}
	return string(w)
}

// heading is what stands over the pool.
func (pool *Pool) heading() string {
	if len(pool.Ways) == 0 {
		return "Real servers in no service"
	}
	return "Real servers"
}

// title is the heading in one line, with the ways.
func (pool *Pool) title() string {
	if len(pool.Ways) == 0 {
		return pool.heading()
	}
	return pool.heading() + " (" + join(pool.Ways, ", ") + ")"
}

// rules are what holds for packets to and from the pool, a line each.
func (pool *Pool) rules() []string {
	var lines []string
	for _, w := range pool.Ways {
		switch w {
		case plans.ForwardNAT:
			lines = append(lines, "nat: the director is their gateway")
		case plans.ForwardDR:
			lines = append(lines, "dr: VIP on lo, no ARP for it")
		case plans.ForwardTUN:
			lines = append(lines, fmt.Sprintf("tun: unwraps %s; VIP on lo, no ARP for it", strings.Join(pool.Tunnels, ", ")))
		}
	}
	return lines
}

// request says what the director does to a packet for the pool.
func (pool *Pool) request() (how, detail string) {
	switch {
	case len(pool.Ways) > 1:
		return join(pool.Ways, " and "), ""
	case pool.through():
		return "nat", "new destination: the RIP"
	case slices.Contains(pool.Ways, plans.ForwardTUN):
		return "tun (" + strings.Join(pool.Tunnels, ", ") + ")", "wrapped, unchanged inside"
	}
	return "dr", "new MAC address only"
}

// clients says who may ask: behind NAT, nobody from the real servers' networks,
// since the answer would not pass the director.
func (p *Picture) clients() []string {
	var inside []int
	for i := range p.Pools {
		if p.Pools[i].through() {
			inside = append(inside, networksIn(p.Pools[i].Nodes)...)
		}
	}
	slices.Sort(inside)
	if len(inside) == 0 {
		return []string{"anywhere"}
	}
	var lines []string
	for _, i := range slices.Compact(inside) {
		lines = append(lines, "outside "+p.Networks[i].Prefix.String())
	}
	return lines
}

// summary is the line below the cluster's name.
func (p *Picture) summary() string {
	var ways []string
	for _, w := range p.ways() {
		ways = append(ways, wayName(w))
	}
	words := []string{view.Plural(p.services(), "service"), view.Plural(p.servers(), "real server")}
	if len(ways) > 0 {
		words = append([]string{strings.Join(ways, ", ")}, words...)
	}
	return strings.Join(words, " · ")
}

// description tells the picture to those who cannot see it.
func (p *Picture) description() string {
	var b strings.Builder
	for _, v := range p.VIPs {
		for _, s := range v.services {
			fmt.Fprintf(&b, "Service %s takes %s%s (%s)%s. ", s.Name, s.Match, to(v), s.How, s.aside())
		}
	}
	for _, d := range p.Directors {
		fmt.Fprintf(&b, "Director %s%s%s. ", d.Name, having(d), d.aside())
	}
	for i := range p.Pools {
		pool := &p.Pools[i]
		how, _ := pool.request()
		if len(pool.Ways) == 0 {
			how = "no service"
		}
		for _, n := range pool.Nodes {
			fmt.Fprintf(&b, "Real server %s%s, %s", n.Name, having(n), how)
			if len(n.Shares) > 0 {
				fmt.Fprintf(&b, ", %s", strings.Join(n.Shares, "; "))
			}
			fmt.Fprintf(&b, "%s. ", n.aside())
		}
	}
	for _, n := range p.Others {
		fmt.Fprintf(&b, "Host %s%s%s. ", n.Name, having(n), n.aside())
	}
	if slices.ContainsFunc(p.Pools, func(x Pool) bool { return x.through() }) {
		b.WriteString("With nat, answers go back through the director. ")
	}
	if slices.ContainsFunc(p.Pools, func(x Pool) bool { return x.direct() }) {
		b.WriteString("With dr and tun, real servers answer the client directly. ")
	}
	return strings.TrimSpace(b.String())
}

func to(v VIP) string {
	if !v.Address.IsValid() {
		return ""
	}
	return " to " + v.Address.String()
}

func having(n Node) string {
	var all []string
	for _, a := range n.Addresses {
		all = append(all, a.Prefix.String())
	}
	if len(all) == 0 || n.Foreign {
		return ""
	}
	return " has " + strings.Join(all, ", ")
}
