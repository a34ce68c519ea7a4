package view

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
)

// Probe prints what the end-to-end test saw.
func (h *Human) Probe(p *report.Probe) {
	h.printf("%s\n", h.paint(bold, "Probe"))
	var direct []block
	for _, d := range p.Direct {
		direct = append(direct, block{hosts: []string{cmp.Or(d.Host, d.Address)}, text: h.directProbe(d)})
	}
	for _, b := range h.grouped(direct) {
		h.printf("  %s\n", b.text)
		if len(b.hosts) > 1 {
			count := Plural(len(b.hosts), "host")
			h.printf("         %s: %s\n", count, hostList(h.OutColumns, 11+len(count), 0, b.hosts))
		}
	}
	for _, s := range p.Services {
		h.serviceProbe(p, s)
	}
	if p.NotRun != "" {
		h.printf("  %s the VIP was not asked: %s\n", h.paint(yellow, "not run"), p.NotRun)
	}
}

// directProbe says what a backend answered.
func (h *Human) directProbe(d report.DirectProbe) string {
	if d.Error != "" {
		return fmt.Sprintf("%s %s from %s: %s", h.paint(red, "failed"), d.Address, d.From, Clean(d.Error))
	}
	page := d.Page
	if d.Status == 0 {
		page = "connected"
	}
	return fmt.Sprintf("%s     %s from %s: %s", h.paint(green, "ok"), d.Address, d.From, Clean(page))
}

// maxSequence is how many requests are shown in their order.
const maxSequence = 16

// sequence is where requests went, in their order.
func sequence(hosts []string) string {
	if len(hosts) > maxSequence {
		return strings.Join(hosts[:maxSequence], " ") + fmt.Sprintf(" ... %d more", len(hosts)-maxSequence)
	}
	return strings.Join(hosts, " ")
}

// splitText says how many requests each host had. Of many hosts, those with as many
// are told together.
func splitText(split map[string]int) string {
	var out []string
	names := slices.SortedFunc(maps.Keys(split), report.CompareHosts)
	for len(names) > 0 {
		n := split[names[0]]
		like := func(name string) bool { return split[name] == n }
		if len(split) <= fewHosts {
			like = func(name string) bool { return name == names[0] }
		}
		var some []string
		for _, name := range names {
			if like(name) {
				some = append(some, name)
			}
		}
		each := ""
		if len(some) > 1 {
			each = " each"
		}
		out = append(out, fmt.Sprintf("%s %d%s", report.HostList(some), n, each))
		names = slices.DeleteFunc(names, func(name string) bool { return slices.Contains(some, name) })
	}
	return strings.Join(out, ", ")
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
		h.printf("         %s\n", Clean(sequence(s.Sequence)))
		h.printf("         %s of %d answered: %s\n", Plural(s.Answered, "request"), s.Requests, Clean(splitText(s.Split)))
	}
	if len(s.MACs) == 1 {
		h.printf("         one MAC answers for the VIP: %s\n", Clean(s.MACs[0]))
	}
	for _, problem := range s.Problems {
		h.printf("         %s\n", h.paint(red, Clean(problem)))
	}
}
