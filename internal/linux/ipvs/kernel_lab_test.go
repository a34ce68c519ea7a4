//go:build lab

package ipvs

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// dial loads what is needed and starts the test with an empty table. The guest
// is ours alone; lvsup itself never flushes.
func dial(t *testing.T) *Client {
	t.Helper()
	ctx := context.Background()
	if err := LoadModules(ctx, host.Real(), nil); err != nil {
		t.Fatal(err)
	}
	c, err := Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	run(t, "ipvsadm", "-C")
	return c
}

func run(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

func key(s string) ServiceKey {
	k, err := ParseServiceKey(s)
	if err != nil {
		panic(err)
	}
	return k
}

func dest(ap string, f Forwarding, weight uint32) Destination {
	p := netip.MustParseAddrPort(ap)
	return Destination{Address: p.Addr(), Port: p.Port(), Forwarding: f, Weight: weight}
}

func wantErrno(t *testing.T, err error, want syscall.Errno) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got %v, want errno %d (%v)", err, want, want)
	}
}

func TestKernelIsNotLoadedAtFirst(t *testing.T) {
	ctx := context.Background()
	unload(t)
	if err := CheckModules(ctx, host.Real(), nil); Loaded(host.Real()) || err != nil {
		t.Fatalf("before: loaded %t, %v", Loaded(host.Real()), err)
	}
	if err := CheckModules(ctx, host.Real(), []string{"rr", "twos"}); err == nil || !strings.Contains(err.Error(), `scheduler "twos"`) {
		t.Errorf("this kernel has no twos, but: %v", err)
	}
	if _, err := os.Stat("/sys/module/ip_vs"); err == nil {
		t.Fatal("looking loaded the module")
	}
	if err := LoadModules(ctx, host.Real(), []string{"rr", "wlc"}); err != nil {
		t.Fatal(err)
	}
	c, err := Dial(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if !Loaded(host.Real()) {
		t.Error("it is not seen that the module is loaded")
	}
	info, err := c.Info(ctx)
	if err != nil || info.Version != [3]uint8{1, 2, 1} || info.ConnTableSize == 0 {
		t.Errorf("info %+v, %v", info, err)
	}
	if s, err := c.Dump(ctx); err != nil || len(s) != 0 {
		t.Errorf("a new table has %v, %v", s, err)
	}
}

// unload takes IPVS out of the guest's kernel, whatever ran before.
func unload(t *testing.T) {
	t.Helper()
	loaded, err := os.ReadFile("/proc/modules")
	must(t, err)
	remove := []string{"modprobe", "-r"}
	for line := range strings.Lines(string(loaded)) {
		if name, _, _ := strings.Cut(line, " "); strings.HasPrefix(name, "ip_vs_") {
			remove = append(remove, name)
		}
	}
	if Loaded(host.Real()) {
		run(t, "ipvsadm", "-C")
		run(t, append(remove, "ip_vs")...)
	}
}

// countersAside compares settings only.
var countersAside = cmp.Options{
	compareAddrs,
	cmpopts.IgnoreFields(DestinationState{}, "ActiveConns", "InActConns", "PersistConns", "Stats"),
	cmpopts.IgnoreFields(ServiceState{}, "Stats"),
	cmpopts.EquateEmpty(),
}

func genKernelService(t *rapid.T) Service {
	s := genService(t)
	s.Timeout = rapid.Uint32Range(0, 86400).Draw(t, "timeout")
	s.PEName = ""
	if !s.Key.Address.IsUnspecified() && s.Key.Protocol == UDP && s.Flags&FlagPersistent != 0 {
		s.PEName = "sip"
	}
	return s
}

func genKernelDestination(t *rapid.T, k ServiceKey) Destination {
	d := genDestination(t)
	d.Weight &= 1<<31 - 1
	d.LowerThreshold = min(d.LowerThreshold, d.UpperThreshold)
	if d.Forwarding != Tunnel || d.Address.Is4() != k.Address.Is4() {
		d.Address = genAddr(t, k.Address.Is6())
	}
	// The kernel takes only addresses that are unicast.
	if d.Address.Is4() {
		b := d.Address.As4()
		b[0] = 10
		d.Address = netip.AddrFrom4(b)
	} else {
		b := d.Address.As16()
		b[0], b[1], b[2], b[3] = 0x20, 0x01, 0x0d, 0xb8
		d.Address = netip.AddrFrom16(b)
	}
	if d.Forwarding == Tunnel && d.Tunnel.Type == TunnelGUE && d.Tunnel.Port == 0 {
		d.Tunnel.Port = 6080
	}
	return d
}

func TestKernelKeepsEveryField(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		s := genKernelService(rt)
		d := genKernelDestination(rt, s.Key)
		must(rt, c.AddService(ctx, s))
		must(rt, c.AddDest(ctx, s.Key, d))
		check := func() {
			rt.Helper()
			got, err := c.Dump(ctx)
			must(rt, err)
			want := []ServiceState{{Service: s, Destinations: []DestinationState{{Destination: d}}}}
			if diff := cmp.Diff(want, got, countersAside); diff != "" {
				rt.Fatalf("added and read back differ:\n%s", diff)
			}
		}
		check()

		next := genKernelService(rt)
		next.Key = s.Key
		next.PEName, next.Netmask = s.PEName, FullMask(s.Key.Address)
		if next.PEName != "" {
			next.Flags |= FlagPersistent
		}
		s = next
		must(rt, c.SetService(ctx, s))
		nd := genKernelDestination(rt, s.Key)
		nd.Address, nd.Port = d.Address, d.Port
		if d.Address.Is4() != s.Key.Address.Is4() {
			nd.Forwarding = Tunnel
			nd.Tunnel = TunnelSettings{}
		}
		d = nd
		must(rt, c.SetDest(ctx, s.Key, d))
		check()

		must(rt, c.DelDest(ctx, s.Key, d))
		must(rt, c.DelService(ctx, s.Key))
		if got, err := c.Dump(ctx); err != nil || len(got) != 0 {
			rt.Fatalf("after the deletion there is %v, %v", got, err)
		}
	})
}

