package address

import (
	"errors"
	"fmt"
	"net/netip"
	"syscall"

	"github.com/lvsup/lvsup/internal/linux/arping"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

// New returns the kind, working on the host.
func New(h host.Host) step.Kind[Desired, Observed] { return newKind(h, linux{}) }

// linux is the kernel this process runs on.
type linux struct{}

func (linux) Interfaces() ([]rtnl.Interface, error)          { return rtnl.Interfaces() }
func (linux) Routes() ([]rtnl.Route, error)                  { return rtnl.Routes() }
func (linux) AddAddress(ifname string, p netip.Prefix) error { return rtnl.AddAddress(ifname, p) }
func (linux) DelAddress(ifname string, p netip.Prefix) error { return rtnl.DelAddress(ifname, p) }
func (linux) SetUp(ifname string) error                      { return rtnl.SetUp(ifname) }
func (linux) SetDown(ifname string) error                    { return rtnl.SetDown(ifname) }
func (linux) ReplaceDefaultRoute(r rtnl.Route) error         { return rtnl.ReplaceDefaultRoute(r) }
func (linux) DelDefault(ifname string, gw netip.Addr) error  { return rtnl.DelDefault(ifname, gw) }
func (linux) Announce(ifname string, addr netip.Addr) error  { return arping.Announce(ifname, addr) }

// Kill ends a process at once. A DHCP client must not get SIGTERM: its script
// would take the interface down on the way out.
func (linux) Kill(pid int) error {
	err := syscall.Kill(pid, syscall.SIGKILL)
	if err != nil && !errors.Is(err, syscall.ESRCH) {
		return fmt.Errorf("cannot end process %d: %w", pid, err)
	}
	return nil
}
