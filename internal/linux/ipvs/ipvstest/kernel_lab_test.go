//go:build lab

package ipvstest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"sort"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/linux/ipvs/umltest"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

// table is what the kernel and the fake both do.
type table interface {
	Do(context.Context, []ipvs.Command) (int, error)
	Dump(context.Context) ([]ipvs.ServiceState, error)
	SetTimeouts(context.Context, ipvs.Timeouts) error
	Timeouts(context.Context) (ipvs.Timeouts, error)
	StartDaemon(context.Context, ipvs.Daemon) error
	StopDaemon(context.Context, ipvs.DaemonRole, uint8) error
	Daemons(context.Context) ([]ipvs.Daemon, error)
}

var (
	_ table = (*ipvs.Client)(nil)
	_ table = (*Kernel)(nil)
)

// operation is one of them, with its words.
type operation struct {
	text string
	do   func(context.Context, table) error
}

// GoString is what rapid prints.
func (o operation) GoString() string { return "\n" + o.text }

// pick draws one of the values.
func pick[T any](t *rapid.T, name string, values ...T) T {
	return rapid.SampledFrom(values).Draw(t, name)
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func anyKey(t *rapid.T) ipvs.ServiceKey {
	return pick(t, "key",
		ipvs.ServiceKey{Protocol: ipvs.TCP, Address: addr("192.0.2.1"), Port: 80},
		ipvs.ServiceKey{Protocol: ipvs.TCP, Address: addr("2001:db8::1"), Port: 80},
		ipvs.ServiceKey{Protocol: ipvs.UDP, Address: addr("192.0.2.1"), Port: 0},
		ipvs.ServiceKey{Protocol: ipvs.SCTP, Address: addr("192.0.2.1"), Port: 80},
		ipvs.ServiceKey{Address: addr("0.0.0.0"), FWMark: 1},
		ipvs.ServiceKey{Address: addr("::"), FWMark: 1},
		ipvs.ServiceKey{Address: addr("0.0.0.0"), FWMark: 1<<32 - 1},
	)
}

func anyService(t *rapid.T, key ipvs.ServiceKey) ipvs.Service {
	s := ipvs.Service{
		Key:       key,
		Scheduler: pick(t, "scheduler", append(ipvs.KernelSchedulers(host.Real()), "none", "nope")...),
		Flags: pick(t, "persistent", 0, ipvs.FlagPersistent) | pick(t, "one packet", 0, ipvs.FlagOnePacket) |
			pick(t, "scheduler flags", 0, ipvs.FlagSched1, ipvs.FlagSched2, ipvs.FlagSched1|ipvs.FlagSched3),
		Timeout: rapid.Uint32Range(0, 100).Draw(t, "timeout"),
		PEName:  pick(t, "engine", "", "", "", "sip", "nope"),
	}
	if key.Address.Is4() {
		s.Netmask = pick[ipvs.Netmask](t, "netmask", 0, 0xffffffff, 0xffffff00, 0xff00ff00)
	} else {
		s.Netmask = pick[ipvs.Netmask](t, "netmask", 0, 128, 64, 1, 129)
	}
	return s
}

func anyDestination(t *rapid.T) ipvs.Destination {
	d := ipvs.Destination{
		Address: addr(pick(t, "rip", "10.0.0.1", "10.0.0.2", "127.0.0.1", "2001:db8::2", "2001:db8::3", "::1",
			// Nobody can send to these.
			"0.0.0.0", "224.0.0.1", "255.255.255.255", "::", "ff02::1", "fe80::1")),
		Port:           pick[uint16](t, "port", 80, 80, 8080, 0),
		Forwarding:     pick(t, "forwarding", ipvs.NAT, ipvs.Route, ipvs.Local, ipvs.Tunnel, ipvs.Tunnel),
		Weight:         pick[uint32](t, "weight", 0, 1, 1, 100000, 1<<31-1, 1<<31),
		UpperThreshold: pick[uint32](t, "upper", 0, 2, 2, 1<<32-1),
		LowerThreshold: pick[uint32](t, "lower", 0, 0, 1, 3),
	}
	if d.Forwarding == ipvs.Tunnel {
		d.Tunnel = ipvs.TunnelSettings{
			Type:  pick(t, "tunnel", ipvs.TunnelIPIP, ipvs.TunnelGUE, ipvs.TunnelGRE),
			Port:  pick[uint16](t, "tunnel port", 6080, 0),
			Flags: pick(t, "checksum", ipvs.TunnelNoChecksum, ipvs.TunnelChecksum, ipvs.TunnelRemoteChecksum),
		}
	}
	return d
}

func anyDaemon(t *rapid.T) ipvs.Daemon {
	return ipvs.Daemon{
		Role:      pick(t, "role", ipvs.Master, ipvs.Backup, 3),
		Interface: pick(t, "interface", "lo", "lo", "lo", "nope"),
		ID:        pick[uint8](t, "id", 0, 1, 255),
		Group: pick(t, "group", netip.Addr{}, addr("224.0.0.99"), addr("ff02::99"),
			addr("192.0.2.9"), addr("2001:db8::9")),
		Port:      pick[uint16](t, "port", 0, 9000),
		TTL:       pick[uint8](t, "ttl", 0, 1, 255),
		MaxLength: pick[uint16](t, "length", 0, 3, 1400, 65535),
	}
}

// genOperation draws from few keys and many settings, good and bad, so that
// operations meet.
func genOperation(t *rapid.T) operation {
	key := anyKey(t)
	command := func(c ipvs.Command) operation {
		return operation{fmt.Sprintf("%s %s: %+v %+v", c.Op, c.Object(), c.Service, c.Destination), func(ctx context.Context, on table) error {
			_, err := on.Do(ctx, []ipvs.Command{c})
			return err
		}}
	}
	switch rapid.IntRange(0, 19).Draw(t, "operation") {
	case 0, 1, 2, 3, 4:
		return command(ipvs.AddService(anyService(t, key)))
	case 5, 6:
		return command(ipvs.SetService(anyService(t, key)))
	case 7:
		return command(ipvs.DeleteService(key))
	case 8, 9, 10, 11, 12:
		return command(ipvs.AddDestination(key, anyDestination(t)))
	case 13, 14:
		return command(ipvs.SetDestination(key, anyDestination(t)))
	case 15:
		return command(ipvs.DeleteDestination(key, anyDestination(t).Addr()))
	case 16:
		seconds := func(name string) uint32 { return pick[uint32](t, name, 0, 1, 900, 21474836, 21474837, 1<<31, 1<<32-1) }
		timeouts := ipvs.Timeouts{TCP: seconds("tcp"), TCPFin: seconds("tcp fin"), UDP: seconds("udp")}
		return operation{fmt.Sprintf("set timeouts %v", timeouts), func(ctx context.Context, on table) error {
			return on.SetTimeouts(ctx, timeouts)
		}}
	case 17:
		d := anyDaemon(t)
		return operation{fmt.Sprintf("start daemon %v", d), func(ctx context.Context, on table) error {
			return on.StartDaemon(ctx, d)
		}}
	}
	d := anyDaemon(t)
	return operation{fmt.Sprintf("stop daemon %v", d), func(ctx context.Context, on table) error {
		return on.StopDaemon(ctx, d.Role, d.ID)
	}}
}

func sorted(table []ipvs.ServiceState) []ipvs.ServiceState {
	sort.Slice(table, func(i, j int) bool { return table[i].Key.Compare(table[j].Key) < 0 })
	for _, s := range table {
		sort.Slice(s.Destinations, func(i, j int) bool {
			return s.Destinations[i].Addr().Compare(s.Destinations[j].Addr()) < 0
		})
	}
	return table
}

// TestKernelAndFakeAgree runs one random series of operations against both, some
// thousand in all: each has the same outcome, and what both have is the same
// after every few of them.
func TestKernelAndFakeAgree(t *testing.T) {
	ctx := context.Background()
	if err := ipvs.LoadModules(ctx, host.Real(), nil); err != nil {
		t.Fatal(err)
	}
	kernel, err := ipvs.Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer kernel.Close()
	// Without it the guest, which has no other interface, cannot send to an
	// IPv6 group.
	run(t, "ip", "-6", "route", "replace", "multicast", "ff02::99/128", "dev", "lo", "table", "local")
	rapid.Check(t, func(t *rapid.T) {
		reset(t, kernel)
		fake := New()
		fake.Schedulers = ipvs.KernelSchedulers(host.Real())
		fake.MTU = map[string]int{"lo": 65536}
		fake.HZ = 100 // User-Mode Linux's
		for i, op := range rapid.SliceOfN(rapid.Custom(genOperation), 20, 40).Draw(t, "operations") {
			theirs, ours := op.do(ctx, kernel), op.do(ctx, fake)
			if errno(theirs) != errno(ours) {
				t.Fatalf("%s: the kernel says %v, the fake %v", op.text, theirs, ours)
			}
			if i%5 == 4 {
				compare(t, kernel, fake)
			}
		}
		compare(t, kernel, fake)
	})
	reset(t, kernel)
}

type testingT interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
}

