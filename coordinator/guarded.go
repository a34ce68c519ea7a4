package coordinator

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// DefaultGuardTime is how long a host waits for the confirmation of changes
// that could cut its connection, before it takes them back.
const DefaultGuardTime = 60 * time.Second

// How often and how long the host is tried over a fresh connection; a longer
// guard gives each try more time, for an sshd that is slow to let anybody in.
const (
	confirmPause = 300 * time.Millisecond
	confirmTry   = 10 * time.Second
	// rollbackGrace is what a rollback may take beyond the guard's time until
	// the host answers where it did before.
	rollbackGrace = 60 * time.Second
)

// RolledBackError says that a host took guarded changes back, or is about to.
type RolledBackError struct {
	Answers string   // the address at which the host answers again; empty: at none so far
	Tried   string   // the new address
	Left    string   // what the rollback could not bring back
	ByHand  []string // the commands for the host's console that bring it back
	Failed  string   // what failed on the host, if that is why it took them back
	Cause   error    // why the changes were not confirmed
}

// Error says where the host answers, and what to type where it does not.
func (e *RolledBackError) Error() string {
	s := fmt.Sprintf("no connection came about at %s (%v)", e.Tried, e.Cause)
	if e.Failed != "" {
		s = "the change failed on the host: " + e.Failed
	}
	switch {
	case e.Answers == "":
		return s + "; the host takes the change back by itself, but does not answer yet: log in at its console, look at `ip address` and `ip route`, and reboot it if they are not as before: no boot file was written"
	case e.Left != "":
		s += "; the change was taken back, but not all of it: " + e.Left + "; the host answers at " + e.Answers +
			" and tries on; a reboot brings the rest back: no boot file was written"
		if len(e.ByHand) > 0 {
			s += "; or type at its console:\n" + strings.Join(e.ByHand[:min(len(e.ByHand), wire.MaxNotes)], "\n")
		}
		return s
	}
	return s + "; the change was taken back, and the host answers at " + e.Answers + " again"
}

// Unwrap gives the cause.
func (e *RolledBackError) Unwrap() error { return e.Cause }

func hasGuarded(kinds []wire.KindChanges) bool {
	return slices.ContainsFunc(kinds, func(k wire.KindChanges) bool {
		return slices.ContainsFunc(k.Changes, func(c step.Change) bool { return c.Guarded != "" })
	})
}

// applyGuarded has a host make changes that may cut its session. Then the host
// is dialled anew where the plan wants it, the changes are confirmed over that
// connection, and the rest, the files for the next boot, is written over it.
func (r *Run) applyGuarded(ctx context.Context, name string, req wire.ApplyRequest, tell func(string)) (wire.ApplyResponse, error) {
	old := r.session(name)
	look := forgets(req.Planned, old.facts.SSH.Server)
	req.Guard = &wire.Guard{Nonce: nonce(), Time: r.opts.GuardTime}
	type result struct {
		res wire.ApplyResponse
		err error
	}
	answers := make(chan result, 1)
	live, stop := r.untilCut(ctx) // one Ctrl-C must not come between the change and its confirmation
	defer stop()
	go func() {
		var a result
		d := applyDeadlines(r.opts.Cluster)
		d.silence = 0 // which is what a change of the address looks like from here; the guard's time bounds it
		a.err = old.askLong(live, d, wire.OpApply, req, &a.res, tell)
		answers <- a
	}()
	var made wire.ApplyResponse
	deadline := time.Now().Add(r.opts.GuardTime + r.arming)
	cause := errors.New("no time was left")
	for time.Now().Before(deadline) && live.Err() == nil {
		select {
		case a := <-answers:
			if a.err == nil && a.res.Error != nil {
				return a.res, a.res.Error
			}
			if a.err == nil && !a.res.Guarded {
				return a.res, nil // what was to be guarded is as planned by now
			}
			made = a.res // or the session was cut, which is no news
		case <-time.After(confirmPause):
		}
		next, outcome, err := r.confirm(live, old, *req.Guard, look)
		switch {
		case err != nil:
			cause = err
		case outcome.Outcome == wire.OutcomeConfirmed:
			r.replace(name, next)
			tell(fmt.Sprintf("confirmed over a fresh connection to %s", next.address))
			return r.rest(live, next, req, made)
		case outcome.Outcome == wire.OutcomeRolledBack:
			return made, &RolledBackError{Answers: next.address, Tried: r.wantedAddress(old), Left: outcome.Left, ByHand: outcome.ByHand, Failed: outcome.Cause, Cause: cause}
		case outcome.Outcome == wire.OutcomeUnknown && next.facts.BootID != old.facts.BootID:
			return made, errBooted
		}
	}
	if live.Err() != nil {
		return made, fmt.Errorf("%w; unless it was confirmed the host takes it back by itself within %s", context.Cause(live), r.opts.GuardTime)
	}
	return made, r.awaitRollback(live, old, *req.Guard, look, cause)
}

var errBooted = errors.New("the host has booted in the middle of the change: it is as before")

// armAllowance is what taking the snapshot and starting the guard may take.
const armAllowance = 15 * time.Second

