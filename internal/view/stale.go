package view

import (
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/plans"
)

// Stale prints why a plan that was shown is not carried out.
func (h *Human) Stale(all []plans.Divergence) {
	var hosts []block
	for _, d := range all {
		hosts = append(hosts, block{hosts: []string{d.Host}, text: h.render(func(h *Human) {
			h.some("was shown, and is not to be done any more:", d.Gone)
			h.some("is to be done now, and was not shown:", d.New)
		})})
	}
	h.blocks(h.grouped(hosts), 0, func(names string) string { return "\n" + h.paint(bold, names) })
}

func (h *Human) some(title string, changes []step.Change) {
	if len(changes) == 0 {
		return
	}
	h.printf("   %s\n", title)
	for _, c := range changes {
		h.change(c, nil)
	}
}
