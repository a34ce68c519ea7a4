package graph

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/plans"
)

// Picture is what is drawn of a cluster.
type Picture struct {
	Name      string
	Seen      time.Time // when the hosts were looked at, in UTC; zero: the plan alone is drawn
	Trouble   []string  // what was found of the cluster as a whole
	Directors []Node
	VIPs      []VIP // in the order of the plan
	Pools     []Pool
	Others    []Node // hosts without a part in LVS
	Networks  []Network
}

// VIP is a virtual address and its services.
type VIP struct {
	Address  netip.Addr // not valid: of firewall marks that have no address
	Where    string     // the director's interface that has it; empty: others put it there
	Services []int      // indexes into the plan's services
	services []Service
}

// Service is a virtual service.
type Service struct {
	Name  string
	Match string // what packets it takes: "tcp 80", "fwmark 1 (80/tcp, 443/tcp)"
	How   string // "rr, dr, persistence 10s"
	Health
}

// Pool is the real servers that get packets in the same ways.
type Pool struct {
	Ways    []plans.Forwarding // sorted; empty: in no service
	Tunnels []string           // "ipip", "gue", ...; sorted
	Nodes   []Node
}

// Node is a host, or a backend that is no host of the plan.
type Node struct {
	Name      string
	Foreign   bool // an address only: lvsup leaves the machine alone
	Addresses []Address
	Shares    []string // its part in the services: "weight 1", "port 8080, weight 3: web, shop"
	Health
}

// Address is one of a host's.
type Address struct {
	Interface string
	Prefix    netip.Prefix
	Network   int // index into the picture's networks, or -1
}

// Network is one that hosts share, or that the director is in.
type Network struct {
	Letter   string // "A", "B", ...
	Prefix   netip.Prefix
	Gateways []netip.Addr // that are no host of the plan
}

// Of makes the picture of a plan.
func Of(c *plans.Cluster) *Picture {
	p := &Picture{Name: c.Name, Networks: networksOf(c)}
	for i := range c.Hosts {
		h := &c.Hosts[i]
		n := p.node(h)
		switch h.Role {
		case plans.RoleDirector:
			p.Directors = append(p.Directors, n)
		case plans.RoleHost:
			p.Others = append(p.Others, n)
		case plans.RoleRealServer:
			n.Shares = sharesOf(c, func(b plans.Backend) bool { return b.Host == h.Name })
			p.add(n, c, func(b plans.Backend) bool { return b.Host == h.Name })
		}
	}
	for _, s := range c.Services {
		for _, b := range s.Backends {
			if b.Host == "" {
				p.foreign(c, b)
			}
		}
	}
	slices.SortStableFunc(p.Pools, func(a, b Pool) int { return a.rank() - b.rank() })
	p.vips(c)
	return p
}

// rank puts pools without a service last.
func (pool *Pool) rank() int {
	if len(pool.Ways) == 0 {
		return 1
	}
	return 0
}

func (p *Picture) node(h *plans.Host) Node {
	n := Node{Name: h.Name}
	for _, i := range h.Interfaces {
		for _, a := range i.All() {
			n.Addresses = append(n.Addresses, p.address(i.Name, a))
		}
	}
	return n
}

func (p *Picture) address(name string, a netip.Prefix) Address {
	at := slices.IndexFunc(p.Networks, func(n Network) bool { return n.Prefix == a.Masked() })
	return Address{Interface: name, Prefix: a, Network: at}
}

// foreign adds a backend that is an address only, once.
func (p *Picture) foreign(c *plans.Cluster, b plans.Backend) {
	same := func(other plans.Backend) bool { return other.Host == "" && other.Address == b.Address }
	for _, pool := range p.Pools {
		if slices.ContainsFunc(pool.Nodes, func(n Node) bool { return n.Foreign && n.Name == b.Address.String() }) {
			return
		}
	}
	n := Node{Name: b.Address.String(), Foreign: true, Shares: sharesOf(c, same)}
	for i, net := range p.Networks {
		if net.Prefix.Contains(b.Address) {
			n.Addresses = []Address{{Prefix: netip.PrefixFrom(b.Address, net.Prefix.Bits()), Network: i}}
		}
	}
	p.add(n, c, same)
}

// add puts a real server, whose backends are those that is says, among those that
// get their packets in the same ways.
func (p *Picture) add(n Node, c *plans.Cluster, is func(plans.Backend) bool) {
	var ways []plans.Forwarding
	var tunnels []string
	for _, s := range c.Services {
		for _, b := range s.Backends {
			if !is(b) {
				continue
			}
			ways = append(ways, b.Forwarding)
			if b.Forwarding == plans.ForwardTUN {
				tunnels = append(tunnels, b.Tunnel.Type)
			}
		}
	}
	ways, tunnels = distinct(ways), distinct(tunnels)
	for i := range p.Pools {
		if slices.Equal(p.Pools[i].Ways, ways) && slices.Equal(p.Pools[i].Tunnels, tunnels) {
			p.Pools[i].Nodes = append(p.Pools[i].Nodes, n)
			return
		}
	}
	p.Pools = append(p.Pools, Pool{Ways: ways, Tunnels: tunnels, Nodes: []Node{n}})
}

func distinct[T ~string](all []T) []T {
	slices.Sort(all)
	return slices.Compact(all)
}

