package tunnel

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/fou"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/kmod"
	"github.com/lvsup/lvsup/internal/linux/procsys"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
)

// network is the part of the kernel that the kind works on.
type network interface {
	Interfaces() ([]rtnl.Interface, error)
	SetUp(ifname string) error
	SetDown(ifname string) error
	AddAddress(ifname string, p netip.Prefix) error
	DelAddress(ifname string, p netip.Prefix) error
	Mode(ifname string) (string, error)
	SetMode(ifname, mode string) error
	Checksum(ifname string) (bool, error)
	SetChecksum(ifname string, on bool) error
	Ports() ([]fou.Port, error)
	AddPort(port uint16, ipv6 bool) error
	RemovePort(port uint16, ipv6 bool) error
}

// kernel is the network namespace of the calling thread.
type kernel struct{}

func (kernel) Interfaces() ([]rtnl.Interface, error)        { return rtnl.Interfaces() }
func (kernel) SetUp(name string) error                      { return rtnl.SetUp(name) }
func (kernel) SetDown(name string) error                    { return rtnl.SetDown(name) }
func (kernel) AddAddress(name string, p netip.Prefix) error { return rtnl.AddAddress(name, p) }
func (kernel) DelAddress(name string, p netip.Prefix) error { return rtnl.DelAddress(name, p) }
func (kernel) Mode(name string) (string, error)             { return rtnl.TunnelMode(name) }
func (kernel) SetMode(name, mode string) error              { return rtnl.SetTunnelMode(name, mode) }
func (kernel) Checksum(name string) (bool, error)           { return rtnl.TunnelChecksum(name) }
func (kernel) SetChecksum(name string, on bool) error       { return rtnl.SetTunnelChecksum(name, on) }
func (kernel) Ports() ([]fou.Port, error)                   { return fou.List() }
func (kernel) AddPort(port uint16, ipv6 bool) error         { return fou.Add(port, ipv6) }
func (kernel) RemovePort(port uint16, ipv6 bool) error      { return fou.Remove(port, ipv6) }

// New gives the kind, working on the host.
func New(h host.Host) step.Kind[Desired, Observed] { return newKind(kind{h, kernel{}}) }

func newKind(k kind) step.Kind[Desired, Observed] {
	return step.Kind[Desired, Observed]{
		Name:     Name,
		Validate: Validate,
		Observe:  k.observe,
		Diff:     Diff,
		Apply:    k.apply,
		Commands: Commands,
	}
}

type kind struct {
	host host.Host
	net  network
}

// Restore makes the tunnels what StateFile says, as the boot unit does. Without
// that file it does nothing.
func Restore(ctx context.Context, h host.Host) error { return kind{h, kernel{}}.restore(ctx) }

func (k kind) restore(ctx context.Context) error {
	b, ok, err := atomicfile.Read(k.host.Path(StateFile))
	if err != nil || !ok {
		return err
	}
	want, err := decode(b)
	if err != nil {
		return err
	}
	have, err := k.observe(ctx, want, nil)
	if err == nil {
		_, err = k.apply(ctx, want, slices.DeleteFunc(Diff(want, nil, have), func(c step.Change) bool {
			return c.Field == step.ContentField
		}))
	}
	if err != nil {
		return fmt.Errorf("cannot bring the tunnels back: %w", err)
	}
	return nil
}

// observe looks at the devices, ports and files, and loads nothing. Where the
// kernel lacks what is wanted it says so now, before any change.
func (k kind) observe(ctx context.Context, want Desired, owned step.Owned) (Observed, error) {
	have := Observed{Devices: map[string]Device{}, Files: map[string]string{}}
	wanted := want.devices()
	names := slices.Collect(maps.Keys(wanted))
	for id := range owned {
		if name, ok := deviceOf(id); ok {
			names = append(names, name)
		}
	}
	all, err := k.net.Interfaces()
	if err != nil {
		return have, err
	}
	for _, name := range names {
		i, there := rtnl.Find(all, name)
		if _, wanted := wanted[name]; wanted && !there {
			if err := k.canMake(ctx, name); err != nil {
				return have, err
			}
		}
		if have.Devices[name], err = k.device(name, i, there); err != nil {
			return have, err
		}
	}
	if have.Ports, err = k.ports(ctx, want); err != nil {
		return have, err
	}
	for _, path := range files() {
		b, there, err := atomicfile.Read(k.host.Path(path))
		if err != nil {
			return have, err
		}
		if there {
			have.Files[path] = string(b)
		}
	}
	return have, nil
}

// has reports whether the running kernel has the module, loaded or built in.
func (k kind) has(module string) bool {
	return kmod.Loaded(k.host, module) || kmod.BuiltIn(k.host, kmod.Release(k.host), module)
}

