//go:build lab && soak

package lab

import (
	"strings"
	"testing"
)

// TestStackLabs boots a lab of each other stack; those of the default one are
// booted all the time. Each costs the build of an image.
func TestStackLabs(t *testing.T) {
	views := map[Stack]string{ // what the stack itself says of ens33: on DHCP, and left to the plan
		Networkd:       "networkctl list --no-legend ens33 | awk '{print $4, $5}'",
		NetworkManager: "nmcli -g GENERAL.STATE device show ens33",
		Netplan:        "networkctl list --no-legend ens33 | awk '{print $4, $5}'; netplan get ethernets.ens33.dhcp4",
	}
	leased := map[Stack]string{
		Networkd: "routable configured", NetworkManager: "100 (connected)", Netplan: "routable configured\ntrue",
	}
	bare := map[Stack]string{
		Networkd: "off unmanaged", NetworkManager: "30 (disconnected)", Netplan: "off unmanaged\nnull",
	}
	mgmt := map[Stack]string{
		Networkd:       "networkctl list --no-legend mgmt | awk '{print $5}'",
		NetworkManager: "nmcli -g GENERAL.STATE device show mgmt",
		Netplan:        "networkctl list --no-legend mgmt | awk '{print $5}'",
	}
	for _, stack := range []Stack{Networkd, NetworkManager, Netplan} {
		t.Run(string(stack), func(t *testing.T) {
			c := drCluster()
			c.Hosts = c.Hosts[:1]
			g := bootStack(t, c, true, stack)
			for _, boot := range []string{"first boot", "second boot"} {
				settled := "until [ \"$(" + views[stack] + ")\" = '" + leased[stack] + "' ] || [ $((n += 1)) -gt 60 ]; do sleep 0.5; done; "
				equal(t, boot, g.in(t, "master", settled+views[stack]), leased[stack])
				equal(t, "address", g.in(t, "master", "ip -4 -o addr show dev ens33 | awk '{print $4}'"), "192.168.140.12/24")
				equal(t, "state", g.in(t, "master", "systemctl is-system-running --wait"), "running")
				if err := PowerCycle(t.Context(), g.o, "master"); err != nil {
					t.Fatal(err)
				}
				g.Forget("master")
			}
			g.in(t, "client", "ping -c 1 -W 3 192.168.140.12")
			g.fails(t, "master", "test -e /sbin/ifup || pgrep dhclient")
			if err := Down(t.Context(), g.o); err != nil {
				t.Fatal(err)
			}

			g = bootStack(t, c, false, stack)
			equal(t, "unconfigured", g.in(t, "master", views[stack]), bare[stack])
			equal(t, "addresses", g.in(t, "master", "ip -4 -o addr show dev ens33"), "")
			if got := g.in(t, "master", mgmt[stack]); !strings.Contains(got, "unmanaged") {
				t.Errorf("the management interface is %s", got)
			}
			o := g.o
			o.Stack = Ifupdown
			if _, _, err := Up(t.Context(), o); err == nil || !strings.Contains(err.Error(), "with the network stack "+string(stack)+", not ifupdown") {
				t.Errorf("another stack under the same name: error %v", err)
			}
		})
	}
}
