package ipvs

import (
	"errors"
	"fmt"
	"syscall"
)

// ErrUnavailable means that the kernel has no IPVS in this network namespace:
// the module ip_vs is not loaded. Load it with LoadModules.
var ErrUnavailable = errors.New("the kernel's IPVS is not loaded (modprobe ip_vs)")

// Error is a request that failed. Err is a syscall.Errno when the kernel
// refused the request:
//
//   - EEXIST: the service or destination is there already
//   - ESRCH: there is no such service
//   - ENOENT: there is no such destination; or, where Op is about a service,
//     no such scheduler or persistence engine
//   - ERANGE: the lower threshold is above the upper one, or the weight is
//     above 2147483647
//   - EINVAL: a value that this kernel does not take; or a sync daemon together
//     with backends of another address family than their service
//   - ENODEV: there is no such interface for a sync daemon
//   - EPERM: the process lacks CAP_NET_ADMIN
//
// Otherwise it is what went wrong on the socket, such as
// os.ErrDeadlineExceeded or the context's error.
type Error struct {
	Op      Op
	Command Command // the zero Command for a read
	Daemon  Daemon  // with OpStartDaemon and OpStopDaemon
	Err     error
}

func (e *Error) Error() string {
	object := "IPVS"
	switch {
	case e.Command.Op != 0:
		object = e.Command.Object()
	case e.Daemon.Role != 0:
		object = fmt.Sprintf("sync daemon %s (id %d)", e.Daemon.Role, e.Daemon.ID)
	}
	return fmt.Sprintf("cannot %s %s: %s", e.Op, object, e.cause())
}

// Unwrap gives Err, so that errors.Is(err, syscall.EEXIST) works.
func (e *Error) Unwrap() error { return e.Err }

func (e *Error) cause() string {
	var errno syscall.Errno
	if !errors.As(e.Err, &errno) {
		return e.Err.Error()
	}
	if e.Daemon.Role != 0 {
		if text := e.Daemon.cause(errno); text != "" {
			return text
		}
	}
	switch errno {
	case syscall.EEXIST:
		return "it is there already"
	case syscall.ESRCH:
		return "there is no such service"
	case syscall.ENOENT:
		if e.Op.onDestination() {
			return "there is no such backend"
		}
		s := e.Command.Service
		if s.PEName != "" {
			return fmt.Sprintf("the kernel has no scheduler %q (module ip_vs_%s) or no persistence engine %q (module ip_vs_pe_%s)",
				s.Scheduler, s.Scheduler, s.PEName, s.PEName)
		}
		return fmt.Sprintf("the kernel has no scheduler %q (module ip_vs_%s)", s.Scheduler, s.Scheduler)
	case syscall.ERANGE:
		return "the lower threshold is above the upper one, or the weight is out of range"
	case syscall.EPERM:
		return "operation not permitted: run as root"
	}
	return errno.Error()
}

// cause gives the words for what the kernel means about a sync daemon, if they
// are others than for a service.
func (d Daemon) cause(errno syscall.Errno) string {
	switch errno {
	case syscall.EEXIST:
		return fmt.Sprintf("a %s runs already", d.Role)
	case syscall.ESRCH:
		return fmt.Sprintf("no %s runs", d.Role)
	case syscall.ENODEV:
		return fmt.Sprintf("there is no interface %q", d.Interface)
	case syscall.EINVAL:
		return "its group is no multicast address, or a service has backends of another address family, which the protocol cannot carry"
	}
	return ""
}

// BatchError says which commands of a Do failed.
type BatchError struct {
	// Failed has the index of each command that the kernel refused and why,
	// in order of the index. Commands behind one of them, up to Sent, were
	// still carried out.
	Failed []IndexedError
	Sent   int // commands that were sent
	Total  int // commands that were asked for
	// Err is what broke the exchange, if something did. What became of
	// commands from index Acked on is then unknown.
	Err   error
	Acked int
}

// IndexedError is the failure of one command of a batch.
type IndexedError struct {
	Index int
	Err   *Error
}

// First returns how many commands at the start of the batch certainly
// succeeded.
func (e *BatchError) First() int {
	first := e.Acked
	if len(e.Failed) > 0 && e.Failed[0].Index < first {
		first = e.Failed[0].Index
	}
	return first
}

func (e *BatchError) Error() string {
	if len(e.Failed) == 0 {
		return fmt.Sprintf("%v (%d of %d commands done)", e.Err, e.Acked, e.Total)
	}
	first := e.Failed[0].Err.Error()
	if more := len(e.Failed) - 1; more > 0 {
		return fmt.Sprintf("%s (and %d more of %d commands failed)", first, more, e.Total)
	}
	return first
}

// Unwrap gives the first failure and what broke the exchange.
func (e *BatchError) Unwrap() []error {
	var errs []error
	if len(e.Failed) > 0 {
		errs = append(errs, e.Failed[0].Err)
	}
	if e.Err != nil {
		errs = append(errs, e.Err)
	}
	return errs
}
