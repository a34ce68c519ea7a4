package agent

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// frames reads all progress that a teller sent.
func frames(t *testing.T, sent *bytes.Buffer) []string {
	t.Helper()
	var texts []string
	for sent.Len() > 0 {
		var res wire.Response
		if err := wire.ReadFrame(sent, &res); err != nil {
			t.Fatal(err)
		}
		if res.ID != 7 || res.Error != nil || res.Body != nil {
			t.Fatalf("got %+v", res)
		}
		texts = append(texts, res.Progress)
	}
	return texts
}

func TestTellerKeepsThePaceAndTheLastText(t *testing.T) {
	var sent bytes.Buffer
	p := &teller{out: &sent, id: 7}
	for _, text := range []string{"first", "second", "third"} {
		p.tell(text)
	}
	p.last = time.Now().Add(-wire.ProgressInterval)
	p.tell("fourth")
	p.tell("fifth")
	p.tell("sixth")
	p.end()
	p.tell("after the answer")
	p.end()
	if diff := cmp.Diff([]string{"first", "fourth", "sixth"}, frames(t, &sent)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestProgressIsBounded(t *testing.T) {
	var sent bytes.Buffer
	p := &teller{out: &sent, id: 7}
	p.tell(strings.Repeat("ä", wire.MaxProgress))
	got := frames(t, &sent)
	if len(got) != 1 || len(got[0]) > wire.MaxProgress || !utf8.ValidString(got[0]) || !strings.HasSuffix(got[0], "ä...") {
		t.Errorf("got %q", got)
	}
}

// TestKindsProgressComesBeforeTheAnswer: what a kind tells while it applies is
// sent at once, what it notes is in the answer.
func TestKindsProgressComesBeforeTheAnswer(t *testing.T) {
	s := newShelf(nil)
	s.onWrite = func(ctx context.Context, n int) {
		step.Progress(ctx, "half")
		step.Note(ctx, "one was cut off")
	}
	c := start(t, dirsIn(t.TempDir()), s)
	c.lock()
	plan := wants(map[string]string{"a": "1"})
	planned := c.observe(plan, false).Kinds
	var progress []string
	c.progress = func(text string) { progress = append(progress, text) }
	var res wire.ApplyResponse
	if err := c.call(wire.OpApply, wire.ApplyRequest{Desired: plan, Planned: planned}, &res); err != nil {
		t.Fatal(err)
	}
	if !cmp.Equal(progress, []string{"half"}) || !cmp.Equal(res.Notes, []string{"one was cut off"}) || res.Error != nil {
		t.Errorf("progress %q, then %+v", progress, res)
	}
}
