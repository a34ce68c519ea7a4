package view

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

var update = flag.Bool("update", false, "write the golden files")

func samplePlan() *plans.Plan {
	change := func(a step.Action, key, field, from, to string) step.Change {
		return step.Change{Action: a, ID: step.ID{Key: key, Field: field}, From: from, To: to}
	}
	page := strings.Repeat("<p>an old line</p>\n", 20)
	blocked := change(step.Update, "net.ipv4.ip_forward", "boot", "0", "1")
	blocked.Blocked = "/etc/sysctl.d/99-zz.conf:3 sets it to 0 after lvsup's own file"
	follows := change(step.Update, "/var/lib/lvsup/ipvs.json", step.ContentField, "rr\n", "wrr\n")
	follows.Follows = true
	gone := change(step.Forget, "192.0.2.9/32 dev lo", "live", "", "")
	gone.Why = "already gone"
	return &plans.Plan{
		Cluster: "web",
		Findings: []plans.Finding{
			{Severity: plans.Warning, Host: "node1", Check: "timesync", Summary: "no time source sets the clock", Detail: "enable chrony"},
			{Severity: plans.Warning, Host: "node2", Check: "timesync", Summary: "no time source sets the clock", Detail: "enable chrony"},
			{Severity: plans.Error, Host: "node2", Check: "disk", Summary: "only 3 KiB are free"},
		},
		Hosts: []plans.HostPlan{
			{Host: "node1", Role: plans.RoleRealServer, Kinds: []wire.KindChanges{
				{Kind: "packages", Changes: []step.Change{change(step.Create, "apache2", "package", "", "installed")}},
				{Kind: "address", Changes: []step.Change{
					change(step.Update, "ens33", "link", "down", "up"),
					change(step.Create, "ens33", "192.0.2.1/24", "", "present"),
				}},
				{Kind: "sysctl", Changes: []step.Change{blocked}},
				{Kind: "vip", Changes: []step.Change{
					change(step.Create, "192.0.2.100/32 dev lo", "live", "", "192.0.2.100/32"),
					gone,
				}},
				{Kind: "httpd", Changes: []step.Change{change(step.Update, "/var/www/html/index.html", step.ContentField, page, "<h1>new</h1>\n")}},
			}},
			{Host: "node2", Role: plans.RoleRealServer, Kinds: []wire.KindChanges{
				{Kind: "address", Changes: []step.Change{change(step.Adopt, "default", "gateway", "192.0.2.254 dev ens33", "192.0.2.254 dev ens33")}},
				{Kind: "ipvs", Changes: []step.Change{change(step.Update, "TCP 192.0.2.100:80", "", "rr", "wrr"), follows}},
				{Kind: "httpd", Error: "cannot observe httpd: \x1b[31mhostile\x1b[0m\nsecond line"},
			}},
		},
	}
}