func run(t testingT, argv ...string) {
	t.Helper()
	if out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput(); err != nil {
		t.Fatalf("%v: %v %s", argv, err, out)
	}
}

// reset brings the guest's kernel to where it was after its boot.
func reset(t testingT, kernel *ipvs.Client) {
	t.Helper()
	ctx := context.Background()
	run(t, "ipvsadm", "-C")
	daemons, err := kernel.Daemons(ctx)
	for _, d := range daemons {
		err = errors.Join(err, kernel.StopDaemon(ctx, d.Role, d.ID))
	}
	if err := errors.Join(err, kernel.SetTimeouts(ctx, ipvs.Timeouts{TCP: 900, TCPFin: 120, UDP: 300})); err != nil {
		t.Fatal(err)
	}
}

// everything is what a table has.
type everything struct {
	Services []ipvs.ServiceState
	Timeouts ipvs.Timeouts
	Daemons  []ipvs.Daemon
}

func readAll(t testingT, of table) everything {
	t.Helper()
	ctx := context.Background()
	var e everything
	var err [3]error
	e.Services, err[0] = of.Dump(ctx)
	e.Timeouts, err[1] = of.Timeouts(ctx)
	e.Daemons, err[2] = of.Daemons(ctx)
	if err := errors.Join(err[:]...); err != nil {
		t.Fatal(err)
	}
	sorted(e.Services)
	return e
}

func compare(t testingT, kernel, fake table) {
	t.Helper()
	sameAddr := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if diff := cmp.Diff(readAll(t, kernel), readAll(t, fake), sameAddr, cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("the kernel (-) and the fake (+) differ:\n%s", diff)
	}
}

func errno(err error) syscall.Errno {
	var e syscall.Errno
	if err != nil && !errors.As(err, &e) {
		return ^syscall.Errno(0)
	}
	return e
}
