package drift

import (
	"bytes"
	"encoding/xml"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

var update = flag.Bool("update", false, "write the golden files")

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

func change(a step.Action, key, field, from, to string) step.Change {
	return step.Change{Action: a, ID: step.ID{Key: key, Field: field}, From: from, To: to}
}

// sampleCluster has a host with drift, a clean one, one that did not answer, and one of
// which a part could not be read. Names and values try to break out of each format.
func sampleCluster() (*plans.Cluster, *plans.Plan, []*report.HostError) {
	c := &plans.Cluster{Name: `we"b`}
	for _, name := range []string{"lb", "node1", "node2", "node3"} {
		c.Hosts = append(c.Hosts, plans.Host{Name: name})
	}
	refused := change(step.Update, "net.ipv4.ip_forward", "boot", "0", "1")
	refused.Blocked = "/etc/sysctl.d/99-zz.conf:3 sets it"
	p := &plans.Plan{Cluster: c.Name, Hosts: []plans.HostPlan{
		{Host: "lb", Kinds: []wire.KindChanges{
			{Kind: "sysctl", Changes: []step.Change{change(step.Update, "net.ipv4.ip_forward", "live", "0", "1"), refused}},
			{Kind: "httpd", Changes: []step.Change{change(step.Update, "/var/www/html/index.html", step.ContentField, "<h1>old</h1>\n```\nsame\n", "<h1>new & \x1b[31mred</h1>\n```\nsame\n")}},
			{Kind: "ipvs", Changes: []step.Change{change(step.Create, "TCP 192.0.2.1:80", "", "", "rr")}},
		}},
		{Host: "node1", Kinds: []wire.KindChanges{{Kind: "sysctl"}}},
		{Host: "node2"},
		{Host: "node3", Kinds: []wire.KindChanges{{Kind: "sysctl", Error: "cannot observe sysctl: </pre> | `"}}},
	}}
	return c, p, []*report.HostError{{Host: "node2", Stage: "connect", Err: errors.New("connection refused")}}
}

func sampleReport() *Report {
	c, p, failures := sampleCluster()
	since := func(id ID) time.Time {
		if id.Kind == "ipvs" {
			return noon.AddDate(0, 0, -2)
		}
		return time.Time{}
	}
	part := Of(c, p, failures, nil, since)
	part.Took, part.Exit = 1500*time.Millisecond, report.Unreachable
	part.Ignore(map[string]int{"node1": 2})
	return &Report{At: noon, Clusters: []Cluster{part}}
}

func TestFormats(t *testing.T) {
	for _, f := range Formats() {
		var got bytes.Buffer
		if err := sampleReport().Write(&got, f); err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		golden := filepath.Join("testdata", "report."+string(f))
		if *update {
			if err := os.WriteFile(golden, got.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(string(want), got.String()); d != "" {
			t.Errorf("%s (-want +got):\n%s", f, d)
		}
		if strings.Contains(got.String(), "\x1b") {
			t.Errorf("%s lets a control character through", f)
		}
	}
	if err := sampleReport().Write(&bytes.Buffer{}, "pdf"); err == nil {
		t.Error("an unknown format is written")
	}
}

// TestUnknownIsNotClean: of a host that could not be looked at, no format may say
// that it has no differences.
func TestUnknownIsNotClean(t *testing.T) {
	var prom bytes.Buffer
	if err := sampleReport().Write(&prom, Prometheus); err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+\{([a-z]+="([^"\\\n]|\\.)*",?)+\} [0-9.e+-]+)$`)
	for _, l := range strings.Split(strings.TrimSpace(prom.String()), "\n") {
		if !line.MatchString(l) {
			t.Errorf("no line of the text format: %s", l)
		}
		if (strings.Contains(l, "node2") || strings.Contains(l, "node3") && strings.Contains(l, "sysctl")) && !strings.HasPrefix(l, "lvsup_drift_host_checked{") {
			t.Errorf("of a host that did not answer it says %s", l)
		}
	}
	for _, want := range []string{`lvsup_drift_host_checked{cluster="we\"b",host="node2"} 0`, `lvsup_drift_host_checked{cluster="we\"b",host="node3"} 0`, `lvsup_drift_host_checked{cluster="we\"b",host="node1"} 1`} {
		if !strings.Contains(prom.String(), want+"\n") {
			t.Errorf("no line %s", want)
		}
	}

	var text bytes.Buffer
	if err := sampleReport().Write(&text, JUnit); err != nil {
		t.Fatal(err)
	}
	var suites junitSuites
	if err := xml.Unmarshal(text.Bytes(), &suites); err != nil {
		t.Fatal(err)
	}
	if suites.Errors != 2 || suites.Failures != 3 || suites.Tests != 6 {
		t.Errorf("%d errors, %d failures, %d tests", suites.Errors, suites.Failures, suites.Tests)
	}
}

func TestWithout(t *testing.T) {
	_, p, _ := sampleCluster()
	rules := []hcl.Ignore{
		{Kind: "sysctl", Key: "net.ipv4.* live", Reason: "a trial", Until: noon.Add(time.Minute)},
		{Host: "l?", Kind: "ipvs", Reason: "no wildcard but *", Until: noon.Add(time.Minute)},
		{Key: "/var/www/*", Reason: "the web team's", Until: noon, At: plans.Range{File: "rules.hcl", Start: plans.Pos{Line: 9}}},
	}
	rest, ignored := Without(p, rules, noon)
	if ignored["lb"] != 1 || len(ignored) != 1 || p.Count().Changes()-rest.Count().Changes() != 1 {
		t.Errorf("ignored %v, %d of %d are left", ignored, rest.Count().Changes(), p.Count().Changes())
	}
	if len(rest.Findings) != 1 || rest.Findings[0].Summary != "the rule at rules.hcl:9 ended on 2026-03-03" || len(p.Findings) != 0 {
		t.Errorf("findings %v, and in the plan itself %v", rest.Findings, p.Findings)
	}
	k, _ := rest.Hosts[0].Kind("sysctl")
	if len(k.Changes) != 1 || k.Changes[0].Field != "boot" {
		t.Errorf("left: %v", k.Changes)
	}
}

func TestHistory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "not", "there")
	_, p, _ := sampleCluster()
	open := func() *History {
		t.Helper()
		h, err := OpenHistory(dir, "web.hcl", p.Cluster)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	save := func(h *History) {
		t.Helper()
		if err := h.Save("web.hcl", p.Cluster); err != nil {
			t.Fatal(err)
		}
	}
	ipvs := ID{"lb", "ipvs", step.ID{Key: "TCP 192.0.2.1:80"}}
	h := open()
	h.Note(p, nil, noon)
	save(h)

	later := noon.Add(24 * time.Hour)
	h = open()
	if got := h.Since(ipvs); !got.Equal(noon) {
		t.Errorf("first seen %s", got)
	}
	h.Note(p, nil, later)
	save(h)
	if got := open().Since(ipvs); !got.Equal(noon) {
		t.Errorf("seen again, it is of %s", got)
	}

	// A host that cannot be looked at keeps its drift; one that can, and has none
	// any more, begins anew.
	gone := &plans.Plan{Cluster: p.Cluster}
	h = open()
	h.Note(gone, []string{"lb"}, later)
	save(h)
	if got := open().Since(ipvs); !got.Equal(noon) {
		t.Errorf("out of sight, it is of %s", got)
	}
	// So does a kind that could not be read.
	h = open()
	h.Note(&plans.Plan{Hosts: []plans.HostPlan{{Host: "lb", Kinds: []wire.KindChanges{{Kind: "ipvs", Error: "no answer"}, {Kind: "sysctl"}}}}}, nil, later)
	save(h)
	forward := ID{"lb", "sysctl", step.ID{Key: "net.ipv4.ip_forward", Field: "live"}}
	if got := open(); !got.Since(ipvs).Equal(noon) || !got.Since(forward).IsZero() {
		t.Errorf("unread, it is of %s, and what was read and is gone of %s", got.Since(ipvs), got.Since(forward))
	}
	// And what a check is not about.
	for _, narrowed := range []*plans.Plan{
		{LeftOut: &plans.LeftOut{Hosts: []string{"lb"}}},
		{LeftOut: &plans.LeftOut{Kinds: []string{"ipvs"}}, Hosts: []plans.HostPlan{{Host: "lb"}}},
	} {
		h = open()
		h.Note(narrowed, nil, later)
		save(h)
		if got := open().Since(ipvs); !got.Equal(noon) {
			t.Errorf("left out, it is of %s", got)
		}
	}
	h = open()
	h.Note(gone, nil, later)
	save(h)
	if got := open().Since(ipvs); !got.IsZero() {
		t.Errorf("mended, it is of %s", got)
	}
	other, err := OpenHistory(dir, "other.hcl", p.Cluster)
	if err != nil || len(other.first) > 0 {
		t.Errorf("another plan knows %v, %v", other.first, err)
	}
}

func TestDamagedHistory(t *testing.T) {
	dir := t.TempDir()
	_, p, _ := sampleCluster()
	h, err := OpenHistory(dir, "web.hcl", p.Cluster)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(h.file, []byte("{"), 0o600); err != nil {
		t.Fatal(err)
	}
	h, err = OpenHistory(dir, "web.hcl", p.Cluster)
	if err == nil || h == nil {
		t.Fatalf("got %v, %v", h, err)
	}
	h.Note(p, nil, noon)
	if err := h.Save("web.hcl", p.Cluster); err != nil {
		t.Errorf("it is not written anew: %v", err)
	}
}
