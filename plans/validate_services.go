package plans

import (
	"fmt"
	"net/netip"
	"time"
)

// Schedulers returns the names of the kernel's IPVS schedulers
// (net/netfilter/ipvs/Kconfig), those of the plan language.
func Schedulers() []string {
	return []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh", "twos"}
}

// maxPersistence is the longest timeout that ipvsadm(8) accepts: 31 days.
const maxPersistence = 31 * 24 * time.Hour

func (v *validator) checkServices() {
	if len(v.cluster.Services) == 0 {
		return
	}
	directors := v.cluster.Directors()
	if len(directors) == 0 && len(v.cluster.Hosts) > 0 {
		v.errorAt(v.cluster.Services[0].Source.At(""), "The plan has no director",
			"A virtual service lives on a director. Add one:\n  director \"master\" {\n    interface \"ens33\" {\n      address = \"192.168.140.10/24\"\n    }\n  }")
	}
	for _, d := range directors[min(1, len(directors)):] {
		v.errorAt(d.Source.At(""), "More than one director", fmt.Sprintf(
			"%s and %s would both answer for the VIPs. Keep one director block.", directors[0].Name, d.Name))
	}
	for _, d := range directors {
		if len(d.Interfaces) == 0 {
			v.errorAt(d.Source.At(""), fmt.Sprintf("Director %q has no interface", d.Name),
				"Its addresses decide how it reaches the real servers:\n  interface \"ens33\" {\n    address = \"192.168.140.10/24\"\n  }")
		}
	}
	names := map[string]Range{}
	type identity struct {
		protocol string
		address  netip.Addr
		port     uint16
	}
	seen := map[identity]*VirtualService{}
	for i := range v.cluster.Services {
		s := &v.cluster.Services[i]
		if before, twice := names[s.Name]; twice && s.Name != "" {
			v.errorAt(s.Source.At(""), fmt.Sprintf("Second virtual_service named %q", s.Name),
				fmt.Sprintf("There is one at %s. Give each its own name.", before))
		}
		names[s.Name] = s.Source.At("")
		id := identity{s.Protocol, s.Address, s.Port}
		if before, twice := seen[id]; twice && s.Address.IsValid() && s.Port != 0 {
			v.errorAt(s.Source.At("address"), fmt.Sprintf("Two services on %s %s", s.Protocol, netip.AddrPortFrom(s.Address, s.Port)),
				fmt.Sprintf("virtual_service %q has this protocol, address and port too (%s). Change one of the three, or merge the services.",
					before.Name, before.Source.At("address")))
		} else {
			seen[id] = s
		}
		v.checkService(s)
	}
}

func (v *validator) checkService(s *VirtualService) {
	if s.Name != "" && !validName(s.Name) {
		v.errorAt(s.Source.At(""), fmt.Sprintf("Invalid service name %q", s.Name), nameRule)
	}
	v.oneOf(s.Source.At("protocol"), "protocol", s.Protocol, "tcp", "udp", "sctp")
	v.oneOf(s.Source.At("scheduler"), "scheduler", s.Scheduler, Schedulers()...)
	_, own := s.Source["forwarding"]
	switch {
	case s.Forwarding == "" && (own || v.cluster.Source["forwarding"] == (Range{})):
		v.errorAt(s.Source.At("forwarding"), fmt.Sprintf("Service %q has no forwarding", s.Name),
			"Say how packets reach the real servers, here or for all services in the cluster block:\n  forwarding = \"dr\"\nor \"nat\" or \"tun\".")
	case own || s.Forwarding != v.cluster.Forwarding:
		v.oneOf(s.Source.At("forwarding"), "forwarding", string(s.Forwarding), forwardings()...)
	}
	if p := s.Persistence; p != nil {
		v.checkPersistence(s, p)
	}
	if len(s.Backends) == 0 {
		v.warnAt(s.Source.At(""), fmt.Sprintf("Service %q has no backends", s.Name),
			"Every request to it will be refused. Add a real server:\n  backend {\n    host = real_server.node1\n  }")
	}
	v.checkVIP(s)
	seen := map[netip.AddrPort]bool{}
	for i := range s.Backends {
		b := &s.Backends[i]
		id := netip.AddrPortFrom(b.Address, b.Port)
		if seen[id] && b.Address.IsValid() {
			v.errorAt(b.Source.At("host"), fmt.Sprintf("Second backend %s in service %q", id, s.Name),
				"The kernel keeps one entry an address and port. To give a real server more requests, raise its weight.")
		}
		seen[id] = true
		v.checkBackend(s, b)
	}
	v.checkForwarding(s)
}

func (v *validator) checkPersistence(s *VirtualService, p *Persistence) {
	at := p.Source.At("timeout")
	switch t := p.Timeout; {
	case t < time.Second || t%time.Second != 0:
		v.errorAt(at, fmt.Sprintf("Persistence timeout %s is not whole seconds", t),
			"The kernel counts whole seconds, from one up, for example \"10s\".")
	case t > maxPersistence:
		v.errorAt(at, fmt.Sprintf("Persistence timeout %s is too long", t), "At most 31 days (\"744h\"), as with ipvsadm.")
	}
	if most := s.Address.BitLen(); s.Address.IsValid() && (p.PrefixLen < 1 || p.PrefixLen > most) {
		v.errorAt(p.Source.At("prefix_length"), fmt.Sprintf("Invalid persistence prefix length %d", p.PrefixLen),
			fmt.Sprintf("Choose from 1 to %d; %d treats each client on its own.", most, most))
	}
}

