package address

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/lvsup/lvsup/internal/linux/arping"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

// New returns the kind, working on the host.
func New(h host.Host) step.Kind[Desired, Observed] { return newKind(h, linux{}, settleTime) }

// linux is the kernel this process runs on.
type linux struct{}

func (linux) Interfaces() ([]rtnl.Interface, error)          { return rtnl.Interfaces() }
func (linux) Routes() ([]rtnl.Route, error)                  { return rtnl.Routes() }
func (linux) AddAddress(ifname string, p netip.Prefix) error { return rtnl.AddAddress(ifname, p) }
func (linux) LeaseAddress(ifname string, p netip.Prefix, valid time.Duration) error {
	return rtnl.LeaseAddress(ifname, p, valid)
}
func (linux) DelAddress(ifname string, p netip.Prefix) error { return rtnl.DelAddress(ifname, p) }
func (linux) AddVLAN(ifname string, v rtnl.VLAN) error       { return rtnl.AddVLAN(ifname, v) }
func (linux) DelVLAN(ifname string) error                    { return rtnl.DelVLAN(ifname) }
func (linux) SetBond(ifname string, b rtnl.Bond) error       { return rtnl.SetBond(ifname, b) }
func (linux) DelBond(ifname string) error                    { return rtnl.DelBond(ifname) }
func (linux) SetUp(ifname string) error                      { return rtnl.SetUp(ifname) }
func (linux) SetDown(ifname string) error                    { return rtnl.SetDown(ifname) }
func (linux) SetMTU(ifname string, mtu int) error            { return rtnl.SetMTU(ifname, mtu) }
func (linux) ReplaceRoute(r rtnl.Route) error                { return rtnl.ReplaceRoute(r) }
func (linux) DelRoutes(r rtnl.Route, keep []int) error       { return rtnl.DelRoutes(r, keep) }
func (linux) DelRoute(r rtnl.Route) error                    { return rtnl.DelRoute(r) }
func (linux) AddRoute(r rtnl.Route) error                    { return rtnl.AddRoute(r) }
func (linux) SaveRoutes(ifnames []string) ([]rtnl.SavedRoute, error) {
	return rtnl.SaveRoutes(ifnames)
}
func (linux) RestoreRoutes(routes []rtnl.SavedRoute, ifnames []string) error {
	return rtnl.RestoreRoutes(routes, ifnames)
}
func (linux) Announce(ifname string, addr netip.Addr) error { return arping.Announce(ifname, addr) }

func (linux) Kill(pid int) error { return end(pid, scriptTime) }

// Start starts a process that stays when this one goes.
func (linux) Start(ctx context.Context, path string, argv []string) error {
	cmd := &exec.Cmd{Path: path, Args: argv, SysProcAttr: &syscall.SysProcAttr{Setsid: true}}
	err := ctx.Err()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return fmt.Errorf("cannot start %s again: %w", strings.Join(argv, " "), err)
	}
	return cmd.Process.Release()
}
