package checks

import (
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// Facts are what was gathered from all hosts. What is missing is not judged.
type Facts struct {
	Cluster *plans.Cluster
	Apply   string          // the command that applies the plan
	Hosts   map[string]Host // the hosts of the plan that answered, by name
	Table   *wire.IPVSResponse
	ARP     []ARP
	Direct  []Direct
	Client  *Client // who asked the VIPs; nil: nobody
}

// Host is what one host told.
type Host struct {
	Facts  wire.Facts
	Path   wire.Path
	Offset Offset
}

// ARP is who answered for an address.
type ARP struct {
	Host    string // who asked
	Address netip.Addr
	MACs    []string
}

// Direct is a connection from the director to a backend, as its RIP and port.
type Direct struct {
	Host    string // of the backend; empty if it is not one of the plan's
	Address netip.AddrPort
	Error   string // empty: it answered
}

// Client is a host that asks the VIPs.
type Client struct {
	Name  string
	Path  wire.Path
	Asked []Asked
}

// Asked are requests to a service.
type Asked struct {
	Service  string
	Address  netip.AddrPort
	Requests int
	Answered int
	Error    string // of the last request without an answer
}

// server is a backend on a host of the plan that answered.
type server struct {
	host    *plans.Host
	live    Host
	service *plans.VirtualService
	backend plans.Backend
}

// servers gives every backend whose host is the plan's and answered, of any of
// these forwardings, or of all if there are none.
func (f *Facts) servers(ways ...plans.Forwarding) iter.Seq[server] {
	return func(yield func(server) bool) {
		for i := range f.Cluster.Services {
			s := &f.Cluster.Services[i]
			for _, b := range s.Backends {
				h, ok := f.Cluster.Host(b.Host)
				live, there := f.Hosts[b.Host]
				if !ok || !there || len(live.Path.Links) == 0 || len(ways) > 0 && !slices.Contains(ways, b.Forwarding) {
					continue
				}
				if !yield(server{h, live, s, b}) {
					return
				}
			}
		}
	}
}

// director is the plan's, ok if it answered.
func (f *Facts) director() (*plans.Host, Host, bool) {
	all := f.Cluster.Directors()
	if len(all) == 0 {
		return nil, Host{}, false
	}
	live, ok := f.Hosts[all[0].Name]
	return all[0], live, ok && len(live.Path.Links) > 0
}

// backendHosts are the hosts of a service's backends, those of the plan.
func backendHosts(s *plans.VirtualService) []string {
	var hosts []string
	for _, b := range s.Backends {
		if b.Host != "" {
			hosts = add(hosts, b.Host)
		}
	}
	return hosts
}

// client is the address that answers of the service go to: that of who asked, else
// the VIP itself, which stands for the clients' network. known says which.
func (f *Facts) client(s *plans.VirtualService) (a netip.Addr, known bool) {
	if f.Client != nil {
		if way, ok := lookup(f.Client.Path, s.Address, netip.Addr{}); ok && way.Error == "" {
			if source, err := netip.ParseAddr(way.Source); err == nil {
				return source, true
			}
		}
	}
	return s.Address, false
}

// owners maps each MAC of the plan's hosts to the host.
func (f *Facts) owners() map[string]string {
	all := map[string]string{}
	for name, h := range f.Hosts {
		for _, l := range h.Path.Links {
			if l.MAC != "" {
				all[l.MAC] = name
			}
		}
	}
	return all
}

// services gives those with a VIP.
func (f *Facts) services() iter.Seq[*plans.VirtualService] {
	return func(yield func(*plans.VirtualService) bool) {
		for i := range f.Cluster.Services {
			if s := &f.Cluster.Services[i]; s.Address.IsValid() && !yield(s) {
				return
			}
		}
	}
}

// onLoopback reports whether the interface is the loopback.
func onLoopback(l wire.PathLink) bool { return l.Name == "lo" }

// prefixes are the link's addresses.
func prefixes(l wire.PathLink) []netip.Prefix {
	var all []netip.Prefix
	for _, s := range l.Addresses {
		if p, err := netip.ParsePrefix(s); err == nil {
			all = append(all, p)
		}
	}
	return all
}

// holder finds the link that carries the address.
func holder(p wire.Path, a netip.Addr) (wire.PathLink, netip.Prefix, bool) {
	for _, l := range p.Links {
		for _, has := range prefixes(l) {
			if has.Addr() == a {
				return l, has, true
			}
		}
	}
	return wire.PathLink{}, netip.Prefix{}, false
}

// near finds the link, not the loopback, in whose network the address is.
func near(p wire.Path, a netip.Addr) (wire.PathLink, netip.Prefix, bool) {
	for _, l := range p.Links {
		for _, has := range prefixes(l) {
			if !onLoopback(l) && !has.IsSingleIP() && has.Masked().Contains(a) {
				return l, has, true
			}
		}
	}
	return wire.PathLink{}, netip.Prefix{}, false
}

func linkOf(p wire.Path, name string) (wire.PathLink, bool) {
	i := slices.IndexFunc(p.Links, func(l wire.PathLink) bool { return l.Name == name })
	if i < 0 {
		return wire.PathLink{}, false
	}
	return p.Links[i], true
}

// lookup finds the answer to a question about a route.
func lookup(p wire.Path, to, from netip.Addr) (wire.Lookup, bool) {
	q := question(to, from)
	i := slices.IndexFunc(p.Routes, func(l wire.Lookup) bool { return l.RouteQuestion == q })
	if i < 0 {
		return wire.Lookup{}, false
	}
	return p.Routes[i], true
}

func question(to, from netip.Addr) wire.RouteQuestion {
	q := wire.RouteQuestion{To: to.String()}
	if from.IsValid() {
		q.From = from.String()
	}
	return q
}

// has reports whether the host carries the address.
func (h Host) has(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return false
	}
	_, _, ok := holder(h.Path, a)
	return ok
}

// byApply is the fix of what the plan says.
func (f *Facts) byApply() []report.Fix { return []report.Fix{{Command: f.Apply}} }

// on is a command on a host.
func on(host string, words ...string) report.Fix {
	return report.Fix{Host: host, Command: strings.Join(words, " ")}
}

// advice is what to do in words.
func advice(host, text string) report.Fix { return report.Fix{Host: host, Text: text} }