// canMake says why a device could not be made.
func (k kind) canMake(ctx context.Context, device string) error {
	module := moduleOf(device)
	if k.has(module) {
		return fmt.Errorf("cannot use %s: the kernel has module %s and yet no such device, which net.core.fb_tunnels_only_for_init_net=2 brings about: "+
			"set it to 0 and load the module again (modprobe -r %s)", device, module, module)
	}
	if err := kmod.Loadable(ctx, k.host, kmod.Release(k.host), module); err != nil {
		return fmt.Errorf("cannot make %s, which unwraps tunnelled packets: %w", device, err)
	}
	return nil
}

// device reads one device; one that is not there is as it will be.
func (k kind) device(name string, i rtnl.Interface, there bool) (d Device, err error) {
	conf := name
	if !there {
		conf = "default"
	}
	if d.RPFilter, err = procsys.Read(k.host.Root, rpFilter(conf)); err != nil {
		return d, err
	}
	d.Mode = "ip6ip6" // ip6_tnl0's own (ip6_fb_tnl_dev_init in net/ipv6/ip6_tunnel.c)
	if !there {
		return d, nil
	}
	d.Up = i.Up
	for _, p := range i.Addresses {
		if p.Addr().Is4() {
			d.IPv4 = append(d.IPv4, p.String())
		}
	}
	switch name {
	case "ip6tnl0":
		d.Mode, err = k.net.Mode(name)
	case "gre0":
		d.Checksum, err = k.net.Checksum(name)
	}
	return d, err
}

// ports lists the ports that are open. To ask would load the module.
func (k kind) ports(ctx context.Context, want Desired) ([]fou.Port, error) {
	if k.has(fouModule) {
		return k.net.Ports()
	}
	if !slices.Contains(want.modules(), fouModule) {
		return nil, nil
	}
	if err := kmod.Loadable(ctx, k.host, kmod.Release(k.host), fouModule); err != nil {
		return nil, fmt.Errorf("cannot take gue packets: %w", err)
	}
	return nil, nil
}

func (k kind) apply(ctx context.Context, _ Desired, changes []step.Change) (int, error) {
	for i, c := range changes {
		if err := step.Next(ctx, c); err != nil {
			return i, err
		}
		if err := k.one(ctx, c); err != nil {
			return i, err
		}
	}
	return len(changes), nil
}

// one carries out one change.
func (k kind) one(ctx context.Context, c step.Change) error {
	if c.Blocked != "" {
		return errors.New(c.Blocked)
	}
	if !c.Action.Mutates() {
		return nil
	}
	device, _ := deviceOf(c.ID)
	port, isPort := parsePort(c.Key)
	switch {
	case c.Field == step.ContentField:
		return k.file(c)
	case isPort:
		return k.port(ctx, port, c)
	case device == "":
	case c.Field == link && c.To == up:
		if err := k.load(ctx, moduleOf(device)); err != nil {
			return err
		}
		return k.net.SetUp(device)
	case c.Field == link:
		return k.net.SetDown(device)
	case c.Field == mode:
		return k.net.SetMode(device, c.To)
	case c.Field == checksum:
		return k.net.SetChecksum(device, c.To == yes)
	case c.ID == addressID(device) && c.Action == step.Delete:
		return k.net.DelAddress(device, netip.MustParsePrefix(Address))
	case c.ID == addressID(device):
		return k.net.AddAddress(device, netip.MustParsePrefix(Address))
	default:
		return procsys.Write(k.host.Root, c.Key, c.To)
	}
	return fmt.Errorf("cannot %s %s: no part of a tunnel", c.Action, c.ID)
}

// load loads a module that is not there yet. It runs modprobe(8) and not
// finit_module(2), since only that follows the host's aliases, options,
// compression and dependencies.
func (k kind) load(ctx context.Context, module string) error {
	if k.has(module) {
		return nil
	}
	argv := []string{"modprobe", "--", module}
	res, err := k.host.Run(ctx, argv...)
	if err == nil {
		err = res.Err(argv...)
	}
	if err != nil {
		return fmt.Errorf("cannot load module %s: %w", module, err)
	}
	return nil
}

func (k kind) port(ctx context.Context, p fou.Port, c step.Change) error {
	if c.Action != step.Create {
		if err := k.net.RemovePort(p.Port, p.IPv6); err != nil || c.Action == step.Delete {
			return err
		}
	}
	if err := k.load(ctx, fouModule); err != nil {
		return err
	}
	return k.net.AddPort(p.Port, p.IPv6)
}

func (k kind) file(c step.Change) error {
	path := k.host.Path(c.Key)
	if c.Action == step.Delete {
		return atomicfile.Remove(path)
	}
	data, err := step.DecodeBytes(c.To)
	if err != nil {
		return fmt.Errorf("cannot decode the content of %s: %w", c.Key, err)
	}
	if !strings.HasPrefix(c.Key, "/var/lib/lvsup/") {
		return atomicfile.WriteMkdir(path, data, 0o644)
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return fmt.Errorf("cannot make the directory of %s: %w", c.Key, err)
	}
	return atomicfile.Write(path, data, 0o600)
}
