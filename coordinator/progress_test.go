package coordinator

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// tellingAgent greets and answers the first request with frames that tell makes.
func tellingAgent(t *testing.T, tell func(send func(wire.Response), id uint64)) *session {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	go func() {
		_ = wire.WriteFrame(outW, wire.Hello{Protocol: wire.Version, Build: "test"})
		var req wire.Request
		if wire.ReadFrame(inR, &req) == nil {
			tell(func(r wire.Response) { _ = wire.WriteFrame(outW, r) }, req.ID)
		}
	}()
	c, err := newAgentConn(inW, outR, "test", func(err error) error { return err })
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { outR.Close(); outW.Close(); inW.Close() })
	return &session{name: "node1", agent: c}
}

func (s *session) hear(silence, limit time.Duration) (texts []string, err error) {
	err = s.askLong(context.Background(), silence, limit, wire.OpApply, nil, nil, func(text string) { texts = append(texts, text) })
	return texts, err
}

func TestProgressComesThrough(t *testing.T) {
	s := tellingAgent(t, func(send func(wire.Response), id uint64) {
		send(wire.Response{ID: id, Progress: "a third"})
		send(wire.Response{ID: id, Progress: "two thirds"})
		send(wire.Response{ID: id})
	})
	texts, err := s.hear(time.Minute, time.Minute)
	if err != nil || !cmp.Equal(texts, []string{"a third", "two thirds"}) {
		t.Errorf("got %q, %v", texts, err)
	}
}

// TestSilenceIsWhatCounts: an agent that tells how far it is has more time than
// one that says nothing, but not all the time in the world.
func TestSilenceIsWhatCounts(t *testing.T) {
	const silence = 200 * time.Millisecond
	s := tellingAgent(t, func(send func(wire.Response), id uint64) {
		for range 5 {
			time.Sleep(silence / 2)
			send(wire.Response{ID: id, Progress: "at it"})
		}
		send(wire.Response{ID: id})
	})
	if texts, err := s.hear(silence, time.Minute); err != nil || len(texts) != 5 {
		t.Errorf("heard %d texts, %v", len(texts), err)
	}
	s = tellingAgent(t, func(func(wire.Response), uint64) {})
	if _, err := s.hear(silence/10, time.Minute); err == nil || !strings.Contains(err.Error(), "not a word within 20ms") {
		t.Errorf("silence: %v", err)
	}
	s = tellingAgent(t, func(send func(wire.Response), id uint64) {
		for range 20 {
			time.Sleep(silence / 10)
			send(wire.Response{ID: id, Progress: "for ever"})
		}
	})
	if _, err := s.hear(time.Minute, silence); err == nil || !strings.Contains(err.Error(), "no answer within 200ms") {
		t.Errorf("endless progress: %v", err)
	}
}

func TestFloodOfProgressIsNotListenedTo(t *testing.T) {
	for name, flood := range map[string]func(send func(wire.Response), id uint64){
		"many": func(send func(wire.Response), id uint64) {
			for range 100 * progressBurst {
				send(wire.Response{ID: id, Progress: "x"})
			}
		},
		"huge": func(send func(wire.Response), id uint64) {
			send(wire.Response{ID: id, Progress: strings.Repeat("x", wire.MaxProgress+1)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := tellingAgent(t, flood)
			texts, err := s.hear(time.Minute, time.Minute)
			if err == nil || !strings.Contains(err.Error(), "floods") || len(texts) > progressBurst+2 {
				t.Errorf("heard %d texts, %v", len(texts), err)
			}
			if err := s.ask(context.Background(), wire.OpClock, nil, nil); err == nil {
				t.Error("its connection is used again")
			}
		})
	}
}

func TestPacerThinsOutAndKeepsTheLast(t *testing.T) {
	now := time.Unix(0, 0)
	var said []string
	p := &pacer{begin: now, now: func() time.Time { return now }, report: func(text string) { said = append(said, text) }}
	for i := range 1000 { // 100 seconds, every tenth of one
		p.told(time.Duration(i * int(time.Second) / 10).String())
		now = now.Add(100 * time.Millisecond)
	}
	p.told("over")
	p.end()
	p.end()
	if len(said) < 20 || len(said) > 40 || said[0] != "0s" || said[1] != "1s" || said[len(said)-1] != "over" {
		t.Errorf("%d lines: %q", len(said), said)
	}
}

// TestADrainOfThePlanFitsIntoAnApply: the limit of an apply must not cut off a
// drain that the plan asks for.
func TestADrainOfThePlanFitsIntoAnApply(t *testing.T) {
	for _, c := range []*plans.Cluster{
		{IPVS: plans.IPVS{Drain: 24 * time.Hour}},
		{Services: []plans.VirtualService{{Drain: time.Minute}, {Drain: 24 * time.Hour}}},
	} {
		if got := applyLimit(c); got < 24*time.Hour+applySilence {
			t.Errorf("%+v: %s", c, got)
		}
	}
}
