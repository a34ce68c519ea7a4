package address

import (
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

func prefixes(all ...string) []netip.Prefix {
	var ps []netip.Prefix
	for _, a := range all {
		ps = append(ps, netip.MustParsePrefix(a))
	}
	return ps
}

// onLease is a Debian host whose ens33 has a lease from a DHCP client.
func onLease(t *testing.T) *fake {
	t.Helper()
	f := debian(t).(*fake)
	f.Put(netconf.InterfacesTop, debianInterfaces+"allow-hotplug ens33\niface ens33 inet dhcp\n")
	f.Put("/proc/412/cmdline", "/sbin/dhclient\x00-4\x00-v\x00-i\x00-pf\x00/run/dhclient.ens33.pid\x00-lf\x00/x\x00ens33\x00")
	f.Put("/proc/500/cmdline", "/sbin/dhclient\x00-pf\x00/run/dhclient.ens36.pid\x00ens36\x00")
	f.links[1].Up = true
	f.links[1].Addresses = prefixes("192.168.140.131/24")
	f.links[1].Dynamic = prefixes("192.168.140.131/24")
	f.routes = []rtnl.Route{
		{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("192.168.140.254"), Interface: "ens33", Proto: "boot"},
		{Destination: netip.MustParsePrefix("192.168.140.0/24"), Source: netip.MustParseAddr("192.168.140.131"), Interface: "ens33", Proto: "kernel"},
	}
	return f
}

func diffOf(t *testing.T, f *fake, want Desired, owned step.Owned) []step.Change {
	t.Helper()
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := f.Kind().Diff(context.Background(), raw, owned)
	if err != nil {
		t.Fatal(err)
	}
	return changes
}

// brief writes changes as a person would note them, files without content.
func brief(changes []step.Change) []string {
	var all []string
	for _, c := range changes {
		text := string(rune(c.Action)) + " " + c.ID.String()
		if c.Field != step.ContentField {
			text += ": " + c.From + " -> " + c.To
		}
		if c.Blocked != "" {
			text += " BLOCKED"
		}
		all = append(all, text)
	}
	return all
}

func TestALeaseIsReplaced(t *testing.T) {
	f := onLease(t)
	changes := diffOf(t, f, plan(), nil)
	want := []string{
		"~ /etc/network/interfaces (content)",
		"+ /etc/network/interfaces.d/lvsup-ens33 (content)",
		"~ ens33 (dhcp client): dhclient -> stopped",
		"~ /etc/resolv.conf (content)",
		"+ ens33 (192.168.140.20/24):  -> present",
		"~ default (gateway): 192.168.140.254 dev ens33 -> 192.168.140.2 dev ens33",
		"~ ens33 (lease): 192.168.140.131/24 -> none",
		"+ ens33 (ifstate):  -> up",
	}
	if d := cmp.Diff(want, brief(changes)); d != "" {
		t.Fatalf("changes (-want +got):\n%s", d)
	}
	owned := step.Owned{}
	for _, c := range changes {
		owned.Begin(c)
	}
	done, err := newKind(f.Host.Host, f, 0).Apply(context.Background(), plan(), changes)
	if err != nil || done != len(changes) {
		t.Fatalf("apply: %d of %d, %v", done, len(changes), err)
	}
	for _, c := range changes {
		owned.End(c)
	}
	if d := cmp.Diff([]int{412}, f.killed); d != "" {
		t.Errorf("processes ended (-want +got):\n%s", d)
	}
	f.Put("/proc/412/cmdline", "")
	if left := diffOf(t, f, plan(), owned); len(left) != 0 {
		t.Errorf("still to do: %v", brief(left))
	}
	if !strings.Contains(f.Get(netconf.InterfacesTop), "# lvsup: iface ens33 inet dhcp") {
		t.Errorf("DHCP would start at boot:\n%s", f.Get(netconf.InterfacesTop))
	}
	// Letting go: the client comes back with the files; its route went with it.
	want = []string{
		". ens33 (lease): none -> ",
		"- default (gateway): 192.168.140.2 dev ens33 -> ",
		"- ens33 (192.168.140.20/24): present -> ",
		"- ens33 (ifstate): up -> ",
		"< /etc/resolv.conf (content)",
		". ens33 (dhcp client): stopped -> ",
		"< /etc/network/interfaces (content)",
		"- /etc/network/interfaces.d/lvsup-ens33 (content)",
	}
	got := brief(diffOf(t, f, Desired{}, owned))
	if d := cmp.Diff(sorted(want), sorted(got)); d != "" {
		t.Errorf("destroy (-want +got):\n%s", d)
	}
}

func TestALeasesRouteGoesWhereThePlanHasNone(t *testing.T) {
	f := onLease(t)
	want := Desired{Interfaces: []Interface{{Name: "ens33", Address: "192.168.140.20/24"}}}
	changes := diffOf(t, f, want, nil)
	var lease step.Change
	for _, c := range changes {
		if c.Field == FieldLease {
			lease = c
		}
	}
	if lease.From != "192.168.140.131/24 via 192.168.140.254" {
		t.Fatalf("lease %q", lease.From)
	}
	const keep = "/proc/sys/net/ipv4/conf/ens33/promote_secondaries"
	cmds := []string{
		"ip route del default via 192.168.140.254 dev ens33 || :",
		"before=$(cat " + keep + "); echo 1 > " + keep, "ip addr del dev ens33 192.168.140.131/24 || :", "echo $before > " + keep,
	}
	if d := cmp.Diff(cmds, Commands(want, lease)); d != "" {
		t.Error(d)
	}
	if _, err := newKind(f.Host.Host, f, 0).Apply(context.Background(), want, changes); err != nil {
		t.Fatal(err)
	}
	if _, ok := rtnl.Default(f.routes, false); ok || f.links[1].Has(prefixes("192.168.140.131/24")[0]) {
		t.Errorf("left: %+v %+v", f.routes, f.links[1])
	}
}

func sorted(s []string) map[string]bool {
	m := map[string]bool{}
	for _, x := range s {
		m[x] = true
	}
	return m
}

// What could cut the session is guarded, all else that changes the running
// network goes with it, and the boot files come last.
func TestTheSessionsOwnWayIsGuarded(t *testing.T) {
	guarded := func(t *testing.T, f *fake, want Desired) map[string]bool {
		m, boot := map[string]bool{}, false
		for _, c := range diffOf(t, f, want, nil) {
			if c.Guarded != "" {
				m[c.ID.String()] = true
				if !strings.Contains(c.Guarded, "SSH session (") || boot || c.Boot {
					t.Errorf("%s: %q, boot %v", c.ID, c.Guarded, c.Boot)
				}
			}
			boot = boot || c.Boot
		}
		return m
	}
	t.Run("over the interface", func(t *testing.T) {
		f := onLease(t)
		t.Setenv("SSH_CONNECTION", "192.168.140.1 50000 192.168.140.131 22")
		want := sorted([]string{"ens33 (dhcp client)", "ens33 (192.168.140.20/24)", "default (gateway)", "ens33 (lease)"})
		if d := cmp.Diff(want, guarded(t, f, plan())); d != "" {
			t.Errorf("guarded (-want +got):\n%s", d)
		}
		files := 0
		for _, c := range diffOf(t, f, plan(), nil) {
			if c.Boot {
				files++
			} else if c.Guarded == "" {
				t.Errorf("%s is neither guarded nor for the next boot", c.ID)
			}
		}
		if files < 3 {
			t.Errorf("%d files for the next boot", files)
		}
	})
	t.Run("through the default route", func(t *testing.T) {
		f := onLease(t)
		t.Setenv("SSH_CONNECTION", "10.9.9.9 50000 192.168.140.131 22")
		if got := guarded(t, f, plan()); !got["default (gateway)"] {
			t.Errorf("guarded: %v", got)
		}
	})
	t.Run("another interface", func(t *testing.T) {
		f := onLease(t)
		f.links[2].Up, f.links[2].Addresses = true, prefixes("10.0.0.5/24")
		f.routes = append(f.routes, rtnl.Route{Destination: netip.MustParsePrefix("10.0.0.0/24"), Interface: "ens36"})
		t.Setenv("SSH_CONNECTION", "10.0.0.1 50000 10.0.0.5 22")
		if got := guarded(t, f, plan()); len(got) != 0 {
			t.Errorf("guarded: %v", got)
		}
		narrow := Desired{Interfaces: []Interface{{Name: "ens33", Address: "10.0.0.3/28"}}}
		if got := guarded(t, f, narrow); !got["ens33 (10.0.0.3/28)"] {
			t.Errorf("an address that takes over the way is not guarded: %v", got)
		}
	})
	t.Run("only the boot files differ", func(t *testing.T) {
		f := debian(t).(*fake)
		typed(t, f)
		f.Put(netconf.IfState, "ens33=ens33\n")
		t.Setenv("SSH_CONNECTION", "192.168.140.1 50000 192.168.140.20 22")
		changes := diffOf(t, f, plan(), nil)
		if got := guarded(t, f, plan()); len(got) != 0 || len(changes) < 2 {
			t.Errorf("guarded: %v of %v", got, brief(changes))
		}
	})
}

// An address of lvsup's that the plan replaces goes with the guarded change: it
// comes after the new one, and before the files.
func TestTheSessionsOldAddressGoesUnderTheGuard(t *testing.T) {
	f, owned := applied(t)
	t.Setenv("SSH_CONNECTION", "192.168.140.1 50000 192.168.140.20 22")
	changes := diffOf(t, f, moved(), owned)
	place := func(id string) int {
		for n, c := range changes {
			if c.ID.String() == id {
				if c.Guarded == "" || c.Blocked != "" || c.Reverse() {
					t.Errorf("%s: guarded %q, blocked %q, in the reverse pass: %v", id, c.Guarded, c.Blocked, c.Reverse())
				}
				return n
			}
		}
		t.Fatalf("no %s in %v", id, brief(changes))
		return 0
	}
	fresh, old := place("ens33 (192.168.140.21/24)"), place("ens33 (192.168.140.20/24)")
	if fresh > old {
		t.Errorf("the old address goes first: %v", brief(changes))
	}
	for n, c := range changes {
		if c.Boot && n < old {
			t.Errorf("%s comes before the running network is done: %v", c.ID, brief(changes))
		}
	}
}

// applied gives a host on which the plan was applied, and what lvsup has there.
func applied(t *testing.T) (*fake, step.Owned) {
	t.Helper()
	f := debian(t).(*fake)
	owned := step.Owned{}
	changes := diffOf(t, f, plan(), nil)
	for _, c := range changes {
		owned.Begin(c)
	}
	if _, err := newKind(f.Host.Host, f, 0).Apply(context.Background(), plan(), changes); err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		owned.End(c)
	}
	return f, owned
}

