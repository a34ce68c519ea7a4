package view

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
)

// Merged is what several coordinators did together.
type Merged struct {
	Command string        `json:"command"` // that was run in each shard
	Of      int           `json:"of"`      // how many shards there are
	Shards  []ShardResult `json:"shards"`  // those that are known
	Missing []int         `json:"missing,omitempty"`
	Tally
}

// ShardResult is how one shard ended.
type ShardResult struct {
	Index int `json:"index"`
	Tally
	Unknown []string      `json:"unknown,omitempty"` // its clusters without a result
	Exit    report.Code   `json:"exit"`
	Codes   []report.Code `json:"codes,omitempty"`
}

// Tally counts hosts. Each is one of those that failed, are done, differ or are left.
type Tally struct {
	Hosts   int `json:"hosts"`   // that something is known of
	Done    int `json:"done"`    // as the plan wants
	Differ  int `json:"differ"`  // of plan and drift: not as the plan wants
	Failed  int `json:"failed"`  //
	Left    int `json:"left"`    // neither: something of the plan is not made, or not known
	Changes int `json:"changes"` // that were planned, on all of them
}

// Plus adds two tallies.
func (t Tally) Plus(u Tally) Tally {
	return Tally{t.Hosts + u.Hosts, t.Done + u.Done, t.Differ + u.Differ, t.Failed + u.Failed, t.Left + u.Left, t.Changes + u.Changes}
}

// Merged prints what shards did together: where they differ, what failed, and how
// many hosts are as they should be.
func (h *Human) Merged(clusters []*Document, total *Document) {
	m := total.Merged
	for _, d := range clusters {
		if m.Command != "drift" || d.Plan == nil {
			continue
		}
		if len(clusters) > 1 {
			h.Heading("Cluster "+d.Cluster, false)
		}
		h.Drift(d.Plan, DriftNotes{Since: d.Since, Ignored: d.Ignored})
	}
	var failures []*report.HostError
	for _, d := range clusters {
		for _, f := range d.Failures {
			failures = append(failures, &report.HostError{Host: f.Host, Stage: f.Stage, Err: errors.New(f.Error)})
		}
	}
	h.Failures(failures)
	for _, d := range clusters {
		if d.Error != "" {
			h.Error(fmt.Errorf("cluster %s: %s", d.Cluster, d.Error))
		}
	}
	if total.Error != "" {
		h.Error(errors.New(total.Error))
	}
	ended := map[report.Code][]string{}
	for _, s := range m.Shards {
		ended[s.Exit] = append(ended[s.Exit], fmt.Sprintf("%d/%d", s.Index, m.Of))
	}
	var ends []string
	for _, code := range append(report.Sorted(total.Codes), report.Done) {
		if all := ended[code]; len(all) > 0 {
			text := fmt.Sprintf("%s with %d", Plural(len(all), "shard"), code)
			if code != report.Done && len(all) <= fewHosts {
				text += " (" + strings.Join(all, ", ") + ")"
			}
			ends = append(ends, text)
		}
	}
	if n := len(m.Missing); n > 0 {
		ends = append(ends, fmt.Sprintf("%d missing", n))
	}
	h.printf("%s of %s ended: %s.\n", h.paint(bold, m.Command), Plural(m.Of, "shard"), strings.Join(ends, ", "))
	h.printf("%s\n", m.sentence())
}

// sentence counts the hosts in words.
func (m *Merged) sentence() string {
	parts := []string{}
	add := func(n int, text string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, text))
		}
	}
	add(m.Done, "as the plan wants")
	add(m.Differ, "not as the plan wants")
	add(m.Left, "not finished")
	add(m.Failed, "failed")
	text := fmt.Sprintf("%s: %s", Plural(m.Hosts, "host"), strings.Join(parts, ", "))
	if m.Command == "plan" {
		text += "; " + Plural(m.Changes, "change") + " to make"
	}
	if len(parts) == 0 {
		text = "No host was heard of"
	}
	if len(m.Missing) > 0 || slices.ContainsFunc(m.Shards, func(s ShardResult) bool { return len(s.Unknown) > 0 }) {
		text += ", and nothing is known of the others"
	}
	return text + "."
}
