package checks

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// door is where a backend must take what is sent to it.
type door struct {
	server
	protocol string
	port     uint16
	address  netip.Addr // what the packets are addressed to when they arrive
}

// doors are those that can be told from the plan: a range is for a firewall, not
// for one listener.
func (f *Facts) doors() []door {
	var all []door
	for srv := range f.servers() {
		address := srv.service.Address
		if srv.backend.Forwarding == plans.ForwardNAT {
			address = srv.backend.Address
		}
		if srv.service.FWMark == 0 && srv.service.Port != 0 {
			port := srv.service.Port
			if srv.backend.Forwarding == plans.ForwardNAT && srv.backend.Port != 0 {
				port = srv.backend.Port
			}
			all = append(all, door{srv, srv.service.Protocol, port, address})
		}
		for _, r := range srv.service.Ports {
			if r.First != r.Last {
				continue
			}
			port := r.First
			if srv.backend.Forwarding == plans.ForwardNAT && srv.backend.Port != 0 {
				port = srv.backend.Port
			}
			all = append(all, door{srv, r.Protocol, port, address})
		}
	}
	return all
}

// listening gives the sockets on the door's port, and whether they could be seen.
func (d door) listening() (all []wire.Listener, seen bool) {
	for _, l := range d.live.Path.Listeners {
		if l.Protocol == d.protocol && l.Port == d.port {
			all = append(all, l)
		}
	}
	return all, d.protocol != "sctp" && len(d.live.Path.Listeners) > 0
}

func notListening() Check {
	return Check{
		Code: "not-listening", Title: "nothing listens on a real server's port",
		Mistake: "systemctl enable --now httpd on every real server, on the port of the service",
		Hides:   []string{"firewall-server", "backend-silent", "service-silent"},
		Before:  Note,
		Find: func(f *Facts) []Found {
			var found []Found
			for _, d := range f.doors() {
				if all, ok := d.listening(); !ok || len(all) > 0 {
					continue
				}
				fixes := []report.Fix{advice(d.host.Name, fmt.Sprintf("start what serves %d/%s there, now and at boot", d.port, d.protocol))}
				if d.host.HTTPD != nil && d.port == 80 {
					fixes = f.byApply()
				}
				found = append(found, Found{
					Host: d.host.Name, Fixes: fixes,
					Seen: fmt.Sprintf("nothing listens on %d/%s; it listens on %s", d.port, d.protocol, ports(d.live.Path.Listeners, d.protocol)),
				})
			}
			return found
		},
	}
}

// ports lists what a host listens on, not all of it.
func ports(all []wire.Listener, protocol string) string {
	const most = 8
	var seen []uint16
	for _, l := range all {
		if l.Protocol == protocol {
			seen = add(seen, l.Port)
		}
	}
	slices.Sort(seen)
	var words []string
	for _, p := range seen[:min(len(seen), most)] {
		words = append(words, fmt.Sprint(p))
	}
	if len(seen) > most {
		words = append(words, "...")
	}
	return listed(words)
}

func listensElsewhere() Check {
	return Check{
		Code: "listens-elsewhere", Title: "a real server's service listens on other addresses",
		Mistake: "httpd listens on every address: requests are for the VIP under dr and tun, for the RIP under nat",
		Hides:   []string{"backend-silent", "service-silent"},
		Before:  Note,
		Find: func(f *Facts) []Found {
			var found []Found
			for _, d := range f.doors() {
				all, _ := d.listening()
				if len(all) == 0 || !d.address.IsValid() || slices.ContainsFunc(all, d.takenBy) {
					continue
				}
				var at []string
				for _, l := range all {
					at = append(at, l.Address)
				}
				found = append(found, Found{
					Host:  d.host.Name,
					Seen:  fmt.Sprintf("%d/%s listens on %s, requests are for %s", d.port, d.protocol, strings.Join(at, ", "), d.address),
					Fixes: []report.Fix{advice(d.host.Name, fmt.Sprintf("have it listen on every address (Apache: `Listen %d` in ports.conf or httpd.conf) and restart it", d.port))},
				})
			}
			return found
		},
	}
}

// takenBy reports whether the socket takes what is for the door's address. A
// socket on :: takes IPv4 too, unless its owner said otherwise.
func (d door) takenBy(l wire.Listener) bool {
	a, err := netip.ParseAddr(l.Address)
	return err != nil || a == d.address || a == netip.IPv6Unspecified() || a == netip.IPv4Unspecified() && d.address.Is4()
}
