package report

import (
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/step"
)

// StreamVersion is the version of what --json prints, as docs/json.md describes
// it. It grows when a field goes or changes its meaning; a new field or a new type
// of line is no new version.
const StreamVersion = 1

// LineType says what a line of the stream is about. The events of a run are lines
// of their own type.
type LineType string

// The lines that are no events of a run.
const (
	LineBegin   LineType = "begin"      // the first of what works over time
	LineNotice  LineType = "notice"     // something that a person should know
	LinePlan    LineType = "plan"       // what will be done now
	LineStep    LineType = "step_begun" // of the lab
	LineStepEnd LineType = "step_done"
	LineCluster LineType = "cluster" // the result of one of several clusters
	LineResult  LineType = "result"  // the last
)

// Header is in every line of the stream.
type Header struct {
	Version int       `json:"version"` // StreamVersion
	Time    time.Time `json:"time"`    // UTC
	Type    LineType  `json:"type"`
}

// NewHeader is the header of a line that is printed at some time.
func NewHeader(t LineType, now time.Time) Header {
	return Header{Version: StreamVersion, Time: now.UTC().Truncate(time.Millisecond), Type: t}
}

// BeginLine is the first line of a command that works over time, for each cluster.
type BeginLine struct {
	Header
	Command string `json:"command"`
	Cluster string `json:"cluster,omitempty"`
	Build   string `json:"build"`
}

// NoticeLine is something that a person should know.
type NoticeLine struct {
	Header
	Text string `json:"text"`
}

// StageLine is a stage that begins or is over.
type StageLine struct {
	Header
	Stage   string   `json:"stage"`
	Reverse bool     `json:"reverse,omitempty"`
	Hosts   []string `json:"hosts,omitempty"`
	Took    float64  `json:"took_seconds,omitempty"`
}

// HostLine is what happens on one host in a stage.
type HostLine struct {
	Header
	Stage   string       `json:"stage"`
	Host    string       `json:"host"`
	Reverse bool         `json:"reverse,omitempty"`
	Notes   []string     `json:"notes,omitempty"`
	Changes int          `json:"changes,omitempty"`
	Done    []DoneChange `json:"done,omitempty"`
	Error   string       `json:"error,omitempty"`
	Took    float64      `json:"took_seconds,omitempty"`
}

// DoneChange names a change that was made. Its values are in the plan.
type DoneChange struct {
	Kind   string      `json:"kind"`
	Action step.Action `json:"action"`
	step.ID
}

// StepLine is a step of the lab's that begins or is over.
type StepLine struct {
	Header
	Step  string  `json:"step"`
	Error string  `json:"error,omitempty"`
	Took  float64 `json:"took_seconds,omitempty"`
}

// LineOf gives the line of the stream that tells of an event.
func LineOf(e Event, now time.Time) any {
	header, took := NewHeader(LineType(e.Type), now), e.Took.Round(time.Millisecond).Seconds()
	if e.Type == RunEnding {
		return NoticeLine{Header: NewHeader(LineNotice, now), Text: e.Note}
	}
	if e.Host == "" {
		return StageLine{Header: header, Stage: e.Stage, Reverse: e.Reverse, Hosts: e.Hosts, Took: took}
	}
	line := HostLine{Header: header, Stage: e.Stage, Host: e.Host, Reverse: e.Reverse, Changes: e.Changes(), Took: took}
	if e.Note != "" {
		line.Notes = strings.Split(e.Note, "\n")
	}
	if e.Err != nil {
		line.Error = e.Err.Error()
	}
	for _, kind := range e.Done {
		for _, c := range kind.Changes {
			line.Done = append(line.Done, DoneChange{Kind: kind.Kind, Action: c.Action, ID: c.ID})
		}
	}
	return line
}
