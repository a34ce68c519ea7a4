package ipvs

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// table is the kernel's IPVS: an ipvs.Client, or a fake.
type table interface {
	Dump(context.Context) ([]ipvs.ServiceState, error)
	Destinations(context.Context, ipvs.ServiceKey) ([]ipvs.DestinationState, error)
	Do(context.Context, []ipvs.Command) (int, error)
	Close() error
}

// system is the host that the kind works on.
type system struct {
	host.Host
	open  func(context.Context) (table, error)
	drain time.Duration // how long to wait for a backend's connections
}

func onHost(h host.Host) system {
	return system{
		Host:  h,
		open:  func(ctx context.Context) (table, error) { return ipvs.Dial(ctx) },
		drain: DrainTimeout,
	}
}

// observe reads the table and the boot files. It loads no modules: where
// ip_vs could be loaded but is not, the table is empty. Where something is
// wanted that the kernel cannot do, it says so now, before any change.
func (s system) observe(ctx context.Context, want Desired, _ step.Owned) (Observed, error) {
	services, err := s.read(ctx)
	if err != nil {
		return Observed{}, err
	}
	if len(want.Services) > 0 {
		if err := ipvs.CheckModules(ctx, s.Host, unproven(want, services)); err != nil {
			return Observed{}, err
		}
	}
	have := Observed{State: tableState(services)}
	for _, path := range []string{ModulesFile, UnitFile, RulesFile} {
		b, ok, err := atomicfile.Read(s.Path(path))
		if err != nil {
			return Observed{}, err
		}
		if ok {
			have.State[step.ID{Key: path, Field: step.ContentField}] = step.EncodeBytes(b)
		}
	}
	target, err := os.Readlink(s.Path(LinkFile))
	switch {
	case err == nil:
		have.State[step.ID{Key: LinkFile}] = target
	case !errors.Is(err, fs.ErrNotExist):
		return Observed{}, fmt.Errorf("cannot read the link %s: %w", LinkFile, err)
	}
	return have, nil
}

// read dumps the table; a kernel without IPVS has an empty one.
func (s system) read(ctx context.Context) ([]ipvs.ServiceState, error) {
	if !ipvs.Loaded(s.Host) {
		return nil, ctx.Err()
	}
	t, err := s.open(ctx)
	if errors.Is(err, ipvs.ErrUnavailable) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer t.Close()
	return t.Dump(ctx)
}

// unproven lists the wanted schedulers that no service in the table uses: one
// that does shows that the kernel has it, built in perhaps.
func unproven(want Desired, table []ipvs.ServiceState) []string {
	return slices.DeleteFunc(want.schedulers(), func(name string) bool {
		return slices.ContainsFunc(table, func(s ipvs.ServiceState) bool { return s.Scheduler == name })
	})
}
