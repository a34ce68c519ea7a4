package agent

import (
	"context"
	"slices"
	"sort"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// observe compares every kind that the plan names or the record holds. It
// writes nothing.
func (a *Agent) observe(ctx context.Context, req wire.ObserveRequest) (wire.ObserveResponse, error) {
	rec, err := a.store.load()
	if err != nil {
		return wire.ObserveResponse{}, err
	}
	var res wire.ObserveResponse
	for _, d := range a.withRecorded(req.Desired, rec) {
		kc, err := a.diff(ctx, d, rec, req.Destroy)
		if err != nil {
			kc.Error = err.Error()
		}
		if kc.Error != "" || len(kc.Changes) > 0 {
			res.Kinds = append(res.Kinds, kc)
		}
	}
	res.Digest, err = wire.Digest(res.Kinds)
	return res, err
}

// withRecorded adds the kinds that only the record knows, with nothing wanted.
func (a *Agent) withRecorded(desired []wire.Desired, rec *record) []wire.Desired {
	all := slices.Clone(desired)
	var rest []string
	for kind := range rec.Kinds {
		if !slices.ContainsFunc(desired, func(d wire.Desired) bool { return d.Kind == kind }) {
			rest = append(rest, kind)
		}
	}
	sort.Strings(rest)
	for _, kind := range rest {
		all = append(all, wire.Desired{Kind: kind})
	}
	return all
}

// diff observes one kind and gives its changes with the commands a person
// would type.
func (a *Agent) diff(ctx context.Context, d wire.Desired, rec *record, destroy bool) (wire.KindChanges, error) {
	kc := wire.KindChanges{Kind: d.Kind}
	kind, ok := a.kinds[d.Kind]
	if !ok {
		return kc, wire.Failf(wire.CodeUnsupported, "this agent (%s) does not know the kind %q", a.build, d.Kind)
	}
	comparing(ctx, d.Kind)
	owned := rec.Kinds[d.Kind]
	if destroy {
		owned = made(owned)
	}
	changes, err := kind.Diff(ctx, d.Want, owned)
	if err != nil {
		return kc, err
	}
	kc.Changes = changes
	if len(changes) > 0 {
		kc.Commands, err = kind.Commands(d.Want, changes)
	}
	return kc, err
}

// made is the record without what was adopted: that was there before lvsup and
// stays when lvsup goes.
func made(owned step.Owned) step.Owned {
	rest := step.Owned{}
	for id, e := range owned {
		if e.Action != step.Adopt {
			rest[id] = e
		}
	}
	return rest
}
