package view

import (
	"bytes"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// bigPlan is the plan of a director and n real servers, which differ in their
// addresses, and the 40th and the 41st in what they have to do.
func bigPlan(n int) *plans.Plan {
	create := func(key, field, to string) step.Change {
		return step.Change{Action: step.Create, ID: step.ID{Key: key, Field: field}, To: to}
	}
	p := &plans.Plan{Cluster: "web"}
	table := wire.KindChanges{Kind: "ipvs", Changes: []step.Change{create("TCP 192.168.140.5:80", "", "wlc")}}
	address := netip.MustParseAddr("192.168.140.20")
	for i := range n {
		name := fmt.Sprintf("node%0*d", len(fmt.Sprint(n)), i+1)
		address = address.Next()
		live := step.Change{Action: step.Update, ID: step.ID{Key: "net.ipv4.conf.all.arp_ignore", Field: "live"}, From: "0", To: "1"}
		if i == 39 || i == 40 {
			live.From = "2"
		}
		p.Hosts = append(p.Hosts, plans.HostPlan{Host: name, Role: plans.RoleRealServer, Kinds: []wire.KindChanges{
			{Kind: "address", Changes: []step.Change{
				create("/etc/network/interfaces.d/lvsup-ens33", step.ContentField, "auto ens33\niface ens33 inet static\n    address "+address.String()+"\n    netmask 255.255.252.0\n"),
				create("ens33", address.String()+"/22", "present"),
			}},
			{Kind: "sysctl", Changes: []step.Change{live}},
			{Kind: "httpd", Changes: []step.Change{create("/var/www/html/index.html", step.ContentField, "<h1>This is "+name+"!</h1>\n")}},
		}})
		table.Changes = append(table.Changes, create("TCP 192.168.140.5:80 -> "+address.String()+":80", "", "dr weight 1"))
	}
	p.Hosts = append(p.Hosts, plans.HostPlan{Host: "master", Role: plans.RoleDirector, Kinds: []wire.KindChanges{table}})
	return p
}

// refused are the failures of some hosts that could not be reached, and of one that
// has another fault.
func refused(n int) []*report.HostError {
	var all []*report.HostError
	for i := range n {
		name := fmt.Sprintf("node%03d", i+1)
		all = append(all, &report.HostError{Host: name, Stage: plans.StageConnect, Err: fmt.Errorf("cannot connect to %s (10.0.0.%d:22): connection refused", name, i+1)})
	}
	for _, name := range []string{"node200", "node201"} { // two, of which the same is said but for their names
		all = append(all, &report.HostError{Host: name, Stage: "sysctl", Err: errors.New("no space left on " + name)})
	}
	return all
}

func bigProbe(n int) *report.Probe {
	p := &report.Probe{Vantage: "client", Services: []report.ServiceProbe{{
		Address: "192.168.140.5:80", Scheduler: "rr", Requests: 2 * n, Answered: 2 * n, Verdict: "strict turns", Split: map[string]int{},
	}}}
	s := &p.Services[0]
	for i := range n {
		name := fmt.Sprintf("node%03d", i+1)
		p.Direct = append(p.Direct, report.DirectProbe{From: "master", Host: name, Address: fmt.Sprintf("10.0.0.%d:80", i+1), Status: 200, Page: "<h1>This is " + name + "!</h1>"})
		s.Split[name] = 2
		s.Sequence = append(s.Sequence, name)
	}
	p.Direct[n-1].Error = "no answer in time"
	s.Split["node001"] = 3
	return p
}

func TestManyHostsReadWell(t *testing.T) {
	for _, n := range []int{3, 100, 1000} {
		var out bytes.Buffer
		h := &Human{Out: &out, Err: &out}
		p := bigPlan(n)
		h.Plan(p)
		if lines := strings.Count(out.String(), "\n"); n == 1000 && lines > 60 {
			t.Errorf("a plan of 1000 hosts has %d lines", lines)
		}
		if n < 1000 {
			golden(t, fmt.Sprintf("plan-%d.txt", n), out.Bytes())
		}
		plain := out.String()
		out.Reset()
		h.Color = true
		h.Plan(p)
		if diff := cmp.Diff(plain, sgr.ReplaceAllString(out.String(), "")); diff != "" {
			t.Errorf("in colour another plan (-plain +colour):\n%s", diff)
		}
		h.Color = false
		out.Reset()
		h.Drift(p, DriftNotes{Since: []Since{{Host: p.Hosts[0].Host, Kind: "sysctl", ID: p.Hosts[0].Kinds[1].Changes[0].ID, Since: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}}})
		h.Failures(refused(min(n, 99)))
		h.Probe(bigProbe(min(n, 99)))
		if n < 1000 {
			golden(t, fmt.Sprintf("drift-%d.txt", n), out.Bytes())
		}
	}
}

// TestHostListsFitTheTerminal: no name is broken where a terminal has no room for all.
func TestHostListsFitTheTerminal(t *testing.T) {
	var out bytes.Buffer
	narrow := func() int { return 60 }
	h := &Human{Out: &out, Err: &out, OutColumns: narrow, ErrColumns: narrow}
	p := bigPlan(100)
	var done []report.Event
	stage := report.Event{Type: report.StageBegun, Stage: "sysctl"}
	for i, host := range p.Hosts {
		p.Findings = append(p.Findings, plans.Finding{Severity: plans.Warning, Host: host.Host, Summary: "no time source"})
		e := report.Event{Type: report.HostDone, Stage: "sysctl", Host: host.Host, Took: time.Second}
		if i%7 == 3 {
			p.Hosts[i].Kinds = []wire.KindChanges{{Kind: "sysctl", Error: "cannot read it"}}
			e.Err = errors.New("no space left on device")
		}
		stage.Hosts, done = append(stage.Hosts, host.Host), append(done, e)
	}
	h.Plan(p)
	h.stageOutcome(stage, done)
	h.Failures(refused(40)[7:])
	h.Rest([]report.Rest{{Stage: "vip", Hosts: []string{"a1", "b2", "c3", "d4-of-the-second-data-centre", "e5", "f6-of-another"}, Changes: 9}}, 1, true, "lvsup apply")
	golden(t, "columns-60.txt", out.Bytes())
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "no space left") {
			continue // what follows the names is a sentence, which the terminal breaks
		}
		if (strings.Contains(line, ", node") || strings.Contains(line, "-of-")) && cells(line) > 61 {
			t.Errorf("a line of %d columns: %s", cells(line), line)
		}
	}
}

