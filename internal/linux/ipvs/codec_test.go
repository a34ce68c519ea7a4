package ipvs

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/mdlayher/netlink"
	"pgregory.net/rapid"
)

var compareAddrs = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })

func genAddr(t *rapid.T, six bool) netip.Addr {
	if six {
		b := rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "address")
		b[0] = 0x20 // never IPv4-mapped: the kernel has no such thing
		return netip.AddrFrom16([16]byte(b))
	}
	return netip.AddrFrom4([4]byte(rapid.SliceOfN(rapid.Byte(), 4, 4).Draw(t, "address")))
}

func genService(t *rapid.T) Service {
	six := rapid.Bool().Draw(t, "six")
	var s Service
	if rapid.Bool().Draw(t, "mark") {
		s.Key = ServiceKey{Address: netip.IPv4Unspecified(), FWMark: rapid.Uint32Min(1).Draw(t, "fwmark")}
		if six {
			s.Key.Address = netip.IPv6Unspecified()
		}
	} else {
		s.Key = ServiceKey{
			Protocol: rapid.SampledFrom([]Protocol{TCP, UDP, SCTP}).Draw(t, "protocol"),
			Address:  genAddr(t, six), Port: rapid.Uint16().Draw(t, "port"),
		}
	}
	s.Scheduler = rapid.SampledFrom([]string{"rr", "wlc", "sh"}).Draw(t, "scheduler")
	s.Flags = Flags(rapid.Uint32().Draw(t, "flags")) & flagsKnown
	s.Timeout = rapid.Uint32().Draw(t, "timeout")
	bits := rapid.IntRange(1, s.Key.Address.BitLen()).Draw(t, "bits")
	s.Netmask = PrefixMask(s.Key.Address, bits)
	s.PEName = rapid.SampledFrom([]string{"", "sip"}).Draw(t, "pe")
	return s
}

func genDestination(t *rapid.T) Destination {
	d := Destination{
		Address:        genAddr(t, rapid.Bool().Draw(t, "dest six")),
		Port:           rapid.Uint16().Draw(t, "dest port"),
		Forwarding:     rapid.SampledFrom([]Forwarding{NAT, Local, Tunnel, Route}).Draw(t, "forwarding"),
		Weight:         rapid.Uint32().Draw(t, "weight"),
		UpperThreshold: rapid.Uint32().Draw(t, "upper"),
		LowerThreshold: rapid.Uint32().Draw(t, "lower"),
	}
	if d.Forwarding == Tunnel {
		d.Tunnel = TunnelSettings{
			Type:  TunnelType(rapid.IntRange(0, 2).Draw(t, "tunnel")),
			Port:  rapid.Uint16().Draw(t, "tunnel port"),
			Flags: TunnelFlags(rapid.IntRange(0, 2).Draw(t, "tunnel flags")),
		}
	}
	return d
}

func TestWhatIsEncodedDecodesToTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, d := genService(t), genDestination(t)
		b := encodeCommand(nil, AddService(s))
		if len(b)+20 > messageCost {
			t.Errorf("a message takes %d bytes, more than is reckoned with", len(b)+20)
		}
		got, err := decodeServiceMessage(b)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(s, got.Service, compareAddrs); diff != "" {
			t.Error(diff)
		}
		b = encodeCommand(nil, SetDestination(s.Key, d))
		if len(b)+20 > messageCost {
			t.Errorf("a message takes %d bytes, more than is reckoned with", len(b)+20)
		}
		var dest DestinationState
		if err := decodeDestinationMessage(b, s.Key, &dest); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(d, dest.Destination, compareAddrs); diff != "" {
			t.Error(diff)
		}
		key, err := ParseServiceKey(s.Key.String())
		if err != nil || key != s.Key {
			t.Errorf("%q reads back as %v, %v", s.Key, key, err)
		}
	})
}

// content lists the attributes within one of the message, by type, as another
// reader of netlink sees them.
func content(t *testing.T, b []byte, within uint16) map[uint16][]byte {
	t.Helper()
	out := map[uint16][]byte{}
	ad, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		t.Fatal(err)
	}
	for ad.Next() {
		if ad.Type() != within {
			continue
		}
		ad.Nested(func(nad *netlink.AttributeDecoder) error {
			for nad.Next() {
				out[nad.Type()] = nad.Bytes()
			}
			return nil
		})
	}
	if err := ad.Err(); err != nil || len(out) == 0 {
		t.Fatalf("no attribute %d: %v", within, err)
	}
	return out
}

