package coordinator

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// A run is ended in two steps. When its context ends, nothing more is begun: hosts
// that are at work finish the change in hand and say what they have done. When
// Options.Cut is closed, the connections are closed: the agents finish the change in
// hand all the same, but nobody hears of it, and guards take back what they watch
// over.

// ErrCut is the cause of what Options.Cut ended.
var ErrCut = errors.New("stopped at once, and so it is not known whether the change in hand was made")

// untilCut is a context for what outlives the end of ctx, but not Options.Cut.
func (r *Run) untilCut(ctx context.Context) (context.Context, context.CancelFunc) {
	live, cancel := context.WithCancelCause(context.WithoutCancel(ctx))
	go func() {
		select {
		case <-r.opts.Cut:
			cancel(ErrCut)
		case <-live.Done():
		}
	}()
	return live, func() { cancel(nil) }
}

// applyOn has a host carry out its part of a stage. When ctx ends it begins no other
// change, and answers.
func (r *Run) applyOn(ctx context.Context, name string, req wire.ApplyRequest, tell func(string)) (res wire.ApplyResponse, err error) {
	s := r.session(name)
	live, done := r.untilCut(ctx)
	defer done()
	defer context.AfterFunc(ctx, s.agent.stop)()
	err = s.askLong(live, applyDeadlines(r.opts.Cluster), wire.OpApply, req, &res, tell)
	return res, err
}

// working notes which stage a host is at, for the person who ends the run.
func (r *Run) working(host, stage string) (done func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.atWork[host] = stage
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		delete(r.atWork, host)
	}
}

// tellWaiting says, when ctx ends, which hosts have a change in hand.
func (r *Run) tellWaiting(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, func() {
		r.mu.Lock()
		var hosts []string
		for _, name := range sortedKeys(r.atWork) {
			hosts = append(hosts, fmt.Sprintf("%s (%s)", name, r.atWork[name]))
		}
		r.mu.Unlock()
		if len(hosts) == 0 {
			return
		}
		note := fmt.Sprintf("%v: waiting for the change in hand on %s; Ctrl-C now stops at once", context.Cause(ctx), strings.Join(hosts, ", "))
		r.opts.Report(report.Event{Type: report.RunEnding, Note: note})
	})
}

// made takes down what a host has done.
func (r *Run) made(host string, done []wire.KindChanges) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.done[host] = append(r.done[host], done...)
}

// Rest is what a run has not made of a plan, in the order of execution, and how
// many of the plan's changes it has.
func (r *Run) Rest(p *plans.Plan) (rest []report.Rest, made int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	collect := func(st plans.Stage, reverse bool) {
		one := report.Rest{Stage: st.Name, Reverse: reverse}
		for _, h := range p.Hosts {
			if !st.Takes(h.Role) {
				continue
			}
			n := 0
			for _, kind := range st.Kinds {
				kc, _ := h.Kind(kind)
				for _, c := range kc.Changes {
					switch {
					case c.Reverse() != reverse || c.Follows:
					case wasDone(r.done[h.Host], kind, c):
						made++
					default:
						n++
					}
				}
			}
			if n > 0 {
				one.Hosts = append(one.Hosts, h.Host)
				one.Changes += n
			}
		}
		if one.Changes > 0 {
			rest = append(rest, one)
		}
	}
	for _, st := range plans.FirstStages() {
		collect(st, false)
	}
	for _, st := range plans.ReverseStages() {
		collect(st, true)
	}
	return rest, made
}

// wasDone reports whether a change is among those that a host made. A host finds
// anew what it has to do, so one that another has made needless is none.
func wasDone(done []wire.KindChanges, kind string, c step.Change) bool {
	return slices.ContainsFunc(done, func(k wire.KindChanges) bool {
		return k.Kind == kind && slices.ContainsFunc(k.Changes, func(d step.Change) bool {
			return d.ID == c.ID && d.Reverse() == c.Reverse()
		})
	})
}
