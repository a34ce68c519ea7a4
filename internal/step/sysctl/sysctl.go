package sysctl

import (
	"fmt"
	"sort"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/procsys"
	"github.com/lvsup/lvsup/internal/shell"
	"github.com/lvsup/lvsup/internal/step"
)

// Name is the kind's name.
const Name = "sysctl"

// File is the drop-in. Its name sorts after what distributions ship, and before
// 99-sysctl.conf, the link to the /etc/sysctl.conf that people edit: both readers
// then agree that a line there comes after lvsup's, and what a person wrote is
// named as a conflict rather than silently beaten.
const File = "/etc/sysctl.d/99-lvsup.conf"

// The fields of a parameter's IDs.
const (
	live = "live" // the kernel's value
	boot = "boot" // what a file other than lvsup's makes of it at boot
	// what the kernel makes of it, where another parameter has a say
	effective = "effective"
)

// Observed is what a host has of the parameters that are wanted or owned.
type Observed struct {
	// Live holds the kernel's values by the names that the plan uses, blanks
	// made single, and those of Others.
	Live map[string]string
	// Others are parameters that have a say in what the wanted ones do: of an
	// interface for what is wanted of all, and the reverse. Sorted.
	Others []string
	// File is the drop-in's content; FileThere says whether it exists.
	File      string
	FileThere bool
	// Boot holds the files that each reader applies, in its order.
	Boot map[procsys.Reader][]procsys.File
}

// Diff compares.
func Diff(want Desired, owned step.Owned, have Observed) []step.Change {
	wanted, seen := step.State{}, step.State{}
	for name, value := range want.Settings {
		wanted[step.ID{Key: name, Field: live}] = normal(value)
	}
	file := step.ID{Key: File, Field: step.ContentField}
	if len(want.Settings) > 0 {
		wanted[file] = render(want)
	}
	for name, value := range have.Live {
		if _, mine := owned[step.ID{Key: name, Field: live}]; !mine && want.Settings[name] == "" {
			continue
		}
		seen[step.ID{Key: name, Field: live}] = value
	}
	if have.FileThere {
		seen[file] = step.EncodeBytes([]byte(have.File))
	}
	changes := append(overridden(want, have), outdone(want, have)...)
	for _, c := range step.Reconcile(wanted, owned, seen) {
		if c.Action == step.Delete && c.Field == live {
			// A parameter cannot be taken away.
			why := "it had this value before lvsup"
			if owned[c.ID].Action == step.Create {
				why = "it came with ip_vs, and has the kernel's own value again when that is next loaded"
			}
			c = step.Change{Action: step.Forget, ID: c.ID, From: c.From, Why: why}
		}
		changes = append(changes, c)
	}
	order(changes)
	return changes
}

// overridden gives a blocked change for each parameter that another file sets
// to something else after lvsup's own.
func overridden(want Desired, have Observed) []step.Change {
	var changes []step.Change
	for _, name := range want.names() {
		value := normal(want.Settings[name])
		for _, r := range []procsys.Reader{procsys.Systemd, procsys.Procps} {
			files := procsys.Place(have.Boot[r], File, render(want))
			winner, ok := procsys.Effective(r, files, name)
			if !ok || winner.File == File || !winner.Excluded && equal(winner.Value, value) {
				continue
			}
			changes = append(changes, step.Change{
				Action: step.Update, ID: step.ID{Key: name, Field: boot},
				From: normal(winner.Value), To: value, Blocked: conflict(winner, r),
			})
			break
		}
	}
	return changes
}

// equal compares what a file sets with what is wanted. Neither reader knows
// comments behind a value, but the kernel stops at the first thing that is no
// number.
func equal(set, wanted string) bool {
	before, _, _ := strings.Cut(set, " #")
	return normal(set) == wanted || normal(before) == wanted
}

func conflict(winner procsys.Setting, r procsys.Reader) string {
	when := "at boot it would win"
	if r == procsys.Procps {
		when = "`sysctl --system` would let it win"
	}
	if winner.Excluded {
		return fmt.Sprintf("%s takes %s out again after lvsup's own file, %s: delete that line", winner, winner.Name, when)
	}
	return fmt.Sprintf("%s sets %s = %s after lvsup's own file, %s: delete that line", winner, winner.Name, winner.Value, when)
}

// render is the drop-in's content.
func render(want Desired) string {
	var b strings.Builder
	b.WriteString("# Written by lvsup from its plan; an edit here is overwritten by the next apply.\n")
	names := want.names()
	sort.SliceStable(names, func(i, j int) bool { return first(names[i]) && !first(names[j]) })
	for _, name := range names {
		fmt.Fprintf(&b, "%s = %s\n", name, normal(want.Settings[name]))
	}
	return b.String()
}

// order puts what is blocked before everything, live values before the file, so
// that what the kernel refuses is never kept for the next boot, and forwarding
// before the other live values, for its side effect.
func order(changes []step.Change) {
	rank := func(c step.Change) int {
		r := 0
		if c.Action.Removes() {
			r = 10
		}
		switch {
		case c.Field == boot || c.Field == effective:
			return r
		case c.Field == live && first(c.Key):
			return r + 1
		case c.Field == live:
			return r + 2
		}
		return r + 3
	}
	step.Sort(changes)
	sort.SliceStable(changes, func(i, j int) bool { return rank(changes[i]) < rank(changes[j]) })
}

// first says that the parameter is IPv4 forwarding, by either name.
func first(name string) bool { return len(procsys.Aliases(name)) > 1 }

// follows says that the kernel sets the parameter whenever forwarding changes.
func follows(name string) bool {
	return name == "net.ipv4.conf.all.accept_redirects" ||
		!first(name) && strings.HasPrefix(name, "net.ipv4.conf.") && strings.HasSuffix(name, ".forwarding")
}

// Commands are what a person would type for the change.
func Commands(want Desired, c step.Change) []string {
	switch {
	case !c.Action.Mutates() || c.Blocked != "":
		return nil
	case c.Field != live:
		return step.FileCommands(c, 0o644)
	}
	var commands []string
	if strings.HasPrefix(c.Key, vsPrefix) {
		commands = append(commands, "modprobe ip_vs") // it has its parameters with it
	}
	commands = append(commands, typed(c.Key, c.To))
	for _, name := range want.names() {
		if first(c.Key) && follows(name) {
			commands = append(commands, typed(name, normal(want.Settings[name])))
		}
	}
	return commands
}

func typed(name, value string) string { return shell.Quote("sysctl", "-w", name+"="+value) }

// vsPrefix begins the parameters that come with ip_vs.
const vsPrefix = "net.ipv4.vs."
