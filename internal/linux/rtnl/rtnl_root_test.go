//go:build linuxroot

package rtnl

import (
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// newNamespace moves the test into a fresh network namespace. The thread is
// never unlocked, so the runtime ends it with the test.
func newNamespace(t *testing.T) {
	t.Helper()
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("cannot make a network namespace (run as root): %v", err)
	}
}

func addVeth(t *testing.T, name string) {
	t.Helper()
	la := netlink.NewLinkAttrs()
	la.Name = name
	err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: la, PeerName: name + "-peer"})
	if err != nil {
		t.Fatal(err)
	}
	if err := SetUp(name + "-peer"); err != nil {
		t.Fatal(err)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// defaultVia is the default route of ens33 through a gateway.
func defaultVia(gw netip.Addr) Route {
	return Route{Destination: DefaultDestination(gw.Is6()), Gateway: gw, Interface: "ens33"}
}

func find(t *testing.T, name string) Interface {
	t.Helper()
	all, err := Interfaces()
	must(t, err)
	i, ok := Find(all, name)
	if !ok {
		t.Fatal(Missing(name, all))
	}
	return i
}

func TestAddressesAndLink(t *testing.T) {
	newNamespace(t)
	addVeth(t, "ens33")
	if i := find(t, "ens33"); i.Up || i.MAC == "" || i.Loopback {
		t.Fatalf("fresh interface: %+v", i)
	}
	must(t, SetUp("ens33"))
	p := netip.MustParsePrefix("192.168.140.10/24")
	p6 := netip.MustParsePrefix("fd00::10/64")
	for range 2 { // the second time changes nothing
		must(t, AddAddress("ens33", p))
		must(t, AddAddress("ens33", p6))
	}
	i := find(t, "ens33")
	if !i.Up || !i.Has(p) || !i.Has(p6) || i.IsDynamic(p) {
		t.Fatalf("after adding: %+v", i)
	}
	all, err := Interfaces()
	must(t, err)
	if h, ok := Holder(all, p.Addr()); !ok || h.Name != "ens33" {
		t.Fatalf("holder of %s: %+v %v", p.Addr(), h, ok)
	}
	for range 2 {
		must(t, DelAddress("ens33", p))
		must(t, DelAddress("ens33", p6))
	}
	must(t, SetDown("ens33"))
	if i := find(t, "ens33"); i.Up || i.Has(p) || i.Has(p6) {
		t.Fatalf("after removing: %+v", i)
	}
}

func TestAddAddressLiftsALease(t *testing.T) {
	newNamespace(t)
	addVeth(t, "ens33")
	p := netip.MustParsePrefix("192.168.140.10/24")
	l, err := link("ens33")
	must(t, err)
	must(t, netlink.AddrAdd(l, &netlink.Addr{IPNet: ipNet(p), ValidLft: 600, PreferedLft: 600}))
	if i := find(t, "ens33"); !i.IsDynamic(p) {
		t.Fatalf("a lease is not seen as dynamic: %+v", i)
	}
	must(t, AddAddress("ens33", p))
	if i := find(t, "ens33"); !i.Has(p) || i.IsDynamic(p) {
		t.Fatalf("the lifetime is still there: %+v", i)
	}
}

func TestRemovingTheFirstAddressKeepsTheOthers(t *testing.T) {
	newNamespace(t)
	must(t, os.WriteFile("/proc/sys/net/ipv4/conf/all/promote_secondaries", []byte("0"), 0o644))
	must(t, os.WriteFile("/proc/sys/net/ipv4/conf/default/promote_secondaries", []byte("0"), 0o644))
	addVeth(t, "ens33")
	must(t, SetUp("ens33"))
	lease, static := netip.MustParsePrefix("192.168.140.131/24"), netip.MustParsePrefix("192.168.140.10/24")
	must(t, AddAddress("ens33", lease))
	must(t, AddAddress("ens33", static))
	must(t, ReplaceRoute(defaultVia(netip.MustParseAddr("192.168.140.2"))))
	must(t, DelAddress("ens33", lease))
	if i := find(t, "ens33"); i.Has(lease) || !i.Has(static) {
		t.Fatalf("got %+v", i)
	}
	r, err := RouteTo(netip.MustParseAddr("10.9.9.9"))
	must(t, err)
	if r.Source != static.Addr() {
		t.Fatalf("route %+v", r)
	}
	v, err := os.ReadFile("/proc/sys/net/ipv4/conf/ens33/promote_secondaries")
	must(t, err)
	if strings.TrimSpace(string(v)) != "0" {
		t.Fatalf("promote_secondaries is left at %s", v)
	}
}

func TestRoutes(t *testing.T) {
	newNamespace(t)
	addVeth(t, "ens33")
	must(t, SetUp("ens33"))
	must(t, AddAddress("ens33", netip.MustParsePrefix("192.168.140.10/24")))
	gw := netip.MustParseAddr("192.168.140.2")
	other := Route{Destination: DefaultDestination(false), Gateway: netip.MustParseAddr("192.168.140.3"), Interface: "ens33", Metric: 100}
	far := netip.MustParseAddr("10.9.9.9")
	if _, err := RouteTo(far); err == nil {
		t.Fatal("a route without a default route")
	}
	must(t, ReplaceRoute(other))
	must(t, ReplaceRoute(defaultVia(netip.MustParseAddr("192.168.140.1"))))
	must(t, ReplaceRoute(defaultVia(gw)))
	routes, err := Routes()
	must(t, err)
	d, ok := Default(routes, false)
	if !ok || d.Gateway != gw || d.Interface != "ens33" || d.Proto != "boot" {
		t.Fatalf("default route %+v of %+v", d, routes)
	}
	r, err := RouteTo(far)
	must(t, err)
	if r.Gateway != gw || r.Interface != "ens33" || r.Source != netip.MustParseAddr("192.168.140.10") {
		t.Fatalf("route to %s: %+v", far, r)
	}
	for range 2 {
		must(t, DelRoutes(defaultVia(gw), nil))
		must(t, DelRoute(other))
	}
	routes, err = Routes()
	must(t, err)
	if d, ok := Default(routes, false); ok {
		t.Fatalf("still a default route: %+v", d)
	}
	err = ReplaceRoute(defaultVia(netip.MustParseAddr("10.0.0.1")))
	if err == nil || !strings.Contains(err.Error(), "no address in the gateway's network") {
		t.Fatalf("an unreachable gateway: %v", err)
	}
}

func TestIPv6Default(t *testing.T) {
	newNamespace(t)
	must(t, os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0o644))
	addVeth(t, "ens33")
	must(t, SetUp("ens33"))
	must(t, AddAddress("ens33", netip.MustParsePrefix("fd00::10/64")))
	gw := netip.MustParseAddr("fd00::1")
	must(t, ReplaceRoute(defaultVia(gw)))
	routes, err := Routes()
	must(t, err)
	if d, ok := Default(routes, true); !ok || d.Gateway != gw {
		t.Fatalf("default route %+v", routes)
	}
	must(t, DelRoutes(defaultVia(gw), nil))
}

