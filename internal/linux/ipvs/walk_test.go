package ipvs

import (
	"encoding/binary"
	"testing"

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
