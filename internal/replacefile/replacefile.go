// Package replacefile puts a file in another's place, whole or not at all, with a mode
// that the old file has no say in. It exists beside renameio.WriteFile because that
// keeps the old file's mode, and what is secret now may have been readable before.
package replacefile

import (
	"io/fs"

	"github.com/google/renameio/v2"
)

// Write writes a file with that mode, less the umask(2).
func Write(path string, data []byte, mode fs.FileMode) error {
	f, err := renameio.NewPendingFile(path, renameio.WithPermissions(mode))
	if err != nil {
		return err
	}
	defer func() { _ = f.Cleanup() }()
	if _, err := f.Write(data); err != nil {
		return err
	}
	return f.CloseAtomicallyReplace()
}
