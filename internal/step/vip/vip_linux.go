package vip

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"github.com/lvsup/lvsup/internal/linux/arping"
	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/linux/service"
	"github.com/lvsup/lvsup/internal/step"
)

// network is the part of the kernel that the kind works on.
type network interface {
	Interfaces() ([]rtnl.Interface, error)
	AddAddress(ifname string, p netip.Prefix) error
	DelAddress(ifname string, p netip.Prefix) error
	Announce(ifname string, addr netip.Addr) error
}

// New gives the kind, working on the host.
func New(h host.Host) step.Kind[Desired, Observed] { return newKind(h, kernel{}) }

func newKind(h host.Host, n network) step.Kind[Desired, Observed] {
	k := kind{h, n}
	return step.Kind[Desired, Observed]{
		Name:     Name,
		Validate: Validate,
		Observe:  k.observe,
		Diff:     Diff,
		Apply:    k.apply,
		Commands: Commands,
	}
}

// kernel is the network namespace of the calling thread.
type kernel struct{}

func (kernel) Interfaces() ([]rtnl.Interface, error)          { return rtnl.Interfaces() }
func (kernel) AddAddress(name string, p netip.Prefix) error   { return rtnl.AddVIP(name, p) }
func (kernel) DelAddress(name string, p netip.Prefix) error   { return rtnl.DelAddress(name, p) }
func (kernel) Announce(name string, address netip.Addr) error { return arping.Announce(name, address) }

type kind struct {
	host host.Host
	net  network
}

func (k kind) observe(_ context.Context, want Desired, owned step.Owned) (Observed, error) {
	have := Observed{Live: map[string]bool{}, Paths: map[string]Path{}}
	all, err := k.net.Interfaces()
	if err != nil {
		return have, err
	}
	see := func(v VIP) bool {
		i, ok := rtnl.Find(all, v.Interface)
		if ok && i.Has(v.prefix()) {
			have.Live[v.String()] = true
		}
		return ok
	}
	for _, v := range want.VIPs {
		if !see(v) {
			return have, fmt.Errorf("cannot look for VIP %s: %w", v.Address, rtnl.Missing(v.Interface, all))
		}
	}
	if have.Script, have.Runner, have.Blocked, err = runner(k.host); err != nil {
		return have, err
	}
	have.IP = "/usr/sbin/ip"
	for _, p := range []string{"/sbin/ip", "/usr/bin/ip", "/bin/ip"} {
		if !there(k.host, have.IP) && there(k.host, p) {
			have.IP = p
		}
	}
	if len(want.kept(true)) > 0 {
		stack := netconf.Detect(k.host, want.Network, want.Cards)
		if have.Loopback, err = netconf.ReadLoopback(k.host, stack); err != nil {
			return have, err
		}
	}
	paths := []string{have.Script, unitFile, wantLink, wantsDir}
	for id := range owned {
		if id.Field == live {
			see(parse(id.Key))
		} else {
			paths = append(paths, id.Key)
		}
	}
	for _, name := range paths {
		p, ok, err := look(k.host, name)
		if err != nil {
			return have, err
		}
		if ok {
			have.Paths[name] = p
		}
	}
	return have, nil
}

func (k kind) apply(ctx context.Context, want Desired, changes []step.Change) (done int, err error) {
	reload := false
	var written []string // files of the network stack
	long := holdTime
	for i, c := range changes {
		if err := step.Next(ctx, c); err != nil {
			return i, err
		}
		if err := k.one(c); err != nil {
			return i, err
		}
		reload = reload || c.Action.Mutates() && (c.Key == unitFile || c.Field == link)
		if c.Action.Mutates() && c.Field == step.ContentField && netconf.Watched(c.Key) {
			written = append(written, c.Key)
			if c.Action.Removes() {
				long = goneTime
			}
		}
	}
	if len(written) > 0 {
		if err := netconf.Reload(ctx, k.host, written, nil); err != nil {
			return len(changes), err
		}
		if netconf.Listens(k.host) {
			if err := k.hold(ctx, want, long); err != nil {
				return len(changes), err
			}
		}
	}
	if reload {
		// The changes are done and hold at the next boot even if this fails.
		if err := service.Reload(ctx, k.host); err != nil {
			return len(changes), fmt.Errorf("cannot make systemd read its units again: %w", err)
		}
	}
	return len(changes), nil
}

