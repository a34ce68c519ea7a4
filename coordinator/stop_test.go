package coordinator

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

var errEnough = errors.New("enough")

// endingRun is a run that is ended while a and b are at their VIP, of two changes
// each. Both wait for leave.
func endingRun(t *testing.T, cut chan struct{}, leave func(stop <-chan struct{})) (r *Run, p *plans.Plan, said func() []string, apply func() error) {
	t.Helper()
	ctx, end := context.WithCancelCause(context.Background())
	t.Cleanup(func() { end(nil) })
	c, hosts, _ := threeHosts()
	ending := make(chan struct{})
	var atVIP sync.WaitGroup
	atVIP.Add(2)
	for _, name := range []string{"a", "b"} {
		hosts[name].changes["vip"] = append(hosts[name].changes["vip"], step.Change{Action: step.Create, ID: step.ID{Key: "one more"}, To: "1"})
		hosts[name].atWork = func(kind string, stop <-chan struct{}) {
			if kind == "vip" {
				atVIP.Done()
				<-ending // or a host that is quicker is not waited for any more
				leave(stop)
			}
		}
	}
	go func() { atVIP.Wait(); end(errEnough) }()
	var mu sync.Mutex
	var told []string
	r = narrowRun(t, c, hosts, plans.Narrowing{}, func(o *Options) {
		o.Cut = cut
		o.Report = func(e report.Event) {
			if e.Type == report.RunEnding {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, e.Note)
				close(ending)
			}
		}
	})
	if err := r.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	p = planned1(t, r, false)
	said = func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(told)
	}
	return r, p, said, func() error { return r.Apply(ctx, p) }
}

// The first Ctrl-C: what is in hand is finished and told of, nothing else begun.
func TestTheEndOfARunIsBetweenTwoChanges(t *testing.T) {
	r, p, said, apply := endingRun(t, nil, func(stop <-chan struct{}) { <-stop })
	if err := apply(); !errors.Is(err, errEnough) {
		t.Fatalf("got %v", err)
	}
	if f := r.Failures(); len(f) > 0 {
		t.Errorf("hosts that only did as they were told failed: %v", f)
	}
	rest, made := r.Rest(p)
	want := []report.Rest{
		{Stage: "vip", Hosts: []string{"a", "b"}, Changes: 2},
		{Stage: "httpd", Hosts: []string{"a", "b"}, Changes: 2},
		{Stage: "ipvs", Hosts: []string{"director"}, Changes: 1},
	}
	if made != 5 || !slices.EqualFunc(rest, want, func(x, y report.Rest) bool {
		return x.Stage == y.Stage && x.Changes == y.Changes && slices.Equal(x.Hosts, y.Hosts) && !x.Reverse
	}) {
		t.Errorf("made %d, and not %+v", made, rest)
	}
	if got := said(); len(got) != 1 || got[0] != "enough: waiting for the change in hand on a (vip), b (vip); Ctrl-C now stops at once" {
		t.Errorf("said %q", got)
	}
}

// The second: nobody is waited for, and what the hosts do is not known.
func TestACutRunWaitsForNobody(t *testing.T) {
	cut, never := make(chan struct{}), make(chan struct{})
	defer close(never)
	var once sync.Once
	r, _, _, apply := endingRun(t, cut, func(<-chan struct{}) {
		once.Do(func() { close(cut) })
		<-never
	})
	begin := time.Now()
	if err := apply(); !errors.Is(err, errEnough) {
		t.Fatalf("got %v", err)
	}
	if took := time.Since(begin); took > 10*time.Second {
		t.Errorf("it took %s", took)
	}
	f := r.Failures()
	if len(f) != 2 || !errors.Is(f[0].Err, ErrCut) || !strings.Contains(f[0].Error(), "it is not known whether the change in hand was made") {
		t.Errorf("failures: %v", f)
	}
}

// A comparison that was ended says nothing of the hosts.
func TestAnEndedComparisonIsNoPlan(t *testing.T) {
	c, hosts, _ := threeHosts()
	r := narrowRun(t, c, hosts, plans.Narrowing{}, nil)
	ctx, end := context.WithCancelCause(context.Background())
	end(errEnough)
	if p, err := r.Plan(ctx, false); p != nil || !errors.Is(err, errEnough) {
		t.Errorf("got %+v, %v", p, err)
	}
}

// The agent hears of the coordinator while that has nothing to ask.
func TestACoordinatorThatIsThereIsHeard(t *testing.T) {
	r, w := io.Pipe()
	c := &agentConn{in: w, over: make(chan struct{})}
	ended := make(chan struct{})
	go func() { c.beat(time.Millisecond); close(ended) }()
	for range 3 {
		var req wire.Request
		if err := wire.ReadFrame(r, &req); err != nil || req.Op != wire.OpAlive {
			t.Fatalf("got %+v, %v", req, err)
		}
	}
	c.close()
	<-ended
}
