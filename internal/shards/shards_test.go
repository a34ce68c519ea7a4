package shards

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// host is one of a plan, with so many changes.
func host(name string, changes int) plans.HostPlan {
	h := plans.HostPlan{Host: name}
	for i := range changes {
		h.Kinds = []wire.KindChanges{{Kind: "sysctl", Changes: append(slices.Clip(changesOf(h)), step.Change{Action: step.Update, ID: step.ID{Key: fmt.Sprint("k", i)}})}}
	}
	return h
}

func changesOf(h plans.HostPlan) []step.Change {
	kc, _ := h.Kind("sysctl")
	return kc.Changes
}

// result is of a shard with one cluster, "web" unless it says another.
func result(command string, index, of int, edit func(*view.Document)) *view.Document {
	d := &view.Document{
		Header:  report.NewHeader(report.LineResult, time.Time{}),
		Command: command, Applied: true, Plan: &plans.Plan{Cluster: "web"},
		Shard: &view.Shard{Index: index, Of: of, Plan: "p1", Clusters: []string{"web"}},
	}
	if edit != nil {
		edit(d)
	}
	return d
}

func text(t *testing.T, docs ...*view.Document) string {
	t.Helper()
	var out bytes.Buffer
	for _, d := range docs {
		line, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&out, "{\"version\":1,\"type\":\"begin\",\"command\":%q}\n%s\n", d.Command, line)
	}
	return out.String()
}

func read(t *testing.T, files ...string) *Reports {
	t.Helper()
	var r Reports
	for i, f := range files {
		if err := r.Read(fmt.Sprintf("%c.json", 'a'+i), strings.NewReader(f)); err != nil {
			t.Fatal(err)
		}
	}
	return &r
}

func merge(t *testing.T, files ...string) ([]*view.Document, *view.Document) {
	t.Helper()
	clusters, total, err := read(t, files...).Merge()
	if err != nil {
		t.Fatal(err)
	}
	return clusters, total
}

func TestMergeOfAnApply(t *testing.T) {
	one := result("apply", 1, 2, func(d *view.Document) {
		d.Plan.Hosts = []plans.HostPlan{host("node1", 2), host("node10", 0)}
		d.Plan.LeftOut = &plans.LeftOut{Hosts: []string{"node2", "node3", "node4", "node9"}}
	})
	two := result("apply", 2, 2, func(d *view.Document) {
		d.Applied, d.Exit, d.Codes = false, report.Unreachable, []report.Code{report.Unreachable, report.Partial}
		d.Plan.Hosts = []plans.HostPlan{host("node2", 1), host("node3", 3), host("node4", 1)}
		d.Plan.LeftOut = &plans.LeftOut{Hosts: []string{"node1", "node10", "node9"}}
		d.Failures = []view.Failure{{Host: "node3", Stage: "vip", Error: "no room"}, {Host: "node5", Stage: "connect", Error: "no route"}}
		d.Rest = []report.Rest{{Stage: "vip", Hosts: []string{"node3", "node4"}, Changes: 2}}
	})
	for _, files := range [][]string{{text(t, one), text(t, two)}, {text(t, two, one)}} {
		clusters, total := merge(t, files...)
		if len(clusters) != 1 || clusters[0].Cluster != "web" || clusters[0].Applied {
			t.Fatalf("clusters: %+v", clusters)
		}
		var names []string
		for _, h := range clusters[0].Plan.Hosts {
			names = append(names, h.Host)
		}
		if !slices.Equal(names, []string{"node1", "node2", "node3", "node4", "node10"}) {
			t.Errorf("hosts %q", names)
		}
		if out := clusters[0].Plan.Narrowed(); !slices.Equal(out.Hosts, []string{"node9"}) {
			t.Errorf("left out of both are %+v", out)
		}
		want := view.Tally{Hosts: 6, Done: 3, Failed: 2, Left: 1, Changes: 7}
		if total.Merged.Tally != want || total.Exit != report.Unreachable || total.Error != "" {
			t.Errorf("%+v, exit %d, %q", total.Merged.Tally, total.Exit, total.Error)
		}
		if !slices.Equal(total.Codes, []report.Code{report.Unreachable, report.Partial}) {
			t.Errorf("codes %v", total.Codes)
		}
	}
}

func TestMergeOfADrift(t *testing.T) {
	one := result("drift", 1, 1, func(d *view.Document) {
		d.Applied, d.Exit = false, report.Changes
		d.Plan.Hosts = []plans.HostPlan{host("node1", 2), host("node2", 0), {Host: "node3", Kinds: []wire.KindChanges{{Kind: "vip", Error: "?"}}}}
	})
	_, total := merge(t, text(t, one))
	if want := (view.Tally{Hosts: 3, Done: 1, Differ: 1, Left: 1, Changes: 2}); total.Merged.Tally != want || total.Exit != report.Changes {
		t.Errorf("%+v, exit %d", total.Merged.Tally, total.Exit)
	}
}

