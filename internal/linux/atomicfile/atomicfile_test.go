//go:build linux

package atomicfile

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

func mustWrite(t *testing.T, path, data string, mode fs.FileMode) {
	t.Helper()
	if err := Write(path, []byte(data), mode); err != nil {
		t.Fatal(err)
	}
}

func check(t *testing.T, path, data string, mode fs.FileMode) {
	t.Helper()
	got, err := os.ReadFile(path)
	if err != nil || string(got) != data {
		t.Errorf("%s holds %q, %v; want %q", path, got, err, data)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != mode {
		t.Errorf("%s has mode %v, %v; want %v", path, info.Mode(), err, mode)
	}
}

func only(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != len(names) {
		t.Errorf("%s holds %v, want %v", dir, entries, names)
	}
}

func TestWriteNewAndExisting(t *testing.T) {
	old := syscall.Umask(0o077) // a new file's mode must not depend on it
	defer syscall.Umask(old)
	dir := t.TempDir()
	path := filepath.Join(dir, "a.conf")
	mustWrite(t, path, "one\n", 0o644)
	check(t, path, "one\n", 0o644)
	if err := os.Chmod(path, 0o751); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, path, "two\n", 0o600)
	check(t, path, "two\n", 0o751)
	only(t, dir, "a.conf")
}

func TestWriteKeepsExtendedAttributes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a")
	mustWrite(t, path, "one", 0o644)
	err := unix.Setxattr(path, "user.lvsup", []byte("kept"), 0)
	if errors.Is(err, unix.ENOTSUP) {
		t.Logf("%s has no user attributes; nothing to keep", path)
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	mustWrite(t, path, "two", 0o644)
	buf := make([]byte, 16)
	n, err := unix.Getxattr(path, "user.lvsup", buf)
	if err != nil || string(buf[:n]) != "kept" {
		t.Errorf("attribute is %q, %v; want kept", buf[:max(n, 0)], err)
	}
}

func TestWriteFollowsLinks(t *testing.T) {
	dir := t.TempDir()
	os.Mkdir(filepath.Join(dir, "sysctl.d"), 0o755)
	target := filepath.Join(dir, "sysctl.conf")
	link := filepath.Join(dir, "sysctl.d", "99-sysctl.conf")
	if err := os.Symlink("../sysctl.conf", link); err != nil {
		t.Fatal(err)
	}
	for _, data := range []string{"new", "old"} { // dangling first, then existing
		mustWrite(t, link, data, 0o644)
		check(t, target, data, 0o644)
		if got, _ := os.Readlink(link); got != "../sysctl.conf" {
			t.Errorf("the link became %q", got)
		}
	}
	loop := filepath.Join(dir, "loop")
	os.Symlink("loop", loop)
	if err := Write(loop, nil, 0o644); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("a loop gave %v", err)
	}
}

func TestResolveStaysBelowRoot(t *testing.T) {
	root := t.TempDir()
	os.MkdirAll(filepath.Join(root, "etc/rc.d"), 0o755)
	os.Symlink("/etc/rc.d/rc.local", filepath.Join(root, "etc/rc.local"))
	os.Symlink("../../../../../../etc", filepath.Join(root, "out"))
	os.Symlink("etc", filepath.Join(root, "in"))
	for path, want := range map[string]string{
		"/etc/rc.local":       "/etc/rc.d/rc.local",
		"/out/rc.local":       "/etc/rc.d/rc.local",
		"/in/rc.local":        "/etc/rc.d/rc.local",
		"/in/missing/x":       "/etc/missing/x",
		"/":                   "/",
		"/etc/../in/./rc.d/a": "/etc/rc.d/a",
	} {
		for _, given := range []string{path, filepath.Join(root, path)} {
			got, err := Resolve(root, given)
			if err != nil || got != filepath.Join(root, want) {
				t.Errorf("Resolve(%q) = %q, %v; want %q", given, got, err, filepath.Join(root, want))
			}
		}
	}
}

func TestWriteTakesLeftoversAway(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	os.WriteFile(TempName(path), []byte("half"), 0o600)
	mustWrite(t, path, "whole", 0o644)
	only(t, dir, "a")
	os.WriteFile(TempName(path), []byte("half"), 0o600)
	if err := Remove(path); err != nil {
		t.Fatal(err)
	}
	only(t, dir)
	if err := Remove(path); err != nil {
		t.Errorf("removing what is gone: %v", err)
	}
}

// TestWriteThatFails uses the file size limit for what a full disk does: a
// write that stops half way.
func TestWriteThatFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	mustWrite(t, path, "old", 0o644)
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &unix.Rlimit{Cur: 4096, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	err := Write(path, make([]byte, 1<<16), 0o644)
	fresh := Write(filepath.Join(dir, "b"), make([]byte, 1<<16), 0o644)
	if err := unix.Setrlimit(unix.RLIMIT_FSIZE, &was); err != nil {
		t.Fatal(err)
	}
	if !errors.Is(err, syscall.EFBIG) || !errors.Is(fresh, syscall.EFBIG) {
		t.Errorf("writing too much gave %v and %v", err, fresh)
	}
	check(t, path, "old", 0o644)
	only(t, dir, "a")
}

func TestWriteMkdir(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x/y/z")
	if err := Write(path, nil, 0o644); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("without the directory: %v", err)
	}
	if err := WriteMkdir(path, []byte("z"), 0o600); err != nil {
		t.Fatal(err)
	}
	check(t, path, "z", 0o600)
}

func TestRead(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if data, ok, err := Read(path); data != nil || ok || err != nil {
		t.Errorf("missing: %q %v %v", data, ok, err)
	}
	mustWrite(t, path, string(make([]byte, MaxRead)), 0o600)
	if data, ok, err := Read(path); len(data) != MaxRead || !ok || err != nil {
		t.Errorf("largest: %d %v %v", len(data), ok, err)
	}
	os.WriteFile(path, make([]byte, MaxRead+1), 0o600)
	if _, _, err := Read(path); !errors.Is(err, ErrTooLarge) {
		t.Errorf("too large: %v", err)
	}
	fifo := filepath.Join(dir, "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, odd := range []string{fifo, dir} {
		if _, _, err := Read(odd); err == nil {
			t.Errorf("read %s", odd)
		}
		if err := Write(odd, nil, 0o600); err == nil {
			t.Errorf("wrote %s", odd)
		}
	}
}
