package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
)

// currentLink is the name under which the boot-time units find the agent.
const currentLink = "agent"

// settle makes this agent the one that runs at boot, by an atomic switch of a
// symlink, and removes agents that are neither this one nor the one before.
func (a *Agent) settle(ctx context.Context) error {
	exe, err := os.Executable()
	if err != nil {
		return fmt.Errorf("cannot find the agent's own file: %w", err)
	}
	if filepath.Dir(exe) != filepath.Clean(a.dirs.Lib) {
		return nil // not pushed by a coordinator
	}
	if err := errors.Join(putBack(exe), a.removeLeftUploads()); err != nil {
		return err
	}
	own := filepath.Base(exe)
	link := filepath.Join(a.dirs.Lib, currentLink)
	before, err := os.Readlink(link)
	if err == nil && before == own {
		return nil
	}
	a.relabel(ctx)
	fresh := link + ".new"
	if err := os.Remove(fresh); err != nil && !os.IsNotExist(err) {
		return fmt.Errorf("cannot settle the agent: %w", err)
	}
	if err := os.Symlink(own, fresh); err != nil {
		return fmt.Errorf("cannot settle the agent: %w", err)
	}
	if err := os.Rename(fresh, link); err != nil {
		return fmt.Errorf("cannot settle the agent: %w", err)
	}
	return a.removeOld(own, before)
}

// relabel gives this agent's directory the SELinux labels of the policy: an
// upload leaves there what the directory above has, and systemd starts programs,
// the guard and the restore at boot, by their label. Where it fails a warning must
// do: the agent runs, and the policy may not mind.
func (a *Agent) relabel(ctx context.Context) {
	if _, err := os.Stat(a.host.Path("/sys/fs/selinux/enforce")); err != nil {
		return
	}
	argv := []string{"restorecon", "-R", a.dirs.Lib}
	res, err := a.host.Run(ctx, argv...)
	if err == nil {
		err = res.Err(argv...)
	}
	if err != nil && !errors.Is(err, exec.ErrNotFound) {
		a.log.Warn().Err(err).Msg("cannot label the agent for SELinux")
	}
}

// putBack writes this agent's own file anew if it is gone: a destroy that was
// ending while this agent started has taken it away.
func putBack(exe string) error {
	if _, err := os.Lstat(exe); !os.IsNotExist(err) {
		return err
	}
	self, err := os.ReadFile("/proc/self/exe")
	if err == nil {
		err = atomicfile.WriteMkdir(exe, self, 0o755)
	}
	if err != nil {
		return fmt.Errorf("cannot put the agent's own file back: %w", err)
	}
	return nil
}

// leftUpload is the age from which an upload's temporary file is taken for one
// that a lost connection left behind: another coordinator may be uploading now.
const leftUpload = time.Hour

// removeLeftUploads removes what killed uploads left: once the agent is there,
// no upload comes by to do so.
func (a *Agent) removeLeftUploads() error {
	left, err := filepath.Glob(filepath.Join(a.dirs.Lib, ".lvsup-upload-*"))
	for _, file := range left {
		if info, e := os.Lstat(file); e != nil || time.Since(info.ModTime()) < leftUpload {
			continue
		}
		if e := os.Remove(file); e != nil && !os.IsNotExist(e) {
			err = errors.Join(err, fmt.Errorf("cannot remove what an upload left: %w", e))
		}
	}
	return err
}

func (a *Agent) removeOld(keep ...string) error {
	entries, err := os.ReadDir(a.dirs.Lib)
	if err != nil {
		return fmt.Errorf("cannot look for old agents: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		if !strings.HasPrefix(name, currentLink+"-") || slices.Contains(keep, name) {
			continue
		}
		if err := os.Remove(filepath.Join(a.dirs.Lib, name)); err != nil {
			return fmt.Errorf("cannot remove an old agent: %w", err)
		}
	}
	return nil
}
