package agent

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// apply carries out one stage: each kind is observed and compared again, held
// against what was planned, changed, and observed once more to see that
// nothing is left to do.
func (a *Agent) apply(ctx context.Context, req wire.ApplyRequest) (wire.ApplyResponse, error) {
	var res wire.ApplyResponse
	if a.lock == nil {
		return res, wire.Failf(wire.CodeInvalid, "cannot apply without the host's lock")
	}
	rec, err := a.store.load()
	if err != nil {
		return res, err
	}
	ctx = step.WithNotes(ctx, func(text string) {
		if len(res.Notes) < wire.MaxNotes {
			res.Notes = append(res.Notes, short(text))
		}
	})
	for _, d := range req.Desired {
		if res.Error = asStopped(ctx, nil); res.Error != nil {
			return res, nil
		}
		done, err := a.applyKind(ctx, d, rec, req)
		if len(done.Changes) > 0 {
			res.Done = append(res.Done, done)
		}
		if err != nil {
			known := asStopped(ctx, err)
			if known == nil && !errors.As(err, &known) {
				known = wire.Failf(wire.CodeFailed, "%s", err)
			}
			res.Error = known
			return res, nil
		}
		if a.ending {
			res.Guarded = true
			return res, nil
		}
	}
	return res, nil
}

func (a *Agent) applyKind(ctx context.Context, d wire.Desired, rec *record, req wire.ApplyRequest) (wire.KindChanges, error) {
	done := wire.KindChanges{Kind: d.Kind}
	todo, err := a.pending(ctx, d, rec, req)
	if err != nil || len(todo.Changes) == 0 {
		return done, err
	}
	if err := guard(todo, req.Planned); err != nil {
		return done, err
	}
	if isGuarded(todo.Changes) {
		return a.applyGuarded(ctx, d, rec, req, todo)
	}
	owned := rec.owned(d.Kind)
	for _, c := range todo.Changes {
		owned.Begin(c)
	}
	if err := a.store.save(rec); err != nil {
		return done, err
	}
	n, applyErr := a.kinds[d.Kind].Apply(changing(ctx, d.Kind), d.Want, todo.Changes)
	done.Changes = todo.Changes[:n]
	done.Commands = todo.Commands[:n]
	if applyErr == nil {
		// Before the record forgets what was removed, or nobody would look.
		if err := a.verify(ctx, d, rec, req); err != nil {
			return done, err
		}
	}
	owned = rec.owned(d.Kind)
	for _, c := range done.Changes {
		owned.End(c)
	}
	if applyErr == nil {
		applyErr = a.forgetEarly(ctx, d, rec, req)
	}
	return done, errors.Join(applyErr, a.store.save(rec))
}

// forgetEarly drops from the record what a guarded change took away before the files
// for the next boot were written, now that they are.
func (a *Agent) forgetEarly(ctx context.Context, d wire.Desired, rec *record, req wire.ApplyRequest) error {
	early := map[step.ID]bool{}
	for _, k := range req.Planned {
		for _, c := range k.Changes {
			early[c.ID] = early[c.ID] || k.Kind == d.Kind && c.Early && c.Guarded != ""
		}
	}
	if !slices.Contains(slices.Collect(maps.Values(early)), true) {
		return nil
	}
	left, err := a.diff(context.WithoutCancel(ctx), d, rec, req.Destroy)
	if err != nil {
		return fmt.Errorf("cannot bring the record of %s up to date: %w", d.Kind, err)
	}
	owned := rec.owned(d.Kind)
	for _, c := range left.Changes {
		if early[c.ID] && c.Action == step.Forget {
			owned.End(c)
		}
	}
	return nil
}

// pending gives the kind's changes that belong to the request's pass.
func (a *Agent) pending(ctx context.Context, d wire.Desired, rec *record, req wire.ApplyRequest) (wire.KindChanges, error) {
	all, err := a.diff(ctx, d, rec, req.Destroy)
	if err != nil {
		return all, err
	}
	pass := wire.KindChanges{Kind: d.Kind}
	for i, c := range all.Changes {
		if c.Reverse() == req.Reverse {
			pass.Changes = append(pass.Changes, c)
			pass.Commands = append(pass.Commands, all.Commands[i])
		}
	}
	return pass, nil
}

// verify is the same comparison once more: what was just done must leave
// nothing to do but to bring the record up to date.
func (a *Agent) verify(ctx context.Context, d wire.Desired, rec *record, req wire.ApplyRequest) error {
	left, err := a.pending(context.WithoutCancel(ctx), d, rec, req)
	if err != nil {
		return fmt.Errorf("cannot verify %s: %w", d.Kind, err)
	}
	return didNotTake(d.Kind, left.Changes)
}

// didNotTake is the error for changes that are still to be made after an apply.
func didNotTake(kind string, left []step.Change) error {
	i := slices.IndexFunc(left, func(c step.Change) bool { return c.Action.Mutates() })
	if i < 0 {
		return nil
	}
	c := left[i]
	return wire.Failf(wire.CodeFailed, "%s did not take: after the change %s still wants to %s (found %s, wanted %s)",
		kind, c.ID, c.Action, brief(c.From), brief(c.To))
}

// guard refuses what was not planned. A change is as planned when it brings
// the same resource to the same value, whatever an earlier stage made of the
// value before; and nothing is taken away that the plan only meant to forget.
func guard(todo wire.KindChanges, planned []wire.KindChanges) error {
	type goal struct {
		id      step.ID
		to      string
		removes bool // the reverse pass
		takes   bool // and it touches the host
	}
	goalOf := func(c step.Change) goal {
		removes := c.Action.Removes()
		return goal{c.ID, c.To, removes, removes && c.Action.Mutates()}
	}
	goals := map[goal]bool{}
	follows := map[step.ID]bool{} // may come out as this host now needs it
	for _, k := range planned {
		if k.Kind != todo.Kind {
			continue
		}
		for _, c := range k.Changes {
			g := goalOf(c)
			goals[g] = true
			g.takes = false
			goals[g] = true // forgetting is less than what was planned
			follows[c.ID] = follows[c.ID] || !g.removes
		}
	}
	for _, c := range todo.Changes {
		if c.Blocked != "" {
			return wire.Failf(wire.CodeBlocked, "%s: %s", c.ID, c.Blocked)
		}
		// What only writes down what other changes do comes out otherwise than
		// planned when some of those are left out, since their host is held.
		if c.Follows && follows[c.ID] {
			continue
		}
		if !goals[goalOf(c)] {
			return wire.Failf(wire.CodeStale, "the host is no longer what the plan saw: %s of %s (found %s, wanted %s) was not planned; plan again",
				c.Action, c.ID, brief(c.From), brief(c.To))
		}
	}
	return nil
}

// brief quotes a value for a message; a file's content is cut.
func brief(value string) string {
	const most = 60
	if len(value) > most {
		value = strings.ToValidUTF8(value[:most], "") + "..."
	}
	return strconv.Quote(value)
}
