package ipvs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
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
		if err := ctx.Err(); err != nil {
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
			n, err = s.removeBackends(ctx, part)
		case removeService:
			n, err = s.removeServices(ctx, part)
		case file:
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
	file
)

func classOf(c step.Change) class {
	switch {
	case !c.Action.Mutates():
		return nothing
	case isFile(c.ID):
		return file
	case c.Action != step.Delete:
		return edit
	case isBackend(c.ID):
		return removeBackend
	}
	return removeService
}

// edit creates and updates services and backends in one batch.
func (s system) edit(ctx context.Context, want Desired, changes []step.Change) (int, error) {
	schedulers := want.schedulers()
	for _, c := range changes {
		if !isBackend(c.ID) {
			scheduler, _, _ := strings.Cut(c.To, " ")
			schedulers = append(schedulers, scheduler)
		}
	}
	if err := ipvs.LoadModules(ctx, s.Host, schedulers); err != nil {
		return 0, err
	}
	t, err := s.open(ctx)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	n, err := editTable(ctx, t, changes)
	if errors.Is(err, syscall.EEXIST) {
		// Somebody was quicker than we; what is there now is edited instead.
		var more int
		more, err = editTable(ctx, t, changes[n:])
		n += more
	}
	return n, err
}

func editTable(ctx context.Context, t table, changes []step.Change) (int, error) {
	services, err := t.Dump(ctx)
	if err != nil {
		return 0, err
	}
	have := index(services)
	cmds := make([]ipvs.Command, len(changes))
	for i, c := range changes {
		if cmds[i], err = have.command(c); err != nil {
			return 0, err
		}
	}
	return prefix(t.Do(ctx, cmds))
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

// entries finds what a table has by ID.
type entries struct {
	services map[step.ID]ipvs.Service
	backends map[step.ID]ipvs.DestinationState
}

func index(table []ipvs.ServiceState) entries {
	e := entries{map[step.ID]ipvs.Service{}, map[step.ID]ipvs.DestinationState{}}
	for _, s := range table {
		e.services[serviceID(s.Key)] = s.Service
		for _, d := range s.Destinations {
			e.backends[backendID(s.Key, d.Addr())] = d
		}
	}
	return e
}

// command gives the command that brings a service or backend to c.To. It
// starts from what is there, since the kernel replaces all settings.
func (e entries) command(c step.Change) (ipvs.Command, error) {
	key, addr, err := parseID(c.ID)
	if err != nil {
		return ipvs.Command{}, err
	}
	if isBackend(c.ID) {
		d, there := e.backends[c.ID]
		d.Address, d.Port = addr.Addr(), addr.Port()
		if err := setBackend(&d.Destination, c.To); err != nil {
			return ipvs.Command{}, err
		}
		if there {
			return ipvs.SetDestination(key, d.Destination), nil
		}
		return ipvs.AddDestination(key, d.Destination), nil
	}
	s, there := e.services[c.ID]
	s.Key = key
	if err := setService(&s, c.To); err != nil {
		return ipvs.Command{}, err
	}
	if there {
		return ipvs.SetService(s), nil
	}
	return ipvs.AddService(s), nil
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

// files writes and removes boot files and lets systemd know.
func (s system) files(ctx context.Context, changes []step.Change) (int, error) {
	units := false
	for i, c := range changes {
		if err := ctx.Err(); err != nil {
			return i, err
		}
		if err := s.file(c); err != nil {
			return i, err
		}
		units = units || c.Key == UnitFile || c.Key == LinkFile
	}
	if !units {
		return len(changes), nil
	}
	// Only a running systemd has something to reload (sd_booted(3)).
	if _, err := os.Lstat(s.Path("/run/systemd/system")); err != nil {
		return len(changes), nil
	}
	argv := []string{"systemctl", "daemon-reload"}
	res, err := s.Run(ctx, argv...)
	if err == nil {
		err = res.Err(argv...)
	}
	if err != nil {
		return len(changes), fmt.Errorf("cannot make systemd read its units again: %w", err)
	}
	return len(changes), nil
}

func (s system) file(c step.Change) error {
	path := s.Path(c.Key)
	switch {
	case c.Action == step.Delete:
		return atomicfile.Remove(path)
	case c.Key == LinkFile:
		return s.link(c)
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

func (s system) link(c step.Change) error {
	path := s.Path(c.Key)
	if c.Action != step.Create {
		if err := atomicfile.Remove(path); err != nil {
			return err
		}
	}
	if err := mkdir(path, 0o755); err != nil {
		return err
	}
	return atomicfile.Symlink(c.To, path)
}
