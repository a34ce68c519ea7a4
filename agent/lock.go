package agent

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/wire"
)

// lock is a flock(2) on a file. It belongs to this process and ends with it,
// however it ends, so no run can leave a host locked.
type lock struct {
	mu   sync.Mutex // a write that is under way would keep the file open
	file *os.File
}

// maxHolder bounds what is read of the holder's name.
const maxHolder = 512

// takeLock takes the lock without waiting. An *wire.Error with CodeLocked says
// who holds it.
func takeLock(dir, holder string) (*lock, error) {
	for {
		f, err := lockFile(dir)
		if err != nil {
			return nil, err
		}
		if !isNamed(f) {
			f.Close() // its holder removed the file at the end of a destroy
			continue
		}
		l := &lock{file: f}
		l.name(holder)
		return l, nil
	}
}

// name says who holds the lock. It is only for the message to others, and for
// those who held it before: a lock without it holds.
func (l *lock) name(holder string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.file.Truncate(0); err == nil {
		_, _ = l.file.WriteAt([]byte(holder+"\n"), 0)
	}
}

func lockFile(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("cannot lock the host: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, fmt.Errorf("cannot lock the host: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		defer f.Close()
		if !errors.Is(err, unix.EWOULDBLOCK) {
			return nil, fmt.Errorf("cannot lock the host: %w", err)
		}
		who, _ := io.ReadAll(io.LimitReader(f, maxHolder))
		return nil, wire.Failf(wire.CodeLocked, "another lvsup run holds this host: %s", strings.Join(strings.Fields(string(who)), " "))
	}
	return f, nil
}

// isNamed reports whether the file is still the one that others open.
func isNamed(f *os.File) bool {
	mine, err := f.Stat()
	if err != nil {
		return false
	}
	named, err := os.Stat(f.Name())
	return err == nil && os.SameFile(mine, named)
}

// ending tells those who ask for the lock that its run is over but for the
// change at hand.
func (l *lock) ending() {
	l.mu.Lock()
	defer l.mu.Unlock()
	const note = "(that run is ending: it finishes the change it is at)\n"
	if at, err := l.file.Seek(0, io.SeekEnd); err == nil {
		_, _ = l.file.WriteAt([]byte(note), at)
	}
}

func (l *lock) release() {
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.file.Close()
	}
}