// TestCommandsStandAsTheyAre: what is to be typed has no names in place of values.
func TestCommandsStandAsTheyAre(t *testing.T) {
	p := bigPlan(10)
	for i := range p.Hosts[:10] {
		kind := &p.Hosts[i].Kinds[0]
		kind.Commands = [][]string{{"ifup ens33"}, {"ip address add " + kind.Changes[1].Field + " dev ens33"}}
	}
	var out bytes.Buffer
	h := &Human{Out: &out, Explain: true}
	h.Plan(p)
	if strings.Contains(out.String(), "<address>/22") || strings.Count(out.String(), "$ ip address add 192.168.140.") != 10 {
		t.Errorf("commands are missing:\n%s", out.String())
	}
	if !strings.Contains(out.String(), "\n   node[01-10] (10 hosts)\n     ~ net.ipv4.conf.all.arp_ignore") {
		t.Errorf("equal changes are not together:\n%s", out.String())
	}
}

func TestShape(t *testing.T) {
	for _, tc := range []struct{ text, host, form, values string }{
		{"ens33 10.0.0.1/24", "node1", "ens33 @/24", "10.0.0.1"},
		{"TCP [2001:db8::1]:80 -> [fe80::1%1]:8", "", "TCP [@]:80 -> [@%1]:8", "2001:db8::1 fe80::1"},
		{"node1 node10 my-node1 node1.", "node1", "# node10 my-node1 #.", ""},
		{"\x1b[32mnode1\x1b[0m", "node1", "\x1b[32m#\x1b[0m", ""},
		{"02:1a:b0:00:00:01 at 18:30:07 1.2.3 999.1.1.1", "", "@ at 18:30:07 1.2.3 999.1.1.1", "02:1a:b0:00:00:01"},
		{"grüße node1", "node1", "grüße #", ""},
	} {
		form, values := shape(tc.text, tc.host)
		form = strings.NewReplacer(anAddress, "@", itsName, "#").Replace(form)
		if form != tc.form || strings.Join(values, " ") != tc.values {
			t.Errorf("shape(%q) = %q, %q", tc.text, form, values)
		}
	}
}
