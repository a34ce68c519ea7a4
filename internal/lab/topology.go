package lab

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"

	"github.com/lvsup/lvsup/plans"
)

// Topology is a lab laid out: which guests, on which bridges, with which
// addresses. It is data; Up makes it real.
type Topology struct {
	Inband  bool     `json:"inband"`
	Client  string   `json:"client"` // the guest that the lab adds, on the VIPs' network
	Guests  []Guest  `json:"guests"` // the plan's hosts in plan order, then the client
	Bridges []Bridge `json:"bridges"`
}

// Guest is one machine of a lab.
type Guest struct {
	Name  string     `json:"name"`
	Login netip.Addr `json:"login"` // where its sshd answers
	// Planned is where it answers once the plan has been applied, in labs
	// without a management network.
	Planned netip.Addr `json:"planned,omitzero"`
	NTP     netip.Addr `json:"ntp"`  // the time server within its reach
	NICs    []NIC      `json:"nics"` // in the order the kernel finds them
}

// NIC is a network interface of a guest, and the cable from it.
type NIC struct {
	Name   string `json:"name"`   // as the plan has it, e.g. ens33
	Device string `json:"device"` // the kernel's name until the boot script renames it, e.g. vec1
	MAC    string `json:"mac"`
	Tap    string `json:"tap"`    // its other end, in the lab's namespace
	Bridge string `json:"bridge"` // where that is plugged in at first
	// Addresses are set at boot. The plan's interfaces have none: they start
	// down, or with a Lease.
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	Gateway   netip.Addr     `json:"gateway,omitzero"` // set at boot, with the Addresses
	Lease     netip.Prefix   `json:"lease,omitzero"`   // what DHCP gives (in-band labs)
}

// Bridge is one network of a lab: a switch without a router, unless it has
// addresses, which then answer as the gateways that the plan names.
type Bridge struct {
	Name      string         `json:"name"`
	Network   netip.Prefix   `json:"network,omitzero"` // zero: the trunk, which has none
	Addresses []netip.Prefix `json:"addresses,omitempty"`
	DHCP      bool           `json:"dhcp,omitempty"`
	Mgmt      bool           `json:"mgmt,omitempty"`
}

// Guest returns the guest with that name.
func (t *Topology) Guest(name string) (*Guest, bool) {
	for i := range t.Guests {
		if t.Guests[i].Name == name {
			return &t.Guests[i], true
		}
	}
	return nil, false
}

// NIC returns the guest's interface with that name.
func (g *Guest) NIC(name string) (*NIC, bool) {
	for i := range g.NICs {
		if g.NICs[i].Name == name {
			return &g.NICs[i], true
		}
	}
	return nil, false
}

const (
	// MgmtNIC is the interface that a guest's SSH answers on, unless in-band.
	MgmtNIC = "mgmt"
	// ClientNIC is the client's first interface on a network of the plan.
	ClientNIC = "eth0"
	// ClientAddresses is how many addresses the client has there, so that
	// source hashing has several clients to tell apart.
	ClientAddresses = 9
)

// FromCluster lays out the lab of a plan: a guest for each host with the
// interfaces of the plan, a bridge for each IP network among these, and a
// client on the networks of the VIPs. The plan's interfaces start unconfigured
// and each guest has a management interface besides; inband gives none, and
// lets the plan's interfaces start with addresses from DHCP that differ from
// the planned ones.
func FromCluster(c *plans.Cluster, inband bool) (Topology, error) {
	b := &builder{cluster: c, top: Topology{Inband: inband}}
	for _, build := range []func() error{b.plugIn, b.giveGateways, b.addClient, b.reach} {
		if err := build(); err != nil {
			return Topology{}, fmt.Errorf("cannot lay out a lab for cluster %s: %w", c.Name, err)
		}
	}
	return b.top, nil
}

type builder struct {
	cluster *plans.Cluster
	top     Topology
	pools   []*pool // one for each bridge, same order
}

var kernelNames = regexp.MustCompile(`^(lo|vec[0-9]+)$`)

