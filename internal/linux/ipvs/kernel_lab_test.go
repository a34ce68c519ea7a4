//go:build lab

package ipvs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

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
	if a := Available(ctx, host.Real()); a.Loaded || !a.Loadable {
		t.Fatalf("before: %+v", a)
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
	if a := Available(ctx, host.Real()); !a.Loaded {
		t.Errorf("after: %+v", a)
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
	for _, line := range strings.Split(string(loaded), "\n") {
		name, _, _ := strings.Cut(line, " ")
		if strings.HasPrefix(name, "ip_vs") {
			run(t, "ipvsadm", "-C")
			run(t, "modprobe", "-r", "ip_vs_rr", "ip_vs_wrr", "ip_vs_wlc", "ip_vs_sh", "ip_vs_pe_sip")
			return
		}
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

func TestKernelBatch(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	k := key("TCP 192.0.2.1:80")
	const n = 10_000
	cmds := []Command{AddService(Service{Key: k, Scheduler: "rr"})}
	var rules strings.Builder
	rules.WriteString("-A -t 192.0.2.1:80 -s rr\n")
	for i := range n {
		ap := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 80)
		cmds = append(cmds, AddDestination(k, dest(ap.String(), NAT, 1)))
		fmt.Fprintf(&rules, "-a -t 192.0.2.1:80 -r %s -m -w 1\n", ap)
	}
	start := time.Now()
	done, err := c.Do(ctx, cmds)
	batched := time.Since(start)
	if err != nil || done != n+1 {
		t.Fatalf("%d of %d, %v", done, n+1, err)
	}
	start = time.Now()
	table, err := c.Dump(ctx)
	read := time.Since(start)
	if err != nil || len(table) != 1 || len(table[0].Destinations) != n {
		t.Fatalf("read back %d services, %v", len(table), err)
	}

	run(t, "ipvsadm", "-C")
	restore := exec.Command("ipvsadm", "-R")
	restore.Stdin = strings.NewReader(rules.String())
	start = time.Now()
	if out, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("ipvsadm -R: %v %s", err, out)
	}
	theirs := time.Since(start)
	start = time.Now()
	run(t, "ipvsadm", "-S", "-n")
	save := time.Since(start)
	t.Logf("10,000 backends: load %v, ipvsadm -R %v (%.1f times); read %v, ipvsadm -S -n %v (%.1f times)",
		batched, theirs, theirs.Seconds()/batched.Seconds(), read, save, save.Seconds()/read.Seconds())
}

func TestKernelBatchSaysWhatFailed(t *testing.T) {
	c := dial(t)
	k := key("TCP 192.0.2.1:80")
	good := dest("10.0.0.2:80", NAT, 1)
	done, err := c.Do(context.Background(), []Command{
		AddService(Service{Key: k, Scheduler: "rr"}),
		DeleteDestination(k, netip.MustParseAddrPort("10.0.0.1:80")),
		AddDestination(k, good),
		AddDestination(k, good),
	})
	var batch *BatchError
	if !errors.As(err, &batch) {
		t.Fatalf("got %v", err)
	}
	if done != 2 || batch.First() != 1 || len(batch.Failed) != 2 || batch.Failed[1].Index != 3 {
		t.Errorf("done %d, %+v", done, batch)
	}
	wantErrno(t, err, syscall.ENOENT)
	wantErrno(t, batch.Failed[1].Err, syscall.EEXIST)
}
