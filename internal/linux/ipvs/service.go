package ipvs

import (
	"cmp"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Protocol is an IP protocol number.
type Protocol uint8

// The protocols that IPVS balances.
const (
	TCP  Protocol = 6
	UDP  Protocol = 17
	SCTP Protocol = 132
)

// String gives the name in capitals, as /proc/net/ip_vs_conn has it.
func (p Protocol) String() string {
	switch p {
	case TCP:
		return "TCP"
	case UDP:
		return "UDP"
	case SCTP:
		return "SCTP"
	}
	return "protocol-" + strconv.Itoa(int(p))
}

// ParseProtocol reads tcp, udp or sctp in any case.
func ParseProtocol(s string) (Protocol, error) {
	for _, p := range []Protocol{TCP, UDP, SCTP} {
		if strings.EqualFold(s, p.String()) {
			return p, nil
		}
	}
	return 0, fmt.Errorf("cannot use protocol %q: IPVS balances tcp, udp and sctp", s)
}

// ServiceKey identifies a virtual service: protocol, address and port, or a
// firewall mark and a family. It is comparable.
type ServiceKey struct {
	Protocol Protocol // 0 with a firewall mark
	// Address is never IPv4-mapped. With a firewall mark only its family
	// counts, and it is the unspecified address, 0.0.0.0 or ::.
	Address netip.Addr
	Port    uint16
	FWMark  uint32 // 0: the service is found by protocol, address and port
}

// Service is a virtual service with its settings.
type Service struct {
	Key       ServiceKey
	Scheduler string // "rr", "wlc", ...: the module's name without ip_vs_
	Flags     Flags
	// Timeout of the persistence in seconds. The kernel keeps a value that is
	// not used without FlagPersistent.
	Timeout uint32
	// Netmask groups clients for persistence. The zero value stands for
	// FullMask; it is never sent, since it would make one group of all clients.
	Netmask Netmask
	PEName  string // persistence engine, "sip" or none
}

// Flags are those of a virtual service (IP_VS_SVC_F_*).
type Flags uint32

// The flags that can be set. What SCHED1 to SCHED3 mean depends on the
// scheduler.
const (
	FlagPersistent Flags = 0x01
	FlagOnePacket  Flags = 0x04
	FlagSched1     Flags = 0x08 // sh-fallback, mh-fallback
	FlagSched2     Flags = 0x10 // sh-port, mh-port
	FlagSched3     Flags = 0x20

	// flagsKnown is the mask that goes with every write, so that flags of a
	// newer kernel stay as they are. It leaves HASHED (0x02) out, which the
	// kernel keeps for itself and reads carry.
	flagsKnown = FlagPersistent | FlagOnePacket | FlagSched1 | FlagSched2 | FlagSched3
)

// Netmask is the mask of a persistent service: for IPv4 the 32 bits in host
// order (255.255.255.0 is 0xffffff00; the kernel takes masks with holes), for
// IPv6 a prefix length from 1 to 128.
type Netmask uint32

// FullMask treats every client of that address family on its own.
func FullMask(family netip.Addr) Netmask { return PrefixMask(family, family.BitLen()) }

// PrefixMask gives the mask of a prefix length, from 1 to 32 or 128.
func PrefixMask(family netip.Addr, bits int) Netmask {
	if family.Is4() {
		return Netmask(^uint32(0) << (32 - bits))
	}
	return Netmask(bits)
}

// Text gives the mask as ipvsadm's -M takes it: dotted for IPv4, a length for
// IPv6.
func (m Netmask) Text(family netip.Addr) string {
	if family.Is4() {
		return netip.AddrFrom4([4]byte{byte(m >> 24), byte(m >> 16), byte(m >> 8), byte(m)}).String()
	}
	return strconv.Itoa(int(int32(m)))
}

// ParseNetmask reads what Netmask.Text writes.
func ParseNetmask(family netip.Addr, s string) (Netmask, error) {
	if family.Is4() {
		a, err := netip.ParseAddr(s)
		if err != nil || !a.Is4() || a.IsUnspecified() {
			return 0, fmt.Errorf("cannot read netmask %q: want one like 255.255.255.0", s)
		}
		b := a.As4()
		return Netmask(b[0])<<24 | Netmask(b[1])<<16 | Netmask(b[2])<<8 | Netmask(b[3]), nil
	}
	bits, err := strconv.ParseUint(s, 10, 8)
	if err != nil || bits < 1 || bits > 128 {
		return 0, fmt.Errorf("cannot read netmask %q: want a length from 1 to 128", s)
	}
	return Netmask(bits), nil
}

// Mask gives the mask that counts: Netmask, or FullMask where that is zero.
func (s Service) Mask() Netmask {
	if s.Netmask == 0 {
		return FullMask(s.Key.Address)
	}
	return s.Netmask
}

// ServiceState is a virtual service as the kernel has it.
type ServiceState struct {
	Service
	Stats        Stats
	Destinations []DestinationState
}

// Stats are what the kernel counts for a service or a destination. Rates are
// per second, averaged by the kernel over two-second steps.
type Stats struct {
	Conns, InPkts, OutPkts, InBytes, OutBytes uint64
	CPS, InPPS, OutPPS, InBPS, OutBPS         uint64
}

// String gives "TCP 192.0.2.1:80", "UDP [2001:db8::1]:53", "FWM 1" or
// "FWM 1 IPv6"; ParseServiceKey reads it back.
func (k ServiceKey) String() string {
	if k.FWMark != 0 {
		s := "FWM " + strconv.FormatUint(uint64(k.FWMark), 10)
		if k.Address.Is6() {
			s += " IPv6"
		}
		return s
	}
	return k.Protocol.String() + " " + netip.AddrPortFrom(k.Address, k.Port).String()
}

// ParseServiceKey reads what ServiceKey.String writes.
func ParseServiceKey(s string) (ServiceKey, error) {
	word, rest, _ := strings.Cut(s, " ")
	if word == "FWM" {
		number, family, has := strings.Cut(rest, " ")
		mark, err := strconv.ParseUint(number, 10, 32)
		if err != nil || mark == 0 || has && family != "IPv6" {
			return ServiceKey{}, fmt.Errorf("cannot read service %q: want FWM NUMBER or FWM NUMBER IPv6", s)
		}
		k := ServiceKey{Address: netip.IPv4Unspecified(), FWMark: uint32(mark)}
		if has {
			k.Address = netip.IPv6Unspecified()
		}
		return k, nil
	}
	proto, err := ParseProtocol(word)
	if err != nil {
		return ServiceKey{}, fmt.Errorf("cannot read service %q: %w", s, err)
	}
	ap, err := netip.ParseAddrPort(rest)
	if err != nil {
		return ServiceKey{}, fmt.Errorf("cannot read service %q: %w", s, err)
	}
	return ServiceKey{Protocol: proto, Address: ap.Addr().Unmap(), Port: ap.Port()}, nil
}

// Compare orders keys by firewall mark, family, protocol, address and port.
func (k ServiceKey) Compare(o ServiceKey) int {
	return cmp.Or(
		cmp.Compare(k.FWMark, o.FWMark),
		cmp.Compare(k.Address.BitLen(), o.Address.BitLen()),
		cmp.Compare(k.Protocol, o.Protocol),
		k.Address.Compare(o.Address),
		cmp.Compare(k.Port, o.Port),
	)
}
