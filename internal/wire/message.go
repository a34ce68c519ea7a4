package wire

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/lvsup/lvsup/internal/step"
)

// Version is the protocol's version. Both sides must have the same one; since
// the coordinator pushes the agent it was built with, a mismatch means that
// something else answered.
const Version = 6

// Hello is the agent's first frame.
type Hello struct {
	Protocol int      `json:"protocol"`
	Build    string   `json:"build"` // what `lvsup version` prints
	Kinds    []string `json:"kinds"`
	Machine  string   `json:"machine"`  // uname -m
	Checksum string   `json:"checksum"` // of the agent's own file; empty if it cannot be read
}

// Checksum is how an agent's file is told from a damaged one: the CRC-32 (IEEE) of its
// bytes, and how many they are. That it is the right file its name says, which has a
// SHA-256 in it; the checksum is against a disk, not against a person.
func Checksum(crc uint32, size int64) string { return fmt.Sprintf("%08x/%d", crc, size) }

// Op names what a request asks for.
type Op string

// The operations. Each names the types of its request and response bodies.
const (
	OpFacts   Op = "facts"   // FactsRequest -> Facts
	OpClock   Op = "clock"   // none -> Clock
	OpObserve Op = "observe" // ObserveRequest -> ObserveResponse
	OpLock    Op = "lock"    // LockRequest -> none, or CodeLocked
	OpUnlock  Op = "unlock"  // none -> none: gives the lock back; the session stays
	OpApply   Op = "apply"   // ApplyRequest -> ApplyResponse
	OpConfirm Op = "confirm" // ConfirmRequest -> ConfirmResponse: keeps guarded changes
	OpFetch   Op = "fetch"   // FetchRequest -> FetchResponse
	OpARP     Op = "arp"     // ARPRequest -> ARPResponse
	OpPath    Op = "path"    // PathRequest -> Path
	OpIPVS    Op = "ipvs"    // none -> IPVSResponse: table and connections
	OpRemove  Op = "remove"  // none -> none: takes lvsup's own files away, when nothing is owned

	// These two may come at any time, also while a request is worked on, and have
	// no answer.
	OpAlive Op = "alive" // the coordinator is still there
	OpStop  Op = "stop"  // nothing more is to be begun: what is being applied ends after the change in hand
)

// AliveInterval is how often a side that has nothing else to say tells the other that
// it is still there: a coordinator always, an agent while it works on a request.
//
// An agent that hears nothing at all for Silence takes the connection for cut and ends
// as if its stdin had: TCP alone would notice a pulled cable only when it has
// something to send, which may be never. A coordinator that hears nothing for so long
// gives the agent up: its sshd may well answer while it stands still.
const (
	AliveInterval = 10 * time.Second
	Silence       = 60 * time.Second
)

// Request is one question or order from the coordinator.
type Request struct {
	ID   uint64          `json:"id"`
	Op   Op              `json:"op"`
	Body json.RawMessage `json:"body,omitempty"`
}

// Response answers the request with the same ID: Error, or Body. One with Progress or
// At is no answer yet, and more follows: it says how far the operation is, or only what
// the agent is at, and that it lives.
type Response struct {
	ID       uint64          `json:"id"`
	Progress string          `json:"progress,omitempty"` // one line of at most MaxProgress bytes
	At       string          `json:"at,omitempty"`       // "packages: create nginx"; at most MaxProgress bytes
	Error    *Error          `json:"error,omitempty"`
	Body     json.RawMessage `json:"body,omitempty"`
}

// MaxProgress bounds a progress text, and what the agent is at, in bytes.
const MaxProgress = 300

// ProgressInterval is the least time between two frames of an agent that are no
// answers, but for the last one before the answer.
const ProgressInterval = time.Second

// Code classifies an Error.
type Code string

// The error codes.
const (
	CodeUnsupported Code = "unsupported" // the agent does not know the operation
	CodeInvalid     Code = "invalid"     // the request's body is wrong
	CodeFailed      Code = "failed"      // the operation failed; the message says how
	CodeLocked      Code = "locked"      // another run holds the host
	CodeStale       Code = "stale"       // the host is no longer what the plan saw
	CodeBlocked     Code = "blocked"     // the plan holds a change that lvsup refuses
	CodeStopped     Code = "stopped"     // the coordinator asked to begin nothing more
)

