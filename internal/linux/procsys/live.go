package procsys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// ErrNoSysctl is what errors about a parameter that does not exist wrap.
var ErrNoSysctl = errors.New("this kernel has no such sysctl (check the name; is its module loaded, its interface there?)")

// maxValue bounds a value, in bytes; the kernel's own limit for most is a page.
const maxValue = 64 << 10

// Read gives a parameter's value without the final newline. One that does not
// exist gives an error that wraps ErrNoSysctl.
func Read(root, name string) (string, error) {
	f, err := os.Open(Path(root, name))
	if err != nil {
		return "", fmt.Errorf("cannot read sysctl %s: %w", name, cause(err))
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxValue))
	if err != nil {
		return "", fmt.Errorf("cannot read sysctl %s: %w", name, cause(err))
	}
	return strings.TrimSuffix(string(b), "\n"), nil
}

// Write sets a parameter in a single write(2), as the kernel demands.
func Write(root, name, value string) error {
	f, err := os.OpenFile(Path(root, name), os.O_WRONLY|os.O_TRUNC, 0)
	if err != nil {
		return fmt.Errorf("cannot set sysctl %s to %q: %w", name, value, cause(err))
	}
	_, err = f.WriteString(value + "\n")
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("cannot set sysctl %s to %q: %w", name, value, cause(err))
	}
	return nil
}

func cause(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return ErrNoSysctl
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
