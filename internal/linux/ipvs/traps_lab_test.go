//go:build lab

package ipvs

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// What is easy to get wrong with IPVS over netlink, and what holds it here or,
// where the kind does it, in internal/step/ipvs. Another test sees to it that
// these tests exist.
//
//	A service needs scheduler, flags, timeout and netmask      TestAServiceIsSentWhole, TestKernelTraps
//	Ports and IPv4 masks are big-endian, the rest is not       TestAServiceIsSentWhole, TestTheKernelsAnswersAreReadAsIpvsadmReadsThem
//	Old kernels do not say a destination's family              TestAnOldKernelsDestinationInheritsTheServicesFamily
//	A destination's family must be sent; mixed is for tun      TestADestinationsFamilyIsAlwaysSent, TestKernelRefusals
//	Flags have a mask, and reads carry the kernel's own        TestTheKernelsOwnFlagsAreMasked, TestKernelTraps
//	Persistence is a flag and a timeout; port 0 needs it       TestKernelTraps, TestValidateNamesTheField
//	A set without the persistence engine unbinds it            TestKernelTraps
//	A set replaces all of a destination; bad values are ERANGE TestKernelTraps, TestKernelRefusals
//	With dr and tun the port is the service's                  TestDirectRoutingKeepsTheServicesPort, TestKernelTraps
//	Another protocol, address, port or mark is another service TestKernelTraps
//	What each errno means                                      TestKernelRefusals, TestKernelAndFakeAgree
//	A missing service's destinations are an empty success      TestKernelRefusals, TestAServiceThatGoesWhileReadIsLeftOut
//	A removed destination comes back with its connections      TestKernelRevivesARemovedDestination
//	A removed service takes its destinations along             TestKernelTraps, TestAServiceThatOthersJoinedStays
//	First weight 0, then wait, then delete; 0 is a weight      TestBackendsDrainBeforeTheyGo, TestKernelDrains, TestKernelTraps
//	A scheduler is set, never deleted and added                TestKernelTraps, TestKernelThousandTables
//	The family may be missing for a moment after modprobe      TestKernelDialLoadsTheModule, TestKernelIsNotLoadedAtFirst
//	A table belongs to a network namespace                     TestKernelTablesBelongToNamespaces
//	Every request has a deadline                               TestASilentKernelIsNotWaitedFor, TestKernelRequestsEnd
//	Connections are in a file, not in netlink                  TestKernelConnections
//	Old kernels have no 64-bit statistics                      TestOldStatisticsAreRead
//	Many messages go in one send                               TestKernelBatch, TestKernelBatchSaysWhatFailed
//	ipvsadm -S loses thresholds, timeouts and daemons          TestKernelRestoresWhatIsWritten
//	Sync daemons and mixed families exclude each other         TestKernelDaemonsAndMixedFamiliesExclude
//	A daemon that is stopped at once gets no answer            TestKernelStopsADaemonWithoutAnAnswer
//	The table is shared: what others made stays                TestAServiceThatOthersJoinedStays, TestKernelThousandTables

