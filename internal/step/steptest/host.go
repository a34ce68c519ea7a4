package steptest

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// ErrRefused is what a write gets once FailAfter's number is used up.
var ErrRefused = errors.New("the fake host refuses this write")

// Host is a fake machine: files below a temporary root, commands answered by a
// function. Embed it in a Fake.
type Host struct {
	host.Host
	// Ran lists the commands that were run, words joined by a space.
	Ran []string

	t    *testing.T
	left int
}

// NewHost makes a host that holds the files, by absolute path; directories come
// by themselves. A file whose name ends in "*" is executable (the star is not
// part of its name), and one whose content starts with "-> " is a symbolic
// link. command answers commands; nil lets every command succeed in silence.
func NewHost(t *testing.T, files map[string]string, command func(argv []string) host.Result) *Host {
	t.Helper()
	h := &Host{t: t, left: -1}
	h.Host = host.Host{Root: tempRoot(t), Run: func(ctx context.Context, argv ...string) (host.Result, error) {
		if err := ctx.Err(); err != nil {
			return host.Result{}, err
		}
		h.Ran = append(h.Ran, strings.Join(argv, " "))
		if command == nil {
			return host.Result{}, nil
		}
		return command(argv), nil
	}}
	for name, content := range files {
		h.Put(name, content)
	}
	return h
}

// tempRoot is in memory where that is possible: kinds flush every file, and the
// suite cuts them short at every write.
func tempRoot(t *testing.T) string {
	t.Helper()
	root, err := os.MkdirTemp("/dev/shm", "lvsup-steptest-")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(root); err != nil {
			t.Error(err)
		}
	})
	return root
}

// Put writes one file the way NewHost does.
func (h *Host) Put(name, content string) {
	h.t.Helper()
	name, executable := strings.CutSuffix(name, "*")
	path := h.Path(name)
	err := os.MkdirAll(filepath.Dir(path), 0o755)
	if target, ok := strings.CutPrefix(content, "-> "); ok && err == nil {
		err = os.Symlink(target, path)
	} else if err == nil {
		err = os.WriteFile(path, []byte(content), 0o644)
		if executable && err == nil {
			err = os.Chmod(path, 0o755)
		}
	}
	if err != nil {
		h.t.Fatal(err)
	}
}

// Get gives a file's content; a file that is not there fails the test.
func (h *Host) Get(name string) string {
	h.t.Helper()
	data, err := os.ReadFile(h.Path(name))
	if err != nil {
		h.t.Fatal(err)
	}
	return string(data)
}

// FailAfter implements Faulty.
func (h *Host) FailAfter(n int) { h.left = n }

// Write is for the fake's own system: call it before every mutation and give
// its error back.
func (h *Host) Write() error {
	if h.left == 0 {
		return ErrRefused
	}
	if h.left > 0 {
		h.left--
	}
	return nil
}

// Snapshot gives every directory, link and file with its mode and content.
func (h *Host) Snapshot() string {
	h.t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(h.Root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "%v %s", info.Mode(), strings.TrimPrefix(path, h.Root))
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, " -> %s", target)
		case info.Mode().IsRegular():
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			for line := range strings.SplitAfterSeq(string(data), "\n") {
				if line != "" {
					fmt.Fprintf(&b, "\n\t%q", line)
				}
			}
		}
		b.WriteByte('\n')
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return b.String()
}
