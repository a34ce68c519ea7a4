package report

import "slices"

// Code is the exit code of a command.
type Code int

// The exit codes.
const (
	Done        Code = 0   // done, or no changes
	Failed      Code = 1   // an error; nothing or not everything was done
	Changes     Code = 2   // changes or drift are there
	Partial     Code = 3   // some hosts failed
	Unreachable Code = 4   // a host could not be reached
	RolledBack  Code = 5   // a guarded change was taken back
	Stale       Code = 6   // the hosts are no longer what the plan saw
	Locked      Code = 7   // another run holds a host
	ProbeFailed Code = 8   // the end-to-end test failed
	Interrupted Code = 130 // SIGINT or SIGTERM
)

// severity orders the codes: the worst first.
var severity = []Code{Interrupted, RolledBack, Stale, Locked, Failed, Unreachable, Partial, ProbeFailed, Changes, Done}

// Worst gives the code that a command exits with when several apply.
func Worst(codes ...Code) Code {
	if all := Sorted(codes); len(all) > 0 {
		return all[0]
	}
	return Done
}

// Sorted gives each code once, the worst first, without Done.
func Sorted(codes []Code) []Code {
	var all []Code
	for _, s := range severity {
		if s != Done && slices.Contains(codes, s) {
			all = append(all, s)
		}
	}
	return all
}
