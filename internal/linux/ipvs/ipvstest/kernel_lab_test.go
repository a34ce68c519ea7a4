//go:build lab

package ipvstest

import (
	"context"
	"errors"
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

// genCommand draws from few keys and values, so that commands meet.
func genCommand(t *rapid.T) ipvs.Command {
	key := ipvs.ServiceKey{
		Protocol: ipvs.TCP,
		Address:  netip.MustParseAddr(rapid.SampledFrom([]string{"192.0.2.1", "2001:db8::1"}).Draw(t, "vip")),
		Port:     80,
	}
	s := ipvs.Service{
		Key:       key,
		Scheduler: rapid.SampledFrom([]string{"rr", "wlc", "nope"}).Draw(t, "scheduler"),
		Flags:     ipvs.Flags(rapid.IntRange(0, 1).Draw(t, "persistent")) * ipvs.FlagPersistent,
		Timeout:   rapid.Uint32Range(0, 100).Draw(t, "timeout"),
	}
	d := ipvs.Destination{
		Address:        netip.MustParseAddr(rapid.SampledFrom([]string{"10.0.0.1", "10.0.0.2", "2001:db8::2"}).Draw(t, "rip")),
		Port:           80,
		Forwarding:     rapid.SampledFrom([]ipvs.Forwarding{ipvs.NAT, ipvs.Route, ipvs.Tunnel}).Draw(t, "forwarding"),
		Weight:         rapid.SampledFrom([]uint32{0, 1, 100000, 1 << 31}).Draw(t, "weight"),
		UpperThreshold: rapid.Uint32Range(0, 2).Draw(t, "upper"),
		LowerThreshold: rapid.Uint32Range(0, 2).Draw(t, "lower"),
	}
	switch rapid.IntRange(0, 7).Draw(t, "op") {
	case 0, 1:
		return ipvs.AddService(s)
	case 2:
		return ipvs.SetService(s)
	case 3:
		return ipvs.DeleteService(key)
	case 4, 5:
		return ipvs.AddDestination(key, d)
	case 6:
		return ipvs.SetDestination(key, d)
	}
	return ipvs.DeleteDestination(key, d.Addr())
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

// TestKernelAndFakeAgree runs one random series of commands against both.
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
	rapid.Check(t, func(t *rapid.T) {
		if out, err := exec.Command("ipvsadm", "-C").CombinedOutput(); err != nil {
			t.Fatalf("ipvsadm -C: %v %s", err, out)
		}
		fake := New()
		cmds := rapid.SliceOfN(rapid.Custom(genCommand), 1, 30).Draw(t, "commands")
		for _, c := range cmds {
			_, errReal := kernel.Do(ctx, []ipvs.Command{c})
			_, errFake := fake.Do(ctx, []ipvs.Command{c})
			if errno(errReal) != errno(errFake) {
				t.Fatalf("%s %s: the kernel says %v, the fake %v", c.Op, c.Object(), errReal, errFake)
			}
		}
		a, err := kernel.Dump(ctx)
		if err != nil {
			t.Fatal(err)
		}
		b, _ := fake.Dump(ctx)
		if diff := cmp.Diff(sorted(a), sorted(b), cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("the kernel's table and the fake's differ:\n%s", diff)
		}
	})
}

func errno(err error) syscall.Errno {
	var e syscall.Errno
	if err != nil && !errors.As(err, &e) {
		return ^syscall.Errno(0)
	}
	return e
}
