package view

import (
	"fmt"
	"slices"
	"time"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/plans"
)

// Since is when a difference on a host was first seen, in UTC.
type Since struct {
	Host string `json:"host"`
	Kind string `json:"kind"`
	step.ID
	Since time.Time `json:"since"`
}

// DriftNotes is what is known of differences beyond themselves.
type DriftNotes struct {
	Since   []Since
	Ignored map[string]int // by host: how many are left out
	Unseen  int            // hosts that nobody could look at
}

// Drift prints where hosts differ from the plan, by host: the resource,
// what the plan wants of it and what was found.
func (h *Human) Drift(p *plans.Plan, notes DriftNotes) {
	h.Findings(p.Findings)
	differ, ignored := 0, ""
	var all []block
	for _, host := range p.Hosts {
		text := h.render(func(h *Human) {
			for _, kind := range host.Kinds {
				differ += len(kind.Changes)
				for i, c := range kind.Changes {
					h.difference(c, notes.since(host.Host, kind.Kind, c.ID))
					h.typed(commandsOf(kind, i), "    ")
				}
			}
		})
		if text != "" {
			all = append(all, block{hosts: []string{host.Host}, text: h.folded(text)})
		}
	}
	hosts := len(all)
	h.blocks(h.grouped(all), 0, func(names string) string { return "\n" + h.paint(bold, names) })
	h.planErrors(p)
	if n := notes.ignored(); n > 0 {
		ignored = fmt.Sprintf(" %d more ignored by rules.", n)
	}
	looked, asked := Plural(len(p.Hosts), "host"), Plural(len(p.Hosts)+notes.Unseen, "host")
	if notes.Unseen > 0 {
		looked = fmt.Sprintf("%d of %s", len(p.Hosts), asked)
		ignored += fmt.Sprintf(" Nobody could look at %d.", notes.Unseen)
	}
	switch {
	case differ > 0:
		h.printf("\n%s %s on %d of %s.%s\n", h.paint(bold, "Drift:"), Plural(differ, "difference"), hosts, asked, ignored)
	case p.Count().Errors == 0 && len(p.Hosts) > 0:
		h.printf("No drift: %s of cluster %q %s as the plan wants.%s\n", looked, p.Cluster, isAre(len(p.Hosts)), ignored)
	}
	h.LeftOut(p)
}

func (n DriftNotes) since(host, kind string, id step.ID) time.Time {
	i := slices.IndexFunc(n.Since, func(s Since) bool { return s.Host == host && s.Kind == kind && s.ID == id })
	if i < 0 {
		return time.Time{}
	}
	return n.Since[i].Since
}

func (n DriftNotes) ignored() int {
	all := 0
	for _, some := range n.Ignored {
		all += some
	}
	return all
}

// Minute is how points in time are shown; they are in UTC.
const Minute = "2006-01-02 15:04 UTC"

// difference prints one resource that is not as wanted.
func (h *Human) difference(c step.Change, since time.Time) {
	text := h.paint(actionStyle[c.Action], Clean(string(rune(c.Action)))) + " " + differs(c)
	if c.Why != "" {
		text += h.paint(dim, "  # "+Clean(c.Why))
	}
	if !since.IsZero() {
		text += h.paint(dim, "  (since "+since.Format(Minute)+")")
	}
	h.printf("  %s\n", text)
	h.fileDiff(c)
	if c.Blocked != "" {
		h.printf("    %s %s\n", h.paint(red, "refused:"), Clean(c.Blocked))
	}
}

// Difference says in one line what the plan wants of a resource and what was
// found.
func Difference(c step.Change) string {
	text := differs(c)
	if c.Why != "" {
		text += "  # " + Clean(c.Why)
	}
	if c.Blocked != "" {
		text += "; refused: " + Clean(c.Blocked)
	}
	return text
}

func differs(c step.Change) string {
	name := Clean(c.Key)
	content := c.Field == step.ContentField
	if c.Field != "" && !content {
		name += " " + Clean(c.Field)
	}
	return name + ": " + found(c, content)
}

// found says what is wanted of a resource and what there is. Of a file it does
// not say the content: the difference follows.
func found(c step.Change, content bool) string {
	wanted, seen := shown(c.To), shown(c.From)
	if content {
		wanted, seen = "a file", "a file"
	}
	switch c.Action {
	case step.Create:
		return fmt.Sprintf("wanted %s, found none", wanted)
	case step.Update:
		if content {
			return "wanted another content (+) than was found (-)"
		}
		return fmt.Sprintf("wanted %s, found %s", wanted, seen)
	case step.Delete:
		return fmt.Sprintf("wanted no more, found %s", seen)
	case step.Restore:
		if content {
			return "wanted as it was before lvsup (+), found otherwise (-)"
		}
		return fmt.Sprintf("wanted %s as before lvsup, found %s", wanted, seen)
	case step.Adopt:
		return "as wanted, but not in lvsup's record: an apply adopts it"
	default:
		return "in lvsup's record, and no more on the host"
	}
}
