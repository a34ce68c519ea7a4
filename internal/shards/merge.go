package shards

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// Merge gives one result for each cluster, by name, and that of all.
func (r *Reports) Merge() (clusters []*view.Document, total *view.Document, err error) {
	if len(r.shards) == 0 {
		if len(r.silent) > 0 {
			return nil, nil, fmt.Errorf("cannot merge: %s", noResult(r.silent))
		}
		return nil, nil, errors.New("cannot merge: there is no report")
	}
	all := &view.Merged{Command: r.first.command, Of: r.first.of}
	var codes []report.Code
	var wrong []string
	docs := map[string][]*view.Document{}
	for i := 1; i <= r.first.of; i++ {
		p := r.shards[i]
		if p == nil {
			all.Missing = append(all.Missing, i)
			continue
		}
		one := view.ShardResult{Index: i, Codes: report.Sorted(p.exit)}
		if p.end != nil && p.end.Error != "" {
			wrong = append(wrong, fmt.Sprintf("shard %d/%d: %s", i, all.Of, p.end.Error))
		}
		for _, name := range p.expected {
			d := p.clusters[name]
			if d == nil {
				one.Unknown = append(one.Unknown, name)
				continue
			}
			docs[name] = append(docs[name], d)
			one.Tally = one.Tally.Plus(tally(d))
		}
		if len(one.Unknown) > 0 {
			one.Codes = report.Sorted(append(one.Codes, report.Unreachable))
			wrong = append(wrong, fmt.Sprintf("shard %d/%d ended before it came to %s", i, all.Of, strings.Join(one.Unknown, ", ")))
		}
		one.Exit = report.Worst(one.Codes...)
		codes = append(codes, one.Codes...)
		all.Tally = all.Tally.Plus(one.Tally)
		all.Shards = append(all.Shards, one)
	}
	if n := len(all.Missing); n > 0 {
		codes = append(codes, report.Unreachable)
		wrong = append(wrong, fmt.Sprintf("nothing is known of %s: %s", view.Plural(n, "shard"), missing(all.Missing, all.Of)))
	}
	if len(r.silent) > 0 {
		wrong = append(wrong, noResult(r.silent))
	}
	total = &view.Document{Merged: all, Clusters: []string{}, Error: strings.Join(wrong, "\n  "), Codes: report.Sorted(codes)}
	total.Exit = report.Worst(codes...)
	for _, name := range slices.Sorted(maps.Keys(docs)) {
		total.Clusters = append(total.Clusters, name)
		clusters = append(clusters, merged(name, docs[name]))
	}
	return clusters, total, nil
}

func noResult(names []string) string {
	return strings.Join(names, ", ") + ": no result; lvsup was killed there, or has not ended yet"
}

// missing names shards, the first few of many.
func missing(all []int, of int) string {
	const many = 20
	var names []string
	for _, i := range all[:min(len(all), many)] {
		names = append(names, fmt.Sprintf("%d/%d", i, of))
	}
	if len(all) > many {
		names = append(names, "...")
	}
	return strings.Join(names, ", ")
}

// tally counts the hosts of a result. One that was not heard of at all counts nowhere.
func tally(d *view.Document) view.Tally {
	failed := map[string]bool{}
	for _, f := range d.Failures {
		failed[f.Host] = true
	}
	left := map[string]bool{}
	for _, rest := range d.Rest {
		for _, host := range rest.Hosts {
			left[host] = true
		}
	}
	t := view.Tally{Hosts: len(failed), Failed: len(failed)}
	if d.Plan == nil {
		return t
	}
	for _, h := range d.Plan.Hosts {
		one := plans.Plan{Hosts: []plans.HostPlan{h}}
		n := one.Count()
		t.Changes += n.Changes()
		if failed[h.Host] {
			continue
		}
		t.Hosts++
		changes := d.Command == "apply" || d.Command == "destroy"
		switch {
		case changes && (d.Error != "" || left[h.Host]) || n.Errors > 0:
			t.Left++
		case !changes && n.Changes() > 0:
			t.Differ++
		default:
			t.Done++
		}
	}
	return t
}

// merged is the result of a cluster, of those of its shards.
func merged(name string, docs []*view.Document) *view.Document {
	out := &view.Document{Cluster: name, Applied: true, Ignored: map[string]int{}}
	var codes []report.Code
	var errs []string
	for _, d := range docs {
		codes = append(append(codes, d.Exit), d.Codes...)
		out.Plan = joined(out.Plan, d.Plan)
		out.Since = append(out.Since, d.Since...)
		maps.Copy(out.Ignored, d.Ignored)
		out.Stale = append(out.Stale, d.Stale...)
		out.Applied = out.Applied && d.Applied
		out.Rest = rests(out.Rest, d.Rest)
		out.Failures = append(out.Failures, d.Failures...)
		out.Notes = append(out.Notes, d.Notes...)
		out.Files = append(out.Files, d.Files...)
		if out.Probe == nil {
			out.Probe = d.Probe // that of the shard with the director
		}
		if out.Diagnostics == nil {
			out.Diagnostics = d.Diagnostics // all shards have the same plan
		}
		if d.Error != "" {
			errs = append(errs, fmt.Sprintf("shard %d/%d: %s", d.Shard.Index, d.Shard.Of, d.Error))
		}
	}
	out.Error, out.Codes = strings.Join(errs, "\n  "), report.Sorted(codes)
	out.Exit = report.Worst(codes...)
	return out
}

// joined is a plan about the hosts of two.
func joined(a, b *plans.Plan) *plans.Plan {
	if a == nil || b == nil {
		if a == nil {
			return b
		}
		return a
	}
	out := *a
	out.Hosts = slices.Concat(a.Hosts, b.Hosts)
	slices.SortStableFunc(out.Hosts, func(x, y plans.HostPlan) int { return report.CompareHosts(x.Host, y.Host) })
	out.Findings = slices.Clone(a.Findings)
	for _, f := range b.Findings {
		if !slices.Contains(out.Findings, f) {
			out.Findings = append(out.Findings, f)
		}
	}
	both := plans.LeftOut{}
	in := map[string]bool{}
	for _, name := range b.Narrowed().Hosts {
		in[name] = true
	}
	for _, name := range a.Narrowed().Hosts {
		if in[name] { // else it was another shard's
			both.Hosts = append(both.Hosts, name)
		}
	}
	both.Kinds = slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Narrowed().Kinds, b.Narrowed().Kinds))))
	both.Held = slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Narrowed().Held, b.Narrowed().Held))))
	out.LeftOut = nil
	if !both.None() || len(both.Held) > 0 {
		out.LeftOut = &both
	}
	return &out
}

func rests(a, b []report.Rest) []report.Rest {
	out := slices.Clone(a)
	for _, rest := range b {
		i := slices.IndexFunc(out, func(x report.Rest) bool { return x.Stage == rest.Stage && x.Reverse == rest.Reverse })
		if i < 0 {
			out = append(out, rest)
			continue
		}
		out[i].Hosts = slices.Concat(out[i].Hosts, rest.Hosts)
		out[i].Changes += rest.Changes
	}
	return out
}
