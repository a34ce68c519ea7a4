package ipvs

import (
	"encoding/binary"
	"fmt"
	"io"
	"syscall"
	"time"
)

// socket is a netlink socket, or what stands for one in a test. A deadline ends
// what waits with os.ErrDeadlineExceeded.
type socket interface {
	io.Closer
	SetDeadline(time.Time) error
	// send gives the kernel messages, one after the other in b.
	send(b []byte) error
	// receive reads one datagram into b and gives its length.
	receive(b []byte) (int, error)
}

// message is a netlink message; data is what follows its header.
type message struct {
	typ, flags uint16
	seq        uint32
	data       []byte
}

// Types and flags of messages (include/uapi/linux/netlink.h). These are the
// same on every architecture.
const (
	typeError = 2
	typeDone  = 3

	flagRequest = 0x1
	flagMulti   = 0x2
	flagAck     = 0x4
	flagDump    = 0x300
)

// Sizes of struct nlmsghdr (include/uapi/linux/netlink.h) and struct genlmsghdr
// (include/uapi/linux/genetlink.h).
const (
	messageHeader = 16
	genlHeader    = 4
)

// nextMessage takes the first message off a datagram that is not empty.
func nextMessage(b []byte) (m message, rest []byte, err error) {
	if len(b) < messageHeader {
		return m, nil, fmt.Errorf("%d bytes behind the last message", len(b))
	}
	size := int(binary.NativeEndian.Uint32(b))
	if size < messageHeader || size > len(b) {
		return m, nil, fmt.Errorf("a message says it has %d bytes where there are %d", size, len(b))
	}
	m = message{
		typ:   binary.NativeEndian.Uint16(b[4:]),
		flags: binary.NativeEndian.Uint16(b[6:]),
		seq:   binary.NativeEndian.Uint32(b[8:]),
		data:  b[messageHeader:size],
	}
	return m, b[min((size+attrAlign-1)&^(attrAlign-1), len(b)):], nil
}

// ends reports whether the message ends an exchange, and with which error of
// the kernel.
func (m message) ends() (bool, error) {
	if m.typ != typeError && m.typ != typeDone {
		return false, nil
	}
	if len(m.data) >= 4 {
		if code := int32(binary.NativeEndian.Uint32(m.data)); code < 0 {
			return true, syscall.Errno(-code)
		}
	}
	return true, nil
}

// appendMessage appends a request to b; add appends its attributes.
func appendMessage(b []byte, typ, flags uint16, seq uint32, cmd uint8, add func(attributes) attributes) []byte {
	start := len(b)
	b = binary.NativeEndian.AppendUint32(b, 0)
	b = binary.NativeEndian.AppendUint16(b, typ)
	b = binary.NativeEndian.AppendUint16(b, flags|flagRequest)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0) // the kernel knows who asks
	b = append(b, cmd, familyVersion, 0, 0)
	if add != nil {
		b = add(b)
	}
	binary.NativeEndian.PutUint32(b[start:], uint32(len(b)-start))
	return b
}
