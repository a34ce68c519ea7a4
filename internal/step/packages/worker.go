package packages

import (
	"context"
	"fmt"
	"slices"
	"sort"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/pkgmgr"
	"github.com/lvsup/lvsup/internal/step"
)

// worker observes and changes one host.
type worker struct {
	host   host.Host
	detect func() (pkgmgr.Manager, error)
}

// names are the plan's packages by the host's names.
func (w worker) names(want Desired) []string {
	var names []string
	for _, name := range want.Packages {
		names = append(names, pkgmgr.Resolve(w.host, name))
	}
	if want.Apache {
		names = append(names, pkgmgr.Apache(w.host))
	}
	return sortedSet(names)
}

func (w worker) observe(ctx context.Context, want Desired, owned step.Owned) (Observed, error) {
	have := Observed{Wanted: w.names(want)}
	asked := slices.Clone(have.Wanted)
	var released []string
	for i := range owned {
		asked = append(asked, i.Key)
		if !slices.Contains(have.Wanted, i.Key) {
			released = append(released, i.Key)
		}
	}
	if len(asked) == 0 {
		return have, nil
	}
	m, err := w.detect()
	if err != nil {
		return have, err
	}
	have.Manager = m.Name()
	if have.States, err = m.States(ctx, sortedSet(asked)...); err != nil {
		return have, err
	}
	have.With = map[string][]string{}
	for _, name := range have.Wanted {
		if have.States[name] == pkgmgr.Installed {
			continue
		}
		if with, ok := m.Preview(ctx, name); ok {
			have.With[name] = with
		}
	}
	return have, w.observeReleased(ctx, m, sortedSet(released), &have)
}

// observeReleased sees what could go of the packages that the plan no longer
// wants.
func (w worker) observeReleased(ctx context.Context, m pkgmgr.Manager, released []string, have *Observed) error {
	if len(released) == 0 {
		return nil
	}
	j, err := w.settled(ctx, m)
	if err != nil {
		return err
	}
	r, err := planRemoval(ctx, m, j, released)
	if err != nil {
		return err
	}
	have.Left, have.Needed, have.Stay, have.Goes = map[string]bool{}, map[string][]string{}, map[string][]string{}, map[string][]string{}
	for _, name := range released {
		_, noted := j[name]
		have.Left[name] = noted || have.States[name] == pkgmgr.Broken
		if needed := r.needed[name]; len(needed) > 0 {
			have.Needed[name] = needed
		}
		if goes := intersect(without(j[name].With, []string{name}), r.remove); len(goes) > 0 {
			have.Goes[name] = goes
		}
		for _, n := range j[name].With {
			if len(r.needed[n]) > 0 && r.heir(j, n) == "" {
				have.Stay[name] = append(have.Stay[name], n)
			}
		}
	}
	return nil
}

// settled reads the journal and settles it, in memory only.
func (w worker) settled(ctx context.Context, m pkgmgr.Manager) (journal, error) {
	j, err := readJournal(w.host)
	if err != nil || !j.unfinished() {
		return j, err
	}
	all, err := m.All(ctx)
	if err != nil {
		return nil, err
	}
	j.settle(all)
	return j, nil
}

// apply installs package by package, so that each has its own list of what came
// along, and removes all packages of a pass at once.
func (w worker) apply(ctx context.Context, _ Desired, changes []step.Change) (int, error) {
	if !slices.ContainsFunc(changes, func(c step.Change) bool { return c.Action != step.Adopt }) {
		return len(changes), nil
	}
	m, err := w.detect()
	if err != nil {
		return 0, err
	}
	done := 0
	for done < len(changes) && !changes[done].Action.Removes() {
		if err := step.Next(ctx, changes[done]); err != nil {
			return done, err
		}
		if changes[done].Action.Mutates() {
			if err := w.install(ctx, m, changes[done].Key); err != nil {
				return done, err
			}
		}
		done++
	}
	if done == len(changes) {
		return done, ctx.Err()
	}
	if err := step.Next(ctx, changes[done]); err != nil {
		return done, err
	}
	if err := w.remove(ctx, m, changes[done:]); err != nil {
		return done, err
	}
	return len(changes), nil
}

func (w worker) install(ctx context.Context, m pkgmgr.Manager, name string) error {
	// A package manager that is told to stop halfway leaves more to repair
	// than one that is waited for.
	ctx = context.WithoutCancel(ctx)
	// What the repair of an earlier try installs came along with that try.
	if err := m.Repair(ctx); err != nil {
		return err
	}
	j, err := w.settled(ctx, m)
	if err != nil {
		return err
	}
	all, err := m.All(ctx)
	if err != nil {
		return err
	}
	before := all
	if c, again := j[name]; again {
		// What an earlier try brought is not "before".
		before = without(all, append(slices.Clone(c.With), name))
	}
	j[name] = came{With: j[name].With, Open: true, Before: before}
	if err := j.write(w.host); err != nil {
		return err
	}
	if err := m.Install(ctx, name); err != nil {
		return err
	}
	states, err := m.States(ctx, name)
	if err != nil {
		return err
	}
	if states[name] != pkgmgr.Installed {
		return fmt.Errorf("cannot find %s after its installation: it seems to be a name that another package provides; put that package's own name into the plan", name)
	}
	if all, err = m.All(ctx); err != nil {
		return err
	}
	j.settle(all)
	return j.write(w.host)
}

