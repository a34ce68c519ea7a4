package packages

import (
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/pkgmgr"
	"github.com/lvsup/lvsup/internal/shell"
	"github.com/lvsup/lvsup/internal/step"
)

// Field is the Field of every ID of this kind; the Key is the package's name on
// the host.
const Field = "package"

// Value is what an installed package is compared with.
const Value = string(pkgmgr.Installed)

// Observed is what a host has of the packages that the plan or the record
// names.
type Observed struct {
	Manager string                  // the command a person types; empty if nothing had to be asked
	Wanted  []string                // the plan's packages by the host's names, sorted
	States  map[string]pkgmgr.State // of all that are not wholly absent
	With    map[string][]string     // missing package -> what its installation brings, where known
	// Left are packages that the plan no longer wants and of which something
	// is still there, be it only what came along.
	Left map[string]bool
	// Needed are packages that the plan no longer wants and that others need.
	Needed map[string][]string
	// Stay are packages that came with one that can go, and must stay since
	// others need them.
	Stay map[string][]string
	// Goes are packages that came with one that can go, and go with it.
	Goes map[string][]string
}

// New makes the kind.
func New(h host.Host) step.Kind[Desired, Observed] {
	return newKind(worker{host: h, detect: func() (pkgmgr.Manager, error) { return pkgmgr.Detect(h) }})
}

func newKind(w worker) step.Kind[Desired, Observed] {
	return step.Kind[Desired, Observed]{
		Name:     "packages",
		Validate: Validate,
		Observe:  w.observe,
		Diff:     Diff,
		Apply:    w.apply,
		Commands: w.commands,
	}
}

func id(name string) step.ID { return step.ID{Key: name, Field: Field} }

// Diff compares. A package that is there and was not lvsup's doing appears on
// neither side, so it is never adopted.
func Diff(_ Desired, owned step.Owned, have Observed) []step.Change {
	want, seen := step.State{}, step.State{}
	for _, name := range have.Wanted {
		state := have.States[name]
		if _, mine := owned[id(name)]; mine || state != pkgmgr.Installed {
			want[id(name)] = Value
		}
		if state != "" {
			seen[id(name)] = string(state)
		}
	}
	for i, entry := range owned {
		if _, wanted := want[i]; wanted {
			continue
		}
		switch {
		case have.Left[i.Key]:
			// Half an installation of ours is ours too.
			seen[i] = entry.After
			if entry.Pending != nil {
				seen[i] = *entry.Pending
			}
		case have.States[i.Key] != "":
			seen[i] = string(have.States[i.Key])
		}
	}
	changes := step.Reconcile(want, owned, seen)
	for n := range changes {
		explain(&changes[n], have)
	}
	return changes
}

// explain adds what a person should know, and turns the removal of a package
// that others need into letting go of it.
func explain(c *step.Change, have Observed) {
	name := c.Key
	switch c.Action {
	case step.Create, step.Update:
		switch with, known := have.With[name]; {
		case !known:
			c.Why = "what it needs comes along"
		case len(with) > 0:
			c.Why = "brings " + strings.Join(with, ", ")
		}
	case step.Delete, step.Restore:
		if c.Action == step.Restore && c.To != string(pkgmgr.ConfigOnly) {
			// Nobody wants half an installation back.
			*c = step.Change{Action: step.Forget, ID: c.ID, From: c.From,
				Why: "left installed, since it was there before lvsup: " + c.To}
			return
		}
		if needed := have.Needed[name]; len(needed) > 0 {
			*c = step.Change{Action: step.Forget, ID: c.ID, From: c.From,
				Why: "left installed, since others need it now: " + strings.Join(needed, ", ")}
			return
		}
		var why []string
		if have.States[name] == "" {
			why = append(why, "it is gone")
		}
		if goes := have.Goes[name]; len(goes) > 0 {
			why = append(why, along+strings.Join(goes, ", "))
		}
		if stay := have.Stay[name]; len(stay) > 0 {
			why = append(why, "others need what came along, so it stays: "+strings.Join(stay, ", "))
		}
		c.Why = strings.Join(why, "; ")
	}
}

// along says which packages go with one.
const along = "with what came along: "

// commands names the package manager by what the host has, since Diff's result
// does not travel with it.
func (w worker) commands(_ Desired, c step.Change) []string {
	if !c.Action.Mutates() {
		return nil
	}
	m, err := w.detect()
	if err != nil {
		return nil
	}
	apt := m.Name() == "apt-get"
	switch {
	case !c.Action.Removes() && apt:
		return []string{"DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends " + c.Key}
	case !c.Action.Removes():
		return []string{m.Name() + " install -y --setopt=install_weak_deps=False " + c.Key}
	}
	names := []string{c.Key}
	for part := range strings.SplitSeq(c.Why, "; ") {
		if with, ok := strings.CutPrefix(part, along); ok {
			names = append(names, strings.Split(with, ", ")...)
		}
	}
	verb := map[bool]string{true: "purge", false: "remove"}[c.Action == step.Delete]
	if apt {
		return []string{"DEBIAN_FRONTEND=noninteractive apt-get " + verb + " -y --no-auto-remove " + shell.Quote(names...)}
	}
	return []string{m.Name() + " remove -y --setopt=clean_requirements_on_remove=False " + shell.Quote(names...)}
}

// sortedSet is a sorted copy without duplicates.
func sortedSet(names []string) []string {
	names = slices.Clone(names)
	slices.Sort(names)
	return slices.Compact(names)
}
