package report

import "github.com/lvsup/lvsup/plans"

// Diagnosis is what doctor found.
type Diagnosis struct {
	Vantage  string    `json:"vantage"`           // who asked the VIP; empty: nobody could
	NotRun   []string  `json:"not_run,omitempty"` // what could not be looked at, and why
	Findings []Finding `json:"findings"`          // none: all is well
}

// Failed reports whether traffic suffers, or would.
func (d *Diagnosis) Failed() bool {
	for _, f := range d.Findings {
		if f.Severity == plans.Error {
			return true
		}
	}
	return false
}

// Finding is one cause, on all the hosts that have it.
type Finding struct {
	Code     string         `json:"code"` // stable, as docs/doctor.md lists it
	Severity plans.Severity `json:"severity"`
	Hosts    []string       `json:"hosts"`
	Title    string         `json:"title"`
	Seen     []string       `json:"seen"`              // with the host and the values
	Mistake  string         `json:"mistake"`           // which rule of LVS it breaks
	Fixes    []Fix          `json:"fixes"`             // all of them together mend it
	Follows  []string       `json:"follows,omitempty"` // what comes of it
}

// Fix is a thing to do: a command, or what to do in words.
type Fix struct {
	Host    string `json:"host,omitempty"` // where; empty: on this machine
	Command string `json:"command,omitempty"`
	Text    string `json:"text,omitempty"`
}
