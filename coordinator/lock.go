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

// DefaultLockWait suffices for most runs that were killed: their agents finish
// the change they are at, and give way then.
const DefaultLockWait = 10 * time.Second

// lockRetry is how often a lock is asked for.
const lockRetry = 250 * time.Millisecond

// Lock takes the locks of all hosts that have not failed, or fails. The directors'
// come first, one after the other: whoever has them has the cluster. The others are
// asked for at once; if one is refused, those that come after it are given back
// before it is waited for. So two runs never wait for each other. The caller closes
// the run when it fails, and with it the locks that it has.
func (r *Run) Lock(ctx context.Context) error {
	hosts := r.healthy()
	slices.SortStableFunc(hosts, func(a, b string) int {
		return lockRank(r.opts.Cluster, a, b)
	})
	quiet := report.Event{Stage: report.StageLock, Quiet: true}
	defer r.begin(quiet, hosts)()
	over := time.Now().Add(r.opts.LockWait)
	gate := 0
	for gate < len(hosts) && r.isDirector(hosts[gate]) {
		gate++
	}
	for _, name := range hosts[:gate] {
		done := r.beginHost(quiet, name)
		err := r.lockOne(ctx, r.session(name), r.opts.LockWait, over)
		done(err)
		if err != nil {
			return &report.HostError{Host: name, Stage: report.StageLock, Err: err}
		}
	}
	return r.lockRest(ctx, quiet, hosts[gate:], over)
}

// lockRest takes the locks of hosts, in their order.
func (r *Run) lockRest(ctx context.Context, like report.Event, hosts []string, over time.Time) error {
	type host struct {
		done func(error)
		err  error
	}
	all := map[string]*host{}
	for _, name := range hosts {
		all[name] = &host{done: r.beginHost(like, name)}
	}
	defer func() {
		for _, name := range hosts {
			all[name].done(all[name].err)
		}
	}()
	r.each(hosts, func(name string) { all[name].err = r.askLock(ctx, r.session(name)) })
	first := slices.IndexFunc(hosts, func(name string) bool { return all[name].err != nil })
	if first < 0 {
		return nil
	}
	r.each(hosts[first:], func(name string) {
		if s := r.session(name); s.locked && s.ask(ctx, wire.OpUnlock, nil, nil) == nil {
			s.locked = false
		}
	})
	for i, name := range hosts[first:] {
		all[name].err = r.lockOne(ctx, r.session(name), r.opts.LockWait, over)
		if err := all[name].err; err != nil {
			for _, after := range hosts[first+i+1:] {
				all[after].err = nil // it was not their fault
			}
			return &report.HostError{Host: name, Stage: report.StageLock, Err: err}
		}
	}
	return nil
}

func (r *Run) isDirector(name string) bool {
	h, ok := r.opts.Cluster.Host(name)
	return ok && h.Role == plans.RoleDirector
}

func (r *Run) askLock(ctx context.Context, s *session) error {
	err := s.ask(ctx, wire.OpLock, wire.LockRequest{Holder: r.opts.Holder}, nil)
	if err == nil {
		s.locked = true
	}
	return err
}

// lockOne waits for a host's lock until the time is over, which was so long.
func (r *Run) lockOne(ctx context.Context, s *session, wait time.Duration, over time.Time) error {
	for told := false; ; {
		err := r.askLock(ctx, s)
		switch {
		case !IsLocked(err):
			return err
		case wait == 0:
			return wire.Failf(wire.CodeLocked, "%v; try again when that run is over, or have --lock-timeout wait for it", err)
		case !time.Now().Before(over):
			return wire.Failf(wire.CodeLocked, "%v; waited %s (--lock-timeout); try again when that run is over", err, wait)
		}
		if !told {
			told = true
			r.opts.Report(report.Event{Type: report.HostWaits, Stage: report.StageLock, Host: s.name, Note: fmt.Sprintf("%v; waiting up to %s", err, wait)})
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(min(lockRetry, max(0, time.Until(over)))):
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
