package address

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/rtnl"
)

func TestByHand(t *testing.T) {
	lease := netip.MustParsePrefix("192.168.140.131/24")
	snap := snapshot{
		Links: []linkState{
			{
				Name: "ens33", Up: true, MTU: 1500, Addresses: []netip.Prefix{lease, netip.MustParsePrefix("192.168.140.100/32")},
				Leases: []netip.Prefix{lease}, Valid: []time.Duration{time.Hour}, Added: []netip.Prefix{netip.MustParsePrefix("192.168.140.10/24")},
			},
			{Name: "ens36"},
		},
		Routes: []rtnl.Route{
			{Destination: netip.MustParsePrefix("0.0.0.0/0"), Gateway: netip.MustParseAddr("198.51.100.1"), Interface: "ens33", Source: lease.Addr(), Metric: 100},
			{Destination: netip.MustParsePrefix("198.51.100.1/32"), Interface: "ens33"},
		},
		Clients: []command{{Path: "/sbin/dhclient", Argv: []string{"dhclient", "-4", "ens33"}}},
	}
	want := []string{
		"ip link set ens33 up", "ip link set ens33 mtu 1500",
		"ip address replace 192.168.140.131/24 broadcast + dev ens33 valid_lft 3600 preferred_lft 3600",
		"ip address replace 192.168.140.100/32 dev ens33",
		"ip address delete 192.168.140.10/24 dev ens33",
		"ip route replace 198.51.100.1/32 dev ens33",
		"ip route replace default via 198.51.100.1 dev ens33 src 192.168.140.131 metric 100",
		"ip link set ens36 down",
		"/sbin/dhclient -4 ens33",
	}
	if d := cmp.Diff(want, byHand(snap)); d != "" {
		t.Error(d)
	}
}
