package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// A guard is a process of its own that takes guarded changes back unless a
// coordinator confirms them over a fresh connection. The agent that makes the
// changes starts it, hands it the host's lock and ends; the agent of the fresh
// connection gets the lock back from it. All of the guard's files lie in /run:
// a boot forgets them, and the changes too, since no boot file is written
// before the confirmation.

// guardState is the guard's memory: a guard that is killed is started again by
// systemd and goes on from it.
type guardState struct {
	Nonce    string          `json:"nonce"`
	Kind     string          `json:"kind"`
	Snapshot json.RawMessage `json:"snapshot"`
	Owned    step.Owned      `json:"owned"` // the kind's part of the record before the changes
	// Deadline is when the changes are taken back, in nanoseconds of
	// CLOCK_BOOTTIME, which nobody can set.
	Deadline int64 `json:"deadline"`
	// Applied says that the changes are all made, and so worth a confirmation.
	Applied bool `json:"applied,omitempty"`
	// Outcome is empty while the guard waits.
	Outcome wire.Outcome `json:"outcome,omitempty"`
	Left    string       `json:"left,omitempty"`    // what a rollback could not bring back
	Cause   string       `json:"cause,omitempty"`   // what failed, when the time was not yet over
	ByHand  []string     `json:"by_hand,omitempty"` // with Left: the commands that bring the rest back
}

func (d Dirs) guard() string       { return filepath.Join(d.Run, "guard") }
func (d Dirs) guardState() string  { return filepath.Join(d.guard(), "state.json") }
func (d Dirs) guardSocket() string { return filepath.Join(d.guard(), "socket") }

// readGuard gives the state of the guard that runs, or of the last one; nil
// without any since boot.
func (d Dirs) readGuard() (*guardState, error) {
	data, there, err := atomicfile.Read(d.guardState())
	if err != nil || !there {
		return nil, err
	}
	var s guardState
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("cannot read %s: %w", d.guardState(), err)
	}
	return &s, nil
}

func (d Dirs) writeGuard(s *guardState) error {
	data, err := json.Marshal(s)
	if err != nil {
		return fmt.Errorf("cannot encode the guard's state: %w", err)
	}
	if err := os.MkdirAll(d.guard(), 0o700); err != nil {
		return fmt.Errorf("cannot keep the guard's state: %w", err)
	}
	return atomicfile.Write(d.guardState(), data, 0o600)
}

// bootTime reads CLOCK_BOOTTIME, in nanoseconds.
func bootTime() (int64, error) {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return 0, fmt.Errorf("cannot read the clock: %w", err)
	}
	return t.Nano(), nil
}

// Guard waits for the confirmation of guarded changes, as `lvsup-agent guard`,
// and takes them back when their time is over, or at once when somebody ends it
// by SIGTERM: only the confirmation says that the host is still found. A shutdown
// ends it so too, and then the rollback does no harm: the next boot has the old
// state anyway. It returns when that is done.
func (a *Agent) Guard(ctx context.Context) error {
	state, err := a.dirs.readGuard()
	switch {
	case err != nil || state == nil:
		return err
	case state.Outcome == wire.OutcomeRolledBack && state.Left != "":
		return a.keepTrying(ctx, state)
	case state.Outcome != "":
		return nil
	}
	now, err := bootTime()
	if err != nil {
		return err
	}
	post, err := openPost(a.dirs.guardSocket())
	if err != nil {
		return err
	}
	defer post.close()
	// A guard that was killed lost the lock with its process. At the first start
	// the agent has it, and sends it.
	if l, err := takeLock(a.dirs.Run, guardHolder(state.Nonce)); err == nil {
		a.lock = l
	}
	wait, cancel := context.WithTimeout(ctx, time.Duration(state.Deadline-now))
	defer cancel()
	for wait.Err() == nil {
		m, err := post.next(wait)
		if err != nil {
			break // only the end of wait ends the post
		}
		done, err := a.guardMessage(state, m)
		m.close()
		if done {
			return errors.Join(err, a.keepTrying(ctx, state))
		}
		if err != nil { // whoever asked is gone; that ends no guard
			a.log.Warn().Err(err).Str("op", m.Op).Msg("a message of the guard got no answer")
		}
	}
	if now, err := a.dirs.readGuard(); err == nil && now != nil && (now.Nonce != state.Nonce || now.Outcome != "") {
		return nil // called off, or another run's guard has taken over
	}
	if ctx.Err() != nil {
		state.Cause = "the guard was told to end before its time"
	}
	return errors.Join(a.rollBack(state), a.keepTrying(ctx, state))
}

// guardMessage answers one message, and reports whether the guard is no longer
// needed.
func (a *Agent) guardMessage(state *guardState, m *message) (done bool, err error) {
	if m.Nonce != state.Nonce {
		return false, m.answer(reply{Says: "another run's changes are waiting here"})
	}
	switch m.Op {
	case msgHold:
		if m.lock != nil {
			a.lock.release()
			a.lock = &lock{file: m.lock}
			m.lock = nil
		}
		return false, m.answer(reply{OK: true})
	case msgApplied:
		state.Applied = true
		if err := a.dirs.writeGuard(state); err != nil {
			state.Applied = false
			return false, m.answer(reply{Says: err.Error()})
		}
		return false, m.answer(reply{OK: true})
	case msgUndo:
		state.Cause = m.Cause
		err := a.rollBack(state)
		return true, errors.Join(err, m.answer(reply{OK: true, Outcome: state.Outcome, Left: state.Left}))
	case msgConfirm:
		if !state.Applied {
			return false, m.answer(reply{Says: "the changes are still being made"})
		}
		state.Outcome = wire.OutcomeConfirmed
		if err := a.dirs.writeGuard(state); err != nil {
			state.Outcome = ""
			return false, m.answer(reply{Says: err.Error()})
		}
		return true, m.handOver(reply{OK: true, Outcome: state.Outcome}, a.lock)
	}
	return false, m.answer(reply{Says: "unknown message"})
}