// remove takes away the packages of one pass with what came along, and clears
// their journal.
func (w worker) remove(ctx context.Context, m pkgmgr.Manager, changes []step.Change) error {
	ctx = context.WithoutCancel(ctx)
	var gone, keepConfig, forgotten []string
	for _, c := range changes {
		switch c.Action {
		case step.Forget:
			forgotten = append(forgotten, c.Key)
		case step.Restore:
			keepConfig = append(keepConfig, c.Key)
			gone = append(gone, c.Key)
		default:
			gone = append(gone, c.Key)
		}
	}
	j, err := w.settled(ctx, m)
	if err != nil {
		return err
	}
	r, err := planRemoval(ctx, m, j, gone)
	if err != nil {
		return err
	}
	for _, name := range gone {
		if needed := r.needed[name]; len(needed) > 0 {
			return fmt.Errorf("cannot remove %s: needed by %v, which was installed meanwhile; plan again", name, needed)
		}
	}
	if err := m.Remove(ctx, true, intersect(keepConfig, r.remove)...); err != nil {
		return err
	}
	if err := m.Remove(ctx, false, without(r.remove, keepConfig)...); err != nil {
		return err
	}
	for _, name := range gone {
		for _, n := range j[name].With {
			if heir := r.heir(j, n); len(r.needed[n]) > 0 && heir != "" {
				c := j[heir]
				c.With = sortedSet(append(c.With, n))
				j[heir] = c
			}
		}
	}
	for _, name := range append(gone, forgotten...) {
		delete(j, name)
	}
	return j.write(w.host)
}

// removal is what can go of some packages and what came with them.
type removal struct {
	roots  []string
	remove []string            // sorted
	needed map[string][]string // what must stay -> who needs it
}

// planRemoval finds what can go. A package that came along and that somebody
// has asked for by name since stays without a word: it is theirs.
func planRemoval(ctx context.Context, m pkgmgr.Manager, j journal, roots []string) (removal, error) {
	r := removal{roots: roots, needed: map[string][]string{}}
	var with []string
	for _, name := range roots {
		with = append(with, without(j[name].With, roots)...)
	}
	states, err := m.States(ctx, sortedSet(append(slices.Clone(roots), with...))...)
	if err != nil {
		return r, err
	}
	broken := false
	present := func(names []string) []string {
		return slices.DeleteFunc(sortedSet(names), func(n string) bool {
			broken = broken || states[n] == pkgmgr.Broken
			return states[n] == ""
		})
	}
	with = present(with)
	chosen, err := m.Chosen(ctx, with...)
	if err != nil {
		return r, err
	}
	set := append(present(roots), without(with, chosen)...)
	sort.Strings(set)

	outside, err := m.Dependents(ctx, set...)
	if err != nil && !broken {
		return r, err
	}
	if len(outside) == 0 {
		r.remove = set
		return r, nil
	}
	needs := make(map[string][]string, len(set))
	for _, n := range set {
		if needs[n], err = m.Dependents(ctx, n); err != nil {
			return r, err
		}
	}
	// Whatever needs a package that stays keeps what it needs itself: repeat
	// until nothing more must stay.
	for again := true; again; {
		again = false
		for _, n := range set {
			if r.needed[n] != nil {
				continue
			}
			for _, by := range needs[n] {
				if !slices.Contains(set, by) || r.needed[by] != nil {
					r.needed[n] = append(r.needed[n], by)
				}
			}
			again = again || r.needed[n] != nil
		}
	}
	for _, n := range set {
		if r.needed[n] == nil {
			r.remove = append(r.remove, n)
		}
	}
	return r, nil
}

// heir is the package of lvsup's that stays and keeps n from going, so that n
// goes with it one day.
func (r removal) heir(j journal, n string) string {
	var names []string
	for name := range j {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		if slices.Contains(r.roots, name) {
			continue
		}
		for _, by := range r.needed[n] {
			if by == name || slices.Contains(j[name].With, by) {
				return name
			}
		}
	}
	return ""
}

func without(all, names []string) []string {
	return slices.DeleteFunc(slices.Clone(all), func(n string) bool { return slices.Contains(names, n) })
}

func intersect(a, b []string) []string {
	return slices.DeleteFunc(slices.Clone(a), func(n string) bool { return !slices.Contains(b, n) })
}