// checkVIP looks at the VIP against every address of the plan.
func (v *validator) checkVIP(s *VirtualService) {
	vip, at := s.Address, s.Source.At("address")
	if !vip.IsValid() {
		return
	}
	inReach, router := false, false
	for i := range v.cluster.Hosts {
		h := &v.cluster.Hosts[i]
		for j := range h.Interfaces {
			iface := &h.Interfaces[j]
			if !iface.Address.IsValid() {
				continue
			}
			if h.Role == RoleDirector && iface.Address.Masked().Contains(vip) {
				inReach = true
				if why := notAHost(vip, iface.Address); why != "" {
					v.errorAt(at, fmt.Sprintf("VIP %s is %s", vip, why), "Take a free address of that network.")
				}
			}
			if h.Role != RoleDirector && iface.Address.Addr() == vip {
				v.errorAt(at, fmt.Sprintf("VIP %s is the address of %s %q", vip, h.Role, h.Name), fmt.Sprintf(
					"%s has it on %s (%s). The VIP belongs to the director: take a free address.", h.Name, iface.Name, iface.Source.At("address")))
			}
			if iface.Gateway == vip && !router && !v.directorHas(vip) {
				router = true // say it once, however many hosts use it
				v.errorAt(at, fmt.Sprintf("VIP %s is the gateway of %s %q", vip, h.Role, h.Name),
					fmt.Sprintf("A router has this address (%s). Take a free address.", iface.Source.At("gateway")))
			}
		}
	}
	if why := notAHost(vip, netip.PrefixFrom(vip, vip.BitLen())); why != "" {
		v.errorAt(at, fmt.Sprintf("VIP %s is %s", vip, why), "Take a free address that clients can reach.")
		return
	}
	if directors := v.cluster.Directors(); !inReach && len(directors) > 0 && len(directors[0].Interfaces) > 0 {
		v.warnAt(at, fmt.Sprintf("VIP %s is in no network of the director", vip), fmt.Sprintf(
			"Clients reach it only if the routers send %s to %s. Usually the VIP is in a network that the director has an interface in.", vip, directors[0].Name))
	}
}

func (v *validator) directorHas(a netip.Addr) bool {
	for _, d := range v.cluster.Directors() {
		if d.declares(a) {
			return true
		}
	}
	return false
}

func (v *validator) checkBackend(s *VirtualService, b *Backend) {
	h, there := v.cluster.Host(b.Host)
	switch {
	case b.Host == "":
		return
	case !there:
		v.errorAt(b.Source.At("host"), fmt.Sprintf("No host named %q", b.Host), "A backend is a real_server of the plan.")
		return
	case h.Role != RoleRealServer:
		v.errorAt(b.Source.At("host"), fmt.Sprintf("%s %q cannot be a backend", h.Role, h.Name),
			fmt.Sprintf("A backend is a real_server. Describe %s as real_server %q, or name another host.", h.Name, h.Name))
	}
	if b.Weight < 0 || b.Weight > 65535 {
		v.errorAt(b.Source.At("weight"), fmt.Sprintf("Invalid weight %d", b.Weight), "Weights go from 0, which takes no new connections, to 65535.")
	}
	if b.Weight > 1 && (s.Scheduler == "rr" || s.Scheduler == "lc") {
		v.warnAt(b.Source.At("weight"), fmt.Sprintf("Scheduler %q ignores the weight %d", s.Scheduler, b.Weight),
			fmt.Sprintf("Write scheduler = \"w%s\" to have it count, or leave the weight out.", s.Scheduler))
	}
	if b.Weight == 0 && (s.Scheduler == "sh" || s.Scheduler == "mh") {
		v.warnAt(b.Source.At("weight"), fmt.Sprintf("Clients of %q get no answer", h.Name), fmt.Sprintf(
			"Scheduler %q sends them to no other real server while its weight is 0 (the kernel's fallback flag is not set). "+
				"Take the backend out instead, or choose another scheduler.", s.Scheduler))
	}
	if !b.Address.IsValid() {
		return
	}
	if b.Address == s.Address {
		if !h.declares(b.Address) { // checkVIP has seen it otherwise
			v.errorAt(b.Source.At("address"), fmt.Sprintf("Backend %s is the VIP itself", b.Address), "Name the real server's own address (RIP).")
		}
		return
	}
	if len(h.Interfaces) > 0 && !h.declares(b.Address) {
		v.errorAt(b.Source.At("address"), fmt.Sprintf("%s is not an address of %s", b.Address, h.Name),
			fmt.Sprintf("Its interfaces have %s. Leave address out to take it from there.", addressesOf(h)))
	}
	if s.Address.IsValid() && b.Address.Is4() != s.Address.Is4() && b.Forwarding != ForwardTUN {
		v.errorAt(b.Source.At("host"), fmt.Sprintf("VIP %s and backend %s are of different families", s.Address, b.Address),
			"IPv4 and IPv6 mix under forwarding = \"tun\" only. Give the service a VIP of the backends' family.")
	}
	if b.Forwarding != ForwardNAT && b.Forwarding != "" && b.Port != s.Port && s.Port != 0 {
		v.errorAt(b.Source.At("port"), fmt.Sprintf("Port %d differs from the service's port %d", b.Port, s.Port), fmt.Sprintf(
			"With forwarding %q packets reach the real server unchanged, so it must listen on port %d. Leave port out, or use \"nat\".", b.Forwarding, s.Port))
	}
}
