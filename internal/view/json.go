package view

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf16"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/schedule"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// Document is what a command prints with --json: one object, fields that do
// not apply left out.
type Document struct {
	Command     string                        `json:"command"`
	Cluster     string                        `json:"cluster,omitempty"` // of a plan with several, each of which has a document
	Plan        *plans.Plan                   `json:"plan,omitempty"`
	Since       []Since                       `json:"first_seen,omitempty"` // of drift
	Ignored     map[string]int                `json:"ignored,omitempty"`    // differences that rules leave out, by host
	Stale       []plans.Divergence            `json:"stale,omitempty"`      // how the hosts differ from what was shown
	Applied     bool                          `json:"applied,omitempty"`
	Probe       *report.Probe                 `json:"probe,omitempty"`
	Diagnosis   *report.Diagnosis             `json:"diagnosis,omitempty"`
	Status      map[string]*wire.IPVSResponse `json:"status,omitempty"`
	Jobs        []schedule.Installed          `json:"jobs,omitempty"`
	Diagnostics []plans.Diagnostic            `json:"diagnostics,omitempty"`
	Failures    []Failure                     `json:"failures,omitempty"`
	Notes       []report.HostNote             `json:"notes,omitempty"` // what a person should know of what was done
	Error       string                        `json:"error,omitempty"`
	Exit        report.Code                   `json:"exit"`            // the worst of Codes
	Codes       []report.Code                 `json:"codes,omitempty"` // all exit codes that apply, the worst first
}

// Failure is a failure on one host.
type Failure struct {
	Host  string `json:"host"`
	Stage string `json:"stage"`
	Error string `json:"error"`
}

// FailuresOf turns host errors into their JSON form.
func FailuresOf(all []*report.HostError) []Failure {
	var out []Failure
	for _, f := range all {
		out = append(out, Failure{f.Host, f.Stage, f.Err.Error()})
	}
	return out
}

// WriteJSON writes the document. encoding/json escapes the C0 controls; the
// other characters that a terminal may obey are escaped here.
func WriteJSON(w io.Writer, d *Document) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	if err := enc.Encode(d); err != nil {
		return err
	}
	var out strings.Builder
	for _, r := range text.String() {
		if unsafe(r) && r != '\n' {
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&out, `\u%04x`, unit)
			}
			continue
		}
		out.WriteRune(r)
	}
	_, err := io.WriteString(w, out.String())
	return err
}
