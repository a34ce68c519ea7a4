package ipvs

import (
	"encoding/binary"
	"net/netip"
)

// attributes are netlink attributes under construction, appended one after the
// other (see walker for their shape).
type attributes []byte

// header appends the header of an attribute whose value of n bytes follows at
// once; pad ends it.
func (a attributes) header(typ uint16, n int) attributes {
	a = binary.NativeEndian.AppendUint16(a, uint16(attrHeader+n))
	return binary.NativeEndian.AppendUint16(a, typ)
}

func (a attributes) pad() attributes {
	for len(a)%attrAlign != 0 {
		a = append(a, 0)
	}
	return a
}

func (a attributes) uint8(typ uint16, v uint8) attributes {
	return append(a.header(typ, 1), v, 0, 0, 0)
}

func (a attributes) uint16(typ uint16, v uint16) attributes {
	return append(binary.NativeEndian.AppendUint16(a.header(typ, 2), v), 0, 0)
}

// port appends a number that the kernel has big-endian.
func (a attributes) port(typ uint16, v uint16) attributes {
	return append(a.header(typ, 2), byte(v>>8), byte(v), 0, 0)
}

func (a attributes) uint32(typ uint16, v uint32) attributes {
	return binary.NativeEndian.AppendUint32(a.header(typ, 4), v)
}

func (a attributes) string(typ uint16, s string) attributes {
	return append(append(a.header(typ, len(s)+1), s...), 0).pad()
}

func (a attributes) bytes(typ uint16, b ...byte) attributes {
	return append(a.header(typ, len(b)), b...).pad()
}

// address appends the kernel's union nf_inet_addr: IPv4 in the first four of
// 16 bytes.
func (a attributes) address(typ uint16, addr netip.Addr) attributes {
	b := address16(addr)
	return append(a.header(typ, len(b)), b[:]...)
}

// nested appends an attribute that consists of those that add appends.
func (a attributes) nested(typ uint16, add func(attributes) attributes) attributes {
	start := len(a)
	a = add(a.header(typ|attrNested, 0))
	binary.NativeEndian.PutUint16(a[start:], uint16(len(a)-start))
	return a
}

// encodeCommand appends the attributes of a command's message.
func encodeCommand(a attributes, c Command) attributes {
	a = a.nested(attrService, func(a attributes) attributes {
		a = encodeKey(a, c.Service.Key)
		if c.Op == OpAddService || c.Op == OpSetService {
			a = encodeService(a, c.Service)
		}
		return a
	})
	if !c.Op.onDestination() {
		return a
	}
	return a.nested(attrDest, func(a attributes) attributes {
		return encodeDestination(a, c.Destination, c.Op != OpDeleteDestination)
	})
}

// encodeKey appends what identifies a service. The kernel takes the firewall
// mark if there is one, else protocol, address and port.
func encodeKey(a attributes, k ServiceKey) attributes {
	a = a.uint16(svcFamily, family(k.Address))
	if k.FWMark != 0 {
		return a.uint32(svcFWMark, k.FWMark)
	}
	a = a.uint16(svcProtocol, uint16(k.Protocol))
	a = a.address(svcAddress, k.Address)
	return a.port(svcPort, k.Port)
}

// encodeService appends the settings. The kernel wants scheduler, flags,
// timeout and netmask together, also where they do not apply, or gives EINVAL.
func encodeService(a attributes, s Service) attributes {
	a = a.string(svcSched, s.Scheduler)
	a = binary.NativeEndian.AppendUint32(a.header(svcFlags, 8), uint32(s.Flags&flagsKnown))
	a = binary.NativeEndian.AppendUint32(a, uint32(flagsKnown))
	a = a.uint32(svcTimeout, s.Timeout)
	mask := uint32(s.Mask())
	if s.Key.Address.Is4() {
		a = binary.BigEndian.AppendUint32(a.header(svcNetmask, 4), mask)
	} else {
		a = a.uint32(svcNetmask, mask)
	}
	if s.PEName != "" {
		a = a.string(svcPEName, s.PEName)
	}
	return a
}

// encodeDestination appends what identifies a destination and, with full, its
// settings: the kernel replaces them all.
func encodeDestination(a attributes, d Destination, full bool) attributes {
	// Without its family an IPv6 address is cut to its first four bytes.
	a = a.uint16(dstFamily, family(d.Address))
	a = a.address(dstAddress, d.Address)
	a = a.port(dstPort, d.Port)
	if !full {
		return a
	}
	a = a.uint32(dstForwarding, uint32(d.Forwarding)&forwardingMask)
	a = a.uint32(dstWeight, d.Weight)
	a = a.uint32(dstUpper, d.UpperThreshold)
	a = a.uint32(dstLower, d.LowerThreshold)
	if d.Forwarding == Tunnel && d.Tunnel != (TunnelSettings{}) {
		a = a.uint8(dstTunType, uint8(d.Tunnel.Type))
		a = a.port(dstTunPort, d.Tunnel.Port)
		a = a.uint16(dstTunFlags, uint16(d.Tunnel.Flags))
	}
	return a
}

func family(a netip.Addr) uint16 {
	if a.Is4() {
		return afINET
	}
	return afINET6
}

// address16 is the kernel's union nf_inet_addr: IPv4 in the first four bytes.
func address16(a netip.Addr) [16]byte {
	if a.Is4() {
		var b [16]byte
		four := a.As4()
		copy(b[:], four[:])
		return b
	}
	return a.As16()
}
