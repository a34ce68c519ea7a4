package ipvs

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"time"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// setTimeouts sets all of them at once; the kernel leaves those at 0 alone.
func (s system) setTimeouts(ctx context.Context, changes []step.Change) (int, error) {
	var all ipvs.Timeouts
	for _, c := range changes {
		one, err := parseTimeout(c.ID, c.To)
		if err != nil {
			return 0, err
		}
		all.TCP, all.TCPFin, all.UDP = all.TCP+one.TCP, all.TCPFin+one.TCPFin, all.UDP+one.UDP
	}
	t, err := s.openLoaded(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	if err := t.SetTimeouts(ctx, all); err != nil {
		return 0, err
	}
	return len(changes), nil
}

// changeDaemons starts and stops sync daemons. The kernel changes no setting of
// one that runs: it is stopped and started.
func (s system) changeDaemons(ctx context.Context, changes []step.Change) (int, error) {
	t, err := s.openLoaded(ctx, nil)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	for i, c := range changes {
		if err := s.changeDaemon(ctx, t, c); err != nil {
			return i, err
		}
	}
	return len(changes), nil
}

func (s system) changeDaemon(ctx context.Context, t table, c step.Change) error {
	var start ipvs.Daemon
	if c.Action != step.Delete {
		var err error
		if start, err = parseDaemon(c.ID, c.To); err != nil {
			return err
		}
	}
	if c.From != "" {
		running, err := parseDaemon(c.ID, c.From)
		if err != nil {
			return err
		}
		// One that is gone already is as good as stopped.
		if err := t.StopDaemon(ctx, running.Role, running.ID); err != nil && !errors.Is(err, syscall.ESRCH) {
			return err
		}
	}
	if c.Action == step.Delete {
		return nil
	}
	return s.startDaemon(ctx, t, start)
}

// interfaceInterval is the time between two tries to start a daemon whose
// interface is late.
const interfaceInterval = 250 * time.Millisecond

// startDaemon starts a daemon. At boot its interface may come up later than
// lvsup: that is waited for, as long as the system has patience.
func (s system) startDaemon(ctx context.Context, t table, d ipvs.Daemon) error {
	until := time.Now().Add(s.patience)
	for first := true; ; first = false {
		err := t.StartDaemon(ctx, d)
		if !interfaceIsLate(err) {
			return err
		}
		if !time.Now().Before(until) {
			return fmt.Errorf("cannot start sync daemon %s: interface %s is missing, down, or without an address: %w", d.Role, d.Interface, err)
		}
		if first {
			step.Progress(ctx, fmt.Sprintf("sync daemon %s waits for interface %s, at most %s", d.Role, d.Interface, s.patience))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(interfaceInterval):
		}
	}
}

// interfaceIsLate tells the errors of an interface that is missing, down, or
// without an address: those of dev_get_by_name and of the daemon's sockets.
func interfaceIsLate(err error) bool {
	for _, errno := range []syscall.Errno{syscall.ENODEV, syscall.ENETUNREACH, syscall.ENETDOWN, syscall.EADDRNOTAVAIL} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}
