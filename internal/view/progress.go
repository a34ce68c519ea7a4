package view

import (
	"fmt"
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
	took := h.paint(dim, fmt.Sprintf("(%s)", e.Took.Round(10*time.Millisecond)))
	switch {
	case e.Err != nil && e.Stage == plans.StageConnect:
		h.note("  %s %s %s\n", h.paint(red, "failed"), e.Host, took) // why is told when all were dialled
	case e.Err != nil:
		h.note("  %s %s: %s %s\n", h.paint(red, "failed"), e.Host, Clean(e.Err.Error()), took)
	case e.Stage == plans.StageConnect:
		h.note("  %s %s\n", e.Host, took)
	default:
		h.note("  %s: %s %s\n", e.Host, Plural(e.Changes(), "change"), took)
	}
	if e.Note == "" {
		return
	}
	for _, line := range cleanLines(e.Note) {
		h.note("    %s\n", h.paint(dim, line))
	}
}

// Failures prints what failed, host by host. Of many hosts, those of which the same
// can be said share a line.
func (h *Human) Failures(all []*report.HostError) {
	var lines []block
	for _, f := range all {
		text := Clean(f.Err.Error())
		if f.Stage != plans.StageConnect {
			text = f.Stage + ": " + text
		}
		lines = append(lines, block{hosts: []string{f.Host}, text: text})
	}
	for _, b := range h.grouped(lines) {
		if len(b.hosts) == 1 {
			h.note("%s %s: %s\n", h.paint(red, "Error:"), b.hosts[0], b.text)
			continue
		}
		h.note("%s %s: %s\n  %s\n", h.paint(red, "Error:"), Plural(len(b.hosts), "host"), b.text, report.HostList(b.hosts))
	}
}
