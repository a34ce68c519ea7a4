package view

import (
	"fmt"

	"github.com/lvsup/lvsup/internal/report"
)

// Rest prints what a run that was ended early has made, and what not. Not all of
// it is known if a host was not heard to the end. again is the command that goes on.
func (h *Human) Rest(rest []report.Rest, made int, known bool, again string) {
	left, width := 0, 0
	for _, r := range rest {
		left += r.Changes
		width = max(width, len(r.Title()))
	}
	h.printf("\n%s %d of %s made.", h.paint(bold, "Ended early:"), made, Plural(made+left, "change"))
	if left == 0 {
		h.printf(" They were not verified: run %s again.\n", again)
		return
	}
	if known {
		h.printf(" Not made, in order:\n")
	} else {
		h.printf(" Not made, as far as is known, in order:\n")
	}
	for _, r := range rest {
		count := fmt.Sprintf(" (%d)", r.Changes)
		h.printf("  %-*s  %s%s\n", width, r.Title(), hostList(h.OutColumns, width+4, len(count), r.Hosts), count)
	}
	h.printf("Run %s again to go on from here.\n", again)
}
