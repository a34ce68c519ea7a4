package ipvs

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
)

// decodeServiceMessage reads the attributes of a message that answers
// IPVS_CMD_GET_SERVICE.
func decodeServiceMessage(b []byte) (ServiceState, error) {
	content, err := nested(b, attrService)
	if err != nil {
		return ServiceState{}, err
	}
	return decodeService(content)
}

// decodeDestinationMessage reads the attributes of a message that answers
// IPVS_CMD_GET_DEST into d. Kernels before 3.18 do not say the destination's
// family; it is then the service's.
func decodeDestinationMessage(b []byte, k ServiceKey, d *DestinationState) error {
	content, err := nested(b, attrDest)
	if err != nil {
		return err
	}
	return decodeDestination(content, family(k.Address), d)
}

// nested gives the content of the attribute of that type.
func nested(b []byte, typ uint16) ([]byte, error) {
	w := walker{rest: b}
	for w.next() {
		if w.typ == typ {
			return w.value, nil
		}
	}
	if w.err == nil {
		w.err = fmt.Errorf("the message has no attribute %d", typ)
	}
	return nil, w.err
}

func decodeService(b []byte) (ServiceState, error) {
	var s ServiceState
	var fam uint16
	var addr, mask, stats, stats64 []byte
	w := walker{rest: b}
	for w.next() {
		switch w.typ {
		case svcFamily:
			fam = w.uint16()
		case svcProtocol:
			s.Key.Protocol = Protocol(w.uint16())
		case svcAddress:
			addr = w.value
		case svcPort:
			s.Key.Port = w.port()
		case svcFWMark:
			s.Key.FWMark = w.uint32()
		case svcSched:
			s.Scheduler = w.string()
		case svcFlags:
			if v, ok := w.sized(8); ok {
				s.Flags = Flags(binary.NativeEndian.Uint32(v)) & flagsKnown
			}
		case svcTimeout:
			s.Timeout = w.uint32()
		case svcNetmask:
			mask, _ = w.sized(4)
		case svcPEName:
			s.PEName = w.string()
		case svcStats:
			stats = w.value
		case svcStats64:
			stats64 = w.value
		}
	}
	if w.err != nil {
		return s, w.err
	}
	var err error
	if s.Stats, err = decodeStats(stats, stats64); err != nil {
		return s, err
	}
	var none [16]byte
	if s.Key.FWMark != 0 {
		s.Key.Protocol, s.Key.Port, addr = 0, 0, none[:]
	}
	if s.Key.Address, err = decodeAddress(addr, fam); err != nil {
		return s, err
	}
	switch {
	case mask == nil:
	case fam == afINET:
		s.Netmask = Netmask(binary.BigEndian.Uint32(mask))
	default:
		s.Netmask = Netmask(binary.NativeEndian.Uint32(mask))
	}
	return s, nil
}

func decodeDestination(b []byte, fam uint16, d *DestinationState) error {
	var addr, stats, stats64 []byte
	w := walker{rest: b}
	for w.next() {
		switch w.typ {
		case dstAddress:
			addr = w.value
		case dstPort:
			d.Port = w.port()
		case dstFamily:
			fam = w.uint16()
		case dstForwarding:
			d.Forwarding = Forwarding(w.uint32() & forwardingMask)
		case dstWeight:
			d.Weight = w.uint32()
		case dstUpper:
			d.UpperThreshold = w.uint32()
		case dstLower:
			d.LowerThreshold = w.uint32()
		case dstActiveConns:
			d.ActiveConns = w.uint32()
		case dstInActConns:
			d.InActConns = w.uint32()
		case dstPersistConns:
			d.PersistConns = w.uint32()
		case dstTunType:
			d.Tunnel.Type = TunnelType(w.uint8())
		case dstTunPort:
			d.Tunnel.Port = w.port()
		case dstTunFlags:
			d.Tunnel.Flags = TunnelFlags(w.uint16())
		case dstStats:
			stats = w.value
		case dstStats64:
			stats64 = w.value
		}
	}
	if w.err != nil {
		return w.err
	}
	var err error
	if d.Stats, err = decodeStats(stats, stats64); err != nil {
		return err
	}
	d.Address, err = decodeAddress(addr, fam)
	return err
}

// decodeStats reads the 64-bit statistics or, of a kernel before 4.1 that has
// none, those of 32 bits. Both have the same attributes; a number's length
// says how wide it is.
func decodeStats(stats, stats64 []byte) (Stats, error) {
	if stats64 != nil {
		stats = stats64
	}
	var v [statOutBPS + 1]uint64
	w := walker{rest: stats}
	for w.next() {
		if int(w.typ) < len(v) {
			v[w.typ] = w.counter()
		}
	}
	return Stats{
		Conns: v[statConns], InPkts: v[statInPkts], OutPkts: v[statOutPkts], InBytes: v[statInBytes], OutBytes: v[statOutBytes],
		CPS: v[statCPS], InPPS: v[statInPPS], OutPPS: v[statOutPPS], InBPS: v[statInBPS], OutBPS: v[statOutBPS],
	}, w.err
}

var errNoAddress = errors.New("the address is missing or too short")

func decodeAddress(b []byte, fam uint16) (netip.Addr, error) {
	switch {
	case fam == afINET && len(b) >= 4:
		return netip.AddrFrom4([4]byte(b)), nil
	case fam == afINET6 && len(b) >= 16:
		return netip.AddrFrom16([16]byte(b)), nil
	case fam != afINET && fam != afINET6:
		return netip.Addr{}, fmt.Errorf("address family %d is neither IPv4 nor IPv6", fam)
	}
	return netip.Addr{}, errNoAddress
}
