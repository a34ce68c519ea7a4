package agent

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"testing/synctest"
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

// at begins an apply of one change, in which the agent is for ten minutes, and gives
// what it tells until the answer or the end, with the time since the frame before.
func (c *client) at(s *shelf, then func()) (told []string, gaps []time.Duration, answered bool) {
	c.t.Helper()
	// It does not end at a pulse, which would tell of what comes then, or would not.
	s.onWrite = func(context.Context, int) { time.Sleep(10*time.Minute + wire.ProgressInterval/2) }
	plan := wants(map[string]string{"a": "1"})
	c.begin(wire.OpApply, wire.ApplyRequest{Desired: plan, Planned: c.observe(plan, false).Kinds})
	then()
	for last := time.Now(); ; last = time.Now() {
		var res wire.Response
		if wire.ReadFrame(c.out, &res) != nil {
			return told, gaps, false
		}
		gaps = append(gaps, time.Since(last))
		if res.At == "" {
			return told, gaps, true
		}
		told = append(told, res.At)
	}
}

// A change may take long. The coordinator hears soon which it is, and from then on that
// the agent lives, also once it wants nothing more begun.
func TestAnAgentAtWorkTellsThatItLives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(nil)
		c := start(t, dirsIn(t.TempDir()), s)
		c.lock()
		told, gaps, answered := c.at(s, func() {
			go func() {
				for op := range 59 {
					time.Sleep(wire.AliveInterval)
					_ = wire.WriteFrame(c.in, wire.Request{Op: []wire.Op{wire.OpAlive, wire.OpStop}[op%2]})
				}
			}()
		})
		if !answered || len(told) < 50 || len(told) > 62 {
			t.Errorf("answered %v, %d signs of life", answered, len(told))
		}
		for i, at := range told {
			if at != "shelf: create a" {
				t.Errorf("it is at %q", at)
			}
			if most := wire.AliveInterval + wire.ProgressInterval; gaps[i] > most || gaps[i] < wire.ProgressInterval {
				t.Errorf("nothing came for %s", gaps[i])
			}
		}
		if gaps[0] > 2*wire.ProgressInterval {
			t.Errorf("what it is at was told after %s", gaps[0])
		}
	})
}

// To a coordinator that is gone there is nothing to tell: the pipe would be full one day.
func TestSignsOfLifeEndWithTheCoordinator(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(nil)
		c := start(t, dirsIn(t.TempDir()), s)
		c.lock()
		told, _, _ := c.at(s, func() { time.AfterFunc(30*time.Second, func() { c.in.Close() }) })
		if len(told) < 2 || len(told) > 4 {
			t.Errorf("%d signs of life in 30 seconds and after", len(told))
		}
		<-c.end
		wantValues(t, s, map[string]string{"a": "1"})
	})
}

// What is done within a second is not worth a frame.
func TestQuickWorkIsNotTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newShelf(nil)
		c := start(t, dirsIn(t.TempDir()), s)
		c.lock()
		s.onWrite = func(context.Context, int) { time.Sleep(900 * time.Millisecond) }
		plan := wants(map[string]string{"a": "1"})
		c.begin(wire.OpApply, wire.ApplyRequest{Desired: plan, Planned: c.observe(plan, false).Kinds})
		var res wire.Response
		if err := wire.ReadFrame(c.out, &res); err != nil || res.At != "" || res.Body == nil {
			t.Errorf("got %+v, %v", res, err)
		}
	})
}