// plugIn makes the guests of the plan's hosts and a bridge for each network.
func (b *builder) plugIn() error {
	if len(b.cluster.Hosts) == 0 {
		return fmt.Errorf("the plan has no hosts")
	}
	for _, h := range b.cluster.Hosts {
		guest := Guest{Name: h.Name}
		for _, i := range h.Interfaces {
			switch {
			case kernelNames.MatchString(i.Name) || !b.top.Inband && i.Name == MgmtNIC:
				return fmt.Errorf("host %s: a lab needs the interface name %s for itself", h.Name, i.Name)
			case !i.Address.IsValid():
				return fmt.Errorf("host %s: interface %s has no address, so the lab cannot tell its network", h.Name, i.Name)
			case b.top.Inband && !i.Address.Addr().Is4():
				return fmt.Errorf("host %s: interface %s has an IPv6 address, and in-band labs start on DHCP for IPv4; leave out --inband", h.Name, i.Name)
			}
			switch {
			case i.VLAN != nil:
				continue // the plan makes it
			case i.Bond != nil: // likewise, of cards that all go to its network
				for _, member := range i.Bond.Members {
					guest.NICs = append(guest.NICs, NIC{Name: member, Bridge: b.top.Bridges[b.bridge(i.Address.Masked())].Name})
				}
				continue
			}
			guest.NICs = append(guest.NICs, NIC{Name: i.Name, Bridge: b.top.Bridges[b.bridge(i.Address.Masked())].Name})
			if b.top.Inband && !guest.Planned.IsValid() {
				guest.Planned = i.Address.Addr()
			}
		}
		b.plugTrunks(&guest, h.Interfaces)
		if b.top.Inband && !guest.Planned.IsValid() {
			return fmt.Errorf("host %s has no interface with an address that is no VLAN and no bond, so an in-band lab cannot reach it; leave out --inband", h.Name)
		}
		b.top.Guests = append(b.top.Guests, guest)
	}
	return nil
}

// trunk is the wire of cards that only carry VLANs. Like those of the networks, it
// lets tagged frames through.
const trunk = "trunk"

// plugTrunks gives a guest the cards that its VLANs stand on and that have no
// address in the plan.
func (b *builder) plugTrunks(g *Guest, interfaces []plans.Interface) {
	made := map[string]bool{} // by the plan
	for _, i := range interfaces {
		made[i.Name] = i.Made()
	}
	for _, i := range interfaces {
		if i.VLAN == nil || made[i.VLAN.Link] {
			continue
		}
		if _, there := g.NIC(i.VLAN.Link); there {
			continue
		}
		if !slices.ContainsFunc(b.top.Bridges, func(b Bridge) bool { return b.Name == trunk }) {
			b.top.Bridges = append(b.top.Bridges, Bridge{Name: trunk})
		}
		g.NICs = append(g.NICs, NIC{Name: i.VLAN.Link, Bridge: trunk})
	}
}

// bridge finds or makes the bridge of a network. Networks that overlap are one
// wire: hosts whose prefix lengths disagree are neighbours all the same.
func (b *builder) bridge(network netip.Prefix) int {
	for i := range b.top.Bridges {
		have := &b.top.Bridges[i]
		if have.Network.Overlaps(network) {
			if network.Bits() < have.Network.Bits() {
				have.Network = network
			}
			return i
		}
	}
	n := len(b.top.Bridges)
	b.top.Bridges = append(b.top.Bridges, Bridge{Name: fmt.Sprintf("br%d", n), Network: network, DHCP: b.top.Inband})
	return n
}

// giveGateways gives the gateways that belong to no host to the bridges, and
// sets aside all addresses that the plan names.
func (b *builder) giveGateways() error {
	var named, gateways []netip.Addr
	hosts := map[netip.Addr]bool{}
	for _, h := range b.cluster.Hosts {
		for _, i := range h.Interfaces {
			for _, p := range i.All() {
				hosts[p.Addr()] = true
				named = append(named, p.Addr())
			}
			gateways = append(gateways, i.Gateway, i.Gateway6)
			for _, r := range i.Routes {
				gateways = append(gateways, r.Via)
			}
			named = append(named, i.DNS...)
		}
	}
	for _, s := range b.cluster.Services {
		named = append(named, s.Address)
		for _, backend := range s.Backends {
			named = append(named, backend.Address)
		}
	}
	named = append(named, gateways...)
	for i := range b.top.Bridges {
		b.pools = append(b.pools, newPool(b.top.Bridges[i].Network, named))
	}
	given := map[netip.Addr]bool{}
	for _, gateway := range gateways {
		if !gateway.IsValid() || hosts[gateway] || given[gateway] {
			continue
		}
		for i := range b.top.Bridges {
			if bridge := &b.top.Bridges[i]; bridge.Network.Contains(gateway) {
				bridge.Addresses = append(bridge.Addresses, netip.PrefixFrom(gateway, bridge.Network.Bits()))
				given[gateway] = true
			}
		}
	}
	return nil
}

