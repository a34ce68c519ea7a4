package ipvs

import "net/netip"

// Forwarding is how packets reach a real server: the low three bits of a
// connection's flags (IP_VS_CONN_F_FWD_MASK).
type Forwarding uint8

// The forwarding methods.
const (
	NAT    Forwarding = 0 // masquerading, ipvsadm -m
	Local  Forwarding = 1 // the director itself
	Tunnel Forwarding = 2 // tunnelling, ipvsadm -i
	Route  Forwarding = 3 // direct routing, ipvsadm -g
	Bypass Forwarding = 4 // cache bypass, only seen on connections

	forwardingMask = 7
)

var forwardingWords = [...]string{NAT: "nat", Local: "local", Tunnel: "tun", Route: "dr", Bypass: "bypass"}

// String gives lvsup's word: nat, dr, tun, local or bypass.
func (f Forwarding) String() string {
	if int(f) < len(forwardingWords) {
		return forwardingWords[f]
	}
	return "unknown"
}

// ParseForwarding reads what Forwarding.String writes.
func ParseForwarding(s string) (Forwarding, bool) {
	for f, word := range forwardingWords {
		if word == s {
			return Forwarding(f), true
		}
	}
	return 0, false
}

// TunnelType is the encapsulation of a destination with Tunnel forwarding.
type TunnelType uint8

// The tunnel types, since kernel 5.3 (gre since 5.4); before there was only
// ipip.
const (
	TunnelIPIP TunnelType = 0
	TunnelGUE  TunnelType = 1
	TunnelGRE  TunnelType = 2
)

// TunnelFlags say which checksums a GUE or GRE tunnel carries.
type TunnelFlags uint16

// The tunnel flags (IP_VS_TUNNEL_ENCAP_FLAG_*).
const (
	TunnelNoChecksum     TunnelFlags = 0
	TunnelChecksum       TunnelFlags = 1
	TunnelRemoteChecksum TunnelFlags = 2
)

// TunnelSettings are the encapsulation of a destination with Tunnel
// forwarding; the zero value is plain IP in IP.
type TunnelSettings struct {
	Type  TunnelType
	Port  uint16 // UDP port, GUE only
	Flags TunnelFlags
}

// Destination is a real server of a service with its settings. Address and
// Port identify it within the service.
type Destination struct {
	Address    netip.Addr // never IPv4-mapped; another family than the service's only with Tunnel
	Port       uint16     // the service's port, or 0 under a firewall mark, unless Forwarding is NAT
	Forwarding Forwarding
	Weight     uint32 // 0: takes no new connections
	// UpperThreshold is the number of connections above which the server gets
	// no new ones, until they are fewer than LowerThreshold; 0: no limit.
	UpperThreshold uint32
	LowerThreshold uint32
	Tunnel         TunnelSettings
}

// Addr returns what identifies the destination within its service.
func (d Destination) Addr() netip.AddrPort { return netip.AddrPortFrom(d.Address, d.Port) }

// Normalize returns the destination as the kernel should have it under that
// service: with dr and tun a packet keeps its port, so the destination's port
// is the service's, and a second entry with another port would be the same
// server again.
func (d Destination) Normalize(k ServiceKey) Destination {
	if d.Forwarding != NAT {
		d.Port = k.Port
	}
	return d
}

// DestinationState is a destination as the kernel has it.
type DestinationState struct {
	Destination
	ActiveConns  uint32 // established
	InActConns   uint32 // all others
	PersistConns uint32 // persistence templates
	Stats        Stats
}
