package ipvs

import (
	"context"
	"errors"
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
	Timeouts(context.Context) (ipvs.Timeouts, error)
	SetTimeouts(context.Context, ipvs.Timeouts) error
	Daemons(context.Context) ([]ipvs.Daemon, error)
	StartDaemon(context.Context, ipvs.Daemon) error
	StopDaemon(ctx context.Context, role ipvs.DaemonRole, id uint8) error
	Close() error
}

// system is the host that the kind works on.
type system struct {
	host.Host
	open func(context.Context) (table, error)
	// drain is how long to wait for a backend's connections where the plan
	// does not say.
	drain time.Duration
	// patience is how long to wait for the interface of a sync daemon.
	patience time.Duration
}

func onHost(h host.Host) system {
	return system{
		Host:  h,
		open:  func(ctx context.Context) (table, error) { return ipvs.Dial(ctx) },
		drain: DrainTimeout,
	}
}

// observe reads what there is. Where something is wanted that the host cannot
// do, it says so now, before any change.
func (s system) observe(ctx context.Context, want Desired, _ step.Owned) (Observed, error) {
	have, services, err := s.look(ctx, want)
	if err != nil || !want.wantsIPVS() {
		return have, err
	}
	if err := ipvs.CheckModules(ctx, s.Host, unproven(want, services)); err != nil {
		return Observed{}, err
	}
	return have, checkInterfaces(want, have.MTU)
}

// look reads the table and what goes with it. It loads no modules: where ip_vs
// could be loaded but is not, the table is empty and the timeouts are those of
// a boot.
func (s system) look(ctx context.Context, want Desired) (Observed, []ipvs.ServiceState, error) {
	now, err := s.read(ctx)
	if err != nil {
		return Observed{}, nil, err
	}
	size := 8
	for _, service := range now.services {
		size += 1 + len(service.Destinations)
	}
	have := Observed{State: make(step.State, size), MTU: map[string]int{}}
	addTable(have.State, now.services)
	addTimeouts(have.State, now.timeouts)
	for _, d := range want.Sync {
		have.MTU[d.Interface] = readMTU(s.Host, d.Interface)
	}
	for _, d := range now.daemons {
		have.State[daemonID(d.Role)] = daemonValue(d, readMTU(s.Host, d.Interface))
	}
	for _, path := range []string{ModulesFile, RulesFile} {
		b, ok, err := atomicfile.Read(s.Path(path))
		if err != nil {
			return Observed{}, nil, err
		}
		if ok {
			have.State[contentID(path)] = step.EncodeBytes(b)
		}
	}
	return have, now.services, nil
}

// reading is all that the kernel says.
type reading struct {
	services []ipvs.ServiceState
	timeouts ipvs.Timeouts
	daemons  []ipvs.Daemon
}

// read asks the kernel; one without IPVS has an empty table.
func (s system) read(ctx context.Context) (reading, error) {
	r := reading{timeouts: bootTimeouts()}
	if !ipvs.Loaded(s.Host) {
		return r, ctx.Err()
	}
	t, err := s.open(ctx)
	if errors.Is(err, ipvs.ErrUnavailable) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	defer t.Close()
	if r.services, err = t.Dump(ctx); err != nil {
		return r, err
	}
	if r.timeouts, err = t.Timeouts(ctx); err != nil {
		return r, err
	}
	r.daemons, err = t.Daemons(ctx)
	return r, err
}

// unproven lists the wanted schedulers and engines that no service in the table
// uses: one that does shows that the kernel has it, built in perhaps.
func unproven(want Desired, table []ipvs.ServiceState) []string {
	proven := map[string]bool{}
	for _, s := range table {
		proven[s.Scheduler] = true
		if s.PEName != "" {
			proven[engineModule(s.PEName)] = true
		}
	}
	return slices.DeleteFunc(want.modules(), func(name string) bool { return proven[name] })
}
