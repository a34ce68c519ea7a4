package view

import (
	"strings"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/plans"
)

// LeftOut says in one line what a plan is not about, and what follows from it for
// the traffic.
func (h *Human) LeftOut(p *plans.Plan) {
	out := p.Narrowed()
	var parts []string
	if !out.None() {
		parts = append(parts, "Left out: "+Clean(out.String())+".")
	}
	if len(out.Held) > 0 {
		parts = append(parts, "No new traffic to "+report.HostList(out.Held)+", since nobody knows whether "+itThey(len(out.Held))+" ready.")
	}
	if len(parts) > 0 {
		h.printf("%s\n", h.paint(dim, strings.Join(parts, " ")))
	}
}

func itThey(n int) string {
	if n == 1 {
		return "it is"
	}
	return "they are"
}
