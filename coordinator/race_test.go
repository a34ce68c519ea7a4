package coordinator

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/agent"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/plans"
)

// agents runs real agents, a fresh one a session, each host's over folders of its
// own.
type agents struct {
	root  string
	alive sync.WaitGroup
}

func (d *agents) open(_ context.Context, name string, _ plans.Connection, build string) (*session, error) {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	at := filepath.Join(d.root, name)
	dirs := agent.Dirs{Data: filepath.Join(at, "data"), Run: filepath.Join(at, "run"), Lib: filepath.Join(at, "lib")}
	silent := func(context.Context, ...string) (host.Result, error) { return host.Result{}, nil }
	a := agent.New(host.Host{Root: at, Run: silent}, dirs, build, nil, zerolog.Nop())
	d.alive.Go(func() {
		_ = a.Serve(context.Background(), inR, outW)
		outW.Close()
		inR.Close()
	})
	conn, err := newAgentConn(inW, outR, build, func(err error) error { return err })
	if err != nil {
		return nil, err
	}
	return &session{name: name, agent: conn}, nil
}

// Two coordinators race for one cluster a hundred times: never do both have it, none
// waits for ever, and no lock is left. Without the director, which is the first that
// both ask for, they race for the others.
func TestTwoCoordinatorsRace(t *testing.T) {
	for _, tc := range []struct {
		name    string
		wait    time.Duration
		without string // a director that is left out
		races   int
	}{
		{"the loser waits", time.Minute, "", 100},
		{"the loser gives up", 0, "", 100},
		{"without the director", time.Minute, "director", 100},
	} {
		run := func(t *testing.T) {
			c, _, _ := threeHosts()
			d := &agents{root: t.TempDir()}
			open := func(holder string, wait time.Duration) *Run {
				return Open(t.Context(), Options{
					Cluster: c, Dialer: d, Build: "test", LockWait: wait, Holder: holder,
					LeftOut: plans.LeftOut{Hosts: []string{tc.without}},
				})
			}
			var inside, won, lost atomic.Int32
			race := func(holder string) {
				r := open(holder, tc.wait)
				defer r.Close()
				if f := r.Failures(); len(f) > 0 {
					t.Error(f)
					return
				}
				switch err := r.Lock(t.Context()); {
				case err == nil:
					won.Add(1)
					if inside.Add(1) > 1 {
						t.Error("both have the cluster")
					}
					time.Sleep(time.Millisecond)
					inside.Add(-1)
				case IsLocked(err) && tc.wait == 0:
					lost.Add(1)
					if !strings.HasPrefix(err.Error(), "director: lock: another lvsup run holds this host:") {
						t.Error(err)
					}
				default:
					t.Error(err)
				}
			}
			for i := range tc.races {
				var both sync.WaitGroup
				for _, who := range []string{"A", "B"} {
					both.Go(func() { race(fmt.Sprintf("%s in race %d", who, i)) })
				}
				both.Wait()
				d.alive.Wait()
				if i%10 != 0 {
					continue
				}
				after := open("the judge", 0)
				if err := after.Lock(t.Context()); err != nil {
					t.Fatalf("a lock is left after race %d: %v", i, err)
				}
				after.Close()
				d.alive.Wait()
			}
			if n := int(won.Load()); n < tc.races || tc.wait > 0 && n != 2*tc.races {
				t.Errorf("of %d races %d were won and %d lost", tc.races, n, lost.Load())
			}
		}
		t.Run(tc.name, func(t *testing.T) { synctest.Test(t, run) }) // waits take no time
	}
}
