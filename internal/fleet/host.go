package fleet

import (
	"fmt"
	"net"
	"net/netip"
)

// The interfaces of a host.
const (
	EthSSH  = "eth0" // has an address: SSH comes in here
	EthData = "eth1" // down and without an address
)

// MaxHosts is how many ports a bridge has (BR_MAX_PORTS, net/bridge/br_private.h),
// rounded down.
const MaxHosts = 1000

// Host is one of a fleet.
type Host struct {
	Number int    // from 1
	Name   string // what /etc/hosts, known_hosts and the host itself call it
}

// Hosts are the hosts of a fleet of that size.
func Hosts(n int) []Host {
	all := make([]Host, n)
	for i := range all {
		all[i] = Host{i + 1, fmt.Sprintf("node%04d", i+1)}
	}
	return all
}

// The networks of a fleet.
var (
	sshNet  = netip.MustParsePrefix("10.99.0.0/16")
	dataNet = netip.MustParsePrefix("10.98.0.0/16")
	farNet  = netip.MustParsePrefix("10.97.0.0/16")
)

// in gives the host's address in a network: the 256 first ones are for others.
func (h Host) in(p netip.Prefix) netip.Addr {
	a := p.Addr().As4()
	n := 256 + h.Number
	a[2], a[3] = byte(n>>8), byte(n)
	return netip.AddrFrom4(a)
}

// Address is where its sshd listens, on port 22.
func (h Host) Address() netip.Addr { return h.in(sshNet) }

// Data is the address that a plan may give EthData.
func (h Host) Data() netip.Prefix { return netip.PrefixFrom(h.in(dataNet), dataNet.Bits()) }

// Far is an address of the coordinator's own, for a relay to the host that takes
// as long as a longer way.
func (h Host) Far() netip.Addr { return h.in(farNet) }

// coordinator is the address of the hosts' peer.
func coordinator() netip.Addr { return sshNet.Addr().Next() }

// mac is the address of a host's EthSSH; that of host 0 is the coordinator's.
func mac(number int) net.HardwareAddr {
	return net.HardwareAddr{0x02, 0x99, 0, 0, byte(number >> 8), byte(number)}
}
