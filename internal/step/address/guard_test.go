package address

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

func byText(a, b netip.Prefix) int { return strings.Compare(a.String(), b.String()) }

// liveOf gives the changes to the running network that the plan needs.
func liveOf(t *testing.T, f *fake) []step.Change {
	t.Helper()
	return slices.DeleteFunc(diffOf(t, f, plan(), nil), func(c step.Change) bool { return isBoot(c) })
}

// Wherever guarded changes stop, a rollback brings the running network back,
// the lease and its client too, and leaves the boot files alone.
func TestRollback(t *testing.T) {
	for writes := 0; ; writes++ {
		f := onLease(t)
		f.links[1].Addresses = append(f.links[1].Addresses, prefixes("192.168.140.200/24")...)
		t.Setenv("SSH_CONNECTION", "192.168.140.1 50000 192.168.140.131 22")
		for _, pid := range []string{"412", "500"} {
			if err := os.Symlink("/usr/sbin/dhclient", f.Path("/proc/"+pid+"/exe")); err != nil {
				t.Fatal(err)
			}
		}
		before, files := f.links[1], f.Host.Snapshot()
		routes := slices.Clone(f.routes)
		kind := newKind(f.Host.Host, f, 0)
		live := liveOf(t, f)
		snap, err := kind.Guard.Snapshot(context.Background(), live)
		if err != nil {
			t.Fatal(err)
		}
		f.FailAfter(writes)
		_, applyErr := kind.Apply(context.Background(), plan(), live)
		f.FailAfter(-1)
		if slices.Contains(f.killed, 412) { // the model's processes do not die by themselves
			if err := os.RemoveAll(f.Path("/proc/412")); err != nil {
				t.Fatal(err)
			}
		}
		if err := kind.Guard.Rollback(context.Background(), snap); err != nil {
			t.Fatalf("after %d writes: %v", writes, err)
		}
		now := f.links[1]
		slices.SortFunc(now.Addresses, byText)
		slices.SortFunc(before.Addresses, byText)
		if now.Up != before.Up || !slices.Equal(now.Addresses, before.Addresses) || !slices.Equal(now.Dynamic, before.Dynamic) {
			t.Errorf("after %d writes the interface is %+v, was %+v", writes, now, before)
		}
		for _, r := range routes {
			if r.Proto != "kernel" && !slices.ContainsFunc(f.routes, r.Same) {
				t.Errorf("after %d writes %v is missing in %v", writes, r, f.routes)
			}
		}
		if killed := slices.Contains(f.killed, 412); killed != (len(f.started) == 1) {
			t.Errorf("after %d writes: killed %v, started %v", writes, f.killed, f.started)
		}
		if len(f.started) == 0 {
			if d := cmp.Diff(files, f.Host.Snapshot()); d != "" {
				t.Errorf("after %d writes a file changed:\n%s", writes, d)
			}
		}
		if applyErr == nil {
			if writes < 4 {
				t.Errorf("all was done after %d writes", writes)
			}
			return
		}
	}
}

// A rollback that cannot bring everything back says what is missing, and does
// the rest.
func TestRollbackSaysWhatIsLeft(t *testing.T) {
	f := onLease(t)
	if err := os.RemoveAll(f.Path("/proc")); err != nil {
		t.Fatal(err)
	}
	kind := newKind(f.Host.Host, f, 0)
	snap, err := kind.Guard.Snapshot(context.Background(), liveOf(t, f))
	if err != nil {
		t.Fatal(err)
	}
	f.links[1].Addresses, f.links[1].Dynamic, f.routes = nil, nil, nil
	f.FailAfter(1)
	err = kind.Guard.Rollback(context.Background(), snap)
	if err == nil || !strings.Contains(err.Error(), "the route 0.0.0.0/0 192.168.140.254 dev ens33 is missing") {
		t.Errorf("rollback: %v", err)
	}
	if len(f.links[1].Addresses) != 1 {
		t.Errorf("addresses: %v", f.links[1].Addresses)
	}
}

