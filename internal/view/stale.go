package view

import (
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/plans"
)

// Stale prints why a plan that was shown is not carried out.
func (h *Human) Stale(all []plans.Divergence) {
	for _, d := range all {
		h.printf("\n%s\n", h.paint(bold, d.Host))
		h.some("was shown, and is not to be done any more:", d.Gone)
		h.some("is to be done now, and was not shown:", d.New)
	}
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
