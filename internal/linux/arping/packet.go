// Package arping asks an Ethernet segment who answers for an IPv4 address, and
// tells it who does. In a DR cluster every real server has the VIP too; that
// exactly one of them answers for it is what makes the cluster work, and only
// a broadcast question shows who does.
package arping

import (
	"bytes"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
)

// ARP for IPv4 over Ethernet (RFC 826), all fields big-endian: hardware type,
// protocol type, their lengths, operation, then sender and target as hardware
// and protocol address.
const (
	packetLen = 28

	hardwareEthernet = 1
	protocolIPv4     = 0x0800

	opRequest = 1
	opReply   = 2
)

var errNotARP = errors.New("not an ARP packet for IPv4 over Ethernet")

// packet is one ARP packet. MAC addresses are six bytes long.
type packet struct {
	op        uint16
	senderMAC net.HardwareAddr
	sender    netip.Addr
	targetMAC net.HardwareAddr
	target    netip.Addr
}

func (p packet) encode() []byte {
	b := make([]byte, 8, packetLen)
	binary.BigEndian.PutUint16(b[0:], hardwareEthernet)
	binary.BigEndian.PutUint16(b[2:], protocolIPv4)
	b[4], b[5] = 6, 4
	binary.BigEndian.PutUint16(b[6:], p.op)
	sender, target := p.sender.As4(), p.target.As4()
	b = append(b, p.senderMAC...)
	b = append(b, sender[:]...)
	b = append(b, p.targetMAC...)
	return append(b, target[:]...)
}

// decode reads a packet; what an Ethernet frame pads it with is ignored.
func decode(b []byte) (packet, error) {
	if len(b) < packetLen ||
		binary.BigEndian.Uint16(b[0:]) != hardwareEthernet ||
		binary.BigEndian.Uint16(b[2:]) != protocolIPv4 ||
		b[4] != 6 || b[5] != 4 {
		return packet{}, errNotARP
	}
	return packet{
		op:        binary.BigEndian.Uint16(b[6:]),
		senderMAC: bytes.Clone(b[8:14]),
		sender:    netip.AddrFrom4([4]byte(b[14:18])),
		targetMAC: bytes.Clone(b[18:24]),
		target:    netip.AddrFrom4([4]byte(b[24:28])),
	}, nil
}