// A plan that drops the session's interface is refused, with the files of that
// interface, and says what to type.
func TestRemovalOfTheSessionsOwnWayIsBlocked(t *testing.T) {
	f, owned := applied(t)
	t.Setenv("SSH_CONNECTION", "192.168.140.1 50000 192.168.140.20 22")
	other := Desired{Interfaces: []Interface{{Name: "ens36", Address: "198.51.100.20/24"}}}
	blocked := map[string]string{}
	for _, c := range diffOf(t, f, other, owned) {
		blocked[c.ID.String()] = c.Blocked
	}
	if why := blocked["ens33 (192.168.140.20/24)"]; !strings.Contains(why, "SSH session (") || !strings.HasSuffix(why, "type at its console: ip addr del dev ens33 192.168.140.20/24") {
		t.Errorf("the address: %q", why)
	}
	if why := blocked[netconf.OwnInterfacesPath("ens33")+" (content)"]; !strings.Contains(why, "SSH session (") {
		t.Errorf("its file: %q of %v", why, blocked)
	}
	if _, err := newKind(f.Host.Host, f, 0).Apply(context.Background(), other, diffOf(t, f, other, owned)); err == nil || !strings.Contains(err.Error(), "SSH session") {
		t.Errorf("apply: %v", err)
	}
}

