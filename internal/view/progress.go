package view

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/plans"
)

// Event prints progress: a line when a stage begins, one for each host that is
// through it, and what a host that takes its time says meanwhile.
func (h *Human) Event(e report.Event) {
	if e.Quiet {
		return
	}
	switch e.Type {
	case report.StageBegun:
		h.note("%s\n", h.paint(bold, stageTitle(e)))
	case report.HostProgress:
		h.note("    %s\n", h.paint(dim, e.Host+": "+Clean(e.Note)))
	case report.HostWaits:
		h.note("  %s %s\n", e.Host, Clean(e.Note))
	case report.HostDone:
		h.hostDone(e)
	case report.RunEnding:
		h.note("%s %s\n", h.paint(yellow, "Ending:"), Clean(e.Note))
	}
}

func stageTitle(e report.Event) string {
	if e.Reverse {
		return e.Stage + " (removals)"
	}
	return e.Stage
}

// hostDone says what came of a stage on a host.
func (h *Human) hostDone(e report.Event) {
	h.outcome(e, e.Host, fmt.Sprintf("(%s)", e.Took.Round(10*time.Millisecond)))
}

// outcome says what came of a stage on hosts to which the same happened, and how
// long it took.
func (h *Human) outcome(e report.Event, hosts, took string) {
	took = h.paint(dim, took)
	switch {
	case e.Err != nil && e.Stage == plans.StageConnect:
		h.note("  %s %s %s\n", h.paint(red, "failed"), hosts, took) // why is told when all were dialled
	case e.Err != nil:
		h.note("  %s %s: %s %s\n", h.paint(red, "failed"), hosts, cause(e.Err), took)
	case e.Stage == plans.StageConnect:
		h.note("  %s %s\n", hosts, took)
	default:
		h.note("  %s: %s %s\n", hosts, Plural(e.Changes(), "change"), took)
	}
	if e.Note == "" {
		return
	}
	for _, line := range cleanLines(e.Note) {
		h.note("    %s\n", h.paint(dim, line))
	}
}

// stageOutcome prints a stage that is over, with what came of it on each host. Of
// many hosts, those to which the same happened share a line.
func (h *Human) stageOutcome(stage report.Event, done []report.Event) {
	h.Event(stage)
	if len(done) <= fewHosts {
		for _, e := range done {
			h.hostDone(e)
		}
		return
	}
	alike := map[string][]report.Event{}
	var order []string
	for _, e := range done {
		key := h.said(e)
		if alike[key] == nil {
			order = append(order, key)
		}
		alike[key] = append(alike[key], e)
	}
	for _, key := range order {
		var hosts []string
		least, most := alike[key][0].Took, time.Duration(0)
		for _, e := range alike[key] {
			hosts = append(hosts, e.Host)
			least, most = min(least, e.Took), max(most, e.Took)
		}
		lead := 2
		if alike[key][0].Err != nil {
			lead += len("failed ")
		}
		took := fmt.Sprintf("(%s)", most.Round(10*time.Millisecond))
		if len(hosts) > 1 {
			took = fmt.Sprintf("(%d hosts, %s to %s)", len(hosts), least.Round(10*time.Millisecond), most.Round(10*time.Millisecond))
		}
		said, _, _ := strings.Cut(strings.TrimSpace(key), "\n")
		h.outcome(alike[key][0], hostList(h.ErrColumns, lead, cells(said)+1+len(took), hosts), took)
	}
}

// said is what outcome prints of a host, but for its name and the time.
func (h *Human) said(e report.Event) string {
	var text strings.Builder
	plain := Human{Err: &text}
	plain.outcome(e, "", "")
	return text.String()
}

// ourEnd matches the address of this machine in an error of a connection (net.OpError).
// Its port is another one each time, tells nobody anything, and would keep hosts with
// the same trouble apart.
var ourEnd = regexp.MustCompile(`((?:read|write) tcp[46]? )[^ ]+->`)

// cause is why something failed.
func cause(err error) string { return ourEnd.ReplaceAllString(Clean(err.Error()), "$1") }

// Failures prints what failed, host by host. Of many hosts, those of which the same
// can be said share a line.
func (h *Human) Failures(all []*report.HostError) {
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b *report.HostError) int { return report.CompareHosts(a.Host, b.Host) })
	var lines []block
	for _, f := range sorted {
		text := cause(f.Err)
		if f.Stage != plans.StageConnect {
			text = f.Stage + ": " + text
		}
		lines = append(lines, block{hosts: []string{f.Host}, text: text})
	}
	groups := h.grouped(lines)
	if len(lines) > fewHosts {
		groups = alikeButNames(groups)
	}
	for _, b := range groups {
		if len(b.hosts) == 1 {
			h.note("%s %s: %s\n", h.paint(red, "Error:"), b.hosts[0], b.text)
			continue
		}
		h.note("%s %s: %s\n  %s\n", h.paint(red, "Error:"), Plural(len(b.hosts), "host"), b.text, hostList(h.ErrColumns, 2, 0, b.hosts))
	}
}
