package step

import (
	"context"
	"encoding/json"
	"fmt"
)

// Kind is a type of resource. D is what a plan wants of it on one host, whole
// (all sysctls, all services), with the zero value wanting nothing; O is what a
// host has.
//
// Observe is told what is owned too, so that it can look at what lvsup made
// earlier and the plan no longer names.
type Kind[D, O any] struct {
	Name     string
	Validate func(want D) error                                        // names the field that is wrong
	Observe  func(ctx context.Context, want D, owned Owned) (O, error) // only reads
	Diff     func(want D, owned Owned, have O) []Change                // pure, deterministic; removes only what is owned
	// Apply carries out the changes in order and says how many are done. It
	// may batch, and stops between two changes when ctx ends: it asks Next before each.
	Apply func(ctx context.Context, want D, changes []Change) (done int, err error)
	// Commands are what a person would type for the change, for a POSIX shell that
	// runs as root on the host. Together, in the order of the changes, they do all
	// that Apply does. One command may have several lines.
	Commands func(want D, change Change) []string
	Guard    *Guard // nil: no change of the kind is ever Guarded
}

// Guard takes back what guarded changes did. Both run on the host, Rollback in
// a process of its own when nobody confirmed the changes in time.
type Guard struct {
	// Snapshot reads the running state that the changes touch. What they do not
	// touch may change meanwhile, and is not to be taken back.
	Snapshot func(ctx context.Context, changes []Change) (json.RawMessage, error)
	// Rollback brings that state back, as far as it can, reads it again, and
	// gives an error that names what is not as it was.
	Rollback func(ctx context.Context, snapshot json.RawMessage) error
	// ByHand gives the commands that do the same at the host's console. May be nil.
	ByHand func(snapshot json.RawMessage) []string
}

// Any is a Kind with its types erased, as the agent holds it. Desired values
// travel as JSON.
type Any interface {
	Name() string
	// Diff observes and compares.
	Diff(ctx context.Context, want json.RawMessage, owned Owned) ([]Change, error)
	Apply(ctx context.Context, want json.RawMessage, changes []Change) (done int, err error)
	// Commands gives one list for each change.
	Commands(want json.RawMessage, changes []Change) ([][]string, error)
	Guard() *Guard
}

// Erase turns a typed kind into an Any.
func Erase[D, O any](k Kind[D, O]) Any { return erased[D, O]{k} }

type erased[D, O any] struct{ kind Kind[D, O] }

func (e erased[D, O]) Name() string { return e.kind.Name }

func (e erased[D, O]) Guard() *Guard { return e.kind.Guard }

func (e erased[D, O]) decode(raw json.RawMessage) (D, error) {
	var want D
	if len(raw) == 0 {
		return want, nil
	}
	if err := json.Unmarshal(raw, &want); err != nil {
		return want, fmt.Errorf("cannot read what is wanted of %s: %w", e.kind.Name, err)
	}
	if err := e.kind.Validate(want); err != nil {
		return want, fmt.Errorf("cannot accept what is wanted of %s: %w", e.kind.Name, err)
	}
	return want, nil
}

func (e erased[D, O]) Diff(ctx context.Context, raw json.RawMessage, owned Owned) ([]Change, error) {
	want, err := e.decode(raw)
	if err != nil {
		return nil, err
	}
	have, err := e.kind.Observe(ctx, want, owned)
	if err != nil {
		return nil, fmt.Errorf("cannot observe %s: %w", e.kind.Name, err)
	}
	return e.kind.Diff(want, owned, have), nil
}

func (e erased[D, O]) Apply(ctx context.Context, raw json.RawMessage, changes []Change) (int, error) {
	want, err := e.decode(raw)
	if err != nil {
		return 0, err
	}
	return e.kind.Apply(ctx, want, changes)
}

func (e erased[D, O]) Commands(raw json.RawMessage, changes []Change) ([][]string, error) {
	want, err := e.decode(raw)
	if err != nil {
		return nil, err
	}
	all := make([][]string, len(changes))
	for i, c := range changes {
		all[i] = e.kind.Commands(want, c)
	}
	return all, nil
}
