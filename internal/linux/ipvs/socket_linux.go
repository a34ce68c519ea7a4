package ipvs

import (
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"
)

// rawSocket uses the file descriptor of a netlink.Conn by itself, into buffers
// that are used again: to read a large table with Conn costs more time than
// the kernel takes to list it.
type rawSocket struct {
	*netlink.Conn
	raw syscall.RawConn
}

func (s rawSocket) send(b []byte) error {
	var n int
	var errno error
	err := s.raw.Write(func(fd uintptr) bool {
		n, errno = unix.Write(int(fd), b)
		return !again(errno)
	})
	switch {
	case err != nil:
		return err
	case errno != nil:
		return os.NewSyscallError("write", errno)
	case n != len(b):
		return io.ErrShortWrite
	}
	return nil
}

func (s rawSocket) receive(b []byte) (int, error) {
	var n int
	var errno error
	err := s.raw.Read(func(fd uintptr) bool {
		n, errno = unix.Read(int(fd), b)
		return !again(errno)
	})
	switch {
	case err != nil:
		return 0, err
	case errno != nil:
		return 0, os.NewSyscallError("read", errno)
	case n == len(b):
		return 0, errors.New("a datagram of the kernel is longer than any should be")
	}
	return n, nil
}

func again(err error) bool {
	return errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR)
}

func newSocket(conn *netlink.Conn) (socket, error) {
	raw, err := conn.SyscallConn()
	if err != nil {
		return nil, fmt.Errorf("cannot use the netlink socket: %w", err)
	}
	return rawSocket{conn, raw}, nil
}