// A destroy leaves what carries its session as it runs, says when it goes, and
// puts the files for the next boot back.
func TestDestroyLeavesTheSessionsOwnWayToTheBoot(t *testing.T) {
	f, owned := applied(t)
	t.Setenv("SSH_CONNECTION", "10.9.9.9 50000 192.168.140.20 22")
	before, routes := f.links[1], slices.Clone(f.routes)
	changes := diffOf(t, f, Desired{}, owned)
	says := map[string]string{}
	for _, c := range changes {
		if c.Blocked != "" || c.Guarded != "" || c.Action.Mutates() && !isBoot(c) {
			t.Errorf("%s would be done to the running network: %+v", c.ID, c)
		}
		says[c.ID.String()] = c.Why
	}
	if why := says["ens33 (192.168.140.20/24)"]; !strings.HasSuffix(why, "it goes with the next boot, or at the console: ip addr del dev ens33 192.168.140.20/24") {
		t.Errorf("the address: %q", why)
	}
	if why := says["default (gateway)"]; !strings.Contains(why, "it goes with the next boot") {
		t.Errorf("the default route: %q", why)
	}
	if _, err := newKind(f.Host.Host, f, 0).Apply(context.Background(), Desired{}, changes); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]any{before, routes}, []any{f.links[1], f.routes}, cmp.Comparer(func(a, b netip.Addr) bool { return a == b }), cmp.Comparer(func(a, b netip.Prefix) bool { return a == b })); d != "" {
		t.Errorf("the running network changed:\n%s", d)
	}
	if _, err := os.Lstat(f.Path(netconf.OwnInterfacesPath("ens33"))); err == nil {
		t.Error("the next boot would have the address")
	}
}