func TestKernelTraps(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	k := key("TCP 192.0.2.1:80")
	must(t, c.AddService(ctx, Service{Key: k, Scheduler: "rr"}))

	t.Run("the netmask is never zero", func(t *testing.T) {
		s, err := c.Service(ctx, k)
		must(t, err)
		if s.Netmask != 0xffffffff {
			t.Errorf("netmask %#x", s.Netmask)
		}
	})
	t.Run("a service that is not sent whole is refused", func(t *testing.T) {
		all := map[uint16]func(attributes) attributes{
			svcSched:   func(a attributes) attributes { return a.string(svcSched, "rr") },
			svcFlags:   func(a attributes) attributes { return a.bytes(svcFlags, make([]byte, 8)...) },
			svcTimeout: func(a attributes) attributes { return a.uint32(svcTimeout, 0) },
			svcNetmask: func(a attributes) attributes { return a.uint32(svcNetmask, 1<<32-1) },
		}
		for missing := range all {
			err := c.query(ctx, cmdNewService, unix.NLM_F_ACK, func(a attributes) attributes {
				return a.nested(attrService, func(a attributes) attributes {
					a = encodeKey(a, key("TCP 192.0.2.1:81"))
					for typ, add := range all {
						if typ != missing {
							a = add(a)
						}
					}
					return a
				})
			}, nil)
			if !errors.Is(err, syscall.EINVAL) {
				t.Errorf("without attribute %d: %v", missing, err)
			}
		}
	})
	t.Run("flags of others stay", func(t *testing.T) {
		const strange = 0x80
		raw := func() uint32 {
			var flags uint32
			must(t, c.query(ctx, cmdGetService, 0, ofService(k), func(b []byte) error {
				content, err := nested(b, attrService)
				for w := (walker{rest: content}); w.next(); {
					if w.typ == svcFlags {
						flags = binary.NativeEndian.Uint32(w.value)
					}
				}
				return err
			}))
			return flags
		}
		must(t, c.query(ctx, cmdSetService, unix.NLM_F_ACK, func(a attributes) attributes {
			return a.nested(attrService, func(a attributes) attributes {
				a = encodeKey(a, k)
				a = a.string(svcSched, "rr").uint32(svcTimeout, 0).uint32(svcNetmask, 1<<32-1).header(svcFlags, 8)
				return binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(a, strange), strange)
			})
		}, nil))
		must(t, c.SetService(ctx, Service{Key: k, Scheduler: "rr", Flags: FlagPersistent, Timeout: 5}))
		if got := raw(); got&strange == 0 || got&uint32(FlagPersistent) == 0 {
			t.Errorf("the kernel has %#x", got)
		}
		must(t, c.SetService(ctx, Service{Key: k, Scheduler: "rr"}))
		if got := raw(); got&strange == 0 || got&uint32(FlagPersistent) != 0 {
			t.Errorf("after taking ours away the kernel has %#x", got)
		}
		if s, err := c.Service(ctx, k); err != nil || s.Flags != 0 {
			t.Errorf("it is read as %#x, %v", s.Flags, err)
		}
	})
	t.Run("a timeout alone is no persistence", func(t *testing.T) {
		must(t, c.SetService(ctx, Service{Key: k, Scheduler: "rr", Timeout: 5}))
		s, err := c.Service(ctx, k)
		must(t, err)
		if s.Flags&FlagPersistent != 0 || s.Timeout != 5 {
			t.Errorf("got %+v", s.Service)
		}
	})
	t.Run("a set replaces all of a destination", func(t *testing.T) {
		d := dest("10.0.0.9:80", Tunnel, 3)
		d.UpperThreshold, d.LowerThreshold = 9, 8
		d.Tunnel = TunnelSettings{Type: TunnelGUE, Port: 6080, Flags: TunnelChecksum}
		must(t, c.AddDest(ctx, k, d))
		plain := Destination{Address: d.Address, Port: d.Port}
		must(t, c.SetDest(ctx, k, plain))
		got, err := c.Destinations(ctx, k)
		must(t, err)
		if len(got) != 1 || got[0].Destination != plain {
			t.Errorf("got %+v", got)
		}
		must(t, c.DelDest(ctx, k, d))
	})
	t.Run("dr with another port is another destination", func(t *testing.T) {
		for _, ap := range []string{"10.0.0.9:80", "10.0.0.9:8080"} {
			must(t, c.AddDest(ctx, k, dest(ap, Route, 1)))
		}
		got, err := c.Destinations(ctx, k)
		must(t, err)
		if len(got) != 2 || got[0].Normalize(k) != got[1].Normalize(k) {
			t.Errorf("got %+v", got)
		}
		for _, d := range got {
			must(t, c.DelDest(ctx, k, d.Destination))
		}
	})
	t.Run("another key is another service", func(t *testing.T) {
		others := []ServiceKey{key("UDP 192.0.2.1:80"), key("TCP 192.0.2.2:80"), key("TCP 192.0.2.1:81"), key("FWM 1"), key("FWM 1 IPv6")}
		for _, other := range others {
			must(t, c.AddService(ctx, Service{Key: other, Scheduler: "rr"}))
		}
		if table, err := c.Dump(ctx); err != nil || len(table) != 1+len(others) {
			t.Errorf("%d services, %v", len(table), err)
		}
		for _, other := range others {
			must(t, c.DelService(ctx, other))
		}
	})
	t.Run("port 0 without persistence is accepted", func(t *testing.T) {
		zero := key("TCP 192.0.2.1:0")
		must(t, c.AddService(ctx, Service{Key: zero, Scheduler: "rr"}))
		must(t, c.DelService(ctx, zero))
	})
	t.Run("weights do not wrap at 16 bits, and 0 is one", func(t *testing.T) {
		for _, w := range []uint32{100000, 0, 1<<31 - 1} {
			d := dest("10.0.0.9:80", Route, w)
			must(t, c.AddDest(ctx, k, d))
			got, err := c.Destinations(ctx, k)
			must(t, err)
			if len(got) != 1 || got[0].Weight != w {
				t.Errorf("weight %d reads back as %+v", w, got)
			}
			must(t, c.DelDest(ctx, k, d))
		}
	})
	t.Run("a set without the engine unbinds it", func(t *testing.T) {
		sip := Service{Key: key("UDP 192.0.2.1:5060"), Scheduler: "rr", Flags: FlagPersistent, Timeout: 60, PEName: "sip"}
		must(t, c.AddService(ctx, sip))
		sip.Timeout = 90
		must(t, c.SetService(ctx, sip))
		got, err := c.Service(ctx, sip.Key)
		must(t, err)
		if got.PEName != "sip" || got.Timeout != 90 {
			t.Errorf("kept %q, %d", got.PEName, got.Timeout)
		}
		sip.PEName = ""
		must(t, c.SetService(ctx, sip))
		if got, err = c.Service(ctx, sip.Key); err != nil || got.PEName != "" {
			t.Errorf("engine %q, %v", got.PEName, err)
		}
		must(t, c.DelService(ctx, sip.Key))
	})
	t.Run("a local real server keeps its method", func(t *testing.T) {
		for _, f := range []Forwarding{NAT, Route, Tunnel} {
			d := dest("127.0.0.1:80", f, 1)
			must(t, c.AddDest(ctx, k, d))
			got, err := c.Destinations(ctx, k)
			must(t, err)
			if len(got) != 1 || got[0].Forwarding != f {
				t.Errorf("%s reads back as %+v", f, got)
			}
			must(t, c.DelDest(ctx, k, d))
		}
	})
	t.Run("deleting a service drops its destinations", func(t *testing.T) {
		must(t, c.AddDest(ctx, k, dest("10.0.0.1:80", NAT, 1)))
		must(t, c.DelService(ctx, k))
		must(t, c.AddService(ctx, Service{Key: k, Scheduler: "rr"}))
		if got, err := c.Destinations(ctx, k); err != nil || len(got) != 0 {
			t.Errorf("left: %v, %v", got, err)
		}
	})
	t.Run("a scheduler is changed in place", func(t *testing.T) {
		must(t, c.AddDest(ctx, k, dest("10.0.0.1:80", NAT, 3)))
		must(t, c.SetService(ctx, Service{Key: k, Scheduler: "wlc"}))
		got, err := c.Dump(ctx)
		must(t, err)
		if len(got) != 1 || got[0].Scheduler != "wlc" || len(got[0].Destinations) != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestKernelDialLoadsTheModule holds that asking for the netlink family makes
// the kernel load ip_vs, which is why what only reads asks Loaded first.
func TestKernelDialLoadsTheModule(t *testing.T) {
	unload(t)
	c, err := Dial(context.Background())
	must(t, err)
	defer c.Close()
	if !Loaded(host.Real()) {
		t.Error("it is not loaded")
	}
}

// TestKernelTablesBelongToNamespaces looks at the table from another network
// namespace. The thread that goes there dies with its goroutine.
func TestKernelTablesBelongToNamespaces(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	must(t, c.AddService(ctx, Service{Key: key("TCP 192.0.2.1:80"), Scheduler: "rr"}))
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		result <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return err
			}
			other, err := Dial(ctx)
			if err != nil {
				return err
			}
			defer other.Close()
			table, err := other.Dump(ctx)
			if err == nil && len(table) != 0 {
				err = fmt.Errorf("the other namespace has %v", table)
			}
			return err
		}()
	}()
	must(t, <-result)
	if table, err := c.Dump(ctx); err != nil || len(table) != 1 {
		t.Errorf("this namespace has %v, %v", table, err)
	}
}

