package plans

import "fmt"

// Severity tells an error, which stops the run, from a warning.
type Severity string

// The severities.
const (
	Error   Severity = "error"
	Warning Severity = "warning"
)

// Pos is a place in a plan file. Line and Column count from 1, Column in
// characters, Byte from 0.
type Pos struct {
	Line   int `json:"line"`
	Column int `json:"column"`
	Byte   int `json:"byte"`
}

// Range is the span of text that a diagnostic points at. The zero Range has no
// place in a file.
type Range struct {
	File  string `json:"file"`
	Start Pos    `json:"start"`
	End   Pos    `json:"end"`
}

// String gives FILE:LINE:COLUMN.
func (r Range) String() string {
	if r.File == "" {
		return "-"
	}
	return fmt.Sprintf("%s:%d:%d", r.File, r.Start.Line, r.Start.Column)
}

// Source remembers where the parts of a block stood: the block's header under
// "", each attribute's value under its name.
type Source map[string]Range

// At returns where the attribute stood, or the block's header if the plan did
// not write that attribute.
func (s Source) At(attribute string) Range {
	if r, ok := s[attribute]; ok {
		return r
	}
	return s[""]
}

// said reports whether the plan wrote the attribute. Of what was not read from a
// file, everything counts as written.
func (s Source) said(attribute string) bool {
	_, ok := s[attribute]
	return ok || s == nil
}

// Diagnostic is one mistake or doubt about a plan.
type Diagnostic struct {
	Severity Severity `json:"severity"`
	Summary  string   `json:"summary"`          // one line, no trailing stop
	Detail   string   `json:"detail,omitempty"` // what to write instead
	Subject  Range    `json:"subject"`
	// Values are what the references at Subject stand for, a line each: "var.port
	// is 70000". Sensitive ones are only said to be so.
	Values string `json:"values,omitempty"`
}
