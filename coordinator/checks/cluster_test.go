package checks

import (
	"net/netip"
	"slices"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// The MAC addresses of the clusters below.
const (
	masterMAC, node1MAC, node2MAC, clientMAC = "02:00:00:00:00:01", "02:00:00:00:00:02", "02:00:00:00:00:03", "02:00:00:00:00:04"
	strangerMAC                              = "02:00:00:00:00:99"
)

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// cluster is a well cluster of a director and two real servers, asked by a
// client: under nat as in the tutorial, else on one network.
func cluster(way plans.Forwarding) *Facts {
	c := &plans.Cluster{Name: "test", TimeSync: plans.TimeSync{MaxOffset: time.Second}}
	vip, rips := ip("192.168.140.100"), []string{"192.168.140.20", "192.168.140.30"}
	if way == plans.ForwardNAT {
		vip, rips = ip("192.168.146.100"), []string{"192.168.177.10", "192.168.177.20"}
	}
	s := plans.VirtualService{Name: "web", Address: vip, Port: 80, Protocol: "tcp", KeepVIP: true, Forwarding: way}
	master := plans.Host{Name: "master", Role: plans.RoleDirector}
	lo := wire.PathLink{Name: "lo", Up: true, Carrier: true, MTU: 65536, Addresses: []string{"127.0.0.1/8", vip.String() + "/32"}}
	ens33 := wire.PathLink{Name: "ens33", MAC: masterMAC, Up: true, Carrier: true, MTU: 1500, Addresses: []string{"192.168.140.10/24"}}
	live := Host{Path: wire.Path{Links: []wire.PathLink{lo, ens33}}}
	if way == plans.ForwardNAT {
		lo.Addresses = []string{"127.0.0.1/8"}
		ens33.Addresses = []string{"192.168.146.100/24"}
		ens36 := wire.PathLink{Name: "ens36", MAC: "02:00:00:00:01:01", Up: true, Carrier: true, MTU: 1500, Addresses: []string{"192.168.177.254/24"}}
		live.Path = wire.Path{Links: []wire.PathLink{lo, ens33, ens36}, ForwardsIPv4: true}
	}
	for _, l := range live.Path.Links[1:] {
		master.Interfaces = append(master.Interfaces, plans.Interface{Name: l.Name, Address: netip.MustParsePrefix(l.Addresses[0])})
	}
	c.Hosts = []plans.Host{master}
	f := &Facts{Cluster: c, Apply: "lvsup apply p.hcl", Hosts: map[string]Host{"master": live}}
	table := wire.IPVSService{Key: "TCP " + vip.String() + ":80"}
	for i, rip := range rips {
		h := plans.Host{Name: "node" + string(rune('1'+i)), Role: plans.RoleRealServer, HTTPD: &plans.HTTPD{Index: "x"}}
		gateway := map[bool]netip.Addr{true: ip("192.168.177.254"), false: ip("192.168.140.2")}[way == plans.ForwardNAT]
		h.Interfaces = []plans.Interface{{Name: "ens33", Address: netip.PrefixFrom(ip(rip), 24), Gateway: gateway}}
		c.Hosts = append(c.Hosts, h)
		b := plans.Backend{Host: h.Name, Address: ip(rip), Port: 80, Weight: 1, Forwarding: way}
		links := []wire.PathLink{
			{Name: "lo", Up: true, Carrier: true, MTU: 65536, Addresses: []string{"127.0.0.1/8"}, ARPIgnore: 1, ARPAnnounce: 2},
			{Name: "ens33", MAC: []string{node1MAC, node2MAC}[i], Up: true, Carrier: true, MTU: 1500, Addresses: []string{rip + "/24"}, ARPIgnore: 1, ARPAnnounce: 2},
		}
		if way != plans.ForwardNAT {
			links[0].Addresses = append(links[0].Addresses, vip.String()+"/32")
		}
		if way == plans.ForwardTUN {
			b.Tunnel = plans.Tunnel{Type: plans.TunnelIPIP, MSS: 1440}
			links = append(links, wire.PathLink{Name: "tunl0", Up: true, Carrier: true, MTU: 1480, Addresses: []string{}, RPFilter: 2})
		}
		s.Backends = append(s.Backends, b)
		f.Hosts[h.Name] = Host{Path: wire.Path{Links: links, Listeners: []wire.Listener{{Protocol: "tcp", Address: "::", Port: 80}, {Protocol: "tcp", Address: "0.0.0.0", Port: 22}}}}
		table.Backends = append(table.Backends, wire.IPVSBackend{Address: rip, Port: 80, Weight: 1, Forwarding: string(way)})
		f.Direct = append(f.Direct, Direct{Host: h.Name, Address: netip.AddrPortFrom(ip(rip), 80)})
	}
	c.Services = []plans.VirtualService{s}
	f.Table = &wire.IPVSResponse{Services: []wire.IPVSService{table}}
	source := "192.168.140.1"
	if way == plans.ForwardNAT {
		source = "192.168.146.1"
	}
	f.Client = &Client{
		Name: "client",
		Path: wire.Path{
			Links:  []wire.PathLink{{Name: "eth0", MAC: clientMAC, Up: true, Carrier: true, Addresses: []string{source + "/24"}}},
			Routes: []wire.Lookup{{RouteQuestion: question(vip, netip.Addr{}), Interface: "eth0", Source: source}},
		},
		Asked: []Asked{{Service: "web", Address: netip.AddrPortFrom(vip, 80), Requests: 4, Answered: 4}},
	}
	f.ARP = []ARP{{Host: "client", Address: vip, MACs: []string{masterMAC}}}
	for name := range f.Hosts {
		f.routes(name)
	}
	return f
}

// routes answers what the checks ask of a host as a well one would.
func (f *Facts) routes(name string) {
	h, _ := f.Cluster.Host(name)
	f.change(name, func(live *Host) {
		live.Path.Routes = nil
		for _, q := range Questions(f, h).Routes {
			way := wire.Lookup{RouteQuestion: q, Interface: "ens33"}
			if l, _, ok := near(live.Path, ip(q.To)); ok {
				way.Interface = l.Name
			} else if len(h.Interfaces) > 0 && h.Interfaces[0].Gateway.IsValid() {
				way.Gateway = h.Interfaces[0].Gateway.String()
			}
			live.Path.Routes = append(live.Path.Routes, way)
		}
	})
}

func (f *Facts) change(host string, do func(*Host)) {
	h := f.Hosts[host]
	h.Path.Links = slices.Clone(h.Path.Links)
	h.Path.Routes = slices.Clone(h.Path.Routes)
	do(&h)
	f.Hosts[host] = h
}

// link changes one of a host's links.
func (f *Facts) link(host, name string, do func(*wire.PathLink)) {
	f.change(host, func(h *Host) {
		i := slices.IndexFunc(h.Path.Links, func(l wire.PathLink) bool { return l.Name == name })
		do(&h.Path.Links[i])
	})
}

// way changes how a host would send to an address.
func (f *Facts) way(host, to string, do func(*wire.Lookup)) {
	f.change(host, func(h *Host) {
		for i := range h.Path.Routes {
			if h.Path.Routes[i].To == to {
				do(&h.Path.Routes[i])
			}
		}
	})
}

// silent is what is seen of a node that answers nobody.
func (f *Facts) silent(direct bool) {
	f.Client.Asked[0].Answered, f.Client.Asked[0].Error = 2, "no answer in time"
	if direct {
		f.Direct[0].Error = "no answer in time"
	}
}