func TestObserveSaysWhatIsMissing(t *testing.T) {
	f := debian(t).(*fake)
	want := plan()
	want.Interfaces[0].Name = "ens34"
	observe := newKind(f.Host.Host, f, 0).Observe
	_, err := observe(context.Background(), want, nil)
	const says = "no interface ens34 on this host; it has lo, ens33 (02:00:00:00:00:01, link down), ens36 (02:00:00:00:00:02, link down)"
	if err == nil || err.Error() != says {
		t.Errorf("got %v", err)
	}
	f.Put("/etc/netplan/50-cloud-init.yaml", "network:\n  ethernets: {ens33: {dhcp4: true}}\n")
	if _, err := observe(context.Background(), plan(), nil); err == nil || !strings.Contains(err.Error(), "write it as indented lines") {
		t.Errorf("got %v", err)
	}
	if _, err := observe(context.Background(), Desired{}, nil); err != nil {
		t.Errorf("with nothing wanted: %v", err)
	}
}

func TestAClientForAllInterfacesIsNotStopped(t *testing.T) {
	f := onLease(t)
	f.Put("/proc/412/cmdline", "dhcpcd: [manager] [ip4] [ip6]\x00\x00\x00")
	for _, c := range diffOf(t, f, plan(), nil) {
		if c.Field == FieldDHCP && !strings.Contains(c.Blocked, "dhcpcd (process 412) serves all interfaces") {
			t.Errorf("blocked: %q", c.Blocked)
		}
	}
}

