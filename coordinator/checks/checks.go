// Package checks finds what keeps packets from their way through a cluster. A
// check is a pure function over the facts that were gathered from all hosts.
//
// To add one: write a function that gives a Found for each host that has the
// fault, put a Check into All at the place where its causes stand before it, and
// say in docs/doctor.md what it looks like. What it must know of a host that is
// not in Facts yet is asked for in questions.go.
package checks

import (
	"net/netip"
	"slices"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/plans"
)

// Check is one kind of fault.
type Check struct {
	Code  string // stable: scripts go by it
	Title string // what is wrong, as a line
	// Mistake is the rule of LVS that is broken, as a tutorial would have it.
	Mistake string
	// Before says what an apply does about it before it lets the director send
	// traffic.
	Before Before
	// Hides are the codes of what follows from it; they come later in All. "*"
	// is all that do.
	Hides []string
	Find  func(*Facts) []Found
}

// Before is what an apply does about a fault before the director sends traffic.
type Before int

// What an apply does. What is no error, or about a backend that is no host of
// the plan, is only noted.
const (
	Later Before = iota // cannot be judged before there is traffic
	Note                // says it and goes on
	Hold                // sends nothing to that host, or stops where it is the director's
)

// Found is a fault on one host.
type Found struct {
	Host     string
	About    []string       // other hosts whose faults may be the cause
	Severity plans.Severity // plans.Error if empty
	Seen     string
	Fixes    []report.Fix
	// Backend is the one that a fault of the director's is about, if it is about
	// one only: the others may get traffic.
	Backend netip.Addr
}

// All lists every check. What causes others stands before them.
func All() []Check {
	return []Check{
		clockSkew(),
		linkDown(), vipPrefix(), addressMissing(), duplicateAddress(), wrongWire(),
		serviceMissing(), backendMissing(), weightZero(), wrongForwarding(), portIgnored(),
		vipMissing(), vipElsewhere(), vipOnWire(), arpIgnore(), arpAnnounce(),
		noRoute(), notOnLink(), noForwarding(), natGateway(), clientBeside(), drGateway(),
		tunnelDown(), rpFilter(), tunMTU(),
		notListening(), listensElsewhere(),
		firewallServer(), firewallDirector(), forwardDrop(),
		vipMACs(), backendSilent(), serviceSilent(),
	}
}

// Run runs the checks and gives each cause once: what follows from another
// finding is listed there.
func Run(all []Check, f *Facts) []report.Finding {
	found := locate(all, f)
	var findings []report.Finding
	place := map[int]int{} // of a found's finding
	for i, one := range found {
		if one.cause >= 0 {
			continue
		}
		at := slices.IndexFunc(findings, func(r report.Finding) bool {
			return r.Code == all[one.check].Code && r.Severity == one.Severity
		})
		if at < 0 {
			c := all[one.check]
			at = len(findings)
			findings = append(findings, report.Finding{Code: c.Code, Severity: one.Severity, Title: c.Title, Mistake: c.Mistake})
		}
		place[i] = at
		merge(&findings[at], one.Found)
	}
	for i, one := range found {
		if one.cause < 0 {
			continue
		}
		root := i
		for found[root].cause >= 0 {
			root = found[root].cause
		}
		at := &findings[place[root]]
		at.Follows = add(at.Follows, one.line())
	}
	return findings
}

// locate runs the checks and says which of what they found follows from which.
func locate(all []Check, f *Facts) []located {
	var found []located
	for i, c := range all {
		for _, one := range c.Find(f) {
			if one.Severity == "" {
				one.Severity = plans.Error
			}
			found = append(found, located{Found: one, check: i, cause: -1})
		}
	}
	for i := range found {
		found[i].cause = slices.IndexFunc(found[:i], func(c located) bool {
			return c.check < found[i].check && c.explains(all, found[i])
		})
	}
	return found
}

// located is a found with the check that it is of.
type located struct {
	Found
	check int
	cause int // index of the found that it follows from, -1 for none
}

// explains reports whether the other follows from this one.
func (l located) explains(all []Check, other located) bool {
	hides := all[l.check].Hides
	if l.Severity != plans.Error || !slices.Contains(hides, "*") && !slices.Contains(hides, all[other.check].Code) {
		return false
	}
	return l.Host == other.Host || slices.Contains(other.About, l.Host)
}

// line is what was seen, with the host.
func (f Found) line() string {
	if f.Host == "" {
		return f.Seen
	}
	return f.Host + ": " + f.Seen
}

func merge(r *report.Finding, f Found) {
	if f.Host != "" {
		r.Hosts = add(r.Hosts, f.Host)
	}
	r.Seen = add(r.Seen, f.line())
	for _, fix := range f.Fixes {
		r.Fixes = add(r.Fixes, fix)
	}
}

// add appends what is not there yet.
func add[T comparable](all []T, one T) []T {
	if slices.Contains(all, one) {
		return all
	}
	return append(all, one)
}
