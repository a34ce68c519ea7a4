package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"syscall"
	"time"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

func isGuarded(changes []step.Change) bool {
	return slices.ContainsFunc(changes, isGuardedChange)
}

func isGuardedChange(c step.Change) bool { return c.Guarded != "" && c.Action.Mutates() }

// applyGuarded makes what todo has for the running system and leaves the boot
// files: those are for the agent that confirms. Once the guard is armed the
// changes are made to their end even if the session is cut, which is what may
// well happen; what fails is taken back at once.
func (a *Agent) applyGuarded(ctx context.Context, d wire.Desired, rec *record, req wire.ApplyRequest, todo wire.KindChanges) (wire.KindChanges, error) {
	done := wire.KindChanges{Kind: d.Kind}
	if req.Guard == nil {
		// Most likely it was made and confirmed, and something on the host has undone it since.
		c := todo.Changes[slices.IndexFunc(todo.Changes, isGuardedChange)]
		return done, wire.Failf(wire.CodeBlocked, "to %s %s (found %s, wanted %s) could cut the connection, and no guard is set here: something on the host has changed it meanwhile; run lvsup apply again",
			c.Action, c.ID, brief(c.From), brief(c.To))
	}
	live := wire.KindChanges{Kind: d.Kind}
	for i, c := range todo.Changes {
		if !c.Boot {
			live.Changes = append(live.Changes, c)
			live.Commands = append(live.Commands, todo.Commands[i])
		}
	}
	owned := rec.owned(d.Kind)
	begin := time.Now()
	if err := a.arm(ctx, live, owned, *req.Guard); err != nil {
		return done, err
	}
	for _, c := range live.Changes {
		owned.Begin(c)
	}
	if err := a.store.save(rec); err != nil {
		return done, a.undo(req.Guard.Nonce, err)
	}
	// Past the guard's time, which began with the arming, a change would come
	// after the rollback.
	ctx, cancel := context.WithDeadline(context.WithoutCancel(ctx), begin.Add(req.Guard.Time))
	defer cancel()
	n, err := a.kinds[d.Kind].Apply(changing(ctx, d.Kind), d.Want, live.Changes)
	if err == nil {
		err = a.verifyOf(ctx, d, rec, req, live.Changes)
	}
	files := len(live.Changes) < len(todo.Changes)
	for _, c := range live.Changes[:n] {
		// What was taken away comes back with a boot until the files are written, and is
		// lvsup's as long as that.
		if !files || !c.Action.Removes() {
			owned.End(c)
		}
	}
	if err == nil {
		err = a.store.save(rec)
	}
	if err == nil {
		err = a.applied(ctx, req.Guard.Nonce)
	}
	if err != nil {
		return done, a.undo(req.Guard.Nonce, err)
	}
	done.Changes, done.Commands = live.Changes, live.Commands
	a.ending = true
	return done, nil
}

// applied tells the guard that a confirmation may come.
func (a *Agent) applied(ctx context.Context, nonce string) error {
	r, err := a.dirs.tellGuard(ctx, msgApplied, nonce, nil)
	if err == nil && !r.OK {
		err = errors.New(r.Says)
	}
	return err
}

// undo has the guard take everything back because of a failure. Where there is
// no guard any more, its time being over, what was changed since then is taken
// back here.
func (a *Agent) undo(nonce string, cause error) error {
	a.ending = true
	ctx, cancel := context.WithTimeout(context.Background(), postTimeout)
	defer cancel()
	left := ""
	r, err := a.dirs.exchange(ctx, message{Op: msgUndo, Nonce: nonce, Cause: short(cause.Error())}, nil)
	if err == nil && r.OK {
		left = r.Left
	} else if state, err := a.dirs.readGuard(); err != nil {
		left = err.Error()
	} else if state == nil || state.Nonce != nonce {
		left = "the snapshot in " + a.dirs.guardState() + " is gone; a reboot brings the old state back"
	} else if err := a.rollBackFor(state, cause); err != nil {
		left = err.Error()
	} else if left = state.Left; left != "" {
		_ = a.launch(ctx, nonce) // which tries on; what is left is in the error
	}
	if left != "" {
		return fmt.Errorf("%w; the rollback is not complete: %s", cause, left)
	}
	return fmt.Errorf("%w; everything was put back", cause)
}

func (a *Agent) rollBackFor(state *guardState, cause error) error {
	state.Cause = short(cause.Error())
	return a.rollBack(state)
}

// verifyOf is verify for some of a request's changes.
func (a *Agent) verifyOf(ctx context.Context, d wire.Desired, rec *record, req wire.ApplyRequest, some []step.Change) error {
	left, err := a.pending(ctx, d, rec, req)
	if err != nil {
		return fmt.Errorf("cannot verify %s: %w", d.Kind, err)
	}
	return didNotTake(d.Kind, slices.DeleteFunc(left.Changes, func(c step.Change) bool {
		return !slices.ContainsFunc(some, func(s step.Change) bool { return s.ID == c.ID })
	}))
}

