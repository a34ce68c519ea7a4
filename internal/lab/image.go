package lab

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
)

// Image is the disk that all guests with one network stack share, in all labs: a
// root file system that is never written to, since each guest writes to a
// copy-on-write file.
type Image struct {
	Stack  Stack
	Dir    string      // where images are kept; DefaultCacheDir() if empty
	Events func(Event) // told about each step of a build; may be nil
}

// DefaultCacheDir is lvsup/lab in $XDG_CACHE_HOME or ~/.cache.
func DefaultCacheDir() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("cannot find a directory for the lab's images: %w; set XDG_CACHE_HOME", err)
	}
	return filepath.Join(dir, "lvsup", "lab"), nil
}

func (i Image) dir() (string, error) {
	if i.Dir != "" {
		return i.Dir, nil
	}
	return DefaultCacheDir()
}

// Path is where the image of the present recipe is, built or not.
func (i Image) Path(ctx context.Context) (string, error) {
	paths, err := i.paths(ctx, i.Stack)
	if err != nil {
		return "", err
	}
	return paths[0], nil
}

// paths are where the images of the present recipe are for these stacks.
func (i Image) paths(ctx context.Context, stacks ...Stack) ([]string, error) {
	dir, err := i.dir()
	if err != nil {
		return nil, err
	}
	release, err := osReleaseValues()
	if err != nil {
		return nil, fmt.Errorf("cannot tell this machine's release: %w", err)
	}
	kernel, err := run(ctx, "", "dpkg-query", "-W", "-f", "${Version}", "user-mode-linux")
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, stack := range stacks {
		hash, err := recipeHash(release["VERSION_CODENAME"], kernel, stack)
		if err != nil {
			return nil, err
		}
		paths = append(paths, filepath.Join(dir, "image-"+hash+".ext4"))
	}
	return paths, nil
}

// Ensure builds the image unless it is there, and returns its path. A second
// builder waits for the first. The image appears under its name only when it is
// whole; what a killed build left is swept away by the next.
func (i Image) Ensure(ctx context.Context) (string, error) {
	path, err := i.Path(ctx)
	if err != nil {
		return "", err
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", fmt.Errorf("cannot make the lab's cache directory: %w", err)
	}
	unlock, err := lockFile(ctx, filepath.Join(filepath.Dir(path), "image.lock"))
	if err != nil {
		return "", fmt.Errorf("cannot wait for another builder of the guest image: %w", err)
	}
	defer unlock()
	if _, err := os.Stat(path); err == nil {
		return path, nil // the other builder has just finished
	}
	if err := i.sweep(ctx, filepath.Dir(path)); err != nil {
		return "", err
	}
	if err := i.build(ctx, path); err != nil {
		return "", fmt.Errorf("cannot build the guest image: %w", err)
	}
	return path, nil
}

// sweep removes unfinished builds, and images of older recipes unless a lab's
// disks may still need one.
func (i Image) sweep(ctx context.Context, dir string) error {
	old, err := filepath.Glob(filepath.Join(dir, "build-*"))
	if err != nil {
		return err
	}
	if disks, err := filepath.Glob(filepath.Join(dir, "disks", "*")); err == nil && len(disks) == 0 {
		images, err := filepath.Glob(filepath.Join(dir, "image-*.ext4"))
		if err != nil {
			return err
		}
		current, err := i.paths(ctx, Stacks()...)
		if err != nil {
			return err
		}
		for _, image := range images {
			if !slices.Contains(current, image) {
				old = append(old, image)
			}
		}
	}
	for _, path := range old {
		if err := removeTree(path); err != nil {
			return err
		}
	}
	return nil
}

// removeTree refuses to descend into what is mounted below path: the builder
// binds /dev and /proc in there, and a removal would reach the machine's own.
func removeTree(path string) error {
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return err
	}
	for _, line := range strings.Split(string(mounts), "\n") {
		if f := strings.Fields(line); len(f) > 4 && strings.HasPrefix(f[4], path+"/") {
			return fmt.Errorf("cannot remove %s: %s is mounted in it; unmount it first", path, f[4])
		}
	}
	return os.RemoveAll(path)
}

func (i Image) build(ctx context.Context, path string) error {
	work, err := os.MkdirTemp(filepath.Dir(path), "build-")
	if err != nil {
		return err
	}
	defer func() { _ = removeTree(work) }()
	if err := os.Chmod(work, 0o755); err != nil { // apt's own user must get in
		return err
	}
	root, disk := filepath.Join(work, "root"), filepath.Join(work, "root.ext4")
	steps := []struct {
		name string
		work func() error
	}{
		{"fetch and unpack the guests' packages", func() error { return bootstrap(ctx, work, root, i.Stack) }},
		{"make the guests' package repository", func() error { return makeRepository(ctx, root) }},
		{"set up the guests' system", func() error { return furnish(ctx, root, i.Stack) }},
		{"label the guests' files", func() error { return labelFiles(ctx, root, i.Stack) }},
		{"write the guests' disk image", func() error {
			if _, err := run(ctx, "", "mke2fs", "-q", "-t", "ext4", "-L", "root", "-N", "65536", "-m", "1",
				"-E", "lazy_itable_init=0,lazy_journal_init=0", "-d", root, disk, imageSize); err != nil {
				return err
			}
			return os.Rename(disk, path)
		}},
	}
	for _, s := range steps {
		if err := events(i.Events).step(s.name, s.work); err != nil {
			return err
		}
	}
	return nil
}

// run runs a program to its end and returns what it wrote to stdout. Its error
// ends with the last lines of stderr.
func run(ctx context.Context, stdin, name string, args ...string) (string, error) {
	path, err := lookTool(name)
	if err != nil {
		return "", err
	}
	var out, complaint strings.Builder
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &complaint
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive")
	// A polite end first: mmdebstrap undoes its mounts.
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return "", fmt.Errorf("%s: %w: %s", name, err, lastLines(complaint.String(), 5))
		}
		return "", fmt.Errorf("cannot run %s: %w", name, err)
	}
	return out.String(), nil
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	if len(lines) > n {
		lines = lines[len(lines)-n:]
	}
	return strings.Join(lines, "\n")
}
