package view

import (
	"bytes"
	"testing"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/plans"
)

func TestRest(t *testing.T) {
	rest := []report.Rest{
		{Stage: "httpd", Hosts: []string{"node1", "node2"}, Changes: 6},
		{Stage: "ipvs", Reverse: true, Hosts: []string{"master"}, Changes: 1},
	}
	for _, tc := range []struct {
		rest  []report.Rest
		known bool
		want  string
	}{
		{rest, true, "\nEnded early: 3 of 10 changes made. Not made, in order:\n  httpd            node1, node2 (6)\n  ipvs (removals)  master (1)\nRun lvsup apply again to go on from here.\n"},
		{rest[:1], false, "\nEnded early: 3 of 9 changes made. Not made, as far as is known, in order:\n  httpd  node1, node2 (6)\nRun lvsup apply again to go on from here.\n"},
		{nil, true, "\nEnded early: 3 of 3 changes made. They were not verified: run lvsup apply again.\n"},
	} {
		var out bytes.Buffer
		h := &Human{Out: &out}
		h.Rest(tc.rest, 3, tc.known, "lvsup apply")
		if out.String() != tc.want {
			t.Errorf("got %q, want %q", out.String(), tc.want)
		}
	}
}

func TestLeftOut(t *testing.T) {
	for want, out := range map[string]*plans.LeftOut{
		"":                                nil,
		"Left out: hosts node1, node2.\n": {Hosts: []string{"node1", "node2"}},
		"Left out: host node1; kind httpd. No new traffic to node1, since nobody knows whether it is ready.\n": {Hosts: []string{"node1"}, Kinds: []string{"httpd"}, Held: []string{"node1"}},
		"No new traffic to a, b, since nobody knows whether they are ready.\n":                                 {Held: []string{"a", "b"}},
	} {
		var got bytes.Buffer
		h := &Human{Out: &got}
		h.LeftOut(&plans.Plan{LeftOut: out})
		if got.String() != want {
			t.Errorf("got %q, want %q", got.String(), want)
		}
	}
}
