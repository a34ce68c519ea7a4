package checks

import (
	"slices"

	"github.com/lvsup/lvsup/plans"
)

// Fault is what a check finds before there is traffic.
type Fault struct {
	Found
	Check Check
	Holds bool // otherwise it is only noted
	// Backends are the real servers of the plan that must get no traffic for it;
	// none if it is not about single ones.
	Backends []string
}

// Early runs the checks that can be judged before there is traffic.
func Early(f *Facts) []Fault {
	var all []Check
	for _, c := range All() {
		if c.Before != Later {
			all = append(all, c)
		}
	}
	var faults []Fault
	for _, one := range locate(all, f) {
		c := all[one.check]
		if one.cause >= 0 {
			continue
		}
		fault := Fault{Found: one.Found, Check: c, Holds: c.Before == Hold && one.Severity == plans.Error}
		switch h, ok := f.Cluster.Host(one.Host); {
		case ok && h.Role == plans.RoleRealServer:
			fault.Backends = []string{one.Host}
		case one.Backend.IsValid() && len(one.About) == 0:
			fault.Holds = false // no host of the plan: it may get its traffic already
		case one.Backend.IsValid():
			fault.Backends = one.About
		}
		if !slices.ContainsFunc(faults, func(x Fault) bool { return x.Host == fault.Host && x.Seen == fault.Seen }) {
			faults = append(faults, fault)
		}
	}
	return faults
}

// Text says what was seen, which mistake it stands for, and what to do in words
// or as a command, unless that is to apply the plan, which was just done.
func (f Fault) Text() string {
	text := f.Seen + " (" + f.Check.Code + ": " + f.Check.Mistake + ")"
	for _, fix := range f.Fixes {
		switch {
		case fix.Text != "":
			text += "; " + fix.Text
		case fix.Host != "":
			text += "; on " + fix.Host + ": " + fix.Command
		}
	}
	return text
}
