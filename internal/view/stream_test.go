package view

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// aRun is what a run over two hosts reports, one of which fails.
func aRun(tell func(report.Event)) {
	done := []wire.KindChanges{{Kind: "sysctl", Changes: []step.Change{
		{Action: step.Update, ID: step.ID{Key: "net.ipv4.ip_forward", Field: "live"}, From: "0", To: "1"},
		{Action: step.Update, ID: step.ID{Key: "/etc/sysctl.d/99-lvsup.conf", Field: step.ContentField}, Follows: true},
	}}}
	tell(report.Event{Type: report.StageBegun, Stage: plans.StageConnect, Hosts: []string{"master", "node1"}})
	tell(report.Event{Type: report.HostBegun, Stage: plans.StageConnect, Host: "master"})
	tell(report.Event{Type: report.HostBegun, Stage: plans.StageConnect, Host: "node1"})
	tell(report.Event{Type: report.HostDone, Stage: plans.StageConnect, Host: "node1", Err: errors.New("connection refused"), Took: 20 * time.Millisecond})
	tell(report.Event{Type: report.HostDone, Stage: plans.StageConnect, Host: "master", Took: 120 * time.Millisecond})
	tell(report.Event{Type: report.StageDone, Stage: plans.StageConnect, Took: 120 * time.Millisecond})
	tell(report.Event{Type: report.HostWaits, Stage: report.StageLock, Host: "master", Note: "another lvsup run holds this host: x; waiting up to 10s"})
	tell(report.Event{Type: report.StageBegun, Stage: "sysctl", Hosts: []string{"master"}})
	tell(report.Event{Type: report.HostBegun, Stage: "sysctl", Host: "master"})
	tell(report.Event{Type: report.HostProgress, Stage: "sysctl", Host: "master", Note: "half way"})
	tell(report.Event{Type: report.HostDone, Stage: "sysctl", Host: "master", Done: done, Note: "one thing\nanother", Took: 1500 * time.Millisecond})
	tell(report.Event{Type: report.StageDone, Stage: "sysctl", Took: 1500 * time.Millisecond})
}

func TestStreamReadsWell(t *testing.T) {
	var out bytes.Buffer
	s := NewStream(&out)
	at := time.Date(2026, 11, 23, 18, 0, 0, 0, time.FixedZone("", 3600))
	s.now = func() time.Time { at = at.Add(1500 * time.Microsecond); return at }
	s.Begin("apply", "", "1.2.3")
	aRun(s.Event)
	s.Plan(&plans.Plan{Cluster: "web", Hosts: []plans.HostPlan{}})
	s.Step("boot master", false, nil, 0)
	s.Step("boot master", true, errors.New("no room"), 2*time.Second)
	if s.Ended() {
		t.Error("ended before the result")
	}
	if err := s.Cluster(&Document{Command: "apply", Cluster: "a", Exit: report.Unreachable}); err != nil {
		t.Fatal(err)
	}
	if err := s.Result(&Document{Command: "apply", Exit: report.Unreachable, Codes: []report.Code{report.Unreachable}}); err != nil {
		t.Fatal(err)
	}
	s.Notice("nothing follows the result")
	golden(t, "stream.jsonl", out.Bytes())
	if !s.Ended() {
		t.Error("not ended after the result")
	}
}
