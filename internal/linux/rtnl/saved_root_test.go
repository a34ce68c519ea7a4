//go:build linuxroot

package rtnl

import (
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

func ip(t *testing.T, commands ...string) string {
	t.Helper()
	var out []byte
	var err error
	for _, c := range commands {
		if out, err = exec.Command("ip", strings.Fields(c)...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v %s", c, err, out)
		}
	}
	return string(out)
}

// Routes of every table come back as ip(8) had them, with several next hops and
// with what Route does not know; what was not touched and what others added stays.
func TestSavedRoutesComeBack(t *testing.T) {
	newNamespace(t)
	addVeth(t, "v0")
	addVeth(t, "v1")
	setUp := func() {
		ip(t, "link set v0 up", "link set v1 up", "address add 192.0.2.5/24 dev v0", "address add 198.51.100.5/24 dev v1",
			"-6 address add 2001:db8::5/64 dev v0 nodad")
	}
	setUp()
	ip(t,
		"route add default nexthop via 192.0.2.1 dev v0 weight 3 nexthop via 198.51.100.1 dev v1",
		"route add default via 192.0.2.2 dev v0 metric 100 mtu 1400 proto static",
		"route add default via 192.0.2.1 dev v0 table 100",
		"route add 10.8.0.0/16 via 203.0.113.1 dev v0 onlink src 192.0.2.5",
		"route add 10.9.0.0/16 dev v0 tos 0x10 table 4711",
		"route add 10.10.0.0/16 via 198.51.100.9 dev v1",
		"-6 route add 2001:db8:1::/48 via 2001:db8::1 dev v0 table 100",
		"-6 route add default nexthop via 2001:db8::1 dev v0 nexthop via 2001:db8::2 dev v0",
	)
	all := func() string {
		return ip(t, "-d -4 route show table all type unicast") + ip(t, "-d -6 route show table all type unicast")
	}
	before := all()
	routes, err := SaveRoutes([]string{"v0"})
	must(t, err)
	if len(routes) < 7 {
		t.Errorf("%d routes", len(routes))
	}
	text := make([]string, 0, len(routes))
	for _, r := range routes {
		text = append(text, r.Text)
	}
	for _, want := range []string{
		"default nexthop via 192.0.2.1 dev v0 weight 3 nexthop via 198.51.100.1 dev v1 weight 1",
		"default via 192.0.2.2 dev v0 metric 100", "10.8.0.0/16 via 203.0.113.1 dev v0 src 192.0.2.5", "10.9.0.0/16 dev v0 table 4711",
	} {
		if !strings.Contains(strings.Join(text, "\n"), want+"\n") {
			t.Errorf("no %q in %q", want, text)
		}
	}
	must(t, RestoreRoutes(routes, []string{"v0"})) // nothing is missing
	if got := all(); got != before {
		t.Errorf("it changed what was there:\n%s\nwas\n%s", got, before)
	}

	// The link loses its address, and all routes with it; another default route comes.
	ip(t, "address flush dev v0 scope global", "address add 192.0.2.77/24 dev v0", "route replace default via 192.0.2.70 dev v0")
	must(t, AddAddress("v0", netip.MustParsePrefix("192.0.2.5/24")))
	ip(t, "-6 address add 2001:db8::5/64 dev v0 nodad")
	must(t, DelAddress("v0", netip.MustParsePrefix("192.0.2.77/24")))
	must(t, RestoreRoutes(routes, []string{"v0"}))
	if got := sortedLines(all()); got != sortedLines(before) {
		t.Errorf("routes:\n%s\nwere\n%s", got, sortedLines(before))
	}
	again, err := SaveRoutes([]string{"v0"})
	must(t, err)
	for _, r := range routes {
		if !Holds(again, r) {
			t.Errorf("%s is missing", r.Text)
		}
	}
}

func sortedLines(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}
