package atomicfile

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// create opens a file for new content beside temp. If it has a name, that is
// temp; otherwise it has none yet.
func create(temp string) (f *os.File, named bool, err error) {
	dir := filepath.Dir(temp)
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_WRONLY|unix.O_CLOEXEC, 0o600)
	if err == nil {
		if _, err := os.Lstat(fdPath(fd)); err == nil {
			return os.NewFile(uintptr(fd), dir), false, nil
		}
		unix.Close(fd) // without /proc it could never be given a name
	}
	// EISDIR, EOPNOTSUPP or EINVAL: the kernel or file system has no O_TMPFILE.
	// Anything else the plain way reports just as well.
	f, err = os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	return f, true, err
}

// link gives a file made with O_TMPFILE its first name (open(2)).
func link(f *os.File, name string) error {
	err := unix.Linkat(unix.AT_FDCWD, fdPath(int(f.Fd())), unix.AT_FDCWD, name, unix.AT_SYMLINK_FOLLOW)
	if err != nil {
		return &os.LinkError{Op: "linkat", New: name, Err: err}
	}
	return nil
}

func fdPath(fd int) string { return "/proc/self/fd/" + strconv.Itoa(fd) }

// keep gives f the owner and the extended attributes of the file at path.
func keep(f *os.File, path string, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := f.Chown(int(st.Uid), int(st.Gid)); err != nil {
			return fmt.Errorf("cannot keep its owner: %w", err)
		}
	}
	names, err := listxattr(path)
	if errors.Is(err, unix.ENOTSUP) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("cannot list its extended attributes: %w", err)
	}
	for _, name := range names {
		if err := copyxattr(f, path, name); err != nil {
			return fmt.Errorf("cannot keep its extended attribute %s: %w", name, err)
		}
	}
	return nil
}

func listxattr(path string) ([]string, error) {
	buf := make([]byte, 64<<10) // XATTR_LIST_MAX, include/uapi/linux/limits.h
	n, err := unix.Llistxattr(path, buf)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, name := range bytes.Split(buf[:n], []byte{0}) {
		if len(name) > 0 {
			names = append(names, string(name))
		}
	}
	return names, nil
}

func copyxattr(f *os.File, path, name string) error {
	value := make([]byte, 64<<10) // XATTR_SIZE_MAX
	n, err := unix.Lgetxattr(path, name, value)
	if err != nil {
		return err
	}
	return unix.Fsetxattr(int(f.Fd()), name, value[:n], 0)
}
