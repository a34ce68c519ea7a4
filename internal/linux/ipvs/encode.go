package ipvs

import (
	"encoding/binary"
	"net/netip"

	"github.com/mdlayher/netlink"
)

// encodeCommand returns the attributes of a command's message.
func encodeCommand(c Command) ([]byte, error) {
	ae := netlink.NewAttributeEncoder()
	full := c.Op == OpAddService || c.Op == OpSetService
	ae.Nested(attrService, func(nae *netlink.AttributeEncoder) error {
		encodeKey(nae, c.Service.Key)
		if full {
			encodeService(nae, c.Service)
		}
		return nil
	})
	if c.Op.onDestination() {
		ae.Nested(attrDest, func(nae *netlink.AttributeEncoder) error {
			encodeDestination(nae, c.Destination, c.Op != OpDeleteDestination)
			return nil
		})
	}
	return ae.Encode()
}

// encodeKey writes what identifies a service. The kernel takes the firewall
// mark if there is one, else protocol, address and port.
func encodeKey(ae *netlink.AttributeEncoder, k ServiceKey) {
	ae.Uint16(svcFamily, family(k.Address))
	if k.FWMark != 0 {
		ae.Uint32(svcFWMark, k.FWMark)
		return
	}
	ae.Uint16(svcProtocol, uint16(k.Protocol))
	ae.Bytes(svcAddress, address16(k.Address))
	ae.Bytes(svcPort, binary.BigEndian.AppendUint16(nil, k.Port))
}

// encodeService writes the settings. The kernel wants scheduler, flags,
// timeout and netmask together, also where they do not apply, or gives EINVAL.
func encodeService(ae *netlink.AttributeEncoder, s Service) {
	ae.String(svcSched, s.Scheduler)
	flags := binary.NativeEndian.AppendUint32(nil, uint32(s.Flags&flagsKnown))
	ae.Bytes(svcFlags, binary.NativeEndian.AppendUint32(flags, uint32(flagsKnown)))
	ae.Uint32(svcTimeout, s.Timeout)
	mask := uint32(s.Mask())
	if s.Key.Address.Is4() {
		ae.Bytes(svcNetmask, binary.BigEndian.AppendUint32(nil, mask))
	} else {
		ae.Uint32(svcNetmask, mask)
	}
	if s.PEName != "" {
		ae.String(svcPEName, s.PEName)
	}
}

// encodeDestination writes what identifies a destination and, with full, its
// settings: the kernel replaces them all.
func encodeDestination(ae *netlink.AttributeEncoder, d Destination, full bool) {
	// Without its family an IPv6 address is cut to its first four bytes.
	ae.Uint16(dstFamily, family(d.Address))
	ae.Bytes(dstAddress, address16(d.Address))
	ae.Bytes(dstPort, binary.BigEndian.AppendUint16(nil, d.Port))
	if !full {
		return
	}
	ae.Uint32(dstForwarding, uint32(d.Forwarding)&forwardingMask)
	ae.Uint32(dstWeight, d.Weight)
	ae.Uint32(dstUpper, d.UpperThreshold)
	ae.Uint32(dstLower, d.LowerThreshold)
	if d.Forwarding == Tunnel && d.Tunnel != (TunnelSettings{}) {
		ae.Uint8(dstTunType, uint8(d.Tunnel.Type))
		ae.Bytes(dstTunPort, binary.BigEndian.AppendUint16(nil, d.Tunnel.Port))
		ae.Uint16(dstTunFlags, uint16(d.Tunnel.Flags))
	}
}

func family(a netip.Addr) uint16 {
	if a.Is4() {
		return afINET
	}
	return afINET6
}

// address16 is the kernel's union nf_inet_addr: IPv4 in the first four bytes.
func address16(a netip.Addr) []byte {
	b := make([]byte, 16)
	copy(b, a.AsSlice())
	return b
}
