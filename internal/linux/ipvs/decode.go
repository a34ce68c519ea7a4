package ipvs

import (
	"encoding/binary"
	"fmt"
	"net/netip"

	"github.com/mdlayher/netlink"
)

// decodeServiceMessage reads the attributes of a message that answers
// IPVS_CMD_GET_SERVICE.
func decodeServiceMessage(b []byte) (ServiceState, error) {
	var s ServiceState
	found, err := decodeNested(b, attrService, func(ad *netlink.AttributeDecoder) error {
		var err error
		s, err = decodeService(ad)
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("the message has no service")
	}
	return s, err
}

// decodeDestinationMessage reads the attributes of a message that answers
// IPVS_CMD_GET_DEST. Kernels before 3.18 do not say the destination's family;
// it is then the service's.
func decodeDestinationMessage(b []byte, k ServiceKey) (DestinationState, error) {
	var d DestinationState
	found, err := decodeNested(b, attrDest, func(ad *netlink.AttributeDecoder) error {
		var err error
		d, err = decodeDestination(ad, family(k.Address))
		return err
	})
	if err == nil && !found {
		err = fmt.Errorf("the message has no destination")
	}
	return d, err
}

// decodeNested calls fn with the content of the attribute of that type.
func decodeNested(b []byte, typ uint16, fn func(*netlink.AttributeDecoder) error) (found bool, err error) {
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return false, err
	}
	for ad.Next() {
		if ad.Type() == typ {
			found = true
			ad.Nested(fn)
		}
	}
	return found, ad.Err()
}

func decodeService(ad *netlink.AttributeDecoder) (ServiceState, error) {
	var s ServiceState
	var fam uint16
	var addr, mask []byte
	var old Stats
	var have64 bool
	for ad.Next() {
		switch ad.Type() {
		case svcFamily:
			fam = ad.Uint16()
		case svcProtocol:
			s.Key.Protocol = Protocol(ad.Uint16())
		case svcAddress:
			addr = ad.Bytes()
		case svcPort:
			ad.Do(func(b []byte) (err error) { s.Key.Port, err = port(b); return err })
		case svcFWMark:
			s.Key.FWMark = ad.Uint32()
		case svcSched:
			s.Scheduler = ad.String()
		case svcFlags:
			ad.Do(func(b []byte) error {
				if len(b) != 8 {
					return fmt.Errorf("flags have %d bytes instead of 8", len(b))
				}
				s.Flags = Flags(binary.NativeEndian.Uint32(b)) & flagsKnown
				return nil
			})
		case svcTimeout:
			s.Timeout = ad.Uint32()
		case svcNetmask:
			mask = ad.Bytes()
		case svcPEName:
			s.PEName = ad.String()
		case svcStats:
			ad.Nested(func(nad *netlink.AttributeDecoder) (err error) {
				old, err = decodeStats(nad)
				return err
			})
		case svcStats64:
			have64 = true
			ad.Nested(func(nad *netlink.AttributeDecoder) (err error) {
				s.Stats, err = decodeStats(nad)
				return err
			})
		}
	}
	if err := ad.Err(); err != nil {
		return s, err
	}
	if !have64 {
		s.Stats = old
	}
	if s.Key.FWMark != 0 {
		s.Key.Protocol, s.Key.Port, addr = 0, 0, make([]byte, 16)
	}
	var err error
	if s.Key.Address, err = decodeAddress(addr, fam); err != nil {
		return s, err
	}
	if len(mask) == 4 {
		if fam == afINET {
			s.Netmask = Netmask(binary.BigEndian.Uint32(mask))
		} else {
			s.Netmask = Netmask(binary.NativeEndian.Uint32(mask))
		}
	}
	return s, nil
}

func decodeDestination(ad *netlink.AttributeDecoder, fam uint16) (DestinationState, error) {
	var d DestinationState
	var addr []byte
	var old Stats
	var have64 bool
	for ad.Next() {
		switch ad.Type() {
		case dstAddress:
			addr = ad.Bytes()
		case dstPort:
			ad.Do(func(b []byte) (err error) { d.Port, err = port(b); return err })
		case dstFamily:
			fam = ad.Uint16()
		case dstForwarding:
			d.Forwarding = Forwarding(ad.Uint32() & forwardingMask)
		case dstWeight:
			d.Weight = ad.Uint32()
		case dstUpper:
			d.UpperThreshold = ad.Uint32()
		case dstLower:
			d.LowerThreshold = ad.Uint32()
		case dstActiveConns:
			d.ActiveConns = ad.Uint32()
		case dstInActConns:
			d.InActConns = ad.Uint32()
		case dstPersistConns:
			d.PersistConns = ad.Uint32()
		case dstTunType:
			d.Tunnel.Type = TunnelType(ad.Uint8())
		case dstTunPort:
			ad.Do(func(b []byte) (err error) { d.Tunnel.Port, err = port(b); return err })
		case dstTunFlags:
			d.Tunnel.Flags = TunnelFlags(ad.Uint16())
		case dstStats:
			ad.Nested(func(nad *netlink.AttributeDecoder) (err error) {
				old, err = decodeStats(nad)
				return err
			})
		case dstStats64:
			have64 = true
			ad.Nested(func(nad *netlink.AttributeDecoder) (err error) {
				d.Stats, err = decodeStats(nad)
				return err
			})
		}
	}
	if err := ad.Err(); err != nil {
		return d, err
	}
	if !have64 {
		d.Stats = old
	}
	var err error
	d.Address, err = decodeAddress(addr, fam)
	return d, err
}

// decodeStats reads either statistics block. In the old one the rates and the
// packets have 32 bits; a number's own length says which it is.
func decodeStats(ad *netlink.AttributeDecoder) (Stats, error) {
	var s Stats
	for ad.Next() {
		var field *uint64
		switch ad.Type() {
		case statConns:
			field = &s.Conns
		case statInPkts:
			field = &s.InPkts
		case statOutPkts:
			field = &s.OutPkts
		case statInBytes:
			field = &s.InBytes
		case statOutBytes:
			field = &s.OutBytes
		case statCPS:
			field = &s.CPS
		case statInPPS:
			field = &s.InPPS
		case statOutPPS:
			field = &s.OutPPS
		case statInBPS:
			field = &s.InBPS
		case statOutBPS:
			field = &s.OutBPS
		default:
			continue
		}
		ad.Do(func(b []byte) error {
			switch len(b) {
			case 4:
				*field = uint64(binary.NativeEndian.Uint32(b))
			case 8:
				*field = binary.NativeEndian.Uint64(b)
			default:
				return fmt.Errorf("a counter has %d bytes instead of 4 or 8", len(b))
			}
			return nil
		})
	}
	return s, ad.Err()
}

func decodeAddress(b []byte, fam uint16) (netip.Addr, error) {
	size := 4
	switch fam {
	case afINET:
	case afINET6:
		size = 16
	default:
		return netip.Addr{}, fmt.Errorf("address family %d is neither IPv4 nor IPv6", fam)
	}
	if len(b) < size {
		return netip.Addr{}, fmt.Errorf("an address has %d bytes instead of %d", len(b), size)
	}
	a, _ := netip.AddrFromSlice(b[:size])
	return a, nil
}

func port(b []byte) (uint16, error) {
	if len(b) != 2 {
		return 0, fmt.Errorf("a port has %d bytes instead of 2", len(b))
	}
	return binary.BigEndian.Uint16(b), nil
}
