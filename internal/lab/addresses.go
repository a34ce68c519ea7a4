package lab

import (
	"fmt"
	"net/netip"

	"github.com/lvsup/lvsup/plans"
)

// pool hands out the addresses of a network from its first on, without those
// that are in use.
type pool struct {
	network netip.Prefix
	used    map[netip.Addr]bool
	next    netip.Addr
}

func newPool(network netip.Prefix, used []netip.Addr) *pool {
	p := &pool{network: network, used: map[netip.Addr]bool{}, next: network.Addr().Next()}
	for _, a := range used {
		p.used[a] = true
	}
	return p
}

func (p *pool) take() (netip.Addr, error) {
	for p.network.Contains(p.next) {
		address := p.next
		p.next = address.Next()
		// The last address of an IPv4 network is its broadcast address.
		if !p.used[address] && (address.Is6() || p.network.Contains(p.next)) {
			return address, nil
		}
	}
	return netip.Addr{}, fmt.Errorf("network %s has no free address for the lab's client; give it a shorter prefix", p.network)
}

// mgmtNetwork picks a private network for management that no address of the
// plan is in (RFC 1918).
func (b *builder) mgmtNetwork() (netip.Prefix, error) {
	taken := namedNetworks(b.cluster)
	for n := 254; n >= 0; n-- {
		candidate := netip.PrefixFrom(netip.AddrFrom4([4]byte{10, byte(n), 0, 0}), 16)
		free := true
		for _, t := range taken {
			free = free && !candidate.Overlaps(t)
		}
		if free {
			return candidate, nil
		}
	}
	return netip.Prefix{}, fmt.Errorf("the plan's networks leave nothing of 10.0.0.0/8 for the lab's management network; use --inband")
}

// namedNetworks are the networks and single addresses that the plan mentions.
func namedNetworks(c *plans.Cluster) []netip.Prefix {
	var networks []netip.Prefix
	add := func(addresses ...netip.Addr) {
		for _, a := range addresses {
			if a.IsValid() {
				networks = append(networks, netip.PrefixFrom(a, a.BitLen()))
			}
		}
	}
	for _, h := range c.Hosts {
		for _, i := range h.Interfaces {
			for _, p := range i.All() {
				networks = append(networks, p.Masked())
			}
			for _, r := range i.Routes {
				add(r.Via)
			}
			add(i.Gateway, i.Gateway6)
			add(i.DNS...)
		}
	}
	for _, s := range c.Services {
		add(s.Address)
		for _, backend := range s.Backends {
			add(backend.Address)
		}
	}
	return networks
}
