package wire

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/lvsup/lvsup/internal/step"
)

func TestAnswersAreBounded(t *testing.T) {
	long := strings.Repeat("é", MaxMessage)
	change := step.Change{Action: step.Create, ID: step.ID{Key: "k"}, Why: long, Blocked: long, Guarded: long}
	o := ObserveResponse{Kinds: []KindChanges{{Kind: "sysctl", Error: long, Changes: []step.Change{change}, Commands: [][]string{{"x"}}}}}
	if err := o.Check(); err != nil {
		t.Fatal(err)
	}
	c := o.Kinds[0].Changes[0]
	for _, text := range []string{o.Kinds[0].Error, c.Why, c.Blocked, c.Guarded} {
		if len(text) > MaxMessage+40 || !utf8.ValidString(text) || !strings.HasSuffix(text, " bytes more)") {
			t.Errorf("%d bytes, ending in %q", len(text), text[len(text)-30:])
		}
	}
	a := ApplyResponse{Notes: make([]string, 3*MaxNotes), Error: Failf(CodeFailed, "%s", long)}
	v := IPVSResponse{Conns: make([]IPVSConn, MaxConns+1)}
	r := ARPResponse{Answers: []ARPAnswer{{MACs: make([]string, MaxMACs+1)}}}
	if a.Check() != nil || len(a.Notes) != MaxNotes || len(a.Error.Message) > MaxMessage+40 {
		t.Errorf("%d notes, %d bytes", len(a.Notes), len(a.Error.Message))
	}
	if v.Check() != nil || len(v.Conns) != MaxConns || !v.Truncated {
		t.Errorf("%d connections", len(v.Conns))
	}
	if r.Check() != nil || len(r.Answers[0].MACs) != MaxMACs {
		t.Errorf("%d addresses", len(r.Answers[0].MACs))
	}
	if (&ARPResponse{Answers: make([]ARPAnswer, MaxARPQuestions+1)}).Check() == nil {
		t.Error("more answers than there can be questions")
	}
}

func TestWhatNoAgentSaysIsRefused(t *testing.T) {
	ok := step.Change{Action: step.Create, ID: step.ID{Key: "k"}}
	for want, kinds := range map[string][]KindChanges{
		"of 65 kinds":                 make([]KindChanges, MaxKinds+1),
		"names a kind with 0 bytes":   {{}},
		"names a kind with 257":       {{Kind: strings.Repeat("k", MaxName+1)}},
		"twice of the kind \"vip\"":   {{Kind: "vip"}, {Kind: "vip"}},
		"has 200001 changes of vip":   {{Kind: "vip", Changes: make([]step.Change, MaxChanges+1)}},
		"commands for 2 changes":      {{Kind: "vip", Changes: []step.Change{ok}, Commands: make([][]string, 2)}},
		"of vip that does nothing":    {{Kind: "vip", Changes: []step.Change{{ID: ok.ID}}}},
		"that is named with 4097":     {{Kind: "vip", Changes: []step.Change{{Action: step.Create, ID: step.ID{Key: strings.Repeat("k", MaxKey+1)}}}}},
		"bytes, and its field with 2": {{Kind: "vip", Changes: []step.Change{{Action: step.Create, ID: step.ID{Key: "k", Field: strings.Repeat("f", MaxName+1)}}}}},
	} {
		for _, err := range []error{(&ObserveResponse{Kinds: kinds}).Check(), (&ApplyResponse{Done: kinds}).Check()} {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("got %v, want %q", err, want)
			}
		}
	}
}