// Error is a failure that the agent reports.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

func (e *Error) Error() string { return e.Message }

// Failf makes an Error.
func Failf(code Code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...)}
}

// Desired is what the plan wants of one kind on one host.
type Desired struct {
	Kind string          `json:"kind"`
	Want json.RawMessage `json:"want,omitempty"` // empty: nothing wanted
}

// KindChanges are the changes of one kind on one host, in order of execution,
// with what a person would type for each.
type KindChanges struct {
	Kind     string        `json:"kind"`
	Changes  []step.Change `json:"changes"`
	Commands [][]string    `json:"commands,omitempty"` // one list per change
	Error    string        `json:"error,omitempty"`    // the kind could not be observed
}

// ObserveRequest asks for the difference between what is wanted and what is
// there. Kinds that are not listed are compared with nothing wanted if the host
// has a record of them.
type ObserveRequest struct {
	Desired []Desired `json:"desired"`
	// Destroy leaves adopted things alone: they were there before lvsup.
	Destroy bool `json:"destroy,omitempty"`
}

// ObserveResponse is a host's part of a plan.
type ObserveResponse struct {
	Kinds  []KindChanges `json:"kinds"`  // in the order of the request, then by name; kinds without changes are left out
	Digest string        `json:"digest"` // of Kinds; equal digests mean equal plans
}

// LockRequest takes the host for a run. The lock is a flock that the agent
// holds, so it ends with the agent.
type LockRequest struct {
	Holder string `json:"holder"` // who, for the message to the one who is refused
}

// ApplyRequest carries out one stage on one host. The agent observes and diffs
// again; a change that Planned does not hold means the host is stale.
type ApplyRequest struct {
	Desired []Desired     `json:"desired"` // the kinds of the stage, in order
	Planned []KindChanges `json:"planned"`
	Reverse bool          `json:"reverse,omitempty"` // the reverse pass: removals only
	Destroy bool          `json:"destroy,omitempty"`
	// Guard lets guarded changes be made; without it they are refused.
	Guard *Guard `json:"guard,omitempty"`
}

// Guard is the term of guarded changes: they are taken back if no ConfirmRequest
// with the nonce, over another session, comes before the time is over.
type Guard struct {
	Nonce string        `json:"nonce"`
	Time  time.Duration `json:"time"` // in nanoseconds
}

// ConfirmRequest says that a host answers after its guarded changes. The agent
// that gets it is another one than made them, and has the host's lock then.
type ConfirmRequest struct {
	Nonce string `json:"nonce"`
	// Look asks what became of the changes and confirms nothing: over an address
	// that goes with the next boot the host proves nothing.
	Look bool `json:"look,omitempty"`
}

// Outcome is what became of guarded changes.
type Outcome string

// The outcomes.
const (
	OutcomeConfirmed  Outcome = "confirmed"   // they stay
	OutcomeWaiting    Outcome = "waiting"     // they are still being made: ask again over a fresh session
	OutcomeRolledBack Outcome = "rolled back" // they were taken back
	OutcomeUnknown    Outcome = "unknown"     // the host knows nothing of them: not yet, or it has booted since
)

// ConfirmResponse says what became of guarded changes.
type ConfirmResponse struct {
	Outcome Outcome `json:"outcome"`
	Left    string  `json:"left,omitempty"`  // what a rollback could not bring back
	Cause   string  `json:"cause,omitempty"` // why the host took them back before their time
	// ByHand are the commands that bring back what is Left, for the host's console.
	ByHand []string `json:"by_hand,omitempty"`
}

// ApplyResponse says what was done before the end or the error.
type ApplyResponse struct {
	Done  []KindChanges `json:"done"`
	Notes []string      `json:"notes,omitempty"` // what a person should know of it, at most MaxNotes
	Error *Error        `json:"error,omitempty"`
	// Guarded says that what was done waits for its confirmation, and that this
	// agent ends: the rest is for the one that confirms.
	Guarded bool `json:"guarded,omitempty"`
}

// MaxNotes bounds the notes of an ApplyResponse. Each has at most MaxProgress
// bytes.
const MaxNotes = 100
