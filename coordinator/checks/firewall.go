package checks

import (
	"fmt"
	"slices"
	"strconv"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// inward is what arrives at a real server for the door.
func (f *Facts) inward(d door) []wire.Packet {
	in := ""
	if l, _, ok := holder(d.live.Path, d.backend.Address); ok {
		in = l.Name
	}
	p := f.request(d.service, d.protocol, d.port)
	p.Hook, p.Destination, p.In = "input", d.address.String(), in
	if d.backend.Forwarding != plans.ForwardTUN {
		return []wire.Packet{p}
	}
	p.In = unwraps(d.server)
	outer := wire.Packet{Hook: "input", Destination: d.backend.Address.String(), In: in, New: true}
	switch {
	case d.backend.Tunnel.Type == plans.TunnelGUE:
		outer.Protocol, outer.DestinationPort = "udp", d.backend.Tunnel.Port
	case d.backend.Tunnel.Type == plans.TunnelGRE:
		outer.Protocol = "47"
	case d.service.Is6():
		outer.Protocol = "41"
	default:
		outer.Protocol = "4"
	}
	return []wire.Packet{outer, p}
}

// request opens a connection from the client, as far as it is known.
func (f *Facts) request(s *plans.VirtualService, protocol string, port uint16) wire.Packet {
	p := wire.Packet{Protocol: protocol, DestinationPort: port, New: true}
	if client, known := f.client(s); known {
		p.Source = client.String()
	}
	return p
}

// fromClients is a packet from a client to the VIP, at the director.
func (f *Facts) fromClients(s *plans.VirtualService, live Host, protocol string, port uint16) wire.Packet {
	p := f.request(s, protocol, port)
	p.Hook, p.Destination = "input", s.Address.String()
	if l, _, ok := near(live.Path, s.Address); ok {
		p.In = l.Name
	}
	return p
}

// back is the answer of a nat real server, at the director.
func (f *Facts) back(d door, live Host) wire.Packet {
	p := wire.Packet{Hook: "forward", Protocol: d.protocol, Source: d.backend.Address.String(), SourcePort: d.port}
	if client, known := f.client(d.service); known {
		p.Destination = client.String()
	}
	if l, _, ok := near(live.Path, d.backend.Address); ok {
		p.In = l.Name
	}
	if l, _, ok := near(live.Path, d.service.Address); ok {
		p.Out = l.Name
	}
	return p
}

// dropped finds the verdict on a packet.
func dropped(p wire.Path, packet wire.Packet) (wire.Verdict, bool) {
	i := slices.IndexFunc(p.Verdicts, func(v wire.Verdict) bool { return v.Packet == packet })
	if i < 0 {
		return wire.Verdict{}, false
	}
	return p.Verdicts[i], true
}

// open gets a firewall out of the way: by what keeps its rules, if that is known.
func (f *Facts) open(host string, v wire.Verdict) []report.Fix {
	active := f.Hosts[host].Facts.Firewall.Active
	for _, keeper := range []string{"firewalld", "ufw"} {
		if slices.Contains(active, keeper) {
			return []report.Fix{advice("", fmt.Sprintf(`%s keeps the rules: firewall { policy = "open" } in the plan, and %s`, keeper, f.Apply))}
		}
	}
	if v.Undo == "" {
		return []report.Fix{advice(host, "let it through")}
	}
	return []report.Fix{{Host: host, Command: v.Undo}}
}

func what(p wire.Packet) string {
	switch {
	case p.DestinationPort != 0:
		return strconv.Itoa(int(p.DestinationPort)) + "/" + p.Protocol
	case p.SourcePort != 0:
		return strconv.Itoa(int(p.SourcePort)) + "/" + p.Protocol
	}
	return "protocol " + p.Protocol
}

func firewallServer() Check {
	return Check{
		Code: "firewall-server", Title: "a real server's firewall drops the requests",
		Mistake: "the firewall of every host is off (systemctl disable --now firewalld), or lets the service through",
		Hides:   []string{"backend-silent", "service-silent"},
		Before:  Note,
		Find: func(f *Facts) []Found {
			var found []Found
			for _, d := range f.doors() {
				if !d.address.IsValid() {
					continue
				}
				for _, p := range f.inward(d) {
					if v, bad := dropped(d.live.Path, p); bad {
						found = append(found, Found{
							Host: d.host.Name, Fixes: f.open(d.host.Name, v),
							Seen: fmt.Sprintf("what comes in on %s for %s is dropped: %s", what(p), p.Destination, v.Rule),
						})
					}
				}
			}
			return found
		},
	}
}

func firewallDirector() Check {
	return Check{
		Code: "firewall-director", Title: "the director's firewall drops the requests",
		Mistake: "the firewall of the director is off, or lets the service's port in: IPVS gets only what INPUT accepts",
		Hides:   []string{"service-silent"},
		Before:  Note,
		Find: func(f *Facts) []Found {
			d, live, ok := f.director()
			if !ok {
				return nil
			}
			var found []Found
			for s := range f.services() {
				for _, at := range vipPorts(s) {
					p := f.fromClients(s, live, at.protocol, at.port)
					if v, bad := dropped(live.Path, p); bad {
						found = append(found, Found{
							Host: d.Name, Fixes: f.open(d.Name, v),
							Seen: fmt.Sprintf("what comes in on %s for %s is dropped: %s", what(p), s.Address, v.Rule),
						})
					}
				}
			}
			return found
		},
	}
}

type port struct {
	protocol string
	port     uint16
}

// vipPorts are the single ports of a service.
func vipPorts(s *plans.VirtualService) []port {
	if s.FWMark == 0 {
		if s.Port == 0 {
			return nil
		}
		return []port{{s.Protocol, s.Port}}
	}
	var all []port
	for _, r := range s.Ports {
		if r.First == r.Last {
			all = append(all, port{r.Protocol, r.First})
		}
	}
	return all
}

func forwardDrop() Check {
	return Check{
		Code: "forward-drop", Title: "the nat director's firewall drops the answers",
		Mistake: "on a nat director the FORWARD chain lets the real servers' answers pass",
		Hides:   []string{"service-silent"},
		Before:  Note,
		Find: func(f *Facts) []Found {
			dir, live, ok := f.director()
			if !ok {
				return nil
			}
			var found []Found
			for _, d := range f.doors() {
				if d.backend.Forwarding != plans.ForwardNAT || !d.service.Address.IsValid() {
					continue
				}
				p := f.back(d, live)
				if v, bad := dropped(live.Path, p); bad {
					found = append(found, Found{
						Host: dir.Name, About: []string{d.host.Name}, Fixes: f.open(dir.Name, v),
						Seen: fmt.Sprintf("answers of %s from %s are dropped: %s", d.backend.Address, what(p), v.Rule),
					})
				}
			}
			return found
		},
	}
}
