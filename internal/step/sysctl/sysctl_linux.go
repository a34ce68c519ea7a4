package sysctl

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/linux/procsys"
	"github.com/lvsup/lvsup/internal/step"
)

// New gives the kind, working on the host.
func New(h host.Host) step.Kind[Desired, Observed] {
	k := kind{h}
	return step.Kind[Desired, Observed]{
		Name:     Name,
		Validate: Validate,
		Observe:  k.observe,
		Diff:     Diff,
		Apply:    k.apply,
		Commands: Commands,
	}
}

type kind struct{ host host.Host }

func (k kind) observe(ctx context.Context, want Desired, owned step.Owned) (Observed, error) {
	have := Observed{Live: map[string]string{}, Boot: map[procsys.Reader][]procsys.File{}}
	var missing []error
	for _, name := range want.names() {
		value, err := procsys.Read(k.host.Root, name)
		if errors.Is(err, procsys.ErrNoSysctl) && k.comesWithIPVS(name) && ipvs.CheckModules(ctx, k.host, nil) == nil {
			continue
		}
		if err != nil {
			missing = append(missing, err)
			continue
		}
		have.Live[name] = normal(value)
	}
	if err := errors.Join(missing...); err != nil {
		return have, err
	}
	var err error
	if have.Others, err = k.others(want); err != nil {
		return have, err
	}
	also := slices.Clone(have.Others)
	for id := range owned {
		if id.Field == live {
			also = append(also, id.Key)
		}
	}
	for _, name := range also {
		value, err := procsys.Read(k.host.Root, name)
		switch {
		case errors.Is(err, procsys.ErrNoSysctl): // its interface may be gone
		case err != nil:
			return have, err
		default:
			have.Live[name] = normal(value)
		}
	}
	data, there, err := atomicfile.Read(k.host.Path(File))
	if err != nil {
		return have, err
	}
	have.File, have.FileThere = string(data), there
	for _, r := range []procsys.Reader{procsys.Systemd, procsys.Procps} {
		if have.Boot[r], err = procsys.Files(k.host.Root, r); err != nil {
			return have, err
		}
	}
	return have, nil
}

// others are the parameters that have a say in what the wanted ones do.
func (k kind) others(want Desired) ([]string, error) {
	dirs, err := os.ReadDir(k.host.Path(procsys.Path("/", strings.TrimSuffix(conf, "."))))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("cannot list the interfaces with sysctls: %w", err)
	}
	var others []string
	for _, name := range want.names() {
		iface, parameter, ok := highest(name)
		switch {
		case ok && iface != allOf:
			others = append(others, conf+allOf+"."+parameter)
		case ok && parameter == arpIgnore:
			for _, d := range dirs {
				if d.Name() != allOf && d.Name() != "default" && d.Name() != "lo" {
					others = append(others, procsys.Dotted("net/ipv4/conf/"+d.Name()+"/"+parameter))
				}
			}
		}
	}
	slices.Sort(others)
	return slices.Compact(others), nil
}

func (k kind) apply(ctx context.Context, want Desired, changes []step.Change) (int, error) {
	for i, c := range changes {
		if err := step.Next(ctx, c); err != nil {
			return i, err
		}
		if err := k.one(ctx, want, c); err != nil {
			return i, err
		}
	}
	return len(changes), nil
}

func (k kind) one(ctx context.Context, want Desired, c step.Change) error {
	switch {
	case c.Blocked != "":
		return errors.New(c.Blocked)
	case !c.Action.Mutates():
		return nil
	case c.Field == live:
		return k.set(ctx, want, c)
	case c.ID != step.ID{Key: File, Field: step.ContentField}:
		return fmt.Errorf("cannot %s %s: not a sysctl", c.Action, c.ID)
	case c.Action == step.Delete:
		return atomicfile.Remove(k.host.Path(File))
	}
	data, err := step.DecodeBytes(c.To)
	if err != nil {
		return fmt.Errorf("cannot decode the content of %s: %w", File, err)
	}
	return atomicfile.WriteMkdir(k.host.Path(File), data, 0o644)
}

// comesWithIPVS reports whether the parameter is not there only because ip_vs
// is not loaded, which on a director happens in a later stage
// (net/netfilter/ipvs/ip_vs_ctl.c, vs_vars). At boot modules-load.d comes before
// sysctl.d.
func (k kind) comesWithIPVS(name string) bool {
	return strings.HasPrefix(name, vsPrefix) && !ipvs.Loaded(k.host)
}

// set writes a parameter and then again what is wanted of those that the kernel
// changed with it.
func (k kind) set(ctx context.Context, want Desired, c step.Change) error {
	if k.comesWithIPVS(c.Key) {
		if err := ipvs.LoadModules(ctx, k.host, nil); err != nil {
			return err
		}
	}
	if err := procsys.Write(k.host.Root, c.Key, c.To); err != nil || !first(c.Key) {
		return err
	}
	for _, name := range want.names() {
		if !follows(name) {
			continue
		}
		if err := procsys.Write(k.host.Root, name, normal(want.Settings[name])); err != nil {
			return err
		}
	}
	return nil
}
