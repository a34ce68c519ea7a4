package plans

import (
	"slices"

	"github.com/lvsup/lvsup/internal/step"
)

// Divergence is how one host's changes differ from those that a plan showed.
type Divergence struct {
	Host string        `json:"host"`
	Gone []step.Change `json:"gone,omitempty"` // shown, and no longer to be made
	New  []step.Change `json:"new,omitempty"`  // to be made, and not shown
}

// Diverged compares a plan that was shown with the one that holds now, host by
// host in the order of the latter. It is empty if both would do the same, the
// order of changes aside.
func Diverged(shown, now *Plan) []Divergence {
	var all []Divergence
	for _, h := range now.Hosts {
		was := shown.changes(h.Host)
		is := now.changes(h.Host)
		d := Divergence{Host: h.Host, Gone: without(was, is), New: without(is, was)}
		if len(d.Gone)+len(d.New) > 0 {
			all = append(all, d)
		}
	}
	return all
}

func (p *Plan) changes(host string) []step.Change {
	var all []step.Change
	for _, h := range p.Hosts {
		if h.Host != host {
			continue
		}
		for _, k := range h.Kinds {
			all = append(all, k.Changes...)
		}
	}
	return all
}

// without gives the changes that the others do not hold.
func without(changes, others []step.Change) []step.Change {
	var rest []step.Change
	for _, c := range changes {
		if !slices.Contains(others, c) {
			rest = append(rest, c)
		}
	}
	return rest
}
