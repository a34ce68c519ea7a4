package plans

import (
	"fmt"
	"net/netip"
	"slices"
)

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
	backed := slices.ContainsFunc(v.cluster.Services, func(s VirtualService) bool {
		return slices.ContainsFunc(s.Backends, func(b Backend) bool { return b.Host != "" })
	})
	for _, d := range directors {
		if len(d.Interfaces) == 0 && backed {
			v.errorAt(d.Source.At(""), fmt.Sprintf("Director %q has no interface", d.Name),
				"Its addresses decide how it reaches the real servers:\n  interface \"ens33\" {\n    address = \"192.168.140.10/24\"\n  }")
		}
	}
	names := map[string]Range{}
	for i := range v.cluster.Services {
		s := &v.cluster.Services[i]
		if before, twice := names[s.Name]; twice && s.Name != "" {
			v.errorAt(s.Source.At("name"), fmt.Sprintf("Second virtual_service named %q", s.Name),
				fmt.Sprintf("There is one at %s. Give each its own name.", before))
		}
		names[s.Name] = s.Source.At("")
		v.checkService(s)
	}
	for _, h := range v.cluster.RealServers() {
		v.checkTunnelEnds(h)
	}
	v.checkIdentities()
	v.checkMarks()
}

func (v *validator) checkService(s *VirtualService) {
	if named(s.Source, s.Name) && !validName(s.Name) {
		v.errorAt(s.Source.At("name"), fmt.Sprintf("Invalid service name %q", s.Name), nameRule)
	}
	v.checkIdentity(s)
	v.checkScheduling(s)
	v.checkServiceForwarding(s)
	if s.Tunnel.given() {
		v.checkTunnel(&s.Tunnel, s.ways()...)
	}
	if s.Drain != v.cluster.IPVS.Drain {
		v.checkDrain(s.Source.At("drain"), s.Drain)
	}
	if len(s.Backends) == 0 {
		v.warnAt(s.Source.At(""), fmt.Sprintf("Service %q has no backends", s.Name),
			"Every request to it will be refused. Add a real server:\n  backend {\n    host = real_server.node1\n  }")
	}
	v.checkVIP(s)
	v.checkPersist(s)
	seen := map[netip.AddrPort]bool{}
	for i := range s.Backends {
		b := &s.Backends[i]
		id := netip.AddrPortFrom(b.Address, b.Port)
		if seen[id] && b.Address.IsValid() {
			v.errorAt(b.place(), fmt.Sprintf("Second backend %s in service %q", id, s.Name),
				"The kernel keeps one entry an address and port. To give a real server more requests, raise its weight.")
		}
		seen[id] = true
		v.checkBackend(s, b)
	}
	v.checkForwarding(s)
}

func (v *validator) checkServiceForwarding(s *VirtualService) {
	_, own := s.Source["forwarding"]
	silent := len(s.Backends) == 0 || slices.ContainsFunc(s.Backends, func(b Backend) bool { return b.Forwarding == "" })
	switch {
	case s.Forwarding == "" && silent && (own || v.cluster.Source["forwarding"] == (Range{})):
		v.errorAt(s.Source.At("forwarding"), fmt.Sprintf("Service %q has no forwarding", s.Name),
			"Say how packets reach the real servers, here or for all services in the cluster block:\n  forwarding = \"dr\"\nor \"nat\" or \"tun\".")
	case s.Forwarding != "" && (own || s.Forwarding != v.cluster.Forwarding):
		v.oneOf(s.Source.At("forwarding"), "forwarding", string(s.Forwarding), forwardings()...)
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
			for _, p := range iface.placed() {
				if h.Role == RoleDirector && p.Masked().Contains(vip) {
					inReach = true
					if why := notAHost(vip, p.Prefix); why != "" {
						v.errorAt(at, fmt.Sprintf("VIP %s is %s", vip, why), "Take a free address of that network.")
					}
				}
				if h.Role != RoleDirector && p.Addr() == vip {
					v.errorAt(at, fmt.Sprintf("VIP %s is the address of %s %q", vip, h.Role, h.Name), fmt.Sprintf(
						"%s has it on %s (%s). The VIP belongs to the director: take a free address.", h.Name, iface.Name, p.at))
				}
			}
			if (iface.Gateway == vip || iface.Gateway6 == vip) && !router && !v.directorHas(vip) {
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
	v.checkKeeping(s)
	if directors := v.cluster.Directors(); s.KeepVIP && !inReach && len(directors) > 0 && len(directors[0].Interfaces) > 0 {
		v.warnAt(at, fmt.Sprintf("VIP %s is in no network of the director", vip), fmt.Sprintf(
			"Clients reach it only if the routers send %s to %s. Usually the VIP is in a network that the director has an interface in.", vip, directors[0].Name))
	}
}

// checkKeeping looks at who puts the VIP on the hosts.
func (v *validator) checkKeeping(s *VirtualService) {
	for i := range v.cluster.Services {
		if other := &v.cluster.Services[i]; !s.KeepVIP && other.KeepVIP && other.Address == s.Address {
			v.warnAt(s.Source.At("keep_vip"), fmt.Sprintf("lvsup keeps %s nevertheless", s.Address), fmt.Sprintf(
				"virtual_service %q has the same VIP (%s). Write keep_vip = false there, too.", other.Name, other.Source.At("")))
			break
		}
	}
	for _, d := range v.cluster.Directors() {
		if s.KeepVIP && s.Address.Is6() && len(d.Interfaces) == 0 {
			v.warnAt(s.Source.At("address"), fmt.Sprintf("Neighbours of %s cannot find %s", d.Name, s.Address), fmt.Sprintf(
				"The plan knows no interface of it, so the VIP goes on lo, and an IPv6 host answers only for the addresses of the interface that it is asked on. "+
					"Give %s an interface block, or write keep_vip = false and put the VIP there otherwise.", d.Name))
		}
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
