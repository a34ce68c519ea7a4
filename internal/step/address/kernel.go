package address

import (
	"context"
	"net/netip"
	"time"

	"github.com/lvsup/lvsup/internal/linux/rtnl"
)

// kernel is what Observe and Apply need of the running system beyond files and
// commands. Tests put a model in its place.
type kernel interface {
	Interfaces() ([]rtnl.Interface, error)
	Routes() ([]rtnl.Route, error)
	AddAddress(ifname string, p netip.Prefix) error
	LeaseAddress(ifname string, p netip.Prefix, valid time.Duration) error
	DelAddress(ifname string, p netip.Prefix) error
	AddVLAN(ifname string, v rtnl.VLAN) error
	DelVLAN(ifname string) error
	SetBond(ifname string, b rtnl.Bond) error
	DelBond(ifname string) error
	SetUp(ifname string) error
	SetDown(ifname string) error
	SetMTU(ifname string, mtu int) error
	ReplaceRoute(r rtnl.Route) error
	DelRoutes(r rtnl.Route, keep []int) error
	DelRoute(r rtnl.Route) error
	AddRoute(r rtnl.Route) error
	SaveRoutes(ifnames []string) ([]rtnl.SavedRoute, error)
	RestoreRoutes(routes []rtnl.SavedRoute, ifnames []string) error
	Announce(ifname string, addr netip.Addr) error
	Kill(pid int) error
	Start(ctx context.Context, path string, argv []string) error
}
