package agent

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/lvsup/lvsup/internal/linux/pathway"
	"github.com/lvsup/lvsup/internal/linux/service"
	"github.com/lvsup/lvsup/internal/wire"
)

// dispatch runs the operation that the request names.
func (a *Agent) dispatch(ctx context.Context, req wire.Request) (any, error) {
	switch req.Op {
	case wire.OpClock:
		return wire.Clock{UnixNano: time.Now().UnixNano()}, nil
	case wire.OpFacts:
		return with(req, func(r wire.FactsRequest) (any, error) { return a.facts(ctx, r) })
	case wire.OpObserve:
		return with(req, func(r wire.ObserveRequest) (any, error) { return a.observe(ctx, r) })
	case wire.OpLock:
		return with(req, func(r wire.LockRequest) (any, error) { return nil, a.takeLock(ctx, r) })
	case wire.OpUnlock:
		a.lock.release()
		a.lock = nil
		return nil, nil
	case wire.OpApply:
		return with(req, func(r wire.ApplyRequest) (any, error) { return a.apply(ctx, r) })
	case wire.OpConfirm:
		return with(req, func(r wire.ConfirmRequest) (any, error) { return a.confirm(ctx, r) })
	case wire.OpFetch:
		return with(req, func(r wire.FetchRequest) (any, error) { return a.fetch(ctx, r) })
	case wire.OpARP:
		return with(req, func(r wire.ARPRequest) (any, error) { return a.arp(ctx, r) })
	case wire.OpPath:
		return with(req, func(r wire.PathRequest) (any, error) { return pathway.Collect(ctx, a.host, r) })
	case wire.OpIPVS:
		return a.ipvs(ctx)
	case wire.OpRemove:
		return nil, a.remove(ctx)
	}
	return nil, wire.Failf(wire.CodeUnsupported, "this agent (%s) does not know the operation %q", a.build, req.Op)
}

// with decodes the request's body for f.
func with[T any](req wire.Request, f func(T) (any, error)) (any, error) {
	var body T
	if len(req.Body) > 0 {
		if err := json.Unmarshal(req.Body, &body); err != nil {
			return nil, wire.Failf(wire.CodeInvalid, "cannot read the body of %s: %s", req.Op, err)
		}
	}
	return f(body)
}

func (a *Agent) takeLock(ctx context.Context, r wire.LockRequest) error {
	if a.lock != nil {
		return nil
	}
	l, err := takeLock(a.dirs.Run, r.Holder)
	if err != nil {
		return err
	}
	a.lock = l
	context.AfterFunc(ctx, l.ending)
	return a.settle(ctx)
}

// remove takes lvsup's own files off the host, under its lock: another run may
// be at work here. What lvsup still owns would be forgotten with them, so it
// refuses while anything but adopted things, which stay in any case, is in the
// record. To a run without the lock, which is only a visitor, those are another
// cluster's.
func (a *Agent) remove(ctx context.Context) error {
	visitor := a.lock == nil
	if visitor {
		l, err := takeLock(a.dirs.Run, "a visit that ends")
		if err != nil {
			return err
		}
		a.lock = l
	}
	rec, err := a.store.load()
	if err != nil {
		return err
	}
	for kind, owned := range rec.Kinds {
		n := len(made(owned))
		if visitor {
			n = len(owned)
		}
		if n > 0 {
			return wire.Failf(wire.CodeFailed, "cannot remove lvsup from the host: it still owns %d values of %s; run lvsup destroy again", n, kind)
		}
	}
	// systemd may know units whose files are gone, and rc.local's, which its
	// generator made. The kinds need not care, nor can a kill come between.
	if !visitor && runsSystemd(a.host) {
		if err := service.Reload(ctx, a.host); err != nil {
			return err
		}
	}
	for _, dir := range []string{a.dirs.Data, a.dirs.Lib} {
		if err := os.RemoveAll(dir); err != nil {
			return fmt.Errorf("cannot remove lvsup from the host: %w", err)
		}
	}
	// The push may have made the folder above; an empty one is of use to nobody,
	// and one that is not empty stays.
	_ = os.Remove(filepath.Dir(a.dirs.Lib))
	// The lock file goes last: from here on another run may have the host.
	if err := os.RemoveAll(a.dirs.Run); err != nil {
		return fmt.Errorf("cannot remove lvsup from the host: %w", err)
	}
	return nil
}
