package address

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

// apply carries the changes out in the order that Diff gave them.
func (s system) apply(ctx context.Context, want Desired, changes []step.Change) (int, error) {
	told := 0            // changes up to here are done, and known to the stack
	var written []string // boot files that it does not know of
	tell := func(done int) error {
		var err error
		if !leavesAddress(changes) {
			err = netconf.Reload(ctx, s.host, written, liveInterfaces(want, changes))
		}
		if err == nil {
			err = s.settle(ctx, want, written)
		}
		if err == nil {
			told, written = done, nil
		}
		return err
	}
	for n, c := range changes {
		if err := step.Next(ctx, c); err != nil {
			return told, fmt.Errorf("stopped before %s: %w", c.ID, err)
		}
		if c.Blocked != "" {
			return told, fmt.Errorf("cannot change %s: %s", c.ID, c.Blocked)
		}
		isFile := c.Field == step.ContentField && c.Action.Mutates() && netconf.Watched(c.Key)
		if !isFile && len(written) > 0 {
			if err := tell(n); err != nil {
				return told, err
			}
		}
		if err := s.change(want, c); err != nil {
			return told, err
		}
		if isFile {
			written = append(written, c.Key)
		} else {
			told = n + 1
		}
	}
	if len(written) > 0 {
		if err := tell(len(changes)); err != nil {
			return told, err
		}
	}
	return len(changes), nil
}

// leavesAddress reports whether an address stays in the kernel that the boot files
// give up, as that of the session does in a destroy. A daemon that heard of the
// files would take it away; it reads them at the next boot.
func leavesAddress(changes []step.Change) bool {
	return slices.ContainsFunc(changes, func(c step.Change) bool {
		_, err := netip.ParsePrefix(c.Field)
		return err == nil && c.Action == step.Forget && c.From != ""
	})
}

// settleTime is how long networkd may take to let go of a lease, or to make a bond.
const settleTime = 5 * time.Second

// settle waits until networkd has taken its new files up: it says that it knows
// them before it has acted. What it has not done by then the comparison after
// the apply shows.
func (s system) settle(ctx context.Context, want Desired, written []string) error {
	if !slices.ContainsFunc(written, func(f string) bool {
		return strings.HasPrefix(f, netconf.NetworkdDir) || path.Dir(f) == netconf.NetplanDir
	}) {
		return nil
	}
	for end := time.Now().Add(s.patience); len(want.Interfaces) > 0 && time.Now().Before(end) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		interfaces, err := s.kernel.Interfaces()
		if err != nil {
			return err
		}
		left := false
		for _, w := range want.Interfaces {
			i, _ := rtnl.Find(interfaces, w.Name)
			p, err := netip.ParsePrefix(w.Address)
			left = left || err == nil && p.Addr().Is4() && len(leases(i, p)) > 0
			if w.Bond != nil { // whose members networkd sets down, and up again
				left = left || slices.ContainsFunc(w.Bond.Members, func(name string) bool {
					m, _ := rtnl.Find(interfaces, name)
					return m.Master != w.Name || !m.Up
				})
			}
		}
		if !left {
			return nil
		}
	}
	return nil
}