// vips groups the services by their address.
func (p *Picture) vips(c *plans.Cluster) {
	for i := range c.Services {
		s := &c.Services[i]
		at := slices.IndexFunc(p.VIPs, func(v VIP) bool { return v.Address == s.Address })
		if at < 0 {
			at = len(p.VIPs)
			p.VIPs = append(p.VIPs, VIP{Address: s.Address, Where: whereIs(c, s)})
		}
		p.VIPs[at].Services = append(p.VIPs[at].Services, i)
		p.VIPs[at].services = append(p.VIPs[at].services, Service{Name: s.Name, Match: matchOf(s), How: howOf(s)})
	}
}

// whereIs gives the interface of the director that has the service's address.
func whereIs(c *plans.Cluster, s *plans.VirtualService) string {
	on := ""
	for _, d := range c.Directors() {
		for _, i := range d.Interfaces {
			for _, a := range i.All() {
				if a.Addr() == s.Address {
					return i.Name
				}
				if s.Address.Is6() && a.Masked().Contains(s.Address) {
					on = i.Name // where Expand puts an IPv6 VIP, too
				}
			}
		}
	}
	switch {
	case !s.KeepVIP || !s.Address.IsValid():
		return ""
	case on != "":
		return on
	}
	return "lo"
}

// networksOf finds the networks that two hosts share or that a director is in.
// First come those between the clients and the director, then those behind it, and
// last those that are both: so they can be drawn below each other with few lines
// that cross.
func networksOf(c *plans.Cluster) []Network {
	var all []netip.Prefix
	hosts, directors := map[netip.Prefix]map[string]bool{}, map[netip.Prefix]bool{}
	for n := range c.Hosts {
		h := &c.Hosts[n]
		for _, i := range h.Interfaces {
			for _, a := range i.All() {
				prefix := a.Masked()
				if hosts[prefix] == nil {
					hosts[prefix] = map[string]bool{}
					all = append(all, prefix)
				}
				hosts[prefix][h.Name] = true
				directors[prefix] = directors[prefix] || h.Role == plans.RoleDirector
			}
		}
	}
	all = slices.DeleteFunc(all, func(p netip.Prefix) bool {
		return p.IsSingleIP() || !directors[p] && len(hosts[p]) < 2
	})
	place := func(p netip.Prefix) int {
		asked := slices.ContainsFunc(c.Services, func(s plans.VirtualService) bool { return s.Address.IsValid() && p.Contains(s.Address) })
		switch {
		case asked && len(hosts[p]) == 1:
			return 0
		case !asked:
			return 1
		}
		return 2
	}
	slices.SortStableFunc(all, func(a, b netip.Prefix) int { return place(a) - place(b) })
	networks := make([]Network, len(all))
	for i, p := range all {
		networks[i] = Network{Letter: letter(i), Prefix: p, Gateways: gatewaysOf(c, p)}
	}
	return networks
}

// gatewaysOf lists the default gateways in a network that are none of the plan's
// own hosts.
func gatewaysOf(c *plans.Cluster, prefix netip.Prefix) []netip.Addr {
	var all []netip.Addr
	own := map[netip.Addr]bool{}
	for _, h := range c.Hosts {
		for _, i := range h.Interfaces {
			for _, a := range i.All() {
				own[a.Addr()] = true
			}
			all = append(all, i.Gateway, i.Gateway6)
		}
	}
	all = slices.DeleteFunc(all, func(a netip.Addr) bool { return !a.IsValid() || own[a] || !prefix.Contains(a) })
	slices.SortFunc(all, netip.Addr.Compare)
	return slices.Compact(all)
}

// letter counts A, B, ..., Z, AA, AB, ...
func letter(i int) string {
	text := ""
	for i++; i > 0; i = (i - 1) / 26 {
		text = string(rune('A'+(i-1)%26)) + text
	}
	return text
}

// direct reports whether answers of the pool go straight to the client.
func (pool *Pool) direct() bool {
	return slices.Contains(pool.Ways, plans.ForwardDR) || slices.Contains(pool.Ways, plans.ForwardTUN)
}

// through reports whether answers of the pool go through the director.
func (pool *Pool) through() bool { return slices.Contains(pool.Ways, plans.ForwardNAT) }

// ways are those of all pools.
func (p *Picture) ways() []plans.Forwarding {
	var all []plans.Forwarding
	for _, pool := range p.Pools {
		all = append(all, pool.Ways...)
	}
	return distinct(all)
}

// servers counts the real servers that are in a service.
func (p *Picture) servers() int {
	n := 0
	for _, pool := range p.Pools {
		if len(pool.Ways) > 0 {
			n += len(pool.Nodes)
		}
	}
	return n
}

// services counts them.
func (p *Picture) services() int {
	n := 0
	for _, v := range p.VIPs {
		n += len(v.Services)
	}
	return n
}

// networksIn lists the networks of nodes, as indexes in order.
func networksIn(nodes []Node) []int {
	var all []int
	for _, n := range nodes {
		for _, a := range n.Addresses {
			if a.Network >= 0 {
				all = append(all, a.Network)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// join puts words beside each other.
func join[T ~string](words []T, between string) string {
	var all []string
	for _, w := range words {
		all = append(all, string(w))
	}
	return strings.Join(all, between)
}
