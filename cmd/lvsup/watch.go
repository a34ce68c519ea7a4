package main

import (
	"os"

	"golang.org/x/term"

	"github.com/lvsup/lvsup/internal/view"
)

// watched reports whether somebody looks at a terminal that can move its cursor.
func watched() bool {
	return term.IsTerminal(int(os.Stderr.Fd())) && os.Getenv("TERM") != "dumb" && os.Getenv("TERM") != ""
}

// watch shows runs on the terminal that stderr is.
func (g *globals) watch(h *view.Human) *view.Live {
	if g.live == nil {
		g.live = view.NewLive(os.Stderr, h, g.redact, func() (int, int) {
			columns, lines, err := term.GetSize(int(os.Stderr.Fd()))
			if err != nil || columns <= 0 || lines <= 0 {
				return 80, 24
			}
			return columns, lines
		})
	}
	return g.live
}
