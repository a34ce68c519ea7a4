package ipvs

import (
	"context"
	"errors"
	"time"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// DrainTimeout bounds the wait for the connections of backends that go away.
// Those that are still there then are cut off.
const DrainTimeout = 30 * time.Second

// drainInterval is the time between two looks at the connections.
const drainInterval = 200 * time.Millisecond

// removeBackends sets the weight of all backends to 0, waits for their
// established connections to end or for DrainTimeout, and deletes them. One
// that is gone already counts as removed.
func (s system) removeBackends(ctx context.Context, changes []step.Change) (int, error) {
	t, err := s.open(ctx)
	if errors.Is(err, ipvs.ErrUnavailable) {
		return len(changes), nil // no module, no backends
	}
	if err != nil {
		return 0, err
	}
	defer t.Close()
	deadline := time.Now().Add(s.drain)
	for quiesced := false; ; {
		services, err := t.Dump(ctx)
		if err != nil {
			return 0, err
		}
		have := index(services)
		if !quiesced {
			if err := quiesce(ctx, t, have, changes); err != nil {
				return 0, err
			}
			quiesced = true
			continue
		}
		if have.active(changes) == 0 || time.Now().After(deadline) {
			return deleteBackends(ctx, t, have, changes)
		}
		select {
		case <-ctx.Done():
			return 0, ctx.Err()
		case <-time.After(drainInterval):
		}
	}
}

func quiesce(ctx context.Context, t table, have entries, changes []step.Change) error {
	var cmds []ipvs.Command
	for _, c := range changes {
		key, _, err := parseID(c.ID)
		if err != nil {
			return err
		}
		if d, there := have.backends[c.ID]; there && d.Weight > 0 {
			d.Weight = 0
			cmds = append(cmds, ipvs.SetDestination(key, d.Destination))
		}
	}
	if len(cmds) == 0 {
		return nil
	}
	_, err := t.Do(ctx, cmds)
	return err
}

// active counts the established connections of the backends that go.
func (e entries) active(changes []step.Change) int {
	n := 0
	for _, c := range changes {
		n += int(e.backends[c.ID].ActiveConns)
	}
	return n
}

func deleteBackends(ctx context.Context, t table, have entries, changes []step.Change) (int, error) {
	var cmds []ipvs.Command
	var place []int // in changes, of each command
	for i, c := range changes {
		key, addr, err := parseID(c.ID)
		if err != nil {
			return 0, err
		}
		if _, there := have.backends[c.ID]; there {
			cmds = append(cmds, ipvs.DeleteDestination(key, addr))
			place = append(place, i)
		}
	}
	if len(cmds) == 0 {
		return len(changes), nil
	}
	n, err := prefix(t.Do(ctx, cmds))
	if err != nil {
		return place[n], err
	}
	return len(changes), nil
}
