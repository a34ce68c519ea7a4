package ipvs

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
)

// Restore makes the table what RulesFile says, as the unit does at boot. It
// adds what is missing, sets what differs, and removes nothing. Without that
// file it does nothing.
func Restore(ctx context.Context, h host.Host) error {
	return onHost(h).restore(ctx)
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
	have, err := s.observe(ctx, want, nil)
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