func must(t interface{ Fatal(...any) }, err error) {
	if err != nil {
		t.Fatal(err)
	}
}

func TestKernelRefusals(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	k := key("TCP 192.0.2.1:80")
	s := Service{Key: k, Scheduler: "rr"}
	d := dest("10.0.0.1:80", NAT, 1)

	wantErrno(t, c.SetService(ctx, s), syscall.ESRCH)
	wantErrno(t, c.DelService(ctx, k), syscall.ESRCH)
	wantErrno(t, c.AddDest(ctx, k, d), syscall.ESRCH)
	if _, err := c.Service(ctx, k); !errors.Is(err, syscall.ESRCH) {
		t.Errorf("reading a missing service gave %v", err)
	}
	if dests, err := c.Destinations(ctx, k); err != nil || len(dests) != 0 {
		t.Errorf("destinations of a missing service: %v, %v; want an empty success", dests, err)
	}
	wantErrno(t, c.AddService(ctx, Service{Key: k, Scheduler: "nope"}), syscall.ENOENT)
	wantErrno(t, c.AddService(ctx, Service{Key: k, Scheduler: "rr", PEName: "nope", Flags: FlagPersistent}), syscall.ENOENT)

	must(t, c.AddService(ctx, s))
	wantErrno(t, c.AddService(ctx, s), syscall.EEXIST)
	wantErrno(t, c.SetDest(ctx, k, d), syscall.ENOENT)
	wantErrno(t, c.DelDest(ctx, k, d), syscall.ENOENT)
	must(t, c.AddDest(ctx, k, d))
	wantErrno(t, c.AddDest(ctx, k, d), syscall.EEXIST)
	bad := d
	bad.UpperThreshold, bad.LowerThreshold = 1, 2
	wantErrno(t, c.SetDest(ctx, k, bad), syscall.ERANGE)
	bad = d
	bad.Weight = 1 << 31
	wantErrno(t, c.SetDest(ctx, k, bad), syscall.ERANGE)
	mixed := dest("[2001:db8::1]:80", NAT, 1)
	wantErrno(t, c.AddDest(ctx, k, mixed), syscall.EINVAL)
}