// TestStaticRoutes holds, by what ip(8) says, that routes of both families and
// an MTU come, are replaced and go, and that of two routes to one destination the
// one that is to stay does.
func TestStaticRoutes(t *testing.T) {
	newNamespace(t)
	must(t, os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0o644))
	addVeth(t, "ens33")
	must(t, SetUp("ens33"))
	must(t, AddAddress("ens33", netip.MustParsePrefix("192.168.140.10/24")))
	must(t, AddAddress("ens33", netip.MustParsePrefix("fd00::10/64")))
	must(t, SetMTU("ens33", 1400))
	if i := find(t, "ens33"); i.MTU != 1400 {
		t.Errorf("%+v", i)
	}
	if err := SetMTU("ens33", 70000); err == nil || !strings.Contains(err.Error(), "cannot set the mtu of ens33 to 70000") {
		t.Errorf("too large: %v", err)
	}
	route := func(to, via string, metric int) Route {
		r := Route{Destination: netip.MustParsePrefix(to), Interface: "ens33", Metric: metric}
		if via != "" {
			r.Gateway = netip.MustParseAddr(via)
		}
		return r
	}
	for range 2 {
		must(t, ReplaceRoute(route("10.8.0.0/16", "192.168.140.1", 0)))
		must(t, ReplaceRoute(route("10.8.0.0/16", "192.168.140.2", 0)))
		must(t, ReplaceRoute(route("10.8.0.0/16", "192.168.140.2", 10)))
		must(t, ReplaceRoute(route("10.9.0.0/16", "", 0)))
		must(t, ReplaceRoute(route("2001:db8:8::/48", "fd00::1", 0)))
		must(t, ReplaceRoute(route("2001:db8:8::/48", "fd00::2", 0)))
		must(t, ReplaceRoute(route("2001:db8:9::/48", "", 7)))
	}
	shown := func() string {
		out, err := exec.Command("sh", "-c", "ip -4 route; ip -6 route | grep 2001").CombinedOutput()
		if err != nil {
			t.Fatalf("ip: %v %s", err, out)
		}
		return regexp.MustCompile(`(?m) (pref medium)?\s*$|^192.*\n`).ReplaceAllString(string(out), "")
	}
	want := "10.8.0.0/16 via 192.168.140.2 dev ens33\n10.8.0.0/16 via 192.168.140.2 dev ens33 metric 10\n10.9.0.0/16 dev ens33 scope link\n" +
		"2001:db8:8::/48 via fd00::2 dev ens33 metric 1024\n2001:db8:9::/48 dev ens33 metric 7"
	if got := strings.TrimSpace(shown()); got != want {
		t.Errorf("routes:\n%s\nwant:\n%s", got, want)
	}
	for range 2 {
		must(t, DelRoutes(route("10.8.0.0/16", "192.168.140.2", 0), []int{10}))
		must(t, DelRoutes(route("10.9.0.0/16", "", 0), nil))
		must(t, DelRoutes(route("2001:db8:8::/48", "fd00::2", 0), nil))
		must(t, DelRoute(route("2001:db8:9::/48", "", 7)))
	}
	out, err := exec.Command("sh", "-c", "ip -4 route; ip -6 route | grep 2001").CombinedOutput()
	if got := string(out); err == nil || !strings.HasPrefix(got, "10.8.0.0/16 via 192.168.140.2 dev ens33 metric 10") || strings.Count(got, "\n") != 2 {
		t.Errorf("left: %s", got)
	}
}

