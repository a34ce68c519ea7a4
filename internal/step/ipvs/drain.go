package ipvs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"syscall"
	"time"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// DrainTimeout bounds the wait for the connections of backends that go away,
// where the plan does not say. Those that are still there then are cut off.
const DrainTimeout = 30 * time.Second

// drainInterval is the time between two looks at the connections, and
// progressInterval that between two words about it.
const (
	drainInterval    = 200 * time.Millisecond
	progressInterval = time.Second
)

// draining is a backend on its way out.
type draining struct {
	key   ipvs.ServiceKey
	addr  netip.AddrPort
	time  time.Duration // what the plan gives it
	until time.Time     // deleted then, connections or not
	gone  bool
	left  uint32 // connections at the last look
}

// removeBackends sets the weight of all backends to 0 and deletes each as soon
// as it has no connection left or its own deadline is over. One that is gone
// already counts as removed. If ctx ends, those that are left stay at weight 0,
// and the next run takes it up from there.
func (s system) removeBackends(ctx context.Context, want Desired, changes []step.Change) (int, error) {
	t, err := s.open(ctx)
	if errors.Is(err, ipvs.ErrUnavailable) {
		return len(changes), nil // no module, no backends
	}
	if err != nil {
		return 0, err
	}
	defer t.Close()
	leaving := make([]draining, len(changes))
	drain := drainTimes(want, s.drain)
	for i, c := range changes {
		d := &leaving[i]
		if d.key, d.addr, err = parseID(c.ID); err != nil {
			return 0, err
		}
		d.time = drain(d.key)
		d.until = time.Now().Add(d.time)
	}
	err = s.drainAll(ctx, t, leaving)
	done := 0
	for done < len(leaving) && leaving[done].gone {
		done++
	}
	return done, err
}

// drainTimes gives how long a service's backends may take: as the service says,
// else the plan, else rest.
func drainTimes(want Desired, rest time.Duration) func(ipvs.ServiceKey) time.Duration {
	if want.DrainSeconds != nil {
		rest = time.Duration(*want.DrainSeconds) * time.Second
	}
	own := map[ipvs.ServiceKey]time.Duration{}
	for _, service := range want.Services {
		if service.DrainSeconds == nil {
			continue
		}
		if key, err := service.key(); err == nil {
			own[key] = time.Duration(*service.DrainSeconds) * time.Second
		}
	}
	return func(key ipvs.ServiceKey) time.Duration {
		if d, has := own[key]; has {
			return d
		}
		return rest
	}
}

func (s system) drainAll(ctx context.Context, t table, leaving []draining) error {
	have, err := lookAt(ctx, t, leaving)
	if err != nil {
		return err
	}
	if err := quiesce(ctx, t, leaving, have); err != nil {
		return err
	}
	var told time.Time
	for {
		start := time.Now()
		if have, err = lookAt(ctx, t, leaving); err != nil {
			return err
		}
		if err := s.deleteReady(ctx, t, leaving, have); err != nil {
			return err
		}
		wait, text := outlook(leaving)
		if text == "" {
			return nil
		}
		if time.Since(told) >= progressInterval {
			told = time.Now()
			step.Progress(ctx, text)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(max(wait, time.Since(start))): // no more than half of a processor
		}
	}
}

type place struct {
	key  ipvs.ServiceKey
	addr netip.AddrPort
}

// lookAt reads the services that backends are leaving.
func lookAt(ctx context.Context, t table, leaving []draining) (map[place]ipvs.DestinationState, error) {
	have := map[place]ipvs.DestinationState{}
	seen := map[ipvs.ServiceKey]bool{}
	for _, l := range leaving {
		if l.gone || seen[l.key] {
			continue
		}
		seen[l.key] = true
		destinations, err := t.Destinations(ctx, l.key)
		if err != nil {
			return nil, err
		}
		for _, d := range destinations {
			have[place{l.key, d.Addr()}] = d
		}
	}
	return have, nil
}

// quiesce keeps new connections away. Clients that persistence binds to such a
// backend still come to it until their template runs out, unless
// net.ipv4.vs.expire_quiescent_template is 1: to turn that on here would undo
// the persistence of every other backend with weight 0, too.
func quiesce(ctx context.Context, t table, leaving []draining, have map[place]ipvs.DestinationState) error {
	var cmds []ipvs.Command
	for _, l := range leaving {
		if d, there := have[place{l.key, l.addr}]; there && d.Weight > 0 {
			d.Weight = 0
			cmds = append(cmds, ipvs.SetDestination(l.key, d.Destination))
		}
	}
	if len(cmds) == 0 {
		return nil
	}
	_, err := t.Do(ctx, cmds)
	return beyondGone(err)
}

// deleteReady deletes those that have no connections left or no time.
func (s system) deleteReady(ctx context.Context, t table, leaving []draining, have map[place]ipvs.DestinationState) error {
	var cmds []ipvs.Command
	var ready []*draining
	flows := s.udpFlows()
	for i := range leaving {
		l := &leaving[i]
		d, there := have[place{l.key, l.addr}]
		if l.left = connections(l.key, d, flows); !there {
			l.gone = true
		}
		if !l.gone && (l.left == 0 || !time.Now().Before(l.until)) {
			cmds = append(cmds, ipvs.DeleteDestination(l.key, l.addr))
			ready = append(ready, l)
		}
	}
	if len(cmds) == 0 {
		return nil
	}
	n, err := prefix(t.Do(ctx, cmds))
	if err = beyondGone(err); err == nil {
		n = len(ready)
	}
	for _, l := range ready[:n] {
		l.gone = true
		if l.left > 0 {
			step.Note(ctx, cutOff(*l))
		}
	}
	return err
}

// cutOff says what the removal of a backend ended.
func cutOff(l draining) string {
	what := "cut off " + count(uint64(l.left), "connection")
	if l.key.Protocol == ipvs.UDP {
		what = "forgot " + count(uint64(l.left), "flow") // some of them may have ended
	}
	return fmt.Sprintf("%s of %s: its time to drain (%s) is over", what, backendID(l.key, l.addr).Key, l.time)
}

// beyondGone drops the failures that only say that a backend is not there any
// more.
func beyondGone(err error) error {
	var batch *ipvs.BatchError
	if !errors.As(err, &batch) || batch.Err != nil {
		return err
	}
	for _, f := range batch.Failed {
		if !errors.Is(f.Err, syscall.ENOENT) && !errors.Is(f.Err, syscall.ESRCH) {
			return err
		}
	}
	return nil
}

// outlook gives the time to the next look and what to tell meanwhile, nothing
// when all are gone.
func outlook(leaving []draining) (wait time.Duration, text string) {
	n, left := 0, uint64(0)
	var longest time.Duration
	wait = drainInterval
	for _, l := range leaving {
		if l.gone {
			continue
		}
		n++
		left += uint64(l.left)
		rest := time.Until(l.until)
		longest, wait = max(longest, rest), min(wait, max(rest, 0))
	}
	if n == 0 {
		return 0, ""
	}
	return wait, fmt.Sprintf("draining %s: %s, at most %s more",
		count(n, "backend"), count(left, "connection"), longest.Round(time.Second))
}

func count[N int | uint64](n N, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
