package checks

import (
	"os"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

func TestWell(t *testing.T) {
	for _, way := range []plans.Forwarding{plans.ForwardNAT, plans.ForwardDR, plans.ForwardTUN} {
		if found := Run(All(), cluster(way)); len(found) > 0 {
			t.Errorf("%s: %+v", way, found)
		}
		if found := Early(cluster(way)); len(found) > 0 {
			t.Errorf("%s, early: %+v", way, found)
		}
		// Who answered nothing is not judged.
		c := cluster(way).Cluster
		if found := Run(All(), &Facts{Cluster: c, Hosts: map[string]Host{"master": {}, "node1": {}, "node2": {}}}); len(found) > 0 {
			t.Errorf("%s, nothing known: %+v", way, found)
		}
	}
}

// TestOneCauseTwoHosts: what several hosts have in common is one finding.
func TestOneCauseTwoHosts(t *testing.T) {
	f := cluster(plans.ForwardDR)
	for _, name := range []string{"node1", "node2"} {
		f.link(name, "ens33", func(l *wire.PathLink) { l.ARPIgnore = 0 })
	}
	found := Run(All(), f)
	if len(found) != 1 || strings.Join(found[0].Hosts, " ") != "node1 node2" || len(found[0].Seen) != 2 || len(found[0].Fixes) != 1 {
		t.Errorf("found %+v", found)
	}
}

// TestStrangersAreOnlySpokenOf: a backend that is no host of the plan may get its
// traffic already, and stops no change to the others.
func TestStrangersAreOnlySpokenOf(t *testing.T) {
	f := cluster(plans.ForwardNAT)
	f.way("master", "192.168.177.10", func(w *wire.Lookup) { w.Error = "network is unreachable" })
	if got := held(Early(f)); got != "node1" {
		t.Errorf("a host of the plan: %q", got)
	}
	f.Cluster.Services[0].Backends[0].Host = ""
	if got := held(Early(f)); got != "note" {
		t.Errorf("no host of the plan: %q", got)
	}
}

// TestTwoCauses: one does not hide the other.
func TestTwoCauses(t *testing.T) {
	f := cluster(plans.ForwardNAT)
	f.change("master", func(h *Host) { h.Path.ForwardsIPv4 = false })
	f.way("node1", "192.168.146.1", func(w *wire.Lookup) { w.Gateway = "192.168.177.1" })
	f.silent(false)
	var codes []string
	for _, x := range Run(All(), f) {
		codes = append(codes, x.Code)
	}
	if got := strings.Join(codes, " "); got != "no-forwarding nat-gateway" {
		t.Errorf("found %s", got)
	}
}

// TestSNATMayBe: where IPVS's connections are tracked, another rule may bring the
// answers back.
func TestSNATMayBe(t *testing.T) {
	f := cluster(plans.ForwardNAT)
	f.way("node1", "192.168.146.1", func(w *wire.Lookup) { w.Gateway = "192.168.177.1" })
	f.change("master", func(h *Host) { h.Path.VSConntrack = true })
	if found := Run(All(), f); len(found) != 1 || found[0].Severity != plans.Warning || held(Early(f)) != "note" {
		t.Errorf("found %+v", found)
	}
}

// TestTheListIsInOrder: a check hides only what comes after it, and what is there.
func TestTheListIsInOrder(t *testing.T) {
	at := map[string]int{}
	for i, c := range All() {
		if _, twice := at[c.Code]; twice || c.Code == "" || c.Title == "" || c.Mistake == "" {
			t.Errorf("check %q is there twice, or does not say all", c.Code)
		}
		at[c.Code] = i
	}
	for i, c := range All() {
		for _, code := range c.Hides {
			if place, ok := at[code]; code != "*" && (!ok || place <= i) {
				t.Errorf("%s hides %s, which does not come after it", c.Code, code)
			}
		}
	}
}

// TestDocumented holds docs/doctor.md to the checks.
func TestDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/doctor.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string]string{}
	for line := range strings.Lines(string(page)) {
		if cell := strings.Split(line, "|"); len(cell) > 4 && strings.HasPrefix(cell[1], " `") {
			rows[strings.Trim(cell[1], " `")] = line
		}
	}
	for _, c := range All() {
		row, ok := rows[c.Code]
		if !ok {
			t.Errorf("docs/doctor.md does not list %s", c.Code)
			continue
		}
		delete(rows, c.Code)
		if !strings.Contains(row, c.Mistake) {
			t.Errorf("docs/doctor.md says something else of %s than: %s", c.Code, c.Mistake)
		}
		word := map[Before]string{Later: "", Note: "says so", Hold: "holds"}[c.Before]
		if cell := strings.Split(row, "|"); strings.TrimSpace(cell[5]) != word {
			t.Errorf("docs/doctor.md says %q of what an apply does about %s, want %q", cell[5], c.Code, word)
		}
	}
	for code := range rows {
		t.Errorf("docs/doctor.md lists %s, which no check finds", code)
	}
}
