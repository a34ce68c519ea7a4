package step

import (
	"sort"
	"strings"

	"github.com/lvsup/lvsup/internal/textmerge"
)

// ContentField is the Field of a value that is a text file's whole content, as
// EncodeBytes gives it. Others edit such files too, so letting go of one undoes
// lvsup's lines and keeps theirs.
const ContentField = "content"

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
//     reason in Why; but of a file's content (ContentField) that others edited,
//     lvsup's own lines are taken out: Restore with what is left of the file, or
//     Delete if that is nothing and lvsup made the file
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
	case !e.Ours(from) && id.Field == ContentField:
		return releaseText(id, e, from)
	case !e.Ours(from):
		return Change{Action: Forget, ID: id, From: from, Why: "changed since by someone else; left as it is"}
	case e.Action == Update:
		return Change{Action: Restore, ID: id, From: from, To: e.Before, Why: "the value before lvsup"}
	default:
		return Change{Action: Delete, ID: id, From: from}
	}
}

// releaseText takes lvsup's lines out of a file that others have edited since.
func releaseText(id ID, e Entry, current string) Change {
	merged, left := undo(e, current)
	why := "only lvsup's lines; others have edited the file since"
	if len(left) > 0 {
		why = "others have edited these lines of lvsup since, so they stay: " + strings.Join(left, " | ")
	}
	switch {
	case merged == current && len(left) == 0:
		return Change{Action: Forget, ID: id, Why: "nothing of lvsup is left in it"}
	case merged == current:
		return Change{Action: Forget, ID: id, Why: why}
	case e.Action == Create && strings.TrimSpace(merged) == "":
		return Change{Action: Delete, ID: id, From: current}
	default:
		return Change{Action: Restore, ID: id, From: current, To: merged, Why: why}
	}
}

// undo gives current without the edits that the entry records. A value that is
// no text stays as it is, and is itself what was left.
func undo(e Entry, current string) (merged string, left []string) {
	last := e.After
	if e.Pending != nil {
		last = *e.Pending
	}
	for _, s := range []string{e.Before, e.After, last, current} {
		if strings.HasPrefix(s, base64Prefix) {
			return current, []string{"(binary content)"}
		}
	}
	// A write that was cut short has happened or has not; undoing it where it
	// has not changes nothing, since both sides agree on every hunk.
	merged, first := textmerge.Revert(e.After, last, current)
	merged, second := textmerge.Revert(e.Before, e.After, merged)
	if line, _, _ := strings.Cut(e.After, "\n"); e.Action == Create && strings.HasPrefix(line, "#!") &&
		strings.TrimSpace(merged) != "" && !strings.HasPrefix(merged, "#!") {
		merged = line + "\n" + merged // others' lines in our script still need its interpreter
	}
	return merged, append(first, second...)
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