func TestDHCPClients(t *testing.T) {
	for line, want := range map[string]string{
		"/sbin/dhclient -4 -v -pf /run/dhclient.ens33.pid -lf /x.leases ens33": "ens33",
		"dhclient -1 -q -lf /l -pf /p -H host ens33":                           "ens33",
		"dhclient -6 -v -pf /run/dhclient6.ens33.pid ens33":                    "-",
		"dhcpcd -b ens33":                       "ens33",
		"udhcpc -b -p /run/udhcpc.pid -i ens33": "ens33",
		"udhcpc":                                "eth0",
		"/usr/sbin/sshd -D":                     "-",
		"vi dhclient.conf":                      "-",
	} {
		c, ok := dhcpClient(strings.Fields(line))
		got := "-"
		if ok {
			got = strings.Join(c.Interfaces, " ")
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if c, ok := dhcpClient([]string{"dhcpcd: ens33 [ip4]"}); !ok || c.Interfaces[0] != "ens33" {
		t.Errorf("a title: %+v", c)
	}
}

func TestCommandsAreTheTutorials(t *testing.T) {
	f := onLease(t)
	f.links[1].Up = false
	var got []string
	for _, c := range diffOf(t, f, plan(), nil) {
		if c.Field != step.ContentField {
			got = append(got, Commands(plan(), c)...)
		}
	}
	want := []string{
		"pkill -KILL -f '[d]hclient.*ens33' || :",
		"ip link set ens33 up",
		"ip addr replace dev ens33 192.168.140.20/24 broadcast +",
		"ip route replace default via 192.168.140.2 dev ens33",
		"before=$(cat /proc/sys/net/ipv4/conf/ens33/promote_secondaries); echo 1 > /proc/sys/net/ipv4/conf/ens33/promote_secondaries",
		"ip addr del dev ens33 192.168.140.131/24 || :",
		"echo $before > /proc/sys/net/ipv4/conf/ens33/promote_secondaries",
		"mkdir -p /run/network",
		"echo ens33=ens33 >> /run/network/ifstate",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Errorf("commands (-want +got):\n%s", d)
	}
	file := step.Change{Action: step.Create, ID: content("/etc/x"), To: "a\nb\n"}
	if d := cmp.Diff([]string{"cat > /etc/x <<'EOF'\na\nb\nEOF"}, Commands(plan(), file)); d != "" {
		t.Error(d)
	}
}

func TestValidateNamesTheField(t *testing.T) {
	one := plan().Interfaces[0]
	other := Interface{Name: "ens36", Address: "10.0.0.5/8"}
	for says, want := range map[string][]Interface{
		"named twice":         {one, one},
		"is on ens33 as well": {one, {Name: "ens36", Address: one.Address}},
		"one default route":   {one, {Name: "ens36", Address: "10.0.0.5/8", Gateway: "10.0.0.1"}},
		"route to 10.8.0.0/16: another is there, on ens33": {
			{Name: "ens33", Address: one.Address, Further: netconf.Further{Routes: []netconf.RouteText{{To: "10.8.0.0/16"}}}},
			{Name: "ens36", Address: "10.0.0.5/24", Further: netconf.Further{Routes: []netconf.RouteText{{To: "10.8.0.0/16"}}}},
		},
		"loopback interface":     {{Name: "lo", Address: "10.0.0.5/32"}},
		"with its prefix length": {{Name: "ens36", Address: "10.0.0.5"}},
		"cannot be an interface": {{Name: "ens36;reboot", Address: "10.0.0.5/8"}},
	} {
		if err := Validate(Desired{Interfaces: want}); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%v: %v", want, err)
		}
	}
	if err := Validate(Desired{Interfaces: []Interface{one, other}}); err != nil {
		t.Error(err)
	}
}

func TestRouteTextIsReadBack(t *testing.T) {
	for _, text := range []string{"192.168.140.2 dev ens33", "fd00::1 dev ens33", "dev ppp0", "10.0.0.1 dev a.1 src 10.0.0.5 metric 100"} {
		r, err := parseRoute(gatewayID(false), text)
		if err != nil || routeText(r) != text {
			t.Errorf("%q: %+v %v", text, r, err)
		}
	}
	for _, text := range []string{"", "x dev y", "10.0.0.1", "10.0.0.1 dev", "dev a metric b", "dev a via b"} {
		if r, err := parseRoute(gatewayID(false), text); err == nil {
			t.Errorf("%q is read as %+v", text, r)
		}
	}
}