// Of several clusters each shard has a line a cluster, and one at its end.
func TestMergeOfSeveralClusters(t *testing.T) {
	shard := func(index int, names ...string) []*view.Document {
		var docs []*view.Document
		for _, name := range names {
			docs = append(docs, result("plan", index, 2, func(d *view.Document) {
				d.Type, d.Cluster, d.Shard.Clusters = report.LineCluster, name, names
				d.Plan.Hosts = []plans.HostPlan{host(fmt.Sprint(name, index), 0)}
			}))
		}
		return append(docs, result("plan", index, 2, func(d *view.Document) { d.Plan, d.Clusters, d.Shard.Clusters = nil, names, names }))
	}
	clusters, total := merge(t, text(t, shard(1, "a", "b")...), text(t, shard(2, "c", "b")...))
	if !slices.Equal(total.Clusters, []string{"a", "b", "c"}) || len(clusters[1].Plan.Hosts) != 2 || total.Exit != report.Done {
		t.Errorf("clusters %v, exit %d, %s", total.Clusters, total.Exit, total.Error)
	}
	// Cut short after the first cluster.
	_, total = merge(t, text(t, shard(1, "a", "b")...), text(t, shard(2, "c", "b")[:1]...)+`{"version":1,"ty`)
	if total.Exit != report.Unreachable || total.Error != "shard 2/2 ended before it came to b" || !slices.Equal(total.Merged.Shards[1].Unknown, []string{"b"}) {
		t.Errorf("exit %d, %q", total.Exit, total.Error)
	}
}

func TestAMissingShardIsNotDone(t *testing.T) {
	var all []string
	for i := 1; i <= 30; i++ {
		if i != 7 && i != 9 {
			all = append(all, text(t, result("apply", i, 30, nil)))
		}
	}
	all = append(all, `{"version":1,"time":"2026-11-23T20:00:00Z","type":"begin","command":"apply"}`)
	_, total := merge(t, all...)
	if total.Exit != report.Unreachable || !slices.Equal(total.Merged.Missing, []int{7, 9}) {
		t.Errorf("exit %d, missing %v", total.Exit, total.Merged.Missing)
	}
	for _, want := range []string{"nothing is known of 2 shards: 7/30, 9/30", "no result; lvsup was killed there"} {
		if !strings.Contains(total.Error, want) {
			t.Errorf("%q does not say %q", total.Error, want)
		}
	}
	_, total = merge(t, all[0])
	if !strings.HasSuffix(total.Error, ", 20/30, 21/30, ...") {
		t.Errorf("%q", total.Error)
	}
}

// A shard may have no hosts, or not have come to read its plan.
func TestShardsWithoutClusters(t *testing.T) {
	empty := result("apply", 1, 3, func(d *view.Document) { d.Plan, d.Shard.Clusters = nil, []string{} })
	failed := result("apply", 2, 3, func(d *view.Document) {
		d.Plan, d.Shard.Clusters, d.Shard.Plan = nil, []string{}, ""
		d.Error, d.Exit = "the plan has mistakes", report.Failed
	})
	_, total := merge(t, text(t, failed), text(t, empty), text(t, result("apply", 3, 3, nil)))
	if total.Exit != report.Failed || total.Error != "shard 2/3: the plan has mistakes" || len(total.Merged.Missing) > 0 {
		t.Errorf("exit %d, %q, missing %v", total.Exit, total.Error, total.Merged.Missing)
	}
}

func TestWhatIsNotMerged(t *testing.T) {
	ok := text(t, result("apply", 1, 2, nil))
	for want, files := range map[string][]string{
		"a.json and b.json: both are of shard 1/2; give the one that counts":            {ok, ok},
		"a.json: it has two results of shard 1/2":                                       {ok + ok},
		"one is of lvsup apply, the other of lvsup drift":                               {ok, text(t, result("drift", 2, 2, nil))},
		"one is of 2 shards, the other of 3":                                            {ok, text(t, result("apply", 2, 3, nil))},
		"they are of two plans, or of two versions of one":                              {ok, text(t, result("apply", 2, 2, func(d *view.Document) { d.Shard.Plan = "p2" }))},
		"it is not the report of a shard":                                               {text(t, result("apply", 1, 2, func(d *view.Document) { d.Shard = nil }))},
		"it is of lvsup probe, and only those of plan":                                  {text(t, result("probe", 1, 2, nil))},
		"cannot merge a.json: it is of version 2, and this lvsup knows version 1":       {`{"version":2,"type":"result"}`},
		"cannot read a.json: it is no report of lvsup --json":                           {"Applied and verified: 3 changes."},
		"cannot merge a.json: it is of version 0":                                       {`{"plan":{}}`},
		"cannot merge a.json: it is not the report of a shard, as of lvsup":             {text(t, result("apply", 5, 2, nil))},
		"cannot merge: a.json: no result; lvsup was killed there, or has not ended yet": {""},
	} {
		var r Reports
		var err error
		for i, f := range files {
			if err == nil {
				err = r.Read(fmt.Sprintf("%c.json", 'a'+i), strings.NewReader(f))
			}
		}
		if err == nil {
			_, _, err = r.Merge()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}

// FuzzRead holds that no file makes a panic, or a fleet done that is not whole.
func FuzzRead(f *testing.F) {
	f.Add([]byte(`{"version":1,"type":"result","command":"apply","shard":{"index":1,"of":1,"plan":"p","clusters":["web"]},"plan":{"cluster":"web","hosts":[{"host":"a","kinds":[{"kind":"x","changes":[{}]}]}]},"exit":0}`))
	f.Add([]byte(`{"version":1,"type":"cluster","command":"drift","cluster":"a","shard":{"index":2,"of":3,"clusters":["a","b"]},"failures":[{"host":"x"}]}{"version":1`))
	f.Add([]byte(`{"version":1,"type":"result","command":"apply","shard":{"index":1,"of":9223372036854775807}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var r Reports
		if r.Read("f", bytes.NewReader(data)) != nil {
			return
		}
		clusters, total, err := r.Merge()
		if err != nil {
			return
		}
		if total.Exit == report.Done && (len(total.Merged.Missing) > 0 || total.Error != "") {
			t.Errorf("exit 0 with %+v", total)
		}
		h := &view.Human{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}
		h.Merged(clusters, total)
	})
}
