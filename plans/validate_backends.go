package plans

import (
	"fmt"
	"net/netip"
)

// name is what a person calls the backend.
func (b *Backend) name() string {
	if b.Host != "" {
		return b.Host
	}
	return b.Address.String()
}

// place is where the plan says which machine the backend is.
func (b *Backend) place() Range {
	if r, ok := b.Source["host"]; ok {
		return r
	}
	return b.Source.At("address")
}

func (v *validator) checkBackend(s *VirtualService, b *Backend) {
	var h *Host
	switch found, there := v.cluster.Host(b.Host); {
	case b.Host == "" && !b.Address.IsValid():
		return // reported
	case b.Host == "":
		v.checkStranger(b)
	case !there:
		v.errorAt(b.Source.At("host"), fmt.Sprintf("No host named %q", b.Host), "A backend is a real_server of the plan.")
		return
	default:
		h = found
		if h.Role != RoleRealServer {
			v.errorAt(b.Source.At("host"), fmt.Sprintf("%s %q cannot be a backend", h.Role, h.Name),
				fmt.Sprintf("A backend is a real_server. Describe %s as real_server %q, or name another host.", h.Name, h.Name))
		}
	}
	v.checkWeight(s, b)
	v.checkThresholds(s, b)
	if _, own := b.Source["forwarding"]; own || b.Forwarding != s.Forwarding {
		v.oneOf(b.Source.At("forwarding"), "forwarding", string(b.Forwarding), forwardings()...)
	}
	v.checkTunnel(&b.Tunnel, b.Forwarding)
	v.checkBackendPort(s, b)
	if !b.Address.IsValid() {
		return
	}
	if b.Address == s.Address {
		if h == nil || !h.declares(b.Address) { // checkVIP has seen it otherwise
			v.errorAt(b.Source.At("address"), fmt.Sprintf("Backend %s is the VIP itself", b.Address), "Name the real server's own address (RIP).")
		}
		return
	}
	if h != nil && len(h.Interfaces) > 0 && !h.declares(b.Address) {
		v.errorAt(b.Source.At("address"), fmt.Sprintf("%s is not an address of %s", b.Address, h.Name),
			fmt.Sprintf("Its interfaces have %s. Leave address out to take it from there.", addressesOf(h)))
	}
	v.checkFamily(s, b)
}

// checkStranger looks at the address of a machine that the plan does not
// describe. It may be the director's own: the kernel then answers itself.
func (v *validator) checkStranger(b *Backend) {
	at := b.Source.At("address")
	if b.Address.IsUnspecified() || b.Address.IsMulticast() || b.Address == netip.AddrFrom4([4]byte{255, 255, 255, 255}) {
		v.errorAt(at, fmt.Sprintf("Backend %s is %s", b.Address, notAHost(b.Address, netip.Prefix{})), "Write the address of a machine.")
	}
	for _, h := range v.cluster.RealServers() {
		if h.declares(b.Address) {
			v.warnAt(at, fmt.Sprintf("%s is an address of %q", b.Address, h.Name), fmt.Sprintf(
				"lvsup prepares a real server for its part only where the backend names it. Write:\n  host = %s", h.Ref()))
		}
	}
}

func (v *validator) checkFamily(s *VirtualService, b *Backend) {
	if !s.Address.IsValid() && s.FWMark == 0 || b.Address.Is6() == s.Is6() {
		return
	}
	service := "VIP " + s.Address.String()
	if !s.Address.IsValid() {
		service = map[bool]string{false: "An IPv4 mark", true: "An IPv6 mark"}[s.Is6()]
	}
	switch {
	case b.Forwarding != ForwardTUN:
		v.errorAt(b.place(), fmt.Sprintf("%s and backend %s are of different families", service, b.Address),
			"IPv4 and IPv6 mix under forwarding = \"tun\" only. Give the service a VIP of the backends' family.")
	case len(v.cluster.IPVS.Sync) > 0:
		v.errorAt(b.place(), fmt.Sprintf("%s and backend %s are of different families, and there is a sync daemon", service, b.Address), fmt.Sprintf(
			"The kernel's sync protocol cannot tell of such connections, so it refuses one or the other. Take the sync block out (%s), or use backends of the VIP's family.",
			v.cluster.IPVS.Sync[0].Source.At("")))
	}
}

// checkBackendPort holds that the backend's port is one that packets can arrive
// at.
func (v *validator) checkBackendPort(s *VirtualService, b *Backend) {
	at := b.Source.At("port")
	if b.Port == s.Port || s.Port == 0 && !s.marked() && !s.hasPort() {
		return // the service's port is missing, which has been reported
	}
	switch {
	case b.Forwarding == ForwardNAT && s.Port == 0 && s.Persistence != nil:
		// ip_vs_sched_persist in net/netfilter/ipvs/ip_vs_core.c
		v.errorAt(at, fmt.Sprintf("Port %d would not be used", b.Port),
			"In a persistent service without a port of its own the kernel keeps the port that the client asked for. Leave port out.")
	case b.Forwarding == ForwardNAT && s.marked() && s.severalPorts():
		v.warnAt(at, fmt.Sprintf("Every port of the service arrives at port %d", b.Port),
			"Leave port out to have each arrive at its own.")
	case b.Forwarding == ForwardNAT || b.Forwarding == "":
	case s.Port == 0:
		v.errorAt(at, fmt.Sprintf("Port %d cannot be reached", b.Port), fmt.Sprintf(
			"With forwarding %q packets reach the real server unchanged, on the ports that clients asked for. Leave port out, or use \"nat\".", b.Forwarding))
	default:
		v.errorAt(at, fmt.Sprintf("Port %d differs from the service's port %d", b.Port, s.Port), fmt.Sprintf(
			"With forwarding %q packets reach the real server unchanged, so it must listen on port %d. Leave port out, or use \"nat\".", b.Forwarding, s.Port))
	}
}

func (s *VirtualService) severalPorts() bool {
	return len(s.Ports) > 1 || len(s.Ports) == 1 && s.Ports[0].First != s.Ports[0].Last
}
