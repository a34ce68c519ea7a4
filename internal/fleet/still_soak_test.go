//go:build linuxroot && soak

package fleet

import (
	"errors"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// atWork has what is begun on a host in the middle of an apply: its agent stands still,
// from the moment at which lvsup sends it its changes.
func (w *world) atWork(h Host) {
	var begun atomic.Bool
	w.onLine = func(l line) {
		if l.Type == "host_begun" && l.Stage == "sysctl" && l.Host == h.Name {
			begun.Store(true)
		}
	}
	w.signalAgent(h, syscall.SIGSTOP, begun.Load)
}

// standingStill has one host's agent be stopped in the middle of an apply. The others are
// done, that one is named once, after a minute and with its own words, and the host is held
// until the agent goes on or is killed. Then a rerun does what was left. An agent that
// stands still for half a minute is waited for.
func (w *world) standingStill() {
	h := w.Hosts[w.rng.IntN(fleetSize)]
	w.slowDown(h, 300*time.Millisecond) // so that the signal is quicker than the request
	defer w.direct(h)
	const says = "gave up waiting for the agent's answer to apply: no sign of life for 1m0s, though SSH is up"
	w.keepalive = 800
	w.wantExit(w.lvsup("apply", "--yes", "--json", planFile), 0)
	for _, tc := range []struct {
		what   string
		signal syscall.Signal
	}{{"a stopped agent that goes on", syscall.SIGCONT}, {"a stopped agent that is killed", syscall.SIGKILL}} {
		w.keepalive++
		w.atWork(h)
		r := w.lvsup("apply", "--yes", "--json", planFile)
		w.onLine = nil
		bad := map[string]fault{h.Name: {name: tc.what, says: says}}
		w.wantExit(r, 3, 3)
		w.wantFailures(r, bad)
		w.wantState(bad, w.keepalive)
		var began, gaveUp time.Time
		for _, e := range r.lines {
			switch {
			case e.Stage != "sysctl":
			case e.Host == h.Name && e.Type == "host_begun":
				began = e.Time
			case e.Host == h.Name && e.Type == "host_done":
				gaveUp = e.Time
			case e.Type == "host_done" && !gaveUp.IsZero():
				w.t.Errorf("%s was done after the host that stands still", e.Host)
			}
		}
		took := gaveUp.Sub(began)
		if took < wire.Silence || took > wire.Silence+20*time.Second {
			w.t.Errorf("%s was given up after %v", tc.what, took)
		}

		pid := <-w.stopped
		held := w.lvsup("apply", "--yes", "--json", "--lock-timeout", "0s", planFile)
		if held.code != 7 {
			w.t.Errorf("while the agent stands still: exit code %d: %s", held.code, held.result.Error)
		}
		w.must(syscall.Kill(pid, tc.signal))
		for over := time.Now().Add(20 * time.Second); !errors.Is(syscall.Kill(pid, 0), syscall.ESRCH); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(over) {
				w.t.Fatalf("%s does not end", tc.what)
			}
		}
		rest := w.lvsup("apply", "--yes", "--json", "--resume", planFile)
		w.wantExit(rest, 0)
		if got := rest.changed(); len(got) != 1 || got[0] != h.Name {
			w.t.Errorf("the rerun changed %v", got)
		}
		w.wantState(nil, w.keepalive)
		w.t.Logf("%s: given up after %v, the run took %v, its rerun %v: %s", tc.what, took, r.took, rest.took, r.result.Failures[0].Error)
	}

	w.keepalive++
	w.atWork(h)
	time.AfterFunc(0, func() {
		pid := <-w.stopped
		time.Sleep(30 * time.Second)
		_ = syscall.Kill(pid, syscall.SIGCONT)
	})
	r := w.lvsup("apply", "--yes", "--json", planFile)
	w.onLine = nil
	w.wantExit(r, 0)
	w.wantState(nil, w.keepalive)
	w.t.Logf("an agent that is stopped for half a minute: the run took %v", r.took)
	if r.took < 30*time.Second {
		w.t.Error("no agent stood still")
	}
}
