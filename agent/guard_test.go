package agent

import (
	"testing"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

func TestGuard(t *testing.T) {
	id := step.ID{Key: "a"}
	change := func(a step.Action, from, to string) step.Change {
		return step.Change{Action: a, ID: id, From: from, To: to}
	}
	follows := func(c step.Change) step.Change { c.Follows = true; return c }
	for _, tc := range []struct {
		name    string
		planned step.Change
		now     step.Change
		allowed bool
	}{
		{"as planned", change(step.Create, "", "1"), change(step.Create, "", "1"), true},
		{"an earlier stage made something of it", change(step.Create, "", "1"), change(step.Update, "0", "1"), true},
		{"somebody else did it meanwhile", change(step.Update, "0", "1"), change(step.Adopt, "1", "1"), true},
		{"another value", change(step.Update, "0", "1"), change(step.Update, "0", "2"), false},
		{"already removed", change(step.Delete, "1", ""), change(step.Forget, "", ""), true},
		{"back again", change(step.Forget, "", ""), change(step.Delete, "1", ""), false},
		{"a removal instead of a creation", change(step.Create, "", ""), change(step.Delete, "1", ""), false},
		{"what follows, otherwise than planned", follows(change(step.Create, "", "1")), follows(change(step.Create, "", "2")), true},
		{"what follows, not planned", change(step.Delete, "1", ""), follows(change(step.Update, "1", "2")), false},
		{"restored to another value", change(step.Restore, "1", "0"), change(step.Restore, "1", "7"), false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			planned := []wire.KindChanges{{Kind: "k", Changes: []step.Change{tc.planned}}}
			err := guard(wire.KindChanges{Kind: "k", Changes: []step.Change{tc.now}}, planned)
			if (err == nil) != tc.allowed {
				t.Errorf("got %v", err)
			}
			if guard(wire.KindChanges{Kind: "other", Changes: []step.Change{tc.now}}, planned) == nil {
				t.Error("another kind's plan was taken for this one's")
			}
		})
	}
}
