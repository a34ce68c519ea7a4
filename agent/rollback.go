package agent

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// How long a rollback is tried at once, and how long the pauses of a guard are
// that tries on: from the first, doubled each time, to the last.
const (
	rollbackTimeout = 30 * time.Second
	rollbackQuick   = 3 * time.Second
	retryFirst      = time.Second
	retryLast       = time.Minute
)

// guardHolder is the name of a guard in the host's lock.
func guardHolder(nonce string) string {
	return "the guard of network changes that are not confirmed (" + nonce + ")"
}

// rollBack takes the changes back and writes down how that went. What fails is
// tried again for some seconds: a DHCP client or a network service may have been
// at the same link.
func (a *Agent) rollBack(state *guardState) error {
	kind, known := a.kinds[state.Kind]
	if !known || kind.Guard() == nil {
		return fmt.Errorf("cannot take back changes of %s: this agent (%s) does not know how", state.Kind, a.build)
	}
	if a.lock != nil {
		a.lock.name(guardHolder(state.Nonce))
	}
	ctx, cancel := context.WithTimeout(context.Background(), rollbackTimeout)
	defer cancel()
	guard := kind.Guard()
	err := guard.Rollback(ctx, state.Snapshot)
	for begin := time.Now(); err != nil && time.Since(begin) < a.quick; {
		time.Sleep(a.quick / 10)
		err = guard.Rollback(ctx, state.Snapshot)
	}
	if err == nil {
		err = a.restoreRecord(state)
	}
	before := state.Left
	state.Outcome, state.Left, state.ByHand = wire.OutcomeRolledBack, "", nil
	if err != nil {
		text := err.Error()
		state.Left = strings.ToValidUTF8(text[:min(len(text), maxLeft)], "")
		if guard.ByHand != nil {
			state.ByHand = guard.ByHand(state.Snapshot)
		}
	}
	switch {
	case state.Left != "" && state.Left != before:
		a.shout(append([]string{"the rollback of this host's network changes is not complete: " + state.Left,
			"lvsup tries on; type this to bring back what is missing, or reboot: no boot file was written"}, state.ByHand...))
	case state.Left == "" && before != "":
		a.shout([]string{"the rollback of this host's network changes is complete now"})
	}
	return a.dirs.writeGuard(state)
}

func (a *Agent) restoreRecord(state *guardState) error {
	rec, err := a.store.load()
	if err != nil {
		return err
	}
	rec.Kinds[state.Kind] = state.Owned
	return a.store.save(rec)
}

// keepTrying goes on with a rollback that is not complete until it is, or until
// another run has taken the host over: what that one made must stay. Between two
// tries others can have the lock. It gives an error when it is told to end, so
// that systemd starts it again unless it was systemd that ended it.
func (a *Agent) keepTrying(ctx context.Context, state *guardState) error {
	if state.Outcome != wire.OutcomeRolledBack {
		return nil
	}
	for pause := retryFirst; state.Left != ""; pause = min(2*pause, retryLast) {
		a.lock.release()
		a.lock = nil
		select {
		case <-ctx.Done():
			return errors.New("cannot complete the rollback: " + state.Left)
		case <-time.After(pause):
		}
		holder, err := os.ReadFile(filepath.Join(a.dirs.Run, "lock"))
		if err != nil || !strings.HasPrefix(string(holder), guardHolder(state.Nonce)) {
			return nil
		}
		if a.lock, err = takeLock(a.dirs.Run, guardHolder(state.Nonce)); err != nil {
			return nil // another run has just taken it
		}
		if err := a.rollBack(state); err != nil {
			return err
		}
	}
	return nil
}

// shout tells whoever sits at the host's console, and all who are logged in.
// Messages of the kernel's highest level stand on every console, and journald
// passes them on to the terminals (journald.conf(5), ForwardToWall). A container
// may have no /dev/kmsg.
func (a *Agent) shout(lines []string) {
	a.log.Error().Msg(strings.Join(lines, "; "))
	prefix := "<0>lvsup: "
	f, err := os.OpenFile(a.host.Path("/dev/kmsg"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		prefix = "lvsup: "
		f, err = os.OpenFile(a.host.Path("/dev/console"), os.O_WRONLY|os.O_APPEND, 0)
	}
	if err != nil {
		return // the log has it
	}
	defer f.Close()
	for _, l := range lines {
		// One record a write, of less than 1 KiB (Documentation/ABI/testing/dev-kmsg).
		_, _ = f.WriteString(prefix + strings.Join(strings.Fields(l[:min(len(l), maxShout)]), " ") + "\n")
	}
}

// maxLeft bounds what a guard remembers of a rollback that is not complete, in bytes.
const maxLeft = 4096

// maxShout bounds a line of the console, in bytes.
const maxShout = 900
