//go:build linuxroot

package address

import (
	"context"
	"encoding/json"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// nic is a name that no DHCP client of the machine under the test serves.
const nic = "lvst0"

// realHost is a Debian host whose kernel is a fresh network namespace with one
// veth pair. The thread is never unlocked, so the runtime ends it.
func realHost(t *testing.T) *steptest.Host {
	t.Helper()
	t.Setenv("SSH_CONNECTION", "")
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("cannot make a network namespace (run as root): %v", err)
	}
	la := netlink.NewLinkAttrs()
	la.Name = nic
	check(t, netlink.LinkAdd(&netlink.Veth{LinkAttrs: la, PeerName: "peer"}))
	check(t, rtnl.SetUp("peer"))
	return steptest.NewHost(t, map[string]string{
		"/sbin/ifup*":                "",
		netconf.InterfacesTop:        debianInterfaces + "iface " + nic + " inet dhcp\n",
		netconf.ResolvConf:           "nameserver 192.168.1.1\n",
		netconf.InterfacesDir + "/x": "",
		netconf.IfState:              "lo=lo\n",
		"/proc":                      "-> /proc",
	}, nil)
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// bring applies a plan as the agent does and sees that nothing is left to do.
func bring(t *testing.T, h *steptest.Host, want Desired, owned step.Owned) {
	t.Helper()
	raw, err := json.Marshal(want)
	check(t, err)
	kind := step.Erase(New(h.Host))
	for _, reverse := range []bool{false, true} {
		all, err := kind.Diff(context.Background(), raw, owned)
		check(t, err)
		var changes []step.Change
		for _, c := range all {
			if c.Reverse() == reverse {
				changes = append(changes, c)
				owned.Begin(c)
			}
		}
		done, err := kind.Apply(context.Background(), raw, changes)
		if err != nil || done != len(changes) {
			t.Fatalf("%d of %v: %v", done, brief(changes), err)
		}
		for _, c := range changes {
			owned.End(c)
		}
	}
	left, err := kind.Diff(context.Background(), raw, owned)
	check(t, err)
	if len(left) != 0 {
		t.Fatalf("still to do: %v", brief(left))
	}
}

func onNIC(d Desired) Desired {
	for i := range d.Interfaces {
		d.Interfaces[i].Name = nic
	}
	return d
}

func kernelState(t *testing.T) string {
	t.Helper()
	out, err := exec.Command("sh", "-c", "ip -o -4 addr show; ip -4 route show; ip -o link show "+nic+" | grep -o '<.*>'").CombinedOutput()
	if err != nil {
		t.Fatalf("ip (iproute2): %v: %s", err, out)
	}
	return string(out)
}

func TestRealPlanMoveDestroy(t *testing.T) {
	h, owned := realHost(t), step.Owned{}
	before, files := kernelState(t), h.Snapshot()
	bring(t, h, onNIC(plan()), owned)
	now := kernelState(t)
	for _, says := range []string{"192.168.140.20/24", "default via 192.168.140.2 dev " + nic, ",UP"} {
		if !strings.Contains(now, says) {
			t.Errorf("no %q in\n%s", says, now)
		}
	}
	bring(t, h, onNIC(moved()), owned)
	now = kernelState(t)
	if strings.Contains(now, "140.20") || !strings.Contains(now, "192.168.140.21/24") || !strings.Contains(now, "default via 192.168.140.1 ") {
		t.Errorf("after the move:\n%s", now)
	}
	bring(t, h, Desired{}, owned)
	if now = kernelState(t); now != before {
		t.Errorf("after destroy:\n%s\nbefore:\n%s", now, before)
	}
	if now = h.Snapshot(); now != files {
		t.Errorf("files after destroy:\n%s\nbefore:\n%s", now, files)
	}
}

func TestRealLeaseIsReplaced(t *testing.T) {
	h, owned := realHost(t), step.Owned{}
	check(t, rtnl.SetUp(nic))
	l, err := netlink.LinkByName(nic)
	check(t, err)
	lease, err := netlink.ParseAddr("192.168.140.131/24")
	check(t, err)
	lease.ValidLft, lease.PreferedLft = 3600, 3600
	check(t, netlink.AddrAdd(l, lease))
	check(t, rtnl.ReplaceRoute(rtnl.Route{Destination: rtnl.DefaultDestination(false),
		Gateway: netip.MustParseAddr("192.168.140.254"), Interface: nic, Source: netip.MustParseAddr("192.168.140.131"),
	}))
	client := exec.Command("/bin/sh")
	client.Args = []string{"dhclient", "-c", "while :; do sleep 1; done", nic}
	check(t, client.Start())
	ended := make(chan error, 1)
	go func() { ended <- client.Wait() }()

	bring(t, h, onNIC(plan()), owned)
	if err := <-ended; err == nil || client.ProcessState.Sys().(interface{ Signaled() bool }).Signaled() == false {
		t.Errorf("the DHCP client ended by itself: %v", err)
	}
	now := kernelState(t)
	if strings.Contains(now, "140.131") || strings.Contains(now, "140.254") || !strings.Contains(now, "192.168.140.20/24") ||
		!strings.Contains(now, "default via 192.168.140.2 dev "+nic) {
		t.Errorf("after the apply:\n%s", now)
	}
	// Repair after somebody's hand.
	check(t, rtnl.SetDown(nic))
	bring(t, h, onNIC(plan()), owned)
	bring(t, h, Desired{}, owned)
	if !strings.Contains(h.Get(netconf.InterfacesTop), "\niface "+nic+" inet dhcp\n") {
		t.Errorf("DHCP does not start at boot:\n%s", h.Get(netconf.InterfacesTop))
	}
	if _, err := os.Stat(h.Path(netconf.OwnInterfacesPath(nic))); !os.IsNotExist(err) {
		t.Errorf("lvsup's file is left: %v", err)
	}
}
