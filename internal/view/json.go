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

// Document is the result of a command, the last line of --json: fields that do
// not apply are left out.
type Document struct {
	report.Header
	Command     string                        `json:"command"`
	Cluster     string                        `json:"cluster,omitempty"`  // which one, of a plan with several
	Clusters    []string                      `json:"clusters,omitempty"` // all of them, in the result of such a plan
	Shard       *Shard                        `json:"shard,omitempty"`
	Merged      *Merged                       `json:"merged,omitempty"`
	Plan        *plans.Plan                   `json:"plan,omitempty"`
	Since       []Since                       `json:"first_seen,omitempty"` // of drift
	Ignored     map[string]int                `json:"ignored,omitempty"`    // differences that rules leave out, by host
	Stale       []plans.Divergence            `json:"stale,omitempty"`      // how the hosts differ from what was shown
	Applied     bool                          `json:"applied,omitempty"`
	Rest        []report.Rest                 `json:"not_made,omitempty"` // of a run that ended early or had failures, in the order of execution
	Probe       *report.Probe                 `json:"probe,omitempty"`
	Diagnosis   *report.Diagnosis             `json:"diagnosis,omitempty"`
	Status      map[string]*wire.IPVSResponse `json:"status,omitempty"`
	Jobs        []schedule.Installed          `json:"jobs,omitempty"`
	Labs        []Lab                         `json:"labs,omitempty"`
	Files       []File                        `json:"files,omitempty"` // that were written, formatted or removed
	Text        string                        `json:"text,omitempty"`  // what was made for stdout: a plan, a picture, a formatted text
	Values      []Value                       `json:"values,omitempty"`
	Build       string                        `json:"build,omitempty"` // of lvsup version
	Diagnostics []plans.Diagnostic            `json:"diagnostics,omitempty"`
	Failures    []Failure                     `json:"failures,omitempty"`
	Notes       []report.HostNote             `json:"notes,omitempty"` // what a person should know of what was done
	Error       string                        `json:"error,omitempty"`
	Exit        report.Code                   `json:"exit"`            // the worst of Codes
	Codes       []report.Code                 `json:"codes,omitempty"` // all exit codes that apply, the worst first
}

// Shard is the share of one of several coordinators.
type Shard struct {
	Index    int      `json:"index"` // from 1
	Of       int      `json:"of"`
	Plan     string   `json:"plan"`     // the same for the shards of one plan
	Clusters []string `json:"clusters"` // that have hosts in it
}

// Failure is a failure on one host.
type Failure struct {
	Host  string `json:"host"`
	Stage string `json:"stage"`
	Error string `json:"error"`
}

// File is a file that a command wrote, formatted or removed.
type File struct {
	File string `json:"file"`
	// Diff is what fmt --diff shows, a patch.
	Diff string `json:"diff,omitempty"`
}

// Value is what the console answered.
type Value struct {
	Expression string `json:"expression"`
	// Value is nil where there is none: Diagnostics say why.
	Value       json.RawMessage    `json:"value,omitempty"`
	Diagnostics []plans.Diagnostic `json:"diagnostics,omitempty"`
}

// Lab is a lab that is up, or was just switched on.
type Lab struct {
	Name      string     `json:"name"`
	Stack     string     `json:"stack"`
	SSHConfig string     `json:"ssh_config"` // path, for lvsup -F
	Already   bool       `json:"already,omitempty"`
	Guests    []LabGuest `json:"guests"`
}

// LabGuest is a host of a lab, or its client.
type LabGuest struct {
	Host       string   `json:"host"`
	On         bool     `json:"on"`
	Login      string   `json:"login"`      // ADDRESS of its sshd, inside the lab
	Interfaces []string `json:"interfaces"` // NAME:BRIDGE
}

// FailuresOf turns host errors into their JSON form.
func FailuresOf(all []*report.HostError) []Failure {
	var out []Failure
	for _, f := range all {
		out = append(out, Failure{f.Host, f.Stage, f.Err.Error()})
	}
	return out
}

// WriteJSON writes the document by itself, over several lines.
func WriteJSON(w io.Writer, d *Document) error { return encode(w, d, "  ") }

// encode writes a value and a newline, in one write. encoding/json escapes the C0
// controls; the other characters that a terminal may obey are escaped here.
func encode(w io.Writer, value any, indent string) error {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetIndent("", indent)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(value); err != nil {
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
