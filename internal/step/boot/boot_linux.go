package boot

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/service"
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

func (k kind) observe(context.Context, Desired, step.Owned) (Observed, error) {
	have := Observed{State: step.State{}}
	b, ok, err := atomicfile.Read(k.host.Path(UnitFile))
	if err != nil {
		return have, err
	}
	if ok {
		have.State[unitID] = step.EncodeBytes(b)
	}
	target, err := os.Readlink(k.host.Path(LinkFile))
	switch {
	case err == nil:
		have.State[linkID] = target
	case !errors.Is(err, fs.ErrNotExist):
		return have, fmt.Errorf("cannot read the link %s: %w", LinkFile, err)
	}
	return have, nil
}

func (k kind) apply(ctx context.Context, _ Desired, changes []step.Change) (int, error) {
	reload := false
	for i, c := range changes {
		if err := step.Next(ctx, c); err != nil {
			return i, err
		}
		if !c.Action.Mutates() {
			continue
		}
		if err := k.one(c); err != nil {
			return i, err
		}
		reload = true
	}
	// Only a running systemd has something to reload (sd_booted(3)).
	if _, err := os.Lstat(k.host.Path("/run/systemd/system")); !reload || err != nil {
		return len(changes), nil
	}
	// The changes are done and hold at the next boot even if this fails.
	if err := service.Reload(ctx, k.host); err != nil {
		return len(changes), fmt.Errorf("cannot make systemd read its units again: %w", err)
	}
	return len(changes), nil
}

// one carries out one change.
func (k kind) one(c step.Change) error {
	path, gone := k.host.Path(c.Key), c.Action == step.Delete
	switch {
	case c.ID == linkID:
		if err := atomicfile.Remove(path); err != nil || gone {
			return err
		}
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return fmt.Errorf("cannot make the directory of %s: %w", c.Key, err)
		}
		return atomicfile.Symlink(c.To, path)
	case c.ID != unitID:
		return fmt.Errorf("cannot %s %s: no part of the boot unit", c.Action, c.ID)
	case gone:
		return atomicfile.Remove(path)
	}
	data, err := step.DecodeBytes(c.To)
	if err != nil {
		return fmt.Errorf("cannot decode the content of %s: %w", c.Key, err)
	}
	return atomicfile.WriteMkdir(path, data, 0o644)
}