func TestMissingInterface(t *testing.T) {
	newNamespace(t)
	addVeth(t, "ens33")
	err := SetUp("ens34")
	if !errors.Is(err, ErrNoInterface) || !strings.Contains(err.Error(), "no interface ens34 on this host; it has lo, ens33") {
		t.Fatalf("got %v", err)
	}
}

// TestAddressesThatNothingIsSentFrom holds, by what ip(8) says, that an IPv6
// VIP is deprecated and stays for ever, and that a loopback address has host
// scope wherever it is.
func TestAddressesThatNothingIsSentFrom(t *testing.T) {
	newNamespace(t)
	addVeth(t, "veth0")
	if err := SetUp("veth0"); err != nil {
		t.Fatal(err)
	}
	vip, own := netip.MustParsePrefix("2001:db8::100/128"), netip.MustParsePrefix("127.76.86.83/32")
	for range 2 { // the second changes nothing
		if err := AddVIP("veth0", vip); err != nil {
			t.Fatal(err)
		}
		if err := AddAddress("veth0", own); err != nil {
			t.Fatal(err)
		}
	}
	out, err := exec.Command("ip", "-o", "address", "show", "dev", "veth0").CombinedOutput()
	if err != nil {
		t.Fatalf("ip: %v %s", err, out)
	}
	for _, want := range []string{`2001:db8::100/128 scope global deprecated .*valid_lft forever preferred_lft 0sec`, `127.76.86.83/32 scope host veth0`} {
		if !regexp.MustCompile(want).Match(out) {
			t.Errorf("ip does not say %q:\n%s", want, out)
		}
	}
	all, err := Interfaces()
	if err != nil {
		t.Fatal(err)
	}
	if i, _ := Find(all, "veth0"); !i.Has(vip) || i.IsDynamic(vip) {
		t.Errorf("the VIP is not seen as an address for good: %+v", i)
	}
}

// What a rollback brings back: a default route beside another with a lower
// metric, and one whose gateway is in no network of the interface.
func TestRoutesThatCameBack(t *testing.T) {
	newNamespace(t)
	addVeth(t, "v0")
	must(t, SetUp("v0"))
	must(t, AddAddress("v0", netip.MustParsePrefix("192.0.2.5/24")))
	everywhere := netip.MustParsePrefix("0.0.0.0/0")
	lease := Route{Destination: everywhere, Gateway: netip.MustParseAddr("192.0.2.1"), Source: netip.MustParseAddr("192.0.2.5"), Interface: "v0", Proto: "dhcp", Metric: 100}
	cloud := Route{Destination: everywhere, Gateway: netip.MustParseAddr("198.51.100.1"), Interface: "v0", Proto: "static", Metric: 200}
	ours := Route{Destination: everywhere, Gateway: lease.Gateway, Interface: "v0"}
	must(t, ReplaceRoute(ours))
	must(t, AddRoute(lease))
	must(t, AddRoute(lease)) // it is there
	must(t, AddRoute(cloud))
	must(t, DelRoute(ours))
	all, err := Routes()
	must(t, err)
	var left []Route
	for _, r := range all {
		if r.IsDefault() {
			left = append(left, r)
		}
	}
	if len(left) != 2 || left[0] != lease || left[1] != cloud {
		t.Errorf("default routes: %+v", left)
	}
}

func TestLeaseHasItsTime(t *testing.T) {
	newNamespace(t)
	addVeth(t, "v0")
	lease := netip.MustParsePrefix("192.0.2.5/24")
	must(t, AddAddress("v0", netip.MustParsePrefix("192.0.2.6/24")))
	must(t, LeaseAddress("v0", lease, time.Hour))
	i := find(t, "v0")
	if d := i.ValidFor(lease); d > time.Hour || d < time.Hour-time.Minute {
		t.Errorf("the lease is valid for %s", d)
	}
	if d := i.ValidFor(netip.MustParsePrefix("192.0.2.6/24")); d != 0 {
		t.Errorf("the lasting address is valid for %s", d)
	}
}