// TestKernelRevivesARemovedDestination removes a destination with a connection
// and adds it again: the kernel kept it, with its counters, on the trash list.
func TestKernelRevivesARemovedDestination(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	for _, a := range []string{"192.0.2.1/32", "192.0.2.10/32"} {
		run(t, "ip", "addr", "replace", a, "dev", "lo")
	}
	k, d := key("TCP 192.0.2.1:80"), dest("192.0.2.10:8081", NAT, 1)
	must(t, c.AddService(ctx, Service{Key: k, Scheduler: "rr"}))
	must(t, c.AddDest(ctx, k, d))
	l, err := net.Listen("tcp", "192.0.2.10:8081")
	must(t, err)
	defer l.Close()
	conn, err := net.DialTimeout("tcp", "192.0.2.1:80", 5*time.Second)
	must(t, err)
	defer conn.Close()
	must(t, c.DelDest(ctx, k, d))
	if got, err := c.Destinations(ctx, k); err != nil || len(got) != 0 {
		t.Fatalf("after the removal: %v, %v", got, err)
	}
	must(t, c.AddDest(ctx, k, d))
	got, err := c.Destinations(ctx, k)
	must(t, err)
	if len(got) != 1 || got[0].ActiveConns != 1 || got[0].Stats.Conns != 0 {
		t.Errorf("the destination came back as %+v", got)
	}
}

// TestKernelManyCallers uses one client from several goroutines.
func TestKernelManyCallers(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	var g errgroup.Group
	for i := range 8 {
		g.Go(func() error {
			k := key(fmt.Sprintf("TCP 192.0.2.%d:80", i+1))
			for range 5 {
				if err := c.AddService(ctx, Service{Key: k, Scheduler: "rr"}); err != nil {
					return err
				}
				if _, err := c.Dump(ctx); err != nil {
					return err
				}
				if err := c.DelService(ctx, k); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, g.Wait())
}

func TestKernelRequestsEnd(t *testing.T) {
	c := dial(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Dump(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if _, err := c.Dump(context.Background()); err != nil {
		t.Errorf("and afterwards: %v", err)
	}
}