func TestPlanReadsWell(t *testing.T) {
	var out bytes.Buffer
	h := &Human{Out: &out, Err: &out}
	h.Plan(samplePlan())
	golden(t, "plan.txt", out.Bytes())
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestNothingSteersTheTerminal holds every output format against text that a
// hostile host may send.
func TestNothingSteersTheTerminal(t *testing.T) {
	p := samplePlan()
	hostile := "\x1b]0;owned\a\r\u009b2J\u202egnp.exe\x7f"
	p.Hosts[0].Kinds[1].Changes[0].To = hostile
	p.Hosts[0].Kinds[1].Changes[0].Key = hostile
	p.Hosts[0].Kinds[4].Changes[0].To = hostile
	p.Findings[0].Summary = hostile
	p.Hosts[0].Kinds[2].Changes[0].Action = '\x1b' // an action that is left out is no letter either
	var text, doc bytes.Buffer
	h := &Human{Out: &text, Err: &text, Explain: true}
	p.Hosts[0].Kinds[1].Commands = [][]string{{hostile}}
	h.Plan(p)
	h.Drift(p, DriftNotes{})
	h.Status("master", &wire.IPVSResponse{
		Table: hostile, Listed: hostile,
		Services: []wire.IPVSService{{Key: hostile, Foreign: true}, {Key: "a", Backends: []wire.IPVSBackend{{Address: hostile, Foreign: true}}}},
		Daemons:  []wire.IPVSDaemon{{Role: hostile, Interface: hostile, Group: hostile}},
	})
	h.Raw(hostile)
	h.Event(report.Event{Type: report.HostProgress, Stage: "ipvs", Host: "master", Note: hostile})
	h.Event(report.Event{Type: report.HostDone, Stage: "ipvs", Host: "master", Note: hostile})
	p.Hosts[0].Kinds[2].Changes[0].Action = step.Update // JSON has words for actions
	if err := WriteJSON(&doc, &Document{Command: "plan", Plan: p}); err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	s := NewStream(&stream)
	s.Event(report.Event{Type: report.HostDone, Stage: "ipvs", Host: "master", Note: hostile, Err: errors.New(hostile)})
	s.Notice(hostile)
	for name, out := range map[string]string{"text": text.String(), "json": doc.String(), "stream": stream.String()} {
		for _, r := range out {
			if unsafe(r) && r != '\n' {
				t.Errorf("%s holds %U", name, r)
			}
		}
	}
	var back Document
	if err := json.Unmarshal(doc.Bytes(), &back); err != nil {
		t.Fatal(err)
	}
	if got := back.Plan.Findings[0].Summary; got != hostile {
		t.Errorf("JSON gave back %q", got)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{
		"plain":           "plain",
		"grüße 你好":        "grüße 你好",
		"a\nb\tc":         `a\nb\tc`,
		"\x1b[31m":        `\x1b[31m`,
		"\u202eabc":       `\u202eabc`,
		"\u009bx":         `\x9bx`,
		"del\x7f":         `del\x7f`,
		"tag\U000e0001ok": `tag\U000e0001ok`,
	} {
		if got := Clean(in); got != want {
			t.Errorf("Clean(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestProgressReadsWell(t *testing.T) {
	var out bytes.Buffer
	h := &Human{Out: &out, Err: &out}
	h.Event(report.Event{Type: report.StageBegun, Stage: "ipvs", Reverse: true})
	h.Event(report.Event{Type: report.HostProgress, Stage: "ipvs", Host: "master", Note: "draining 2 backends: 17 connections, at most 12s more"})
	h.Event(report.Event{Type: report.HostDone, Stage: "ipvs", Host: "master", Took: 12 * time.Second, Note: "cut off 1 connection of 192.0.2.1:80\ncut off 2 connections of 192.0.2.2:80"})
	const want = `ipvs (removals)
    master: draining 2 backends: 17 connections, at most 12s more
  master: 0 changes (12s)
    cut off 1 connection of 192.0.2.1:80
    cut off 2 connections of 192.0.2.2:80
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestStatusReadsWell(t *testing.T) {
	var out bytes.Buffer
	h := &Human{Out: &out, Err: &out}
	h.Status("master", &wire.IPVSResponse{
		Table:  "IP Virtual Server version 1.2.1 (size=4096)\n",
		Listed: "IPVS connection entries\n",
		Services: []wire.IPVSService{
			{Key: "TCP 192.0.2.1:80", Backends: []wire.IPVSBackend{{Address: "198.51.100.1", Port: 80}, {Address: "198.51.100.9", Port: 80, Foreign: true}}},
			{Key: "UDP [2001:db8::1]:53", Foreign: true, Backends: []wire.IPVSBackend{{Address: "2001:db8::9", Port: 53, Foreign: true}}},
			{Key: "FWM 7", Foreign: true},
		},
		Timeouts: &wire.IPVSTimeouts{TCP: 900, TCPFin: 120, UDP: 300},
		Daemons: []wire.IPVSDaemon{
			{Role: "master", Interface: "ens33", ID: 1, Group: "224.0.0.81", Port: 8848, TTL: 1, MaxLength: 1472},
			{Role: "backup", Interface: "ens33", ID: 2, Group: "ff02::81", Port: 8848, TTL: 1, MaxLength: 1452},
		},
	})
	golden(t, "status.txt", out.Bytes())
}

func TestDiagnosisReadsWell(t *testing.T) {
	var out bytes.Buffer
	h := &Human{Out: &out}
	h.Diagnosis(&report.Diagnosis{NotRun: []string{"node3 was not looked at"}, Findings: []report.Finding{
		{
			Code: "nat-gateway", Severity: plans.Error, Hosts: []string{"node1"}, Title: "answers of a nat real server do not pass the director",
			Seen:    []string{"node1: its answers to 192.168.146.1 go to 192.168.177.1\x1b[2J on ens33, not to the DIP 192.168.177.254"},
			Mistake: "the gateway of every nat real server is the DIP",
			Fixes:   []report.Fix{{Command: "lvsup apply nat.hcl"}, {Host: "node1", Command: "ip route replace default via 192.168.177.254"}, {Host: "node1", Text: "look there"}},
			Follows: []string{"master: 2 of 4 requests of client to 192.168.146.100:80 were answered (no answer in time)"},
		},
		{Code: "dr-gateway", Severity: plans.Warning, Title: "answers go through the director", Seen: []string{"node2: x"}, Mistake: "y", Fixes: []report.Fix{{Text: "z"}}},
	}})
	h.Diagnosis(&report.Diagnosis{})
	golden(t, "diagnosis.txt", out.Bytes())
}

// What a person would type can be copied: a here-document's lines are as they are
// in the file. A host cannot steer the terminal with them.
func TestExplain(t *testing.T) {
	change := step.Change{Action: step.Create, ID: step.ID{Key: "/etc/x", Field: step.ContentField}, To: "\ta\n"}
	plan := &plans.Plan{Cluster: "web", Hosts: []plans.HostPlan{{Host: "node1", Kinds: []wire.KindChanges{{
		Kind: "sysctl", Changes: []step.Change{change}, Commands: [][]string{{"cat > /etc/x <<'EOF'\n\ta\nEOF", "hostile \x1b[2J"}},
	}}}}}
	for _, explain := range []bool{true, false} {
		var out bytes.Buffer
		h := &Human{Out: &out, Err: &out, Explain: explain}
		h.Plan(plan)
		h.Drift(plan, DriftNotes{})
		const typed = "$ cat > /etc/x <<'EOF'\n\ta\nEOF\n"
		if got := strings.Count(out.String(), typed); got != map[bool]int{true: 2}[explain] {
			t.Errorf("typed %d times:\n%s", got, out.String())
		}
		if strings.Contains(out.String(), "\x1b") || explain && !strings.Contains(out.String(), `$ hostile \x1b[2J`) {
			t.Errorf("%q", out.String())
		}
	}
}

// TestDriftSaysWhatNobodySaw holds that a host which could not be looked at is not
// passed over in the total.
func TestDriftSaysWhatNobodySaw(t *testing.T) {
	var out bytes.Buffer
	h := &Human{Out: &out, Err: &out}
	clean := &plans.Plan{Cluster: "web", Hosts: []plans.HostPlan{{Host: "a"}, {Host: "b"}}}
	h.Drift(clean, DriftNotes{})
	h.Drift(clean, DriftNotes{Unseen: 1})
	want := "No drift: 2 hosts of cluster \"web\" are as the plan wants.\n" +
		"No drift: 2 of 3 hosts of cluster \"web\" are as the plan wants. Nobody could look at 1.\n"
	if out.String() != want {
		t.Errorf("got\n%swant\n%s", out.String(), want)
	}
}

// TestAFileTakesNoColour: what is said on stderr is plain if that is no terminal.
func TestAFileTakesNoColour(t *testing.T) {
	for plain, want := range map[bool]string{true: "Error: it broke\n", false: "\x1b[31mError:\x1b[0m it broke\n"} {
		var out, said bytes.Buffer
		h := &Human{Out: &out, Err: &said, Color: true, PlainErr: plain}
		h.Error(errors.New("it broke"))
		h.Heading("Cluster web", false)
		if said.String() != want || h.ErrColor() == plain || !strings.Contains(out.String(), "\x1b[1m") {
			t.Errorf("stderr %q, stdout %q", &said, &out)
		}
	}
}
