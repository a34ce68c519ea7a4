package coordinator

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// Lock takes the lock of every host, directors first and then by name, so that
// two runs cannot each hold a part. The caller closes the run when it fails.
func (r *Run) Lock(ctx context.Context) error {
	hosts := r.hostNames()
	slices.SortStableFunc(hosts, func(a, b string) int {
		return lockRank(r.opts.Cluster, a, b)
	})
	quiet := report.Event{Stage: report.StageLock, Quiet: true}
	defer r.begin(quiet, hosts)()
	for _, name := range hosts {
		s := r.session(name)
		if s == nil || !r.ok(name) {
			continue
		}
		done := r.beginHost(quiet, name)
		err := r.lockOne(ctx, s)
		done(err)
		if err != nil {
			return &report.HostError{Host: name, Stage: report.StageLock, Err: err}
		}
	}
	return nil
}

// DefaultLockWait suffices for most runs that were killed: their agents finish
// the change they are at, and give way then.
const DefaultLockWait = 10 * time.Second

// lockRetry is how often a lock is asked for.
const lockRetry = 250 * time.Millisecond

func (r *Run) lockOne(ctx context.Context, s *session) error {
	for begin, told := time.Now(), false; ; {
		err := s.ask(ctx, wire.OpLock, wire.LockRequest{Holder: r.opts.Holder}, nil)
		if !IsLocked(err) {
			s.locked = err == nil
			return err
		}
		if time.Since(begin) >= r.opts.LockWait {
			return wire.Failf(wire.CodeLocked, "%v; waited %s; try again when that run is over", err, r.opts.LockWait)
		}
		if !told {
			told = true
			r.opts.Report(report.Event{Type: report.HostWaits, Stage: report.StageLock, Host: s.name, Note: fmt.Sprintf("%v; waiting up to %s", err, r.opts.LockWait)})
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(lockRetry):
		}
	}
}

func lockRank(c *plans.Cluster, a, b string) int {
	ha, _ := c.Host(a)
	hb, _ := c.Host(b)
	da, db := ha.Role == plans.RoleDirector, hb.Role == plans.RoleDirector
	switch {
	case da && !db:
		return -1
	case db && !da:
		return 1
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}
