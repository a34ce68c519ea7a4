package selinux

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
)

// Paths of SELinux: what it does at boot (selinux_config(5)) and what it does
// now (security/selinux/selinuxfs.c: "1" enforces, "0" only logs).
const (
	configPath  = "/etc/selinux/config"
	enforcePath = "/sys/fs/selinux/enforce"
)

// The IDs of this kind.
func liveID() step.ID { return step.ID{Key: "SELinux", Field: "live"} }

func configID() step.ID { return step.ID{Key: configPath, Field: step.ContentField} }

// Observed is what SELinux does on a host.
type Observed struct {
	Live      string // Enforcing, Permissive, or "" where the kernel does not run it
	HasConfig bool
	Config    string // content of /etc/selinux/config
}

// New makes the kind.
func New(h host.Host) step.Kind[Desired, Observed] {
	w := worker{h}
	return step.Kind[Desired, Observed]{
		Name:     "selinux",
		Validate: Validate,
		Observe:  w.observe,
		Diff:     Diff,
		Apply:    w.apply,
		Commands: commands,
		Guard:    w.guard(),
	}
}

// Diff compares. What is out of the way already is not adopted: the file is
// the distribution's, and nothing of it would be lvsup's.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	seen, wanted := step.State{}, step.State{}
	if have.Live != "" {
		seen[liveID()] = have.Live
	}
	if have.HasConfig {
		seen[configID()] = step.EncodeBytes([]byte(have.Config))
	}
	live := map[string]string{Enforcing: Enforcing, Permissive: Permissive, Disabled: Permissive}[want.Policy]
	// Without a configuration there is no policy to enforce, whatever the kernel has.
	if live == Enforcing && !have.HasConfig {
		live = ""
	}
	if live == Enforcing && have.Live == "" {
		return append(step.Reconcile(wanted, owned, seen), cannotEnforce())
	}
	if live != "" {
		if _, mine := owned[liveID()]; have.Live != "" && (have.Live != live || mine) {
			wanted[liveID()] = live
		}
		edited := edit(have.Config, want.Policy)
		if _, mine := owned[configID()]; have.HasConfig && (edited != have.Config || mine) {
			wanted[configID()] = step.EncodeBytes([]byte(edited))
		}
	}
	changes := step.Reconcile(wanted, owned, seen)
	for i := range changes {
		explain(&changes[i], want.Policy)
	}
	return changes
}

// explain adds what a person should know about a change, and guards the one that
// may lock him out.
func explain(c *step.Change, policy string) {
	switch {
	case !c.Action.Mutates() || c.Action.Removes():
	case policy == Disabled && c.ID == configID():
		c.Why = "SELinux is off from the next boot on; until then it is permissive"
	case policy == Enforcing && c.ID == configID():
		c.Boot = true
	case policy == Enforcing && c.ID == liveID():
		c.Why = "what the policy has only logged so far is denied from now on: ausearch -m AVC shows it"
		c.Guarded = "SELinux may deny what SSH needs on this host"
	}
}

// cannotEnforce refuses to switch SELinux on. Files written while it is off have
// no labels, and a system full of those may not come up: they are given at boot,
// while it is permissive still.
func cannotEnforce() step.Change {
	return step.Change{
		Action: step.Update, ID: liveID(), From: Disabled, To: Enforcing,
		Blocked: "SELinux is off: to switch it on, every file has to be labelled, and the host booted again. " +
			"Set SELINUX=permissive in " + configPath + ", have the kernel start with it (no selinux=0 on its command line; Debian: selinux-activate), " +
			"run `fixfiles -F onboot`, reboot, and apply again",
	}
}

// edit sets SELINUX= where the file says another mode; one that is off stays off,
// except for a policy of Enforcing.
// The last such line counts, as libselinux reads it; others stay.
func edit(config, policy string) string {
	lines := strings.SplitAfter(config, "\n")
	last := -1
	for i, line := range lines {
		if strings.HasPrefix(strings.TrimSpace(line), "SELINUX=") {
			last = i
		}
	}
	if last < 0 {
		if config != "" && !strings.HasSuffix(config, "\n") {
			config += "\n"
		}
		return config + "SELINUX=" + policy + "\n"
	}
	_, value, _ := strings.Cut(lines[last], "=")
	switch mode := strings.ToLower(strings.TrimSpace(value)); {
	case mode == policy, mode == Disabled && policy != Enforcing:
		return config
	}
	ending := ""
	if strings.HasSuffix(lines[last], "\n") {
		ending = "\n"
	}
	lines[last] = "SELINUX=" + policy + ending
	return strings.Join(lines, "")
}

// commands are what a person would type.
func commands(_ Desired, c step.Change) []string {
	switch {
	case !c.Action.Mutates() || c.Blocked != "":
		return nil
	case c.ID == liveID() && c.To == Enforcing:
		return []string{"setenforce 1"}
	case c.ID == liveID():
		return []string{"setenforce 0"}
	}
	if mode, ok := oneLine(c); ok {
		return []string{"sed -i 's/^SELINUX=.*/SELINUX=" + mode + "/' " + configPath}
	}
	return step.FileCommands(c, 0o644)
}

// oneLine gives the mode that the file's only line SELINUX= comes to hold, if
// nothing else of the file changes.
func oneLine(c step.Change) (mode string, ok bool) {
	line := regexp.MustCompile(`(?m)^SELINUX=.*$`)
	after, found := strings.CutPrefix(line.FindString(c.To), "SELINUX=")
	if !found || strings.Trim(after, "abcdefghijklmnopqrstuvwxyz") != "" {
		return "", false
	}
	return after, c.Action != step.Create && line.ReplaceAllString(c.From, "SELINUX="+after) == c.To
}

type worker struct{ host host.Host }

func (w worker) observe(_ context.Context, want Desired, owned step.Owned) (Observed, error) {
	var have Observed
	if (want.Policy == "" || want.Policy == Unmanaged) && len(owned) == 0 {
		return have, nil
	}
	if data, err := os.ReadFile(w.host.Path(enforcePath)); err == nil {
		have.Live = Permissive
		if strings.TrimSpace(string(data)) == "1" {
			have.Live = Enforcing
		}
	}
	data, ok, err := atomicfile.Read(w.host.Path(configPath))
	have.HasConfig, have.Config = ok, string(data)
	return have, err
}

func (w worker) apply(ctx context.Context, _ Desired, changes []step.Change) (int, error) {
	for done, c := range changes {
		if err := step.Next(ctx, c); err != nil {
			return done, err
		}
		if !c.Action.Mutates() {
			continue
		}
		var err error
		switch {
		case c.ID == liveID():
			err = w.enforce(c.To == Enforcing)
		case c.Action == step.Delete:
			err = atomicfile.Remove(w.host.Path(configPath))
		default:
			var data []byte
			if data, err = step.DecodeBytes(c.To); err == nil {
				err = atomicfile.Write(w.host.Path(configPath), data, 0o644)
			}
		}
		if err != nil {
			return done, err
		}
	}
	return len(changes), nil
}

// enforce is setenforce(8).
func (w worker) enforce(on bool) error {
	value := "0"
	if on {
		value = "1"
	}
	f, err := os.OpenFile(w.host.Path(enforcePath), os.O_WRONLY|os.O_TRUNC, 0)
	if err == nil {
		_, err = f.WriteString(value)
		if closing := f.Close(); err == nil {
			err = closing
		}
	}
	if err != nil {
		return fmt.Errorf("cannot switch SELinux between enforcing and permissive: %w; the policy may forbid it (getsebool secure_mode_policyload)", err)
	}
	return nil
}
