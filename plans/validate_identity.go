package plans

import (
	"fmt"
	"net/netip"
	"strconv"
)

// marked reports whether the plan finds the service by a mark, even one that the
// loader could not read.
func (s *VirtualService) marked() bool {
	_, wrote := s.Source["fwmark"]
	return wrote || s.FWMark != 0
}

// hasPort reports whether the plan says a port, even 0.
func (s *VirtualService) hasPort() bool {
	return s.Port != 0 || s.Source.said("port") && !s.marked()
}

// checkIdentity looks at what the kernel finds a service by: an address, a
// protocol and a port, or a mark.
func (v *validator) checkIdentity(s *VirtualService) {
	at := s.Source.At("port")
	v.oneOf(s.Source.At("protocol"), "protocol", s.Protocol, "tcp", "udp", "sctp")
	if _, wrote := s.Source["family"]; wrote && s.Address.IsValid() {
		v.errorAt(s.Source.At("family"), "The address says the family", fmt.Sprintf(
			"%s is of one already; family is for a mark without an address. Leave it out.", s.Address))
	}
	for i, p := range s.Ports {
		if p.Protocol != s.Protocol {
			v.oneOf(element(s.Source, "ports", strconv.Itoa(i)), "protocol", p.Protocol, "tcp", "udp", "sctp")
		}
	}
	if s.marked() {
		v.checkMarked(s)
		return
	}
	if len(s.Ports) > 0 {
		v.errorAt(s.Source.At("ports"), "Ports without a mark",
			"Several ports become one service by a firewall mark. Add a number that no other service uses, and leave port out:\n  fwmark = 1")
	}
	if s.Port != 0 || !s.hasPort() {
		return
	}
	if s.Persistence == nil {
		v.errorAt(at, "Port 0 without persistence",
			"Port 0 takes every port, and the kernel schedules that for persistent services only; it would accept this one and never use it. Add:\n"+
				"  persistence {\n    timeout = \"5m\"\n  }\nor join the ports that you need by a mark: fwmark = 1, ports = [80, 443].")
	} else if v.cluster.Firewall == PolicyOpen {
		v.warnAt(at, fmt.Sprintf("The firewalls let every %s port through", s.Protocol), fmt.Sprintf(
			"Port 0 takes them all, so policy = \"open\" opens 1-65535/%s on the director and the backends. To open fewer, join them by a mark: fwmark = 1, ports = [80, 443].", s.Protocol))
	}
}

func (v *validator) checkMarked(s *VirtualService) {
	if _, wrote := s.Source["port"]; wrote || s.Port != 0 {
		detail := "A service is found by its port or by a mark. Leave port out and list what gets the mark:\n  ports = [80, 443]"
		if s.Port != 0 {
			detail = fmt.Sprintf("A service is found by its port or by a mark. Leave port out and list what gets the mark:\n  ports = [%d]", s.Port)
		}
		v.errorAt(s.Source.At("port"), "A mark and a port", detail)
	}
	if _, wrote := s.Source["address"]; len(s.Ports) > 0 && !s.Address.IsValid() && !wrote {
		v.errorAt(s.Source.At("ports"), "Ports without an address",
			"The rule that sets the mark needs the VIP, too:\n  address = \"192.168.140.100\"\nLeave ports out where something else sets the mark.")
	}
	if _, wrote := s.Source["address"]; !wrote && !s.Address.IsValid() && s.Source["keep_vip"] != (Range{}) {
		v.warnAt(s.Source.At("keep_vip"), "There is no VIP to keep", "The service has a mark and no address. Leave keep_vip out.")
	}
	if _, wrote := s.Source["ports"]; wrote || len(s.Ports) > 0 {
		return
	}
	if _, wrote := s.Source["protocol"]; wrote {
		v.warnAt(s.Source.At("protocol"), "The protocol means nothing here",
			"A mark has none, and no ports are listed that it could hold for. Leave it out, or list what gets the mark:\n  ports = [80, 443]")
	}
	if v.cluster.Firewall == PolicyOpen {
		v.warnAt(s.Source.At("fwmark"), fmt.Sprintf("No port is opened for service %q", s.Name),
			"The plan does not say which packets get the mark, so policy = \"open\" cannot let them in. Open the ports by hand, or list them:\n  ports = [80, 443]")
	}
}

