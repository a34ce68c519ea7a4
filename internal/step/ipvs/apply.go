package ipvs

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// apply carries the changes out in order. Neighbours that go well together are
// one batch: edits of the table, removals of backends (which drain at the same
// time), files.
func (s system) apply(ctx context.Context, want Desired, changes []step.Change) (int, error) {
	done := 0
	for done < len(changes) {
		if err := step.Next(ctx, changes[done]); err != nil { // which stands for its neighbours
			return done, err
		}
		run := classOf(changes[done])
		n := 1
		for done+n < len(changes) && classOf(changes[done+n]) == run {
			n++
		}
		part := changes[done : done+n]
		var err error
		switch run {
		case nothing:
		case edit:
			n, err = s.edit(ctx, want, part)
		case removeBackend:
			n, err = s.removeBackends(ctx, want, part)
		case removeService:
			n, err = s.removeServices(ctx, part)
		case timeouts:
			n, err = s.setTimeouts(ctx, part)
		case daemons:
			n, err = s.changeDaemons(ctx, part)
		case files:
			n, err = s.files(ctx, part)
		}
		done += n
		if err != nil {
			return done, err
		}
	}
	return done, nil
}

type class int

const (
	nothing class = iota // only the record changes
	edit
	removeBackend
	removeService
	timeouts
	daemons
	files
)

func classOf(c step.Change) class {
	if !c.Action.Mutates() {
		return nothing
	}
	switch of := sortOf(c.ID); {
	case of == ofFile:
		return files
	case of == ofTimeout:
		return timeouts
	case of == ofDaemon:
		return daemons
	case c.Action != step.Delete:
		return edit
	case of == ofBackend:
		return removeBackend
	}
	return removeService
}

// noScheduler is the kernel's word for a service without one (ip_vs_add_service in
// net/netfilter/ipvs/ip_vs_ctl.c). Others may have made such a service, and it is
// what it goes back to.
const noScheduler = "none"

// edit creates and updates services and backends in one batch.
func (s system) edit(ctx context.Context, want Desired, changes []step.Change) (int, error) {
	modules := want.modules()
	for _, c := range changes {
		if key, _, err := parseID(c.ID); err == nil && sortOf(c.ID) == ofService {
			if service, err := parseService(key, c.To); err == nil {
				if service.Scheduler != noScheduler {
					modules = append(modules, service.Scheduler)
				}
				if service.PEName != "" {
					modules = append(modules, engineModule(service.PEName))
				}
			}
		}
	}
	t, err := s.openLoaded(ctx, modules)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	n, err := editTable(ctx, t, changes, func(c step.Change) bool { return c.Action != step.Create })
	if errors.Is(err, syscall.EEXIST) || errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ESRCH) {
		// Somebody was quicker than we: what is there now is edited instead.
		var there map[step.ID]bool
		if there, err = present(ctx, t); err != nil {
			return n, err
		}
		var more int
		more, err = editTable(ctx, t, changes[n:], func(c step.Change) bool { return there[c.ID] })
		n += more
	}
	return n, err
}

// openLoaded loads ip_vs and those of its modules, and opens the table.
func (s system) openLoaded(ctx context.Context, modules []string) (table, error) {
	if err := ipvs.LoadModules(ctx, s.Host, modules); err != nil {
		return nil, err
	}
	return s.open(ctx)
}

// editTable sends the commands for the changes; there says whether what one is
// about exists.
func editTable(ctx context.Context, t table, changes []step.Change, there func(step.Change) bool) (int, error) {
	cmds := make([]ipvs.Command, len(changes))
	var err error
	for i, c := range changes {
		if cmds[i], err = command(c, there(c)); err != nil {
			return 0, err
		}
	}
	return prefix(t.Do(ctx, cmds))
}

// present lists the services and backends of the table.
func present(ctx context.Context, t table) (map[step.ID]bool, error) {
	services, err := t.Dump(ctx)
	if err != nil {
		return nil, err
	}
	there := map[step.ID]bool{}
	for _, s := range services {
		there[serviceID(s.Key)] = true
		ids := newBackendIDs(s.Key)
		for _, d := range s.Destinations {
			there[ids.of(d.Addr())] = true
		}
	}
	return there, nil
}

// command gives the command that brings a service or backend to c.To, which
// holds all its settings. What is there is set and never made anew.
func command(c step.Change, there bool) (ipvs.Command, error) {
	key, addr, err := parseID(c.ID)
	if err != nil {
		return ipvs.Command{}, err
	}
	if sortOf(c.ID) == ofBackend {
		d, err := parseBackend(addr, c.To)
		if there {
			return ipvs.SetDestination(key, d), err
		}
		return ipvs.AddDestination(key, d), err
	}
	s, err := parseService(key, c.To)
	if there {
		return ipvs.SetService(s), err
	}
	return ipvs.AddService(s), err
}

// prefix turns the outcome of a batch into the number of commands at its start
// that succeeded.
func prefix(done int, err error) (int, error) {
	var batch *ipvs.BatchError
	if errors.As(err, &batch) {
		return batch.First(), err
	}
	return done, err
}

// removeServices deletes services, whose backends of ours are gone by now.
func (s system) removeServices(ctx context.Context, changes []step.Change) (int, error) {
	t, err := s.open(ctx)
	if errors.Is(err, ipvs.ErrUnavailable) {
		return len(changes), nil // no module, no services
	}
	if err != nil {
		return 0, err
	}
	defer t.Close()
	for i, c := range changes {
		key, _, err := parseID(c.ID)
		if err != nil {
			return i, err
		}
		// Look again right before: a backend that somebody has just put in
		// must not go with the service.
		left, err := t.Destinations(ctx, key)
		if err != nil {
			return i, err
		}
		if len(left) > 0 {
			return i, fmt.Errorf("cannot delete service %s: it has a backend that is not lvsup's, %s", key, left[0].Addr())
		}
		_, err = t.Do(ctx, []ipvs.Command{ipvs.DeleteService(key)})
		if err != nil && !errors.Is(err, syscall.ESRCH) {
			return i, err
		}
	}
	return len(changes), nil
}

// files writes and removes boot files.
func (s system) files(ctx context.Context, changes []step.Change) (int, error) {
	for i, c := range changes {
		if err := step.Next(ctx, c); err != nil {
			return i, err
		}
		if err := s.file(c); err != nil {
			return i, err
		}
	}
	return len(changes), nil
}

func (s system) file(c step.Change) error {
	path := s.Path(c.Key)
	if c.Action == step.Delete {
		return atomicfile.Remove(path)
	}
	content, err := step.DecodeBytes(c.To)
	if err != nil {
		return fmt.Errorf("cannot read the wanted content of %s: %w", c.Key, err)
	}
	if c.Key == RulesFile {
		return writeSecret(path, content)
	}
	return atomicfile.WriteMkdir(path, content, 0o644)
}
