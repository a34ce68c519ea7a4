package coordinator

import (
	"context"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
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
	t.Cleanup(func() { c.close(); outR.Close(); outW.Close() })
	return &session{name: "node1", agent: c}
}

func (s *session) hear(d deadlines) (texts []string, err error) {
	err = s.askLong(context.Background(), d, wire.OpApply, nil, nil, func(text string) { texts = append(texts, text) })
	return texts, err
}

func TestProgressComesThrough(t *testing.T) {
	s := tellingAgent(t, func(send func(wire.Response), id uint64) {
		send(wire.Response{ID: id, Progress: "a third"})
		send(wire.Response{ID: id, Progress: "two thirds"})
		send(wire.Response{ID: id})
	})
	texts, err := s.hear(forAWhile)
	if err != nil || !cmp.Equal(texts, []string{"a third", "two thirds"}) {
		t.Errorf("got %q, %v", texts, err)
	}
}

// forAWhile is longer than any test takes.
var forAWhile = deadlines{silence: time.Minute, step: time.Minute, all: time.Minute}

// An agent that tells how far it is has more time than one that says nothing, one that
// only lives has less, and none has all the time in the world. The words say which.
func TestDeadlinesOfAnApply(t *testing.T) {
	const install, vip = "packages: create apache2", "vip: create 192.0.2.1/32 dev lo"
	usual := applyDeadlines(&plans.Cluster{IPVS: plans.IPVS{Drain: 10 * time.Minute}})
	for name, tc := range map[string]struct {
		tell  func(tell func(progress, at string)) // every ten seconds, as often as it is called
		end   bool                                 // and then there is an answer
		after time.Duration
		says  []string
	}{
		"a package that takes ten minutes": {
			tell:  func(tell func(progress, at string)) { repeat(60, func() { tell("", install) }) },
			end:   true,
			after: 10 * time.Minute,
		},
		"two that take ten minutes each": {
			tell: func(tell func(progress, at string)) {
				repeat(60, func() { tell("", install) })
				repeat(60, func() { tell("", "packages: create nginx") })
			},
			end:   true,
			after: 20 * time.Minute,
		},
		"a package that never ends": {
			tell:  func(tell func(progress, at string)) { repeat(1000, func() { tell("", install) }) },
			after: 15*time.Minute + 10*time.Second,
			says:  []string{"apply (" + install + "): the agent lives, but got no further for 15m0s"},
		},
		"a drain of twenty minutes": {
			tell:  func(tell func(progress, at string)) { repeat(120, func() { tell("2 left", "ipvs: delete x") }) },
			end:   true,
			after: 20 * time.Minute,
		},
		"progress for ever": {
			tell:  func(tell func(progress, at string)) { repeat(1000, func() { tell("2 left", "ipvs: delete x") }) },
			after: 25 * time.Minute,
			says:  []string{"apply (ipvs: delete x): no answer within 25m0s"},
		},
		"a host that stands still": {
			tell:  func(tell func(progress, at string)) { tell("", "vip: compare"); tell("", vip) },
			after: 20*time.Second + wire.Silence,
			says:  []string{"apply (" + vip + "): no sign of life for 1m0s, though SSH is up", "may yet finish the change in hand", "kill -CONT", "--resume"},
		},
		"a host that stands still from the first": {
			tell:  func(func(progress, at string)) {},
			after: wire.Silence,
			says:  []string{"answer to apply: no sign of life for 1m0s"},
		},
		"a machine that stalls for half a minute at a time": {
			tell: func(tell func(progress, at string)) {
				repeat(20, func() { time.Sleep(30 * time.Second); tell("", install) })
			},
			end:   true,
			after: 20 * 40 * time.Second,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				begin, over := time.Now(), make(chan struct{})
				defer close(over)
				s := tellingAgent(t, func(send func(wire.Response), id uint64) {
					tc.tell(func(progress, at string) {
						select {
						case <-time.After(wire.AliveInterval):
						case <-over: // nobody listens any more
							runtime.Goexit()
						}
						send(wire.Response{ID: id, Progress: progress, At: at})
					})
					if tc.end {
						send(wire.Response{ID: id})
						return
					}
					<-over
				})
				_, err := s.hear(usual)
				took := time.Since(begin)
				if slack := wire.Silence / silentLooks; took < tc.after || took > tc.after+slack {
					t.Errorf("it took %s, want %s", took, tc.after)
				}
				if (err == nil) != tc.end {
					t.Fatalf("got %v", err)
				}
				for _, says := range tc.says {
					if !strings.Contains(err.Error(), says) {
						t.Errorf("%q is not in: %v", says, err)
					}
				}
			})
		})
	}
}

func repeat(n int, f func()) {
	for range n {
		f()
	}
}

// What comes a byte at a time comes, and a long request takes its time.
func TestASlowLineIsNoSilence(t *testing.T) {
	from := &counter{r: strings.NewReader("an answer")}
	l := newLookout(from, time.Hour, 0)
	defer l.end()
	for range 9 {
		for look := range silentLooks - 1 {
			if l.silent() {
				t.Fatalf("silent after %d looks", look+1)
			}
		}
		_, _ = from.Read(make([]byte, 1))
		if l.silent() {
			t.Fatal("a byte is nothing")
		}
	}
	for look := range silentLooks {
		if got, want := l.silent(), look == silentLooks-1; got != want {
			t.Errorf("look %d: %v", look+1, got)
		}
	}
	long := newLookout(from, wire.Silence, 8<<20)
	defer long.end()
	for range 100 { // 1000 s: 8 MiB at 64 kbit/s take that long
		if long.silent() {
			t.Fatal("a long request is not waited for")
		}
	}
}

func TestFloodOfProgressIsNotListenedTo(t *testing.T) {
	for name, flood := range map[string]func(send func(wire.Response), id uint64){
		"many": func(send func(wire.Response), id uint64) {
			for range 100 * progressBurst {
				send(wire.Response{ID: id, Progress: "x"})
			}
		},
		"signs of life": func(send func(wire.Response), id uint64) {
			for range 100 * progressBurst {
				send(wire.Response{ID: id, At: "x"})
			}
		},
		"huge": func(send func(wire.Response), id uint64) {
			send(wire.Response{ID: id, Progress: strings.Repeat("x", wire.MaxProgress+1)})
		},
		"huge step": func(send func(wire.Response), id uint64) {
			send(wire.Response{ID: id, At: strings.Repeat("x", wire.MaxProgress+1)})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := tellingAgent(t, flood)
			texts, err := s.hear(forAWhile)
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
		if got := applyDeadlines(c); got.all < 24*time.Hour+got.step {
			t.Errorf("%+v: %+v", c, got)
		}
	}
}
