package view

import (
	"fmt"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/plans"
)

// Drift prints where hosts differ from the plan, host by host: the resource,
// what the plan wants of it and what was found.
func (h *Human) Drift(p *plans.Plan) {
	h.Findings(p.Findings)
	differ, hosts := 0, 0
	for _, host := range p.Hosts {
		var all []step.Change
		for _, kind := range host.Kinds {
			all = append(all, kind.Changes...)
		}
		if len(all) == 0 {
			continue
		}
		differ += len(all)
		hosts++
		h.printf("\n%s\n", h.paint(bold, host.Host))
		for _, c := range all {
			h.difference(c)
		}
	}
	h.planErrors(p)
	switch {
	case differ > 0:
		h.printf("\n%s %s on %d of %s.\n", h.paint(bold, "Drift:"), Plural(differ, "difference"), hosts, Plural(len(p.Hosts), "host"))
	case p.Count().Errors == 0:
		h.printf("No drift: %s of cluster %q %s as the plan wants.\n", Plural(len(p.Hosts), "host"), p.Cluster, isAre(len(p.Hosts)))
	}
}

// difference prints one resource that is not as wanted.
func (h *Human) difference(c step.Change) {
	name := Clean(c.Key)
	content := c.Field == step.ContentField
	if c.Field != "" && !content {
		name += " " + Clean(c.Field)
	}
	text := found(c, content)
	if c.Why != "" {
		text += h.paint(dim, "  # "+Clean(c.Why))
	}
	h.printf("  %s %s: %s\n", h.paint(actionStyle[c.Action], Clean(string(rune(c.Action)))), name, text)
	if content && c.Action.Mutates() {
		h.fileDiff(c)
	}
	if c.Blocked != "" {
		h.printf("    %s %s\n", h.paint(red, "refused:"), Clean(c.Blocked))
	}
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