// addClient adds the lab's own guest, with an interface on each network that
// has a VIP; a plan without services gets it on its first network.
func (b *builder) addClient() error {
	b.top.Client = "client"
	if _, taken := b.cluster.Host(b.top.Client); taken {
		b.top.Client = "lvsup-client"
	}
	client := Guest{Name: b.top.Client}
	for _, n := range b.clientNetworks() {
		bridge := &b.top.Bridges[n]
		nic := NIC{Name: fmt.Sprintf("eth%d", len(client.NICs)), Bridge: bridge.Name}
		for len(nic.Addresses) < ClientAddresses {
			address, err := b.pools[n].take()
			if err != nil && len(nic.Addresses) == 0 {
				return err
			} else if err != nil {
				break // a small network; one address is enough to be a client
			}
			nic.Addresses = append(nic.Addresses, netip.PrefixFrom(address, bridge.Network.Bits()))
		}
		if len(bridge.Addresses) > 0 && len(client.NICs) == 0 {
			nic.Gateway = bridge.Addresses[0].Addr()
		}
		client.NICs = append(client.NICs, nic)
	}
	b.top.Guests = append(b.top.Guests, client)
	return nil
}

func (b *builder) clientNetworks() []int {
	var networks []int
	for n := range b.top.Bridges {
		for _, s := range b.cluster.Services {
			if b.top.Bridges[n].Network.Contains(s.Address) {
				networks = append(networks, n)
				break
			}
		}
	}
	first := slices.IndexFunc(b.top.Bridges, func(b Bridge) bool { return b.Name != trunk })
	if len(networks) == 0 && first >= 0 {
		networks = []int{first}
	}
	return networks
}

// reach makes the way into each guest: the management network, or leases; and
// names everything that got no name so far.
func (b *builder) reach() error {
	var err error
	if b.top.Inband {
		err = b.giveLeases()
	} else {
		err = b.addMgmt()
	}
	for g := range b.top.Guests {
		for n := range b.top.Guests[g].NICs {
			nic := &b.top.Guests[g].NICs[n]
			nic.Device = fmt.Sprintf("vec%d", n)
			nic.Tap = fmt.Sprintf("tap%d.%d", g, n)
			// 02: locally administered (IEEE 802); the rest is the lab's own.
			nic.MAC = fmt.Sprintf("02:1a:b0:%02x:%02x:%02x", g>>8, g&0xff, n)
		}
	}
	return err
}

func (b *builder) addMgmt() error {
	network, err := b.mgmtNetwork()
	if err != nil {
		return err
	}
	addresses := newPool(network, nil)
	server, err := addresses.take()
	if err != nil {
		return err
	}
	b.top.Bridges = append(b.top.Bridges, Bridge{
		Name: "mgmt", Network: network, Mgmt: true,
		Addresses: []netip.Prefix{netip.PrefixFrom(server, network.Bits())},
	})
	for i := range b.top.Guests {
		guest := &b.top.Guests[i]
		address, err := addresses.take()
		if err != nil {
			return err
		}
		guest.Login, guest.NTP = address, server
		guest.NICs = append([]NIC{{
			Name: MgmtNIC, Bridge: "mgmt", Addresses: []netip.Prefix{netip.PrefixFrom(address, network.Bits())},
		}}, guest.NICs...)
	}
	return nil
}

func (b *builder) giveLeases() error {
	server := map[string]netip.Addr{}
	for i := range b.top.Bridges {
		bridge := &b.top.Bridges[i]
		if len(bridge.Addresses) == 0 && bridge.Name != trunk {
			address, err := b.pools[i].take()
			if err != nil {
				return err
			}
			bridge.Addresses = append(bridge.Addresses, netip.PrefixFrom(address, bridge.Network.Bits()))
		}
		if bridge.Name != trunk {
			server[bridge.Name] = bridge.Addresses[0].Addr()
		}
	}
	for g := range b.top.Guests {
		guest := &b.top.Guests[g]
		for n := range guest.NICs {
			nic := &guest.NICs[n]
			if len(nic.Addresses) == 0 && nic.Bridge != trunk {
				address, err := b.lease(nic.Bridge)
				if err != nil {
					return err
				}
				nic.Lease = address
			}
		}
		guest.NTP = server[guest.NICs[0].Bridge]
		guest.Login = guest.NICs[0].Lease.Addr()
		if guest.Name == b.top.Client {
			guest.Login = guest.NICs[0].Addresses[0].Addr()
		}
	}
	return nil
}

func (b *builder) lease(bridge string) (netip.Prefix, error) {
	for i := range b.top.Bridges {
		if b.top.Bridges[i].Name == bridge {
			address, err := b.pools[i].take()
			return netip.PrefixFrom(address, b.top.Bridges[i].Network.Bits()), err
		}
	}
	return netip.Prefix{}, fmt.Errorf("no bridge %s", bridge)
}