// checkIdentities looks for two services that are one to the kernel.
func (v *validator) checkIdentities() {
	type identity struct {
		protocol string
		address  netip.Addr
		port     uint16
		mark     uint32
		ipv6     bool
	}
	seen := map[identity]*VirtualService{}
	for i := range v.cluster.Services {
		s := &v.cluster.Services[i]
		var id identity
		switch {
		case s.FWMark != 0:
			id = identity{mark: s.FWMark, ipv6: s.Is6()}
		case s.Address.IsValid() && s.hasPort() && !s.marked():
			id = identity{protocol: s.Protocol, address: s.Address, port: s.Port}
		default:
			continue
		}
		before, twice := seen[id]
		switch {
		case !twice:
			seen[id] = s
		case s.FWMark != 0:
			v.errorAt(s.Source.At("fwmark"), fmt.Sprintf("Two services with the mark %d", s.FWMark), fmt.Sprintf(
				"virtual_service %q has it too (%s). Take another number, or merge the services.", before.Name, before.Source.At("fwmark")))
		default:
			v.errorAt(s.Source.At("address"), fmt.Sprintf("Two services on %s %s", s.Protocol, netip.AddrPortFrom(s.Address, s.Port)),
				fmt.Sprintf("virtual_service %q has this protocol, address and port too (%s). Change one of the three, or merge the services.",
					before.Name, before.Source.At("address")))
		}
	}
}

// checkMarks looks for ports that two services claim, one of them at least by a
// mark. The kernel looks for a mark first (ip_vs_service_find in
// net/netfilter/ipvs/ip_vs_ctl.c), so a service by port would get nothing there.
// Port 0 takes what is left.
func (v *validator) checkMarks() {
	type place struct {
		address  netip.Addr
		protocol string
	}
	type claim struct {
		by    *VirtualService
		ports PortRange
		at    Range
	}
	claims := map[place][]claim{}
	for i := range v.cluster.Services {
		s := &v.cluster.Services[i]
		if s.FWMark == 0 || !s.Address.IsValid() {
			continue
		}
		for j, p := range s.Ports {
			here := place{s.Address, p.Protocol}
			at := element(s.Source, "ports", strconv.Itoa(j))
			for _, c := range claims[here] {
				switch {
				case !p.overlaps(c.ports):
				case c.by == s:
					v.errorAt(at, fmt.Sprintf("%s is listed twice", p), fmt.Sprintf("%s stands before it (%s). Leave one of them out.", c.ports, c.at))
				default:
					v.errorAt(at, fmt.Sprintf("%s gets two marks", p), fmt.Sprintf(
						"virtual_service %q marks %s of %s with %d (%s), and a packet has one mark. Leave the port out of one of them.",
						c.by.Name, c.ports, s.Address, c.by.FWMark, c.at))
				}
			}
			claims[here] = append(claims[here], claim{s, p, at})
		}
	}
	for i := range v.cluster.Services {
		s := &v.cluster.Services[i]
		if s.marked() || s.Port == 0 {
			continue
		}
		own := PortRange{Protocol: s.Protocol, First: s.Port, Last: s.Port}
		for _, c := range claims[place{s.Address, s.Protocol}] {
			if own.overlaps(c.ports) {
				v.errorAt(s.Source.At("port"), fmt.Sprintf("Service %q would get nothing", s.Name), fmt.Sprintf(
					"virtual_service %q marks %s of %s (%s), and the kernel looks for a mark before it looks for a port. Take the port out there, or remove this service.",
					c.by.Name, c.ports, s.Address, c.at))
				break
			}
		}
	}
}

func (p PortRange) overlaps(q PortRange) bool {
	return p.Protocol == q.Protocol && p.First <= q.Last && q.First <= p.Last
}
