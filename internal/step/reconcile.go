package step

import "sort"

// State is a host's managed values, wanted or seen, flattened. An ID that is
// not in the map is not there on the host.
type State map[ID]string

// Reconcile compares what is wanted with what is there and applies the rules
// of ownership:
//
//   - wanted and absent: Create; wanted and different: Update
//   - wanted, as wanted, not owned: Adopt
//   - owned, no longer wanted, still as lvsup left it: Delete if lvsup made or
//     adopted it, Restore if there was a value before
//   - owned, no longer wanted, gone or changed by others: Forget, with the
//     reason in Why
//   - neither wanted nor owned: nothing, whatever it is
//
// The result is sorted by Key and Field, removals last; a kind that needs
// another order sorts again.
func Reconcile(want State, owned Owned, have State) []Change {
	var changes []Change
	for id, to := range want {
		from, there := have[id]
		_, mine := owned[id]
		switch {
		case !there:
			changes = append(changes, Change{Action: Create, ID: id, To: to})
		case from != to:
			changes = append(changes, Change{Action: Update, ID: id, From: from, To: to})
		case !mine:
			changes = append(changes, Change{Action: Adopt, ID: id, From: from, To: to})
		}
	}
	for id, entry := range owned {
		if _, wanted := want[id]; wanted {
			continue
		}
		from, there := have[id]
		changes = append(changes, release(id, entry, from, there))
	}
	Sort(changes)
	return changes
}

// release says what becomes of an owned value that the plan no longer wants.
func release(id ID, e Entry, from string, there bool) Change {
	switch {
	case !there:
		return Change{Action: Forget, ID: id, Why: "already gone"}
	case e.Action == Update && from == e.Before:
		return Change{Action: Forget, ID: id, From: from, Why: "already has the value it had before lvsup"}
	case !e.Ours(from):
		return Change{Action: Forget, ID: id, From: from, Why: "changed since by someone else; left as it is"}
	case e.Action == Update:
		return Change{Action: Restore, ID: id, From: from, To: e.Before, Why: "the value before lvsup"}
	default:
		return Change{Action: Delete, ID: id, From: from}
	}
}

// Sort orders changes by direction (removals last), then Key, then Field.
func Sort(changes []Change) {
	sort.SliceStable(changes, func(i, j int) bool {
		a, b := changes[i], changes[j]
		if a.Action.Removes() != b.Action.Removes() {
			return !a.Action.Removes()
		}
		if a.Key != b.Key {
			return a.Key < b.Key
		}
		return a.Field < b.Field
	})
}
