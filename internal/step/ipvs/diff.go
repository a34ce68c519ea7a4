package ipvs

import (
	"cmp"
	"maps"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/step"
)

// Diff compares what is wanted with what the host has. Forward: each service
// with its backends, in the plan's order, timeouts, sync daemons, then what
// keeps all that for the next boot. Removals: what keeps them, so that a boot
// does not bring half of it back; daemons; backends; services.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	goal := flatten(want, have)
	changes := step.Reconcile(goal.wanted, without(goal.held, owned), have.State)
	if want.Boot {
		takeAway(changes, owned)
	}
	takeUp(changes, owned, want.Boot)
	keepAlways(changes, owned, have.State)
	if want.Exclusive {
		changes = clearOthers(changes, goal, have.State)
	} else {
		spareJoined(changes, have.State)
	}
	separateFamilies(changes, have.State)
	follow(changes, len(goal.held) > 0)
	goal.sort(changes)
	return changes
}

// goal is what is wanted, flattened.
type goal struct {
	wanted step.State
	order  []step.ID // of wanted, in which a person would make it
	// held is what is to be left alone because a host is held.
	held map[step.ID]bool
}

func flatten(want Desired, have Observed) goal {
	size := 8
	for _, s := range want.Services {
		size += 1 + len(s.Backends)
	}
	g := goal{make(step.State, size), make([]step.ID, 0, size), map[step.ID]bool{}}
	for _, s := range want.Services {
		key, err := s.key()
		if err != nil {
			continue // Validate has refused it
		}
		g.add(serviceID(key), serviceValue(s.service(key)))
		ids := newBackendIDs(key)
		for _, b := range s.Backends {
			d, err := b.destination(key)
			if err != nil {
				continue
			}
			if id := ids.of(d.Addr()); b.Hold {
				g.held[id] = true
			} else {
				g.add(id, backendValue(d))
			}
		}
	}
	ids, values := want.Timeouts.wanted()
	for i, id := range ids {
		g.add(id, values[i])
	}
	for _, d := range want.Sync {
		daemon := d.daemon()
		g.add(daemonID(daemon.Role), daemonValue(daemon, have.MTU[d.Interface]))
	}
	if want.Boot && want.wantsIPVS() {
		g.add(contentID(ModulesFile), modulesContent(want))
		g.add(contentID(RulesFile), encodeRules(asHeld(want, have.State)))
	}
	return g
}

func (g *goal) add(id step.ID, value string) {
	g.wanted[id] = value
	g.order = append(g.order, id)
}

// without is the record without what is held.
func without(held map[step.ID]bool, owned step.Owned) step.Owned {
	if len(held) == 0 {
		return owned
	}
	rest := maps.Clone(owned) // the caller's is not ours to change
	for id := range held {
		delete(rest, id)
	}
	return rest
}

// takeAway deletes what a plan no longer names, also where it was there before
// lvsup and lvsup changed it: a plan that names a service or a backend takes it
// over, and to have it go on as it once was is not what taking it out means. Only
// a destroy, which keeps nothing for the next boot, puts it back.
func takeAway(changes []step.Change, owned step.Owned) {
	for i, c := range changes {
		e := owned[c.ID]
		if c.Action.Removes() && c.From != "" && inTable(c.ID) && e.Action == step.Update && e.Ours(c.From) {
			changes[i] = step.Change{Action: step.Delete, ID: c.ID, From: c.From}
		}
	}
}

// takeUp deletes backends of lvsup's own that a removal which was cut short has
// left at weight 0: nobody else has changed those. Of those that were there before
// lvsup, only takeAway begins a removal.
func takeUp(changes []step.Change, owned step.Owned, takesAway bool) {
	for i, c := range changes {
		if c.Action != step.Forget || c.From == "" || sortOf(c.ID) != ofBackend {
			continue
		}
		e := owned[c.ID]
		last := e.After
		if e.Pending != nil {
			last = *e.Pending
		}
		if (e.Action != step.Update || takesAway) && (c.From == drained(e.After) || c.From == drained(last)) {
			changes[i] = step.Change{Action: step.Delete, ID: c.ID, From: c.From}
		}
	}
}

