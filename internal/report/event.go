// Package report is what a run has to tell: progress, failures, what a probe
// saw, and the exit code that follows. It is plain data; package view prints it.
package report

import (
	"fmt"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// Event is progress: something began or ended on a host, or in the run as a
// whole when Host is empty.
type Event struct {
	Stage   string
	Host    string
	Note    string             // what a person should know about it, one thing a line
	Begun   bool               // the stage begins; otherwise it ended
	Going   bool               // the host is still at it, and Note says how far
	Done    []wire.KindChanges // what was changed
	Err     error
	Took    time.Duration
	Reverse bool // the reverse pass
}

// StageLock is when the hosts' locks are taken. It is reported only where a
// lock must be waited for.
const StageLock = "lock"

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