// rest applies what was not guarded over the new session.
func (r *Run) rest(ctx context.Context, s *session, req wire.ApplyRequest, made wire.ApplyResponse) (wire.ApplyResponse, error) {
	req.Guard = nil
	var res wire.ApplyResponse
	err := s.askLong(ctx, applyDeadlines(r.opts.Cluster), wire.OpApply, req, &res, func(string) {})
	if len(made.Done) == 0 { // its answer was lost with the session
		for _, k := range req.Planned {
			k.Changes = slices.DeleteFunc(slices.Clone(k.Changes), func(c step.Change) bool { return c.Guarded == "" })
			if len(k.Changes) > 0 {
				made.Done = append(made.Done, k)
			}
		}
	}
	res.Done, res.Notes = append(made.Done, res.Done...), append(made.Notes, res.Notes...)
	if s.address != s.name {
		res.Notes = append(res.Notes, fmt.Sprintf("%s answers at %s now: change its address in ssh_config, or lvsup will not find it next time", s.name, s.address))
	}
	if err == nil && res.Error != nil {
		err = res.Error
	}
	return res, err
}

// confirm dials the host where the plan wants it, and where it was dialled
// first, and asks for the confirmation. With look the first address is only
// good for hearing what became of the changes. The error is that of the
// address which the plan wants.
func (r *Run) confirm(ctx context.Context, old *session, g wire.Guard, look bool) (*session, wire.ConfirmResponse, error) {
	var failed error
	for _, address := range r.addresses(old) {
		next, res, err := askConfirm(ctx, old, address, g, look && address == "")
		if err == nil && res.Outcome != wire.OutcomeWaiting {
			return next, res, nil
		}
		if err == nil {
			err = errors.New("the host is still at it")
		}
		if failed == nil {
			failed = err
		}
	}
	return nil, wire.ConfirmResponse{}, failed
}

// forgets reports whether the boot files lose an address. The host still
// answers there, but not after the next boot: that proves nothing for the new
// one.
func forgets(kinds []wire.KindChanges, address string) bool {
	names := func(text string) bool {
		words := strings.FieldsFunc(netconf.Uncommented(text), func(c rune) bool {
			return !strings.ContainsRune("0123456789abcdefABCDEF.:", c)
		})
		return slices.Contains(words, address)
	}
	before, after := false, false
	for _, k := range kinds {
		for _, c := range k.Changes {
			if c.Boot {
				before, after = before || names(c.From), after || names(c.To)
			}
		}
	}
	return before && !after
}

func askConfirm(ctx context.Context, old *session, address string, g wire.Guard, look bool) (*session, wire.ConfirmResponse, error) {
	ctx, cancel := context.WithTimeout(ctx, max(confirmTry, g.Time/4))
	defer cancel()
	var res wire.ConfirmResponse
	if address == "" {
		address = old.dialled
	}
	next, err := old.again(ctx, address)
	if err != nil {
		return nil, res, err
	}
	next.address, next.dialled = address, address
	if address == "" {
		next.address = old.name
	}
	err = next.ask(ctx, wire.OpConfirm, wire.ConfirmRequest{Nonce: g.Nonce, Look: look}, &res)
	if err == nil && res.Outcome != wire.OutcomeWaiting {
		err = next.ask(ctx, wire.OpFacts, wire.FactsRequest{}, &next.facts)
	}
	if err == nil && res.Outcome == wire.OutcomeConfirmed {
		next.offset, next.locked = old.offset, true
		return next, res, nil
	}
	next.close()
	return next, res, err
}

// addresses are where to find the host after the change: "" stands for where it
// was dialled before.
func (r *Run) addresses(old *session) []string {
	if wanted := r.wantedAddress(old); wanted != "" && wanted != old.facts.SSH.Server {
		return []string{wanted, ""}
	}
	return []string{""}
}

// wantedAddress is what the plan makes of the address that the session came in
// by; empty if it says nothing of it.
func (r *Run) wantedAddress(s *session) string {
	h, _ := r.opts.Cluster.Host(s.name)
	server, err := netip.ParseAddr(s.facts.SSH.Server)
	for _, i := range h.Interfaces {
		if i.Name != s.facts.SSH.Interface || err != nil || i.Has(server) {
			continue // where it has the address still, that is the way
		}
		for _, p := range i.All() {
			if p.Addr().Is4() == server.Is4() {
				return p.Addr().String()
			}
		}
	}
	return s.facts.SSH.Server
}

// awaitRollback waits until the host answers where it did before.
func (r *Run) awaitRollback(ctx context.Context, old *session, g wire.Guard, look bool, cause error) error {
	failed := &RolledBackError{Tried: r.wantedAddress(old), Cause: cause}
	for deadline := time.Now().Add(rollbackGrace); time.Now().Before(deadline) && ctx.Err() == nil; time.Sleep(confirmPause) {
		next, res, err := r.confirm(ctx, old, g, look)
		if err != nil {
			continue
		}
		switch {
		case res.Outcome == wire.OutcomeConfirmed:
			// It came in the last moment; without its boot files a rerun goes on.
			next.close()
			return fmt.Errorf("the host answered at %s too late for this run: run lvsup apply again", next.address)
		case res.Outcome == wire.OutcomeUnknown && next.facts.BootID != old.facts.BootID:
			return errBooted
		case res.Outcome == wire.OutcomeUnknown:
			return fmt.Errorf("the session was lost before the change began: nothing was changed (%w)", cause)
		}
		failed.Answers, failed.Left, failed.ByHand, failed.Failed = next.address, res.Left, res.ByHand, res.Cause
		return failed
	}
	return failed
}

// replace puts the new session in the place of the old one, which may be cut
// and so take its time to end.
func (r *Run) replace(name string, next *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	go r.sessions[name].close()
	r.sessions[name] = next
	if next.jumpMoved != nil && next.dialled != "" {
		next.jumpMoved(next.dialled)
	}
}

func nonce() string {
	var b [8]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}
