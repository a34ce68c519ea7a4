package procsys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"syscall"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
)

// Reader is a program that applies the files.
type Reader string

// The readers. Both take the same files in the same order, but only procps
// reads hidden ones, and /etc/sysctl.conf itself, after all others; systemd sees
// that where a distribution links it as /etc/sysctl.d/99-sysctl.conf.
const (
	Systemd Reader = "systemd-sysctl"  // at boot, and for an interface that appears
	Procps  Reader = "sysctl --system" // by hand, and at boot without systemd
)

// Conf is the file that people edit by hand.
const Conf = "/etc/sysctl.conf"

// directories, from the one whose files hide those of the same name in the
// others (sysctl.d(5), sysctl(8)).
func directories() []string {
	return []string{"/etc/sysctl.d", "/run/sysctl.d", "/usr/local/lib/sysctl.d", "/usr/lib/sysctl.d", "/lib/sysctl.d"}
}

// File is one file that a reader applies.
type File struct {
	Path string // where the reader finds it
	Real string // what that is a symbolic link to, if it is one, else Path
	Text string
}

// Setting is one line of a File.
type Setting struct {
	File string // the File's Real
	Line int    // from 1
	Name string // dotted; may hold glob(7) patterns
	// Value is what is set. It has no meaning if Excluded.
	Value string
	// Excluded marks a line "-NAME" without "=". Patterns then do not reach the
	// parameter; systemd also forgets what an earlier line set it to.
	Excluded bool
}

// String gives FILE:LINE.
func (s Setting) String() string { return fmt.Sprintf("%s:%d", s.File, s.Line) }

// Files lists what the reader applies, in its order.
func Files(root string, r Reader) ([]File, error) {
	byName := map[string]string{}
	for _, dir := range directories() {
		entries, err := os.ReadDir(filepath.Join(root, dir))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("cannot list %s: %w", dir, err)
		}
		for _, e := range entries {
			name := e.Name()
			if _, masked := byName[name]; masked || !strings.HasSuffix(name, ".conf") {
				continue
			}
			if r == Procps || name[0] != '.' {
				byName[name] = path.Join(dir, name)
			}
		}
	}
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	sort.Strings(names)
	paths := make([]string, 0, len(names)+1)
	for _, name := range names {
		paths = append(paths, byName[name])
	}
	if r == Procps {
		paths = append(paths, Conf)
	}
	var files []File
	for _, p := range paths {
		f, ok, err := read(root, p)
		if err != nil {
			return nil, err
		}
		if ok {
			files = append(files, f)
		}
	}
	return files, nil
}

func read(root, name string) (File, bool, error) {
	real, err := atomicfile.Resolve(root, name)
	if errors.Is(err, syscall.ELOOP) {
		return File{}, false, nil
	}
	if err != nil {
		return File{}, false, fmt.Errorf("cannot read %s: %w", name, err)
	}
	rel, err := filepath.Rel(root, real)
	if err != nil {
		return File{}, false, err
	}
	f := File{Path: name, Real: "/" + rel}
	if f.Real == os.DevNull {
		return f, false, nil // the customary mask
	}
	if info, err := os.Stat(real); err == nil && info.IsDir() {
		return f, false, nil // it hides others of its name all the same
	}
	data, ok, err := atomicfile.Read(real)
	f.Text = string(data)
	return f, ok, err
}

// Place returns the files with one of that path and text in its place in the
// order, instead of the one that is there if it is. The path is one in
// /etc/sysctl.d.
func Place(files []File, name, text string) []File {
	base := path.Base(name)
	rest := slices.DeleteFunc(slices.Clone(files), func(f File) bool {
		return f.Path != Conf && path.Base(f.Path) == base
	})
	at := slices.IndexFunc(rest, func(f File) bool { return f.Path == Conf || path.Base(f.Path) > base })
	if at < 0 {
		at = len(rest)
	}
	return slices.Insert(rest, at, File{Path: name, Real: name, Text: text})
}

// Parse reads a file's settings. Lines that set nothing are passed over, as
// both readers do.
func Parse(f File) []Setting {
	var settings []Setting
	for i, line := range strings.Split(f.Text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' || line[0] == ';' {
			continue
		}
		name, value, assigns := strings.Cut(line, "=")
		// "-NAME = VALUE" only says that a failure to set it is no matter.
		name, dash := strings.CutPrefix(strings.TrimSpace(name), "-")
		if name == "" || !assigns && !dash {
			continue
		}
		settings = append(settings, Setting{
			File: f.Real, Line: i + 1,
			Name: Dotted(name), Value: strings.TrimSpace(value), Excluded: !assigns,
		})
	}
	return settings
}