// The default route of a lease and the plan's may differ in the metric only.
func TestRollbackKeepsDefaultRoutesApart(t *testing.T) {
	f := onLease(t)
	if err := os.RemoveAll(f.Path("/proc")); err != nil {
		t.Fatal(err)
	}
	lease := rtnl.Route{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.168.140.254"), Interface: "ens33", Metric: 100}
	f.routes = []rtnl.Route{lease}
	kind := newKind(f.Host.Host, f, 0)
	snap, err := kind.Guard.Snapshot(context.Background(), liveOf(t, f))
	if err != nil {
		t.Fatal(err)
	}
	if err := f.ReplaceRoute(rtnl.Route{Destination: rtnl.DefaultDestination(false), Gateway: lease.Gateway, Interface: "ens33"}); err != nil {
		t.Fatal(err)
	}
	if err := kind.Guard.Rollback(context.Background(), snap); err != nil || !slices.Equal(f.routes, []rtnl.Route{lease}) {
		t.Errorf("%v; routes: %v", err, f.routes)
	}
}

func TestWithoutTitle(t *testing.T) {
	for title, want := range map[string]string{
		"dhcpcd: ens33 [ip4]":                     "dhcpcd -4 ens33",
		"dhcpcd: ens33 [ip4] [ip6]":               "dhcpcd ens33",
		"dhcpcd: [privileged proxy] ens33 [ip4]":  "dhcpcd -4 ens33",
		"dhcpcd: [BPF ARP] ens33 192.168.140.131": "dhcpcd ens33",
		"dhcpcd: [manager] [ip4] [ip6]":           "dhcpcd",
		"dhcpcd":                                  "dhcpcd",
		"/sbin/dhcpcd -q ens33":                   "/sbin/dhcpcd -q ens33",
	} {
		if got := strings.Join(withoutTitle([]string{title}), " "); got != want {
			t.Errorf("%s: %s", title, got)
		}
	}
	argv := []string{"/sbin/dhclient", "-pf", "/run/dhclient.pid", "ens33"}
	if got := withoutTitle(argv); !slices.Equal(got, argv) {
		t.Errorf("%q", got)
	}
}

// What others did while the guard waited stays: an interface that is gone, a
// virtual address that moved away, and one that came.
func TestRollbackLeavesOthersAlone(t *testing.T) {
	f := onLease(t)
	if err := os.RemoveAll(f.Path("/proc")); err != nil {
		t.Fatal(err)
	}
	f.links[1].Addresses = append(f.links[1].Addresses, prefixes("192.168.140.100/32")...)
	f.links = append(f.links, rtnl.Interface{Name: "veth7", Up: true})
	f.routes = append(f.routes, rtnl.Route{Destination: netip.MustParsePrefix("10.7.0.0/16"), Interface: "veth7", Proto: "static"})
	kind, live := newKind(f.Host.Host, f, 0), liveOf(t, f)
	snap, err := kind.Guard.Snapshot(context.Background(), live)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kind.Apply(context.Background(), plan(), live); err != nil {
		t.Fatal(err)
	}
	f.links[1].Addresses = append(prefixes("192.168.140.101/32"), slices.DeleteFunc(f.links[1].Addresses, netip.Prefix.IsSingleIP)...)
	f.links = f.links[:3]
	f.flush("veth7")
	if err := kind.Guard.Rollback(context.Background(), snap); err != nil {
		t.Error(err)
	}
	got := slices.SortedFunc(slices.Values(f.links[1].Addresses), byText)
	if want := prefixes("192.168.140.101/32", "192.168.140.131/24"); !slices.Equal(got, want) {
		t.Errorf("addresses: %v, want %v", got, want)
	}
}

// Nobody starts NetworkManager's own DHCP client again: until it renews in its
// own time, the lease must last.
func TestRollbackGivesALeaseItsTime(t *testing.T) {
	for valid, want := range map[time.Duration]time.Duration{20 * time.Hour: 20 * time.Hour, time.Minute: leaseBack} {
		f := onLease(t)
		if err := os.RemoveAll(f.Path("/proc")); err != nil {
			t.Fatal(err)
		}
		f.links[1].Valid = []time.Duration{valid}
		kind, live := newKind(f.Host.Host, f, 0), liveOf(t, f)
		snap, err := kind.Guard.Snapshot(context.Background(), live)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := kind.Apply(context.Background(), plan(), live); err != nil {
			t.Fatal(err)
		}
		if err := kind.Guard.Rollback(context.Background(), snap); err != nil || f.leased != want {
			t.Errorf("%v; a lease of %s came back for %s", err, valid, f.leased)
		}
	}
}

// NetworkManager hears that a lease is gone with the file, though the address
// was changed before, under a guard.
func TestFileThatGivesUpDHCP(t *testing.T) {
	file := func(from, to string) step.Change {
		return step.Change{Action: step.Update, ID: step.ID{Key: netconf.IfcfgDir + "/ifcfg-ens33", Field: step.ContentField}, From: from, To: to}
	}
	for _, tc := range []struct {
		change step.Change
		want   []string
	}{
		{file("BOOTPROTO=\"dhcp\"\n", "BOOTPROTO=\"none\"\n"), []string{"ens33"}},
		{file("BOOTPROTO=none\n", "BOOTPROTO=none\nDNS1=192.0.2.1\n"), nil},
		{file("# BOOTPROTO=dhcp\n", "BOOTPROTO=none\n"), nil},
	} {
		if got := liveInterfaces(plan(), []step.Change{tc.change}); !slices.Equal(got, tc.want) {
			t.Errorf("%q: %q", tc.change.From, got)
		}
	}
}
