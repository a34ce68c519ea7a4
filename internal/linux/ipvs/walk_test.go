package ipvs

import (
	"encoding/binary"
	"os"
	"testing"
	"time"

	"github.com/mdlayher/netlink"
)

// FuzzWalker holds the walker against malformed input, and against another
// reader of netlink where that reads all of it.
func FuzzWalker(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte{4, 0, 1, 0})
	f.Add([]byte{5, 0, 1, 0x80, 7, 0, 0, 0})
	f.Add([]byte{3, 0, 1, 0})
	f.Add([]byte{0xff, 0xff, 1, 0, 1})
	f.Add([]byte{5, 0, 1, 0, 7})
	f.Add([]byte(attributes{}.uint8(1, 2).port(2, 80).string(3, "rr").uint32(4, 5).bytes(5, 1, 2, 3)))
	f.Fuzz(func(t *testing.T, b []byte) {
		type attribute struct {
			typ   uint16
			value string
		}
		var got, want []attribute
		w := walker{rest: b}
		for w.next() {
			got = append(got, attribute{w.typ, string(w.value)})
			// No reader may go beyond the value; a wrong size is a mistake
			// that stays.
			read := w
			read.uint8()
			read.uint16()
			read.uint32()
			if read.err == nil {
				t.Fatal("a value has three sizes")
			}
			read.counter()
			read.port()
			_ = read.string()
		}
		if w.next() {
			t.Fatal("a walk goes on after its end")
		}
		ad, err := netlink.NewAttributeDecoder(b)
		if err != nil {
			return
		}
		for ad.Next() {
			want = append(want, attribute{ad.Type(), string(ad.Bytes())})
		}
		if ad.Err() != nil || w.err != nil {
			return
		}
		if len(got) != len(want) {
			t.Fatalf("%d attributes, another reader sees %d", len(got), len(want))
		}
		for i := range got {
			if got[i] != want[i] {
				t.Errorf("attribute %d: %v, another reader sees %v", i, got[i], want[i])
			}
		}
	})
}

func TestWalkingAllocatesNothing(t *testing.T) {
	b := encodeCommand(nil, AddDestination(ServiceKey{Protocol: TCP, Address: DefaultDaemonGroup(), Port: 80},
		Destination{Address: DefaultDaemonGroup(), Port: 80, Weight: 1}))
	var d DestinationState
	if n := testing.AllocsPerRun(100, func() {
		if err := decodeDestinationMessage(b, ServiceKey{}, &d); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("decoding a destination takes %v allocations", n)
	}
}

func TestAMistakeNamesTheAttribute(t *testing.T) {
	b := attributes{}.nested(attrDest, func(a attributes) attributes { return a.bytes(dstWeight, 1, 2, 3) })
	err := decodeDestinationMessage(b, ServiceKey{}, new(DestinationState))
	if want := "attribute 4 has 3 bytes instead of 4"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	binary.NativeEndian.PutUint16(b, 100)
	err = decodeDestinationMessage(b, ServiceKey{}, new(DestinationState))
	if want := "an attribute says it has 100 bytes where there are 12"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

// FuzzMessages holds the reading of datagrams against malformed ones.
func FuzzMessages(f *testing.F) {
	f.Add([]byte{})
	f.Add(appendMessage(appendMessage(nil, 20, 0, 1, cmdGetInfo, nil), 20, 0, 2, cmdGetService, ofService(ServiceKey{FWMark: 1})))
	f.Add([]byte{20, 0, 0, 0, 3, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0xfd, 0xff, 0xff, 0xff})
	f.Add([]byte{15, 0, 0, 0, 3, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0xff, 0xff, 0xff, 0xff, 3, 0, 2, 0, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Fuzz(func(t *testing.T, b []byte) {
		for rest := b; len(rest) > 0; {
			m, next, err := nextMessage(rest)
			if err != nil {
				break
			}
			if len(next) >= len(rest) || len(m.data) > len(rest)-messageHeader {
				t.Fatalf("%d of %d bytes are left behind a message of %d", len(next), len(rest), len(m.data))
			}
			m.ends()
			rest = next
		}
		// Whatever comes, a request ends, and what it gives is whole.
		c := &Client{conn: &datagrams{b}, family: 20, batch: 10, seq: 0}
		if table, err := c.Dump(t.Context()); err == nil {
			for _, s := range table {
				if !s.Key.Address.IsValid() {
					t.Error("a service without an address")
				}
			}
		}
	})
}

// datagrams is a kernel that says one thing and then no more.
type datagrams struct{ b []byte }

func (d *datagrams) Close() error                { return nil }
func (d *datagrams) SetDeadline(time.Time) error { return nil }
func (d *datagrams) send([]byte) error           { return nil }
func (d *datagrams) receive(b []byte) (int, error) {
	if d.b == nil {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(b, d.b)
	d.b = nil
	return n, nil
}
