package coordinator

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// Refused says why a plan cannot be applied; nothing was changed. A reason may
// have a second line: the way out.
type Refused struct {
	Reasons []string
}

// Error lists the reasons, one a line.
func (e *Refused) Error() string {
	s := "nothing was changed:"
	for _, r := range e.Reasons {
		s += "\n  " + strings.ReplaceAll(r, "\n", "\n    ")
	}
	return s
}

// Appliable gives a *Refused if anything known before the first change speaks
// against the plan: a finding, a blocked change, a kind that could not be
// observed.
func Appliable(p *plans.Plan) error {
	all := &reasons{hosts: map[string][]string{}}
	for _, f := range p.Errors() {
		all.add(f.Host, reason(f))
	}
	for _, h := range p.Hosts {
		for _, k := range h.Kinds {
			if k.Error != "" {
				all.add(h.Host, k.Error)
			}
		}
		for _, why := range blocked(h) {
			all.add(h.Host, why)
		}
	}
	if lines := all.lines(); len(lines) > 0 {
		return &Refused{lines}
	}
	return nil
}

// reasons are what speaks against a plan, with the hosts of each.
type reasons struct {
	order []string
	hosts map[string][]string
}

func (r *reasons) add(host, text string) {
	if r.hosts[text] == nil {
		r.order = append(r.order, text)
	}
	if !slices.Contains(r.hosts[text], host) {
		r.hosts[text] = append(r.hosts[text], host)
	}
}

// lines names all hosts of a reason in one line.
func (r *reasons) lines() []string {
	var all []string
	for _, text := range r.order {
		all = append(all, prefixed(report.HostList(r.hosts[text]), text))
	}
	return all
}

// blocked gives the reasons for which a host's changes are refused, each once.
func blocked(h plans.HostPlan) []string {
	var whys []string
	ids := map[string][]string{}
	for _, k := range h.Kinds {
		for _, c := range k.Changes {
			if c.Blocked == "" {
				continue
			}
			if ids[c.Blocked] == nil {
				whys = append(whys, c.Blocked)
			}
			ids[c.Blocked] = append(ids[c.Blocked], c.ID.String())
		}
	}
	var reasons []string
	for _, why := range whys {
		if all := ids[why]; len(all) == 1 {
			reasons = append(reasons, all[0]+": "+why)
		} else {
			reasons = append(reasons, why+"\nchanges that this refuses: "+strings.Join(all, ", "))
		}
	}
	return reasons
}

// reason is a finding with its way out.
func reason(f plans.Finding) string {
	text := f.Summary
	if f.Detail != "" {
		text += "\n" + f.Detail
	}
	return text
}

func prefixed(host, s string) string {
	if host == "" {
		return s
	}
	return host + ": " + s
}

// Apply carries the plan out: the forward pass, then the reverse pass. A host
// that fails takes no part in later stages; the others go on, but nothing is taken
// away while a director or a backend is missing. Failures are in Run.Failures. The
// error is a *Refused, or that of an interrupted ctx.
func (r *Run) Apply(ctx context.Context, p *plans.Plan) error {
	if err := Appliable(p); err != nil {
		return err
	}
	if err := r.orderable(p); err != nil {
		return err
	}
	defer r.tellWaiting(ctx)()
	r.hold(p.Narrowed().Held)
	for _, st := range plans.Stages() {
		switch st.Name {
		case plans.StageVIP:
			if err := r.checkLinks(ctx, p); err != nil {
				return err
			}
		case plans.StagePath:
			if err := r.checkPaths(ctx, p); err != nil {
				return err
			}
		}
		if len(st.Kinds) == 0 {
			continue
		}
		if err := r.stage(ctx, st, p, false); err != nil {
			return err
		}
	}
	if !p.Destroy && r.backendFailed() {
		return nil // its backend may be what replaces one that would be taken away now
	}
	for _, st := range plans.ReverseStages() {
		if r.directorFailed() {
			return nil // it may still send traffic to what would be taken away now
		}
		if err := r.stage(ctx, st, p, true); err != nil {
			return err
		}
	}
	return nil
}

// hold has hosts get no traffic in this run that they do not have already.
func (r *Run) hold(hosts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.held = map[string]bool{}
	for _, name := range hosts {
		r.held[name] = true
	}
}

// withoutTraffic are the hosts whose backends are left as they are.
func (r *Run) withoutTraffic() map[string]bool {
	all := r.failedHosts()
	r.mu.Lock()
	defer r.mu.Unlock()
	maps.Copy(all, r.held)
	return all
}

func (r *Run) directorFailed() bool {
	failed := r.failedHosts()
	return slices.ContainsFunc(r.opts.Cluster.Directors(), func(h *plans.Host) bool { return failed[h.Name] })
}

// backendFailed reports whether the host of a backend failed, which is then not
// added.
func (r *Run) backendFailed() bool {
	failed := r.failedHosts()
	return slices.ContainsFunc(r.opts.Cluster.Services, func(s plans.VirtualService) bool {
		return slices.ContainsFunc(s.Backends, func(b plans.Backend) bool { return failed[b.Host] })
	})
}

