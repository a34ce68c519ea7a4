// Package report is what a run has to tell: progress, failures, what a probe
// saw, and the exit code that follows. It is plain data; package view prints it.
package report

import (
	"fmt"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// EventType says what happened.
type EventType string

// The events of a run. Between StageBegun and StageDone of a stage, each of its
// hosts has a HostBegun and a HostDone, with what it says meanwhile between them.
const (
	StageBegun   EventType = "stage_begun"
	HostBegun    EventType = "host_begun"
	HostProgress EventType = "host_progress" // the host is still at it, and Note says how far
	HostWaits    EventType = "host_waits"    // somebody else holds the host, and Note says who
	HostDone     EventType = "host_done"     // or failed: Err says why
	StageDone    EventType = "stage_done"
	RunEnding    EventType = "ending" // somebody ends the run early, and Note says which hosts are waited for
)

// Event is progress of a run.
type Event struct {
	Type    EventType
	Stage   string
	Host    string             // empty in events of a stage as a whole
	Hosts   []string           // StageBegun: who takes part
	Note    string             // what a person should know about it, one thing a line
	Done    []wire.KindChanges // HostDone: what was changed
	Err     error
	Took    time.Duration // HostDone, StageDone
	Reverse bool          // the reverse pass
	// Quiet events are of interest only while they happen, or to a program: they
	// leave no line behind.
	Quiet bool
	At    time.Time // when it happened, where it is told later; else zero
}

// Changes is how many changes were made, without those that only follow another.
func (e Event) Changes() int {
	n := 0
	for _, k := range e.Done {
		for _, c := range k.Changes {
			if !c.Follows {
				n++
			}
		}
	}
	return n
}

// The stages that are none of a plan's: they change nothing on a host.
const (
	StageLock    = "lock"    // the hosts' locks are taken
	StageObserve = "observe" // the hosts are compared with the plan
	StageCheck   = "check"   // what may keep the plan from working is looked for
	StageLook    = "look"    // the ways that packets take now are looked at
	StageRemove  = "remove"  // lvsup's own files go
)

// Rest is what a run did not make in one stage.
type Rest struct {
	Stage   string   `json:"stage"`
	Reverse bool     `json:"reverse,omitempty"` // of the reverse pass: removals
	Hosts   []string `json:"hosts"`
	Changes int      `json:"changes"`
}

// Title is the stage as it is printed.
func (r Rest) Title() string {
	if r.Reverse {
		return r.Stage + " (removals)"
	}
	return r.Stage
}

// HostError is a failure on one host.
type HostError struct {
	Host  string
	Stage string
	Err   error
}

// Error gives HOST: STAGE: CAUSE.
func (e *HostError) Error() string { return fmt.Sprintf("%s: %s: %v", e.Host, e.Stage, e.Err) }

// Unwrap gives the cause.
func (e *HostError) Unwrap() error { return e.Err }

// HostNote is what a person should know of what was done to a host.
type HostNote struct {
	Host  string `json:"host"`
	Stage string `json:"stage"`
	Text  string `json:"text"`
}
