package ipvs

import (
	"maps"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/step"
)

// Diff compares the wanted table and its boot files with what the host has.
// Forward: each service with its backends, in the plan's order, then what
// keeps them for the next boot. Removals: what keeps them, so that a boot does
// not bring half of it back; backends; services.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	wanted, order, held := flatten(want)
	mine := maps.Clone(owned)
	for id := range held {
		delete(mine, id)
	}
	for id, e := range mine {
		if _, ok := wanted[id]; !ok && isBackend(id) {
			mine[id] = alsoDrained(e, have.State[id])
		}
	}
	changes := follow(spareJoined(step.Reconcile(wanted, mine, have.State), have.State))
	rank := make(map[step.ID]int, len(order))
	for i, id := range order {
		rank[id] = i
	}
	slices.SortStableFunc(changes, func(a, b step.Change) int {
		if a.Action.Removes() != b.Action.Removes() {
			if b.Action.Removes() {
				return -1
			}
			return 1
		}
		if a.Action.Removes() {
			return removalRank(a.ID) - removalRank(b.ID)
		}
		return rank[a.ID] - rank[b.ID]
	})
	return changes
}

// follow marks updates of boot files that go with a change of the live table.
// One that stands alone is a change of its own: somebody edited the file.
func follow(changes []step.Change) []step.Change {
	if !slices.ContainsFunc(changes, func(c step.Change) bool { return !isFile(c.ID) && c.Action.Mutates() }) {
		return changes
	}
	for i, c := range changes {
		changes[i].Follows = c.Action == step.Update && (c.Key == RulesFile || c.Key == ModulesFile)
	}
	return changes
}

// removalRank is the place of an ID among the removals; within a place they
// stay sorted by name.
func removalRank(id step.ID) int {
	switch {
	case id.Key == LinkFile:
		return 0
	case isFile(id):
		return 1
	case isBackend(id):
		return 2
	}
	return 3
}

// flatten gives what is wanted, in what order a person would make it, and what
// is to be left alone because a host is held.
func flatten(want Desired) (wanted step.State, order []step.ID, held map[step.ID]bool) {
	wanted, held = step.State{}, map[step.ID]bool{}
	add := func(id step.ID, value string) {
		wanted[id] = value
		order = append(order, id)
	}
	for _, s := range want.Services {
		key, err := s.key()
		if err != nil {
			continue // Validate has refused it
		}
		add(serviceID(key), serviceValue(s.service(key)))
		for _, b := range s.Backends {
			d, err := b.destination(key)
			if err != nil {
				continue
			}
			if id := backendID(key, d.Addr()); b.Hold {
				held[id] = true
			} else {
				add(id, backendValue(d))
			}
		}
	}
	if want.Boot && len(want.Services) > 0 {
		for _, f := range bootFiles(want) {
			// The rules have no room for a backend that is not there yet: with
			// one held they stay as they are until a run that has all hosts.
			if f.id.Key == RulesFile && len(held) > 0 {
				held[f.id] = true
				continue
			}
			add(f.id, f.content)
		}
	}
	return wanted, order, held
}

// alsoDrained takes a backend that an interrupted removal left at weight 0 for
// lvsup's own.
func alsoDrained(e step.Entry, value string) step.Entry {
	last := e.After
	if e.Pending != nil {
		last = *e.Pending
	}
	if e.Action != step.Update && value != e.After && (value == drained(e.After) || value == drained(last)) {
		e.After = value
	}
	return e
}

// spareJoined keeps a service of ours that others have put backends into:
// deleting it would take those with it.
func spareJoined(changes []step.Change, have step.State) []step.Change {
	deleted := map[step.ID]bool{}
	services := 0
	for _, c := range changes {
		if c.Action == step.Delete && !isFile(c.ID) {
			deleted[c.ID] = true
			if !isBackend(c.ID) {
				services++
			}
		}
	}
	if services == 0 {
		return changes
	}
	foreign := map[string]string{}
	for id := range have {
		if service, backend, ok := strings.Cut(id.Key, arrow); ok && !deleted[id] {
			if first, has := foreign[service]; !has || backend < first {
				foreign[service] = backend
			}
		}
	}
	for i, c := range changes {
		if c.Action != step.Delete || isFile(c.ID) || isBackend(c.ID) {
			continue
		}
		if backend, ok := foreign[c.Key]; ok {
			changes[i] = step.Change{Action: step.Forget, ID: c.ID, From: c.From,
				Why: "left as it is: it has a backend that is not lvsup's, " + backend}
		}
	}
	return changes
}
