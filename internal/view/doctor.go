package view

import (
	"strings"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/plans"
)

// Diagnosis prints what doctor found, each cause with what follows from it.
func (h *Human) Diagnosis(d *report.Diagnosis) {
	for _, f := range d.Findings {
		style, word := red, "fault"
		if f.Severity != plans.Error {
			style, word = yellow, "doubt"
		}
		h.printf("%s %s: %s\n", h.paint(style, word), h.paint(bold, f.Code), f.Title)
		for _, seen := range f.Seen {
			h.printf("  seen     %s\n", Clean(seen))
		}
		h.printf("  mistake  %s\n", Clean(f.Mistake))
		for _, fix := range f.Fixes {
			h.printf("  fix      %s\n", Clean(fixLine(fix)))
		}
		for _, follows := range f.Follows {
			h.printf("  follows  %s\n", Clean(follows))
		}
	}
	for _, why := range d.NotRun {
		h.printf("%s %s\n", h.paint(yellow, "not run"), Clean(why))
	}
	switch n := len(d.Findings); {
	case n == 1:
		h.printf("1 cause was found.\n")
	case n > 1:
		h.printf("%d causes were found.\n", n)
	case len(d.NotRun) == 0:
		h.printf("%s nothing that keeps packets from their way.\n", h.paint(green, "Well:"))
	default:
		h.printf("%s nothing in what was looked at.\n", h.paint(green, "Well:"))
	}
}

// fixLine is a command with where to type it, or what to do in words.
func fixLine(f report.Fix) string {
	text := f.Command
	if text == "" {
		text = f.Text
	}
	if f.Host == "" {
		return text
	}
	if f.Command != "" {
		return "on " + f.Host + ": " + strings.TrimSpace(text)
	}
	return f.Host + ": " + text
}
