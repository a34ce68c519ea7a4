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

	"github.com/lvsup/lvsup/internal/linux/arping"
	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
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

func (k kind) apply(ctx context.Context, _ Desired, changes []step.Change) (done int, err error) {
	reload := false
	for i, c := range changes {
		if err := ctx.Err(); err != nil {
			return i, err
		}
		if err := k.one(c); err != nil {
			return i, err
		}
		reload = reload || c.Action.Mutates() && (c.Key == unitFile || c.Field == link)
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
			return atomicfile.Remove(path)
		}
		data, err := step.DecodeBytes(c.To)
		if err != nil {
			return fmt.Errorf("cannot decode the content of %s: %w", c.Key, err)
		}
		perm := os.FileMode(0o755)
		if c.Key == unitFile {
			perm = 0o644
		}
		return atomicfile.Write(path, data, perm)
	}
	return fmt.Errorf("cannot %s %s: no part of a VIP", c.Action, c.ID)
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
