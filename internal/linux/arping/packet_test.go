package arping

import (
	"bytes"
	"encoding/hex"
	"net"
	"net/netip"
	"reflect"
	"testing"
)

// The reply that a Linux 6.18 kernel sent over a veth pair, as its payload.
const recorded = "0001080006040002" + "0200000000b1" + "0a000002" + "0200000000a1" + "0a000001"

func TestDecode(t *testing.T) {
	raw, err := hex.DecodeString(recorded)
	if err != nil {
		t.Fatal(err)
	}
	got, err := decode(append(raw, make([]byte, 18)...)) // padded to 46, as on a wire
	if err != nil {
		t.Fatal(err)
	}
	want := packet{
		op:        opReply,
		senderMAC: net.HardwareAddr{2, 0, 0, 0, 0, 0xb1}, sender: netip.MustParseAddr("10.0.0.2"),
		targetMAC: net.HardwareAddr{2, 0, 0, 0, 0, 0xa1}, target: netip.MustParseAddr("10.0.0.1"),
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if !bytes.Equal(got.encode(), raw) {
		t.Errorf("encodes as %x", got.encode())
	}
}

func FuzzDecode(f *testing.F) {
	raw, err := hex.DecodeString(recorded)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	f.Add(raw[:20])
	f.Fuzz(func(t *testing.T, b []byte) {
		if p, err := decode(b); err == nil && !bytes.Equal(p.encode(), b[:packetLen]) {
			t.Errorf("%x reads as %+v", b, p)
		}
	})
}