// stage runs one stage on every host that has something planned in it and
// waits for all: the barrier.
func (r *Run) stage(ctx context.Context, st plans.Stage, p *plans.Plan, reverse bool) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	desired, err := r.desired(p.Destroy, r.withoutTraffic())
	if err != nil {
		return err
	}
	busy := r.busy(st, p, reverse)
	if len(busy) == 0 {
		return nil
	}
	if err := r.mayBegin(ctx); err != nil {
		return err
	}
	waves, err := r.waves(busy, p, st.Kinds, reverse)
	if err != nil {
		return err
	}
	defer r.begin(report.Event{Stage: st.Name, Reverse: reverse}, busy)()
	var begun atomic.Int64
	work := func(name string) {
		if r.mayBegin(ctx) != nil {
			return // the hosts before it took the time, or failed
		}
		begun.Add(1)
		defer r.working(name, st.Name)()
		start := time.Now()
		r.opts.Report(report.Event{Type: report.HostBegun, Stage: st.Name, Host: name, Reverse: reverse})
		req := wire.ApplyRequest{
			Desired: pick(desired[name], st.Kinds),
			Planned: planned(p, name, st.Kinds, reverse),
			Reverse: reverse,
			Destroy: p.Destroy,
		}
		var res wire.ApplyResponse
		tell := r.pace(report.Event{Type: report.HostProgress, Stage: st.Name, Host: name, Reverse: reverse})
		var err error
		if hasGuarded(req.Planned) {
			resume := r.suspend(name)
			res, err = r.applyGuarded(ctx, name, req, tell.told)
			live, done := r.untilCut(ctx)
			defer done()
			defer resume(live)
		} else {
			res, err = r.applyOn(ctx, name, req, tell.told)
		}
		tell.end()
		if err == nil && res.Error != nil {
			err = res.Error
		}
		r.made(name, res.Done)
		r.note(name, st.Name, res.Notes)
		ev := report.Event{Type: report.HostDone, Stage: st.Name, Host: name, Done: res.Done, Err: err, Took: time.Since(start), Reverse: reverse}
		switch {
		case hasCode(err, wire.CodeStopped):
			res.Notes = append(res.Notes, "began nothing more")
			ev.Err = nil
		case err != nil && st.MayFail:
			res.Notes = append(res.Notes, "will be tried again in a later stage: "+err.Error())
			ev.Err = nil
		case err != nil:
			r.fail(name, st.Name, err)
		}
		ev.Note = strings.Join(res.Notes, "\n")
		r.opts.Report(ev)
	}
	for _, wave := range waves {
		if err := r.mayBegin(ctx); err != nil {
			return err
		}
		r.each(slices.DeleteFunc(wave, func(name string) bool { return !r.ok(name) }), work)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if int(begun.Load()) < len(busy) {
		return r.mayBegin(ctx) // no later stage may come to say it
	}
	return nil
}

// busy are the hosts that have something planned in a stage.
func (r *Run) busy(st plans.Stage, p *plans.Plan, reverse bool) []string {
	return slices.DeleteFunc(r.healthy(), func(name string) bool {
		h, _ := r.opts.Cluster.Host(name)
		return !st.Takes(h.Role) || len(planned(p, name, st.Kinds, reverse)) == 0
	})
}

// orderable looks before the first change whether every stage has an order.
func (r *Run) orderable(p *plans.Plan) error {
	for _, st := range plans.Stages() {
		for _, reverse := range []bool{false, true} {
			if _, err := r.waves(r.busy(st, p, reverse), p, st.Kinds, reverse); err != nil {
				return err
			}
		}
	}
	return nil
}

// pick gives what is wanted of the kinds, with nothing wanted where the plan
// is silent.
func pick(desired []wire.Desired, kinds []string) []wire.Desired {
	var picked []wire.Desired
	for _, kind := range kinds {
		i := slices.IndexFunc(desired, func(d wire.Desired) bool { return d.Kind == kind })
		if i >= 0 {
			picked = append(picked, desired[i])
		} else {
			picked = append(picked, wire.Desired{Kind: kind})
		}
	}
	return picked
}

// Remove takes lvsup's own files off every host that owns nothing any more.
func (r *Run) Remove(ctx context.Context) {
	r.eachQuiet(report.StageRemove, r.healthy(), func(name string) error {
		err := r.session(name).ask(ctx, wire.OpRemove, nil, nil)
		if err != nil {
			r.fail(name, report.StageRemove, err)
		}
		return err
	})
}

// ErrStale means that the hosts changed between the plan that was shown and the
// moment it was to be carried out.
var ErrStale error = wire.Failf(wire.CodeStale, "nothing was changed: the hosts are no longer what the plan showed; plan again")

// IsStale reports whether the error says that a host changed since the plan.
func IsStale(err error) bool { return hasCode(err, wire.CodeStale) }

// IsLocked reports whether the error says that another run holds a host.
func IsLocked(err error) bool { return hasCode(err, wire.CodeLocked) }

func hasCode(err error, code wire.Code) bool {
	var e *wire.Error
	return errors.As(err, &e) && e.Code == code
}
