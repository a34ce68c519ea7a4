package ipvs

import (
	"encoding/binary"
	"fmt"
)

// walker reads netlink attributes one after the other in place, without
// copying or allocating (struct nlattr of include/uapi/linux/netlink.h: u16
// length with its own four bytes, u16 type, the value, padding to four):
//
//	w := walker{rest: b}
//	for w.next() {
//		switch w.typ {
//		case svcPort:
//			port = w.port()
//		}
//	}
//	return w.err
//
// The first mistake ends the walk and stays in err.
type walker struct {
	rest  []byte
	typ   uint16
	value []byte // of the current attribute, a part of what is walked over
	err   error
}

const (
	attrHeader = 4
	attrAlign  = 4
	attrNested = 0x8000
	// attrTypeMask takes the flags "nested" and "network byte order" away.
	attrTypeMask = 0x3fff
)

// next moves to the next attribute and reports whether there is one.
func (w *walker) next() bool {
	if w.err != nil || len(w.rest) == 0 {
		return false
	}
	if len(w.rest) < attrHeader {
		w.err = fmt.Errorf("%d bytes behind the last attribute", len(w.rest))
		return false
	}
	size := int(binary.NativeEndian.Uint16(w.rest))
	if size < attrHeader || size > len(w.rest) {
		w.err = fmt.Errorf("an attribute says it has %d bytes where there are %d", size, len(w.rest))
		return false
	}
	w.typ = binary.NativeEndian.Uint16(w.rest[2:]) & attrTypeMask
	w.value = w.rest[attrHeader:size]
	w.rest = w.rest[min((size+attrAlign-1)&^(attrAlign-1), len(w.rest)):]
	return true
}

// sized gives the value if it has n bytes.
func (w *walker) sized(n int) ([]byte, bool) {
	if len(w.value) != n {
		if w.err == nil {
			w.err = fmt.Errorf("attribute %d has %d bytes instead of %d", w.typ, len(w.value), n)
		}
		return nil, false
	}
	return w.value, true
}

// The readers below give the current value, or zero and a mistake if it has
// another size.

func (w *walker) uint8() uint8 {
	b, ok := w.sized(1)
	if !ok {
		return 0
	}
	return b[0]
}

func (w *walker) uint16() uint16 {
	b, ok := w.sized(2)
	if !ok {
		return 0
	}
	return binary.NativeEndian.Uint16(b)
}

// port reads the big-endian numbers among the others.
func (w *walker) port() uint16 {
	b, ok := w.sized(2)
	if !ok {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}

func (w *walker) uint32() uint32 {
	b, ok := w.sized(4)
	if !ok {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

// counter reads a number of 32 or 64 bits: its length says which.
func (w *walker) counter() uint64 {
	if len(w.value) == 4 {
		return uint64(binary.NativeEndian.Uint32(w.value))
	}
	b, ok := w.sized(8)
	if !ok {
		return 0
	}
	return binary.NativeEndian.Uint64(b)
}

// string reads a string that ends with the value or with a zero byte.
func (w *walker) string() string {
	b := w.value
	for i, c := range b {
		if c == 0 {
			b = b[:i]
			break
		}
	}
	return string(b)
}
