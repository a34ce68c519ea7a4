package ipvs

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
)

// bootPatience is how long Restore waits for the interface of a sync daemon.
const bootPatience = 30 * time.Second

// Restore makes the table, the timeouts and the sync daemons what RulesFile
// says, as the unit does at boot. It adds what is missing, sets what differs,
// and removes nothing. The services come first: they do not wait for the
// interface of a sync daemon, which may be up late; that is waited for up to 30
// seconds. Without the file Restore does nothing.
func Restore(ctx context.Context, h host.Host) error {
	s := onHost(h)
	s.patience = bootPatience
	return s.restore(ctx)
}

func (s system) restore(ctx context.Context) error {
	b, ok, err := atomicfile.Read(s.Path(RulesFile))
	if err != nil || !ok {
		return err
	}
	want, err := decodeRules(b)
	if err != nil {
		return err
	}
	have, _, err := s.look(ctx, want)
	if err == nil {
		_, err = s.apply(ctx, want, Diff(want, step.Owned{}, have))
	}
	if err != nil {
		return fmt.Errorf("cannot bring the virtual services back: %w", err)
	}
	return nil
}

// writeSecret writes a file in lvsup's own directory, readable by root only.
func writeSecret(path string, content []byte) error {
	if err := mkdir(path, 0o700); err != nil {
		return err
	}
	return atomicfile.Write(path, content, 0o600)
}

// mkdir makes the directory that the file at path lies in.
func mkdir(path string, mode fs.FileMode) error {
	if err := os.MkdirAll(filepath.Dir(path), mode); err != nil {
		return fmt.Errorf("cannot make the directory of %s: %w", path, err)
	}
	return nil
}
