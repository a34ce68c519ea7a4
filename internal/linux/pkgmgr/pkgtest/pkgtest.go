//go:build linuxroot

// Package pkgtest gives tests a host with a real package manager: a private
// root directory with its own package database, and a repository of tiny
// packages beside it. This machine's own databases are never touched.
package pkgtest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Package is a package of the repository: one file, no scripts.
type Package struct {
	Name  string
	Needs []string
}

// Packages are a web server by its distribution's name, which needs apr, and
// subversion, which needs apr too.
func Packages(apache string) []Package {
	return []Package{{"apr", nil}, {apache, []string{"apr"}}, {"subversion", []string{"apr"}}}
}

// System is such a host.
type System struct {
	host.Host
	Repo string // the repository's directory; moving it away makes it unreachable
	t    *testing.T
}

// run runs a command of the test itself.
func run(t *testing.T, dir string, argv ...string) string {
	t.Helper()
	cmd := exec.Command(argv[0], argv[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

// Put writes a file below the host's root.
func (s *System) Put(name, content string) {
	s.t.Helper()
	put(s.t, s.Path(name), content)
}

func put(t *testing.T, path, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), 0o755); err != nil {
		t.Fatal(err)
	}
}

// wrap makes the real host's commands work on the private root: edit changes
// the words of a command.
func wrap(edit func(argv []string) []string) func(context.Context, ...string) (host.Result, error) {
	real := host.Real().Run
	return func(ctx context.Context, argv ...string) (host.Result, error) {
		return real(ctx, edit(argv)...)
	}
}

// insert puts words behind the first one that equals after.
func insert(argv []string, after string, words ...string) []string {
	for i, w := range argv {
		if w == after {
			return append(append(append([]string{}, argv[:i+1]...), words...), argv[i+1:]...)
		}
	}
	return argv
}