// keepAlways mends what Reconcile cannot know of timeouts and daemons. A timeout
// always has a value: nothing deletes it. A daemon that lvsup had put in place
// of another and that does not run was perhaps cut short between the stop and
// the start, and the other would be lost.
func keepAlways(changes []step.Change, owned step.Owned, have step.State) {
	for i, c := range changes {
		_, there := have[c.ID]
		switch of := sortOf(c.ID); {
		case of == ofTimeout && c.Action == step.Delete:
			changes[i] = step.Change{Action: step.Forget, ID: c.ID, From: c.From, Why: "already has the value it had before lvsup"}
		case of == ofDaemon && c.Action == step.Forget && !there && owned[c.ID].Action == step.Update:
			changes[i] = step.Change{Action: step.Restore, ID: c.ID, To: owned[c.ID].Before, Why: "not running; the value before lvsup"}
		}
	}
}

// exclusiveWhy is the reason of a removal that only the plan's claim gives.
const exclusiveWhy = "exclusive = true: the plan does not name it"

// clearOthers has every service and backend deleted that is not wanted, whoever
// made or changed it.
func clearOthers(changes []step.Change, g goal, have step.State) []step.Change {
	deleted := map[step.ID]bool{}
	for i, c := range changes {
		if !c.Action.Removes() || !inTable(c.ID) {
			continue
		}
		if _, there := have[c.ID]; there && c.Action != step.Delete {
			changes[i] = step.Change{Action: step.Delete, ID: c.ID, From: c.From, Why: exclusiveWhy}
		}
		deleted[c.ID] = true
	}
	for id, value := range have {
		if _, wanted := g.wanted[id]; !wanted && inTable(id) && !deleted[id] && !g.held[id] {
			changes = append(changes, step.Change{Action: step.Delete, ID: id, From: value, Why: exclusiveWhy})
		}
	}
	return changes
}

// spareJoined keeps a service of ours that others have put backends into:
// deleting it would take those with it.
func spareJoined(changes []step.Change, have step.State) {
	deleted := map[step.ID]bool{}
	services := 0
	for _, c := range changes {
		if c.Action == step.Delete && inTable(c.ID) {
			deleted[c.ID] = true
			if sortOf(c.ID) == ofService {
				services++
			}
		}
	}
	if services == 0 {
		return
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
		if c.Action != step.Delete || sortOf(c.ID) != ofService {
			continue
		}
		if backend, ok := foreign[c.Key]; ok {
			changes[i] = step.Change{Action: step.Forget, ID: c.ID, From: c.From,
				Why: "left as it is: it has a backend that is not lvsup's, " + backend}
		}
	}
}

// follow marks updates of boot files that go with a change of the live table.
// One that stands alone is a change of its own: somebody edited the file. While
// a host is held the rules are other than planned, whatever else there is.
func follow(changes []step.Change, held bool) {
	live := slices.ContainsFunc(changes, func(c step.Change) bool { return !isFile(c.ID) && c.Action.Mutates() })
	for i, c := range changes {
		if isFile(c.ID) && !c.Action.Removes() && c.Action.Mutates() {
			changes[i].Follows = live && c.Action == step.Update || held && c.Key == RulesFile
		}
	}
}

// phase is the place of a change among all, by what it is; lower ones come
// first.
func phase(c step.Change) int {
	places := [...]int{ofService: 1, ofBackend: 1, ofTimeout: 2, ofDaemon: 4, ofFile: 5}
	switch {
	case c.Reverse():
		places = [...]int{ofFile: 6, ofDaemon: 7, ofTimeout: 7, ofBackend: 8, ofService: 9}
	case c.Early: // a removal that makes room
		places[ofDaemon], places[ofBackend] = 0, 3
	}
	return places[sortOf(c.ID)]
}

func (g goal) sort(changes []step.Change) {
	if len(changes) == 0 {
		return
	}
	rank := make(map[step.ID]int, len(g.order))
	for i, id := range g.order {
		rank[id] = i
	}
	slices.SortFunc(changes, func(a, b step.Change) int {
		return cmp.Or(phase(a)-phase(b), rank[a.ID]-rank[b.ID], strings.Compare(a.Key, b.Key))
	})
}
