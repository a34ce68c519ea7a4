package bench

import (
	"fmt"
	"slices"
	"time"
)

// The tools that are measured.
const (
	lvsup   = "lvsup"
	ansible = "Ansible"
	openSSH = "OpenSSH"
	// curve25519 is OpenSSH with the key exchange that lvsup's library agrees upon with
	// it: its own first choice, sntrup761, costs more than all the rest of a login.
	curve25519 = "OpenSSH with curve25519"
)

// The cases.
const (
	firstApply = "first apply"
	noChange   = "apply, nothing to do"
	drift      = "drift check, none found"
	oneChange  = "apply, one value of one host"
	// settling is none: Ansible's first look at hosts that lvsup has set up, to which it
	// adds only what lvsup does in another way.
	settling = "after lvsup"
)

// sample is what one run of one tool took.
type sample struct {
	wall    time.Duration
	cpu     time.Duration // of the coordinator: user and system
	memory  int64         // bytes, the most that it had at once; of lvsup alone
	traffic int64         // bytes between coordinator and hosts, both ways, headers included
}

// row is one line of the table: a case, on so many hosts, with so long a way to
// them. A tool's samples are in the order of the rounds.
type row struct {
	name    string
	hosts   int
	lab     bool          // they are guests of the lab, with kernels of their own
	trip    time.Duration // that was added
	samples map[string][]sample
}

// begun leaves out the rows that a failure came before.
func begun(rows []row) []row {
	return slices.DeleteFunc(rows, func(r row) bool { return len(r.samples[lvsup]) == 0 })
}

// ratio is how many times as long as lvsup another tool took, round by round.
type ratio struct {
	median, least, greatest float64
	rounds                  int
}

func (r row) ratio(tool string) (ratio, bool) {
	var all []float64
	ours, theirs := r.samples[lvsup], r.samples[tool]
	for i := range min(len(ours), len(theirs)) {
		all = append(all, theirs[i].wall.Seconds()/ours[i].wall.Seconds())
	}
	if len(all) == 0 {
		return ratio{}, false
	}
	return ratio{median(all), slices.Min(all), slices.Max(all), len(all)}, true
}

// String is the median, and from the least to the greatest if there are several.
func (r ratio) String() string {
	if r.rounds == 1 {
		return fmt.Sprintf("**%.2f** (one round)", r.median)
	}
	return fmt.Sprintf("**%.2f** (%.2f to %.2f)", r.median, r.least, r.greatest)
}

// median of what is not empty; of an even number the mean of the two in the middle.
func median[T int64 | float64 | time.Duration](values []T) T {
	sorted := slices.Sorted(slices.Values(values))
	n := len(sorted)
	return (sorted[(n-1)/2] + sorted[n/2]) / 2
}

// of gives the median of one number of a tool's samples.
func of[T int64 | time.Duration](samples []sample, number func(sample) T) T {
	var all []T
	for _, s := range samples {
		all = append(all, number(s))
	}
	return median(all)
}
