//go:build lab

package tunnel

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/fou"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs/umltest"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

func typed(t *testing.T, line string) string {
	t.Helper()
	argv := strings.Fields(line)
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", line, err, out)
	}
	return string(out)
}

// judge asks ip(8) for all that the kind sets, in every device.
func judge(t *testing.T) string {
	t.Helper()
	var b strings.Builder
	links := typed(t, "ip -d -o link")
	for _, d := range allDevices() {
		state := "absent"
		for line := range strings.Lines(links) {
			if strings.Contains(line, " "+d+"@") {
				state = "down"
				if strings.Contains(line, "UP") {
					state = "up"
				}
				if strings.Contains(line, "icsum") {
					state += " icsum"
				}
			}
		}
		if state != "absent" {
			filter, err := os.ReadFile("/proc/sys/net/ipv4/conf/" + d + "/rp_filter")
			if err != nil {
				t.Fatal(err)
			}
			state += " rp_filter " + strings.TrimSpace(string(filter))
			if strings.Contains(typed(t, "ip -o -4 address show dev "+d), Address+" scope host") {
				state += " address"
			}
		}
		if d == "ip6tnl0" && state != "absent" {
			mode, _, _ := strings.Cut(strings.TrimPrefix(typed(t, "ip -6 tunnel show ip6tnl0"), "ip6tnl0: "), " ")
			state += " " + mode
		}
		b.WriteString(d + " " + state + "\n")
	}
	return b.String()
}

const ready = `gre0 up icsum rp_filter 2 address
ip6gre0 up rp_filter 2 address
ip6tnl0 up rp_filter 2 address any/ipv6
sit0 up rp_filter 0
tunl0 up rp_filter 2 address
`

const bare = `gre0 down rp_filter 0
ip6gre0 down rp_filter 0
ip6tnl0 down rp_filter 0 ipv6/ipv6
sit0 down rp_filter 0
tunl0 down rp_filter 0
`

// TestEveryTunnelOnARealKernel makes all there are from a kernel that has
// loaded nothing, damages and repairs them, brings them back as at boot, and
// lets them go.
func TestEveryTunnelOnARealKernel(t *testing.T) {
	want := tunnels(
		Tunnel{Type: ipip}, Tunnel{Type: ipip, InnerIPv6: true},
		Tunnel{Type: ipip, OuterIPv6: true}, Tunnel{Type: ipip, OuterIPv6: true, InnerIPv6: true},
		Tunnel{Type: gre, Checksum: true}, Tunnel{Type: gre, OuterIPv6: true},
		Tunnel{Type: gue, Port: 6080}, Tunnel{Type: gue, Port: 6081, OuterIPv6: true},
	)
	k, owned := New(host.Real()), step.Owned{}
	apply := func(want Desired) {
		t.Helper()
		for range 2 { // forward, reverse
			have, err := k.Observe(context.Background(), want, owned)
			if err != nil {
				t.Fatal(err)
			}
			changes := Diff(want, owned, have)
			for _, c := range changes {
				owned.Begin(c)
			}
			if _, err := k.Apply(context.Background(), want, changes); err != nil {
				t.Fatal(err)
			}
			for _, c := range changes {
				owned.End(c)
			}
		}
		have, err := k.Observe(context.Background(), want, owned)
		if err != nil {
			t.Fatal(err)
		}
		if left := Diff(want, owned, have); len(left) > 0 {
			t.Errorf("there is still to do: %+v", left)
		}
	}
	same := func(when, want string, ports ...fou.Port) {
		t.Helper()
		if got := judge(t); got != want {
			t.Errorf("%s:\n%swant:\n%s", when, got, want)
		}
		open, err := fou.List()
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range ports {
			if !slices.Contains(open, p) {
				t.Errorf("%s: %v is not among %v", when, p, open)
			}
		}
		if len(open) != len(ports) {
			t.Errorf("%s: the ports are %v", when, open)
		}
	}
	gue4, gue6 := fou.Port{Port: 6080, Type: fou.GUE}, fou.Port{Port: 6081, IPv6: true, Type: fou.GUE}

	apply(want)
	same("applied", ready, gue4, gue6)
	if shown := typed(t, "ip fou show"); !strings.Contains(shown, "port 6080 gue") || !strings.Contains(shown, "port 6081 gue") {
		t.Errorf("ip fou show says:\n%s", shown)
	}

	for _, line := range []string{
		"ip link set tunl0 down", "ip addr del " + Address + " dev ip6gre0", "ip -6 tunnel change ip6tnl0 mode ip6ip6",
		"ip fou del port 6080", "",
	} {
		if line == "" { // which ip(8) has no word for
			if err := rtnl.SetTunnelChecksum("gre0", false); err != nil {
				t.Fatal(err)
			}
		} else {
			typed(t, line)
		}
		have, err := k.Observe(context.Background(), want, owned)
		if err != nil {
			t.Fatal(err)
		}
		if changes := Diff(want, owned, have); len(changes) != 1 {
			t.Errorf("after %q: %+v", line, changes)
		}
		apply(want)
		same("after "+line, ready, gue4, gue6)
	}

	typed(t, "ip fou del port 6080")
	typed(t, "ip -6 fou del port 6081")
	typed(t, "modprobe -r ipip sit ip6_gre ip6_tunnel ip_gre fou")
	if err := Restore(context.Background(), host.Real()); err != nil {
		t.Fatal(err)
	}
	same("restored", ready, gue4, gue6)

	apply(Desired{})
	same("let go", bare)
	for _, path := range files() {
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	}
}