// arm takes the snapshot, starts the guard and hands it the host's lock.
func (a *Agent) arm(ctx context.Context, live wire.KindChanges, owned step.Owned, g wire.Guard) (err error) {
	guard := a.kinds[live.Kind].Guard()
	if guard == nil {
		return fmt.Errorf("cannot guard changes of %s", live.Kind)
	}
	snapshot, err := guard.Snapshot(ctx, live.Changes)
	if err != nil {
		return fmt.Errorf("cannot take a snapshot before the change: %w", err)
	}
	now, err := bootTime()
	if err != nil {
		return err
	}
	state := guardState{Nonce: g.Nonce, Kind: live.Kind, Owned: owned, Snapshot: snapshot, Deadline: now + int64(g.Time)}
	if err := a.dirs.writeGuard(&state); err != nil {
		return err
	}
	defer func() {
		if err != nil { // nothing was changed: a guard that comes late must not take later runs' changes back
			state.Outcome, state.Cause = wire.OutcomeRolledBack, short(err.Error())
			err = errors.Join(err, a.dirs.writeGuard(&state))
			stopGuard(ctx, a.host, g.Nonce)
		}
	}()
	if err := a.launch(ctx, g.Nonce); err != nil {
		return fmt.Errorf("cannot start the guard: %w", err)
	}
	for begin := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		r, err := a.dirs.tellGuard(ctx, msgHold, g.Nonce, a.lock)
		switch {
		case err == nil && r.OK:
			return nil
		case err == nil:
			return fmt.Errorf("cannot start the guard: %s", r.Says)
		case time.Since(begin) > armTimeout:
			return fmt.Errorf("cannot start the guard: it does not answer: %w", err)
		}
	}
}

// armTimeout is how long a guard may take to start.
const armTimeout = 10 * time.Second

// launchGuard starts `agent guard`. Where systemd runs it is a unit of its own,
// which outlives the SSH session and is started again should somebody kill it;
// elsewhere, and where systemd-run is too old to say so (--collect came with
// systemd 236), a process in a session of its own. KillMode leaves the DHCP
// clients that a rollback starts.
func launchGuard(ctx context.Context, h host.Host, nonce string) error {
	exe, err := os.Executable()
	if err != nil {
		return err
	}
	if runsSystemd(h) {
		argv := []string{"systemd-run", "--quiet", "--collect", "--unit=" + guardUnit(nonce),
			"--property=Restart=on-failure", "--property=RestartSec=100ms", "--property=StartLimitIntervalSec=0",
			"--property=KillMode=process", exe, "guard"}
		if res, err := h.Run(ctx, argv...); err == nil && res.Code == 0 {
			return nil
		}
	}
	cmd := exec.Command(exe, "guard")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	return cmd.Process.Release()
}

// stopGuard ends the unit of a guard that does not come up: systemd would start
// it again for ever. Elsewhere there is none.
func stopGuard(ctx context.Context, h host.Host, nonce string) {
	if runsSystemd(h) {
		_, _ = h.Run(ctx, "systemctl", "stop", guardUnit(nonce)) // it fails where the unit never was
	}
}

func guardUnit(nonce string) string { return "lvsup-guard-" + nonce }

func runsSystemd(h host.Host) bool {
	_, err := os.Lstat(h.Path("/run/systemd/system"))
	return err == nil
}

// confirm keeps guarded changes and takes over the host's lock. It may be asked
// again: the answer to the first confirmation may be lost with its session.
func (a *Agent) confirm(ctx context.Context, r wire.ConfirmRequest) (wire.ConfirmResponse, error) {
	if !r.Look {
		reply, err := a.dirs.tellGuard(ctx, msgConfirm, r.Nonce, nil)
		switch {
		case err == nil && !reply.OK:
			return wire.ConfirmResponse{Outcome: wire.OutcomeWaiting}, nil
		case err == nil && reply.lock != nil:
			a.lock = &lock{file: reply.lock}
			context.AfterFunc(ctx, a.lock.ending)
			return wire.ConfirmResponse{Outcome: reply.Outcome}, nil
		}
	}
	// No guard runs at this moment, or it has no lock; its memory says what it did.
	state, err := a.dirs.readGuard()
	switch {
	case err != nil:
		return wire.ConfirmResponse{}, err
	case state == nil || state.Nonce != r.Nonce:
		return wire.ConfirmResponse{Outcome: wire.OutcomeUnknown}, nil
	case state.Outcome == wire.OutcomeRolledBack:
		return wire.ConfirmResponse{Outcome: state.Outcome, Left: state.Left, Cause: state.Cause, ByHand: state.ByHand}, nil
	case state.Outcome == wire.OutcomeConfirmed:
		// While the agent that confirmed is still ending, this is CodeLocked.
		if err := a.takeLock(ctx, wire.LockRequest{Holder: "a run whose changes were confirmed"}); err != nil {
			return wire.ConfirmResponse{}, err
		}
		return wire.ConfirmResponse{Outcome: state.Outcome}, nil
	}
	return wire.ConfirmResponse{Outcome: wire.OutcomeWaiting}, nil
}
