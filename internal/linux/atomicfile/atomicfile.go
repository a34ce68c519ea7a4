package atomicfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// MaxRead bounds what Read takes from a file, in bytes.
const MaxRead = 1 << 20

// ErrTooLarge means that a file is larger than MaxRead.
var ErrTooLarge = errors.New("file is larger than 1 MiB")

// maxLinks bounds how many symbolic links Resolve follows, as the kernel does
// (MAXSYMLINKS in include/linux/namei.h).
const maxLinks = 40

// Write makes data the content of the file at path. A new file gets mode,
// whatever the umask, and under SELinux the type that the policy names for its
// path; an existing one keeps its owner, mode and extended attributes. If path is a symbolic link, the file it points to is written,
// even if that does not exist yet. The directory must exist.
func Write(path string, data []byte, mode fs.FileMode) error {
	target, err := resolve(path)
	if err == nil {
		err = replace(target, data, mode.Perm())
	}
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, cause(err))
	}
	return nil
}

// WriteMkdir is Write that first makes the missing directories above path,
// with mode 0755.
func WriteMkdir(path string, data []byte, mode fs.FileMode) error {
	target, err := resolve(path)
	if err != nil {
		return fmt.Errorf("cannot write %s: %w", path, cause(err))
	}
	if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
		return fmt.Errorf("cannot make the directory of %s: %w", path, cause(err))
	}
	return Write(target, data, mode)
}

// Read returns the content of the regular file at path, following symbolic
// links. A file that is not there gives ok false and no error; one that is
// larger than MaxRead gives ErrTooLarge.
func Read(path string) (data []byte, ok bool, err error) {
	// O_NONBLOCK keeps a FIFO in the place of a file from blocking for ever.
	f, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("cannot read %s: %w", path, cause(err))
	}
	defer f.Close()
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errors.New("it is not a regular file")
	}
	if err == nil {
		data, err = io.ReadAll(io.LimitReader(f, MaxRead+1))
	}
	if err == nil && len(data) > MaxRead {
		err = ErrTooLarge
	}
	if err != nil {
		return nil, false, fmt.Errorf("cannot read %s: %w", path, cause(err))
	}
	return data, true, nil
}

// Remove deletes the file at path, without following a symbolic link, and syncs
// its directory. A file that is not there is no error.
func Remove(path string) error {
	err := os.Remove(path)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err == nil {
		err = discard(TempName(path))
	}
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("cannot remove %s: %w", path, cause(err))
	}
	return nil
}

// Symlink makes path a symbolic link that holds target, and syncs its
// directory. It refuses to replace anything that is there.
func Symlink(target, path string) error {
	err := os.Symlink(target, path)
	if err == nil {
		err = syncDir(filepath.Dir(path))
	}
	if err != nil {
		return fmt.Errorf("cannot link %s to %s: %w", path, target, cause(err))
	}
	return nil
}

// TempName is the name under which new content of path may be seen for an
// instant. It starts with a dot and ends in ".lvsup-tmp", so readers of *.d
// directories pass over it.
func TempName(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+".lvsup-tmp")
}

// Resolve follows the symbolic links in path as if root were the root of the
// file system, and returns the real path, root included. Missing parts stay as
// they are. Under "/" it is what the kernel would do; under another root an
// absolute link stays below it. path may or may not already start with root.
func Resolve(root, path string) (string, error) {
	root, rest := filepath.Clean(root), filepath.Clean("/"+path)
	if rel, err := filepath.Rel(root, rest); err == nil && rel != ".." && !strings.HasPrefix(rel, "../") {
		rest = "/" + rel
	}
	done := "/" // what is resolved, within root
	for links := 0; rest != "/" && rest != ""; {
		head, tail, _ := strings.Cut(strings.TrimPrefix(rest, "/"), "/")
		rest = tail
		next := filepath.Join(done, head)
		link, err := os.Readlink(filepath.Join(root, next))
		switch {
		case err == nil:
			if links++; links > maxLinks {
				return "", fmt.Errorf("cannot follow %s: %w", path, syscall.ELOOP)
			}
			if filepath.IsAbs(link) {
				done = "/"
			}
			rest = filepath.Join(link, rest)
			// A link may climb: let the resolved part give way first.
			for strings.HasPrefix(rest, "../") || rest == ".." {
				done, rest = filepath.Dir(done), strings.TrimPrefix(strings.TrimPrefix(rest, ".."), "/")
			}
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.EINVAL):
			done = next // not a link, or not there
		default:
			return "", err
		}
	}
	return filepath.Join(root, done), nil
}

func resolve(path string) (string, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return Resolve("/", abs)
}

// replace puts data at target, which is no symbolic link.
func replace(target string, data []byte, mode fs.FileMode) error {
	temp := TempName(target)
	if err := discard(temp); err != nil {
		return err
	}
	old, err := os.Lstat(target)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		old = nil
	case err != nil:
		return err
	case !old.Mode().IsRegular():
		return errors.New("it is not a regular file")
	}
	f, named, err := create(temp)
	if err != nil {
		return err
	}
	defer f.Close()
	if named {
		defer discard(temp) // nothing to take away once it has been renamed
	}
	if _, err := f.Write(data); err != nil {
		return err
	}
	if old != nil {
		mode = old.Mode() & (fs.ModePerm | fs.ModeSetuid | fs.ModeSetgid | fs.ModeSticky)
		if err := keep(f, target, old); err != nil {
			return err
		}
	} else if err := label(f, target, selinuxRuns, matchpathcon); err != nil {
		return err
	}
	if err := f.Chmod(mode); err != nil { // last: chown(2) clears the set-id bits
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	if err := install(f, named, temp, target, old != nil); err != nil {
		return err
	}
	return syncDir(filepath.Dir(target))
}

// install gives the finished file its name.
func install(f *os.File, named bool, temp, target string, exists bool) error {
	if !named && !exists {
		err := link(f, target)
		if err == nil || !errors.Is(err, fs.ErrExist) {
			return err
		}
		return fmt.Errorf("%w: it appeared while it was being written; run again", err)
	}
	if !named {
		if err := link(f, temp); err != nil {
			return err
		}
	}
	if err := os.Rename(temp, target); err != nil {
		discard(temp)
		return err
	}
	return nil
}

func discard(temp string) error {
	err := os.Remove(temp)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncDir makes the names in a directory durable.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// cause strips the operation and path that the os package puts before an error,
// since the caller's message names the file already.
func cause(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	var link *os.LinkError
	if errors.As(err, &link) {
		return link.Err
	}
	return err
}