func TestAServiceIsSentWhole(t *testing.T) {
	s := Service{Key: ServiceKey{Protocol: TCP, Address: netip.MustParseAddr("192.0.2.1"), Port: 80}, Scheduler: "rr"}
	got := content(t, encodeCommand(nil, AddService(s)), attrService)
	for _, typ := range []uint16{svcSched, svcFlags, svcTimeout, svcNetmask} {
		if got[typ] == nil {
			t.Errorf("attribute %d is missing: the kernel answers EINVAL", typ)
		}
	}
	want := map[uint16][]byte{
		svcNetmask: {255, 255, 255, 255},
		svcPort:    {0, 80},
		svcAddress: {192, 0, 2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		svcFlags:   binary.NativeEndian.AppendUint32(make([]byte, 4), uint32(flagsKnown)),
	}
	for typ, v := range want {
		if diff := cmp.Diff(v, got[typ]); diff != "" {
			t.Errorf("attribute %d: %s", typ, diff)
		}
	}
	s.Key.Address = netip.MustParseAddr("2001:db8::1")
	if got := content(t, encodeCommand(nil, SetService(s)), attrService)[svcNetmask]; binary.NativeEndian.Uint32(got) != 128 {
		t.Errorf("the IPv6 netmask is % x, want 128 in native order", got)
	}
}

func TestADestinationsFamilyIsAlwaysSent(t *testing.T) {
	k := ServiceKey{Protocol: TCP, Address: netip.MustParseAddr("192.0.2.1"), Port: 80}
	d := Destination{Address: netip.MustParseAddr("2001:db8::2"), Port: 80, Forwarding: Tunnel, Weight: 1}
	for _, c := range []Command{AddDestination(k, d), SetDestination(k, d), DeleteDestination(k, d.Addr())} {
		got := content(t, encodeCommand(nil, c), attrDest)
		if binary.NativeEndian.Uint16(got[dstFamily]) != afINET6 || len(got[dstAddress]) != 16 {
			t.Errorf("%s: family % x, address % x", c.Op, got[dstFamily], got[dstAddress])
		}
	}
}

func TestAnOldKernelsDestinationInheritsTheServicesFamily(t *testing.T) {
	ae := netlink.NewAttributeEncoder()
	ae.Nested(attrDest, func(nae *netlink.AttributeEncoder) error {
		addr := address16(netip.MustParseAddr("198.51.100.7"))
		nae.Bytes(dstAddress, addr[:])
		nae.Bytes(dstPort, []byte{0x1f, 0x90})
		return nil
	})
	b, err := ae.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var d DestinationState
	err = decodeDestinationMessage(b, ServiceKey{Address: netip.MustParseAddr("192.0.2.1")}, &d)
	if err != nil || d.Addr().String() != "198.51.100.7:8080" {
		t.Errorf("got %v, %v", d.Addr(), err)
	}
}

func TestTheKernelsOwnFlagsAreMasked(t *testing.T) {
	ae := netlink.NewAttributeEncoder()
	ae.Nested(attrService, func(nae *netlink.AttributeEncoder) error {
		addr := address16(netip.MustParseAddr("192.0.2.1"))
		nae.Uint16(svcFamily, afINET)
		nae.Bytes(svcAddress, addr[:])
		nae.Bytes(svcFlags, append(binary.NativeEndian.AppendUint32(nil, 0x3), 255, 255, 255, 255))
		return nil
	})
	b, err := ae.Encode()
	if err != nil {
		t.Fatal(err)
	}
	s, err := decodeServiceMessage(b)
	if err != nil || s.Flags != FlagPersistent {
		t.Errorf("flags %#x, %v; want only PERSISTENT", s.Flags, err)
	}
}

func TestOldStatisticsAreRead(t *testing.T) {
	message := func(blocks ...uint16) []byte {
		return attributes{}.nested(attrDest, func(a attributes) attributes {
			a = encodeDestination(a, Destination{Address: netip.MustParseAddr("192.0.2.1")}, true)
			for _, block := range blocks {
				a = a.nested(block, func(a attributes) attributes {
					if block == dstStats64 {
						return binary.NativeEndian.AppendUint64(a.header(statInBytes, 8), 1<<40)
					}
					return a.uint32(statConns, 7).uint32(statInBytes, 1<<32-1)
				})
			}
			return a
		})
	}
	for _, c := range []struct {
		message []byte
		want    Stats
	}{
		{message(dstStats), Stats{Conns: 7, InBytes: 1<<32 - 1}},
		{message(dstStats, dstStats64), Stats{InBytes: 1 << 40}},
		{message(), Stats{}},
	} {
		var d DestinationState
		if err := decodeDestinationMessage(c.message, ServiceKey{}, &d); err != nil || d.Stats != c.want {
			t.Errorf("got %+v, %v; want %+v", d.Stats, err, c.want)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	k := ServiceKey{Protocol: TCP, Address: netip.MustParseAddr("192.0.2.1"), Port: 80}
	d := Destination{Address: netip.MustParseAddr("198.51.100.1"), Port: 80}
	cases := []struct {
		command Command
		errno   uintptr
		want    string
	}{
		{AddService(Service{Key: k, Scheduler: "rr"}), 17, "cannot add service TCP 192.0.2.1:80: it is there already"},
		{AddDestination(k, d), 17, "cannot add backend TCP 192.0.2.1:80 -> 198.51.100.1:80: it is there already"},
		{AddDestination(k, d), 3, "there is no such service"},
		{SetDestination(k, d), 2, "there is no such backend"},
		{AddService(Service{Key: k, Scheduler: "nope"}), 2, `no scheduler "nope" (module ip_vs_nope)`},
		{SetDestination(k, d), 34, "lower threshold"},
		{DeleteService(k), 1, "run as root"},
	}
	for _, c := range cases {
		err := &Error{Op: c.command.Op, Command: c.command, Err: syscall.Errno(c.errno)}
		if !strings.Contains(err.Error(), c.want) {
			t.Errorf("%q does not say %q", err, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	k := ServiceKey{Protocol: TCP, Address: netip.MustParseAddr("192.0.2.1"), Port: 80}
	for _, c := range []Command{
		AddService(Service{Key: k, Scheduler: "rr", PEName: "sip"}),
		AddDestination(k, Destination{Address: netip.MustParseAddr("2001:db8::1"), Forwarding: Tunnel, Tunnel: TunnelSettings{Type: TunnelGUE}}),
	} {
		f.Add([]byte(encodeCommand(nil, c)))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		if s, err := decodeServiceMessage(b); err == nil && !s.Key.Address.IsValid() {
			t.Error("a service without an address")
		}
		var d DestinationState
		if err := decodeDestinationMessage(b, k, &d); err == nil && !d.Address.IsValid() {
			t.Error("a destination without an address")
		}
		if d, err := decodeDaemon(b); err == nil && d.Group.IsValid() && d.Group.BitLen() == 0 {
			t.Error("a daemon with an odd group")
		}
	})
}