// liveInterfaces lists the interfaces whose running state changes, those whose
// file gives up DHCP, and those whose profile changes: under a guard the running
// state changes first, with the file as it was, and who owns the lease has not
// heard of it.
func liveInterfaces(want Desired, changes []step.Change) []string {
	var names []string
	for _, c := range changes {
		for _, name := range withMembers(want) {
			one := netconf.Files{Content: map[string]string{c.Key: c.To}}
			if (givesUpDHCP(c) || isProfile(c)) && one.FileOf(c.Key, name) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
		touched := []string{c.Key}
		switch {
		case !c.Action.Mutates() || isBoot(c) || c.Key == KeyDefault:
			continue
		case isStatic(c.ID):
			touched = routeInterfaces(c)
		}
		for _, name := range touched {
			if !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// withMembers lists the interfaces of a plan and what bonds are made of.
func withMembers(want Desired) []string {
	var names []string
	for _, i := range want.Interfaces {
		names = append(names, i.Name)
		if i.Bond != nil {
			names = append(names, i.Bond.Members...)
		}
	}
	return names
}

var dhcpBoot = regexp.MustCompile(`(?m)^[ \t]*BOOTPROTO=["']?(dhcp|bootp)`)

func givesUpDHCP(c step.Change) bool {
	return c.Field == step.ContentField && path.Dir(c.Key) == netconf.IfcfgDir && dhcpBoot.MatchString(c.From) && !dhcpBoot.MatchString(c.To)
}

// isProfile tells the changes of files that NetworkManager itself goes by.
func isProfile(c step.Change) bool {
	dir := path.Dir(c.Key)
	return c.Field == step.ContentField && c.Action.Mutates() && (dir == netconf.KeyfileDir || dir == netconf.NetplanDir)
}

func (s system) change(want Desired, c step.Change) error {
	if !c.Action.Mutates() {
		return nil
	}
	gone := c.Action == step.Delete
	switch {
	case c.Field == step.ContentField:
		return s.file(c)
	case c.Field == FieldDevice:
		return s.device(want, c)
	case c.Field == FieldLink && c.To == up:
		return s.kernel.SetUp(c.Key)
	case c.Field == FieldLink:
		return s.kernel.SetDown(c.Key)
	case c.Field == FieldDHCP:
		return s.stopDHCP(c)
	case c.Field == FieldLease:
		return s.dropLease(c)
	case c.Field == FieldIfState:
		return s.ifState(c.Key, !gone)
	case isRoute(c.ID):
		return s.route(want, c)
	case c.Field == FieldMTU:
		return s.mtu(c)
	}
	p, err := netip.ParsePrefix(c.Field)
	switch {
	case err != nil:
		return fmt.Errorf("cannot read address %q: %w", c.Field, err)
	case gone:
		return s.kernel.DelAddress(c.Key, p)
	}
	return s.address(c.Key, p)
}

func (s system) mtu(c step.Change) error {
	n, err := strconv.Atoi(c.To)
	if err != nil {
		return fmt.Errorf("cannot read mtu %q: %w", c.To, err)
	}
	return s.kernel.SetMTU(c.Key, n)
}

// dropLease takes away what a DHCP client left. The route goes first: while
// there is an address with a lifetime, a rerun knows whose the route is.
func (s system) dropLease(c step.Change) error {
	addrs, gw, err := parseLease(c.From)
	if err == nil && gw.IsValid() {
		err = s.kernel.DelRoutes(rtnl.Route{Destination: rtnl.DefaultDestination(gw.Is6()), Gateway: gw, Interface: c.Key}, nil)
	}
	for _, p := range addrs {
		if err == nil {
			err = s.kernel.DelAddress(c.Key, p)
		}
	}
	return err
}

// address adds an address and announces it to the segment, which may remember
// another host for it.
func (s system) address(ifname string, p netip.Prefix) error {
	if err := s.kernel.AddAddress(ifname, p); err != nil || !p.Addr().Is4() {
		return err
	}
	// Best effort: the link may have no carrier yet, and the address works
	// without it as soon as neighbours ask.
	_ = s.kernel.Announce(ifname, p.Addr())
	return nil
}

// stopDHCP ends the clients of an interface that run at this moment.
func (s system) stopDHCP(c step.Change) error {
	interfaces, err := s.kernel.Interfaces()
	if err != nil {
		return err
	}
	i, ok := rtnl.Find(interfaces, c.Key)
	if !ok {
		return rtnl.Missing(c.Key, interfaces)
	}
	for _, client := range (Observed{DHCP: s.dhcpClients()}).clients(i) {
		if len(client.Interfaces) == 0 {
			return errors.New(servesAll(c.Key, Observed{DHCP: []Client{client}, Interfaces: interfaces}))
		}
		if err := s.kernel.Kill(client.PID); err != nil {
			return err
		}
	}
	return nil
}

func (s system) ifState(name string, isUp bool) error {
	file := s.host.Path(netconf.IfState)
	now, _, err := atomicfile.Read(file)
	if err != nil {
		return err
	}
	return atomicfile.WriteMkdir(file, []byte(netconf.SetIfState(string(now), name, isUp)), 0o644)
}

func (s system) file(c step.Change) error {
	file := s.host.Path(c.Key)
	if c.Action == step.Delete {
		err := atomicfile.Remove(file)
		if dir := filepath.Dir(file); err == nil && strings.HasSuffix(dir, ".network.d") {
			_ = os.Remove(dir) // made for the drop-in; stays where others have one there
		}
		return err
	}
	data, err := step.DecodeBytes(c.To)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", c.Key, err)
	}
	return atomicfile.WriteMkdir(file, data, netconf.Mode(c.Key))
}
