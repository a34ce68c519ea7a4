package view

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
)

// Probe prints what the end-to-end test saw.
func (h *Human) Probe(p *report.Probe) {
	h.printf("%s\n", h.paint(bold, "Probe"))
	for _, d := range p.Direct {
		if d.Error != "" {
			h.printf("  %s %s from %s: %s\n", h.paint(red, "failed"), d.Address, d.From, Clean(d.Error))
			continue
		}
		page := d.Page
		if d.Status == 0 {
			page = "connected"
		}
		h.printf("  %s     %s from %s: %s\n", h.paint(green, "ok"), d.Address, d.From, Clean(page))
	}
	for _, s := range p.Services {
		h.serviceProbe(p, s)
	}
	if p.NotRun != "" {
		h.printf("  %s the VIP was not asked: %s\n", h.paint(yellow, "not run"), p.NotRun)
	}
}

func (h *Human) serviceProbe(p *report.Probe, s report.ServiceProbe) {
	if s.NotRun != "" {
		h.printf("  %s %s: %s\n", h.paint(yellow, "not run"), s.Address, Clean(s.NotRun))
		return
	}
	label := h.paint(green, "ok    ")
	if len(s.Problems) > 0 {
		label = h.paint(red, "failed")
	}
	h.printf("  %s %s from %s: %s (%s)\n", label, s.Address, p.Vantage, Clean(s.Verdict), s.Scheduler)
	if len(s.Sequence) > 0 {
		h.printf("         %s\n", Clean(strings.Join(s.Sequence, " ")))
		var split []string
		for _, name := range slices.Sorted(maps.Keys(s.Split)) {
			split = append(split, fmt.Sprintf("%s %d", Clean(name), s.Split[name]))
		}
		h.printf("         %s of %d answered: %s\n", Plural(s.Answered, "request"), s.Requests, strings.Join(split, ", "))
	}
	if len(s.MACs) == 1 {
		h.printf("         one MAC answers for the VIP: %s\n", Clean(s.MACs[0]))
	}
	for _, problem := range s.Problems {
		h.printf("         %s\n", h.paint(red, Clean(problem)))
	}
}