// one carries out one change.
func (k kind) one(c step.Change) error {
	if c.Blocked != "" {
		return errors.New(c.Blocked)
	}
	if !c.Action.Mutates() {
		return nil
	}
	gone := c.Action == step.Delete
	path := k.host.Path(c.Key)
	switch c.Field {
	case live:
		return k.address(parse(c.Key), gone)
	case mode:
		return chmod(path, c.To)
	case dir:
		if gone {
			return rmdir(path)
		}
		return mkdir(path)
	case link:
		if err := atomicfile.Remove(path); err != nil || gone {
			return err
		}
		return atomicfile.Symlink(c.To, path)
	case step.ContentField:
		if gone {
			err := atomicfile.Remove(path)
			if err == nil && isDropIn(c.Key) {
				err = rmdir(filepath.Dir(path))
			}
			return err
		}
		data, err := step.DecodeBytes(c.To)
		if err != nil {
			return fmt.Errorf("cannot decode the content of %s: %w", c.Key, err)
		}
		if isNetwork(c.Key) {
			return atomicfile.WriteMkdir(path, data, netconf.Mode(c.Key))
		}
		perm := os.FileMode(0o755)
		if c.Key == unitFile {
			perm = 0o644
		}
		return atomicfile.Write(path, data, perm)
	}
	return fmt.Errorf("cannot %s %s: no part of a VIP", c.Action, c.ID)
}

// How long a daemon may take to act upon new files, and upon files that are gone:
// NetworkManager brings a device down that has lost its profile, and up again.
const (
	holdTime = time.Second
	goneTime = 5 * time.Second
)

// hold keeps the VIPs where they are while a daemon takes away what a file of its
// own no longer has: it says that it knows its files before it has acted.
func (k kind) hold(ctx context.Context, want Desired, long time.Duration) error {
	for end := time.Now().Add(long); len(want.VIPs) > 0 && time.Now().Before(end) && ctx.Err() == nil; time.Sleep(10 * time.Millisecond) {
		all, err := k.net.Interfaces()
		if err != nil {
			return err
		}
		for _, v := range want.VIPs {
			if i, ok := rtnl.Find(all, v.Interface); ok && !i.Has(v.prefix()) {
				if err := k.address(v, false); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (k kind) address(v VIP, gone bool) error {
	if gone {
		return k.net.DelAddress(v.Interface, v.prefix())
	}
	if err := k.net.AddAddress(v.Interface, v.prefix()); err != nil {
		return err
	}
	all, err := k.net.Interfaces()
	if err != nil {
		return err
	}
	// Neighbours may still know the address by the hardware address of another
	// host. On lo there is nobody to tell, and a real server must keep silent.
	if i, ok := rtnl.Find(all, v.Interface); !ok || i.Loopback || !i.Up || v.prefix().Addr().Is6() {
		return nil
	}
	return k.net.Announce(v.Interface, v.prefix().Addr())
}

// chmod sets a file's permission bits. A file that is gone took its own along.
func chmod(path, octal string) error {
	bits, err := strconv.ParseUint(octal, 8, 12)
	if err == nil {
		err = os.Chmod(path, os.FileMode(bits).Perm())
	}
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("cannot set the mode: %w", err)
	}
	return nil
}

func mkdir(path string) error {
	err := os.Mkdir(path, 0o755)
	if err == nil {
		err = os.Chmod(path, 0o755) // whatever the umask
	}
	if err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("cannot make a directory: %w", err)
	}
	return nil
}

// rmdir takes the directory away unless others have put something there.
func rmdir(path string) error {
	err := os.Remove(filepath.Clean(path))
	if err != nil && !errors.Is(err, os.ErrNotExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return fmt.Errorf("cannot remove a directory: %w", err)
	}
	return nil
}
