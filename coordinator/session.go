package coordinator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/coordinator/checks"
	"github.com/lvsup/lvsup/internal/wire"
)

// session is one host during a run.
type session struct {
	name   string
	agent  *agentConn
	facts  wire.Facts
	offset checks.Offset
	ahead  []question // whose answers the agent listens for since it told the facts
	note   string     // what a person should know about the connection
	stop   func()     // ends the agent and the connection

	// again dials the same host anew, with the host key of this session: at an
	// address, or, if that is empty, where it was dialled before.
	again   func(ctx context.Context, address string) (*session, error)
	address string // where it was found; set after a guarded change only
	dialled string // what again was given for this session

	way way
	// jumpMoved has the connections through this host go to its new address, and
	// dropJump ends them. Both are nil where no connection can go through it.
	jumpMoved func(address string)
	dropJump  func()
	locked    bool // the session has the host's lock
}

// way is how a host is reached.
type way struct {
	host    string   // where it is, as ssh_config has it
	names   []string // what a proxy command may call it
	hops    []string // the jump hosts, as ssh_config has them, the one next to it first
	command string   // the proxy command, empty for none
}

// leadsThrough reports whether another host is one of the jump hosts.
func (w way) leadsThrough(other way) bool {
	return other.host != "" && slices.Contains(w.hops, other.host)
}

// commandNames reports whether the proxy command has a word for the other host.
// What such a command does nobody can say; but one that names a host of the plan
// goes through it.
func (w way) commandNames(other way) bool {
	words := strings.FieldsFunc(w.command, func(c rune) bool { return strings.ContainsRune(" \t\"'@:[]=,", c) })
	return slices.ContainsFunc(words, func(word string) bool { return slices.Contains(other.names, word) })
}

// whoHas asks who answers for addresses. There is one answer to each question.
func (s *session) whoHas(ctx context.Context, questions []question, wait time.Duration) []wire.ARPAnswer {
	var all []wire.ARPAnswer
	for some := range slices.Chunk(questions, wire.MaxARPQuestions) {
		all = append(all, s.arp(ctx, arpRequest(some, wait), len(some))...)
	}
	return all
}

// answersTo gives the answers to questions that were asked ahead, or asks them now.
func (s *session) answersTo(ctx context.Context, questions []question) []wire.ARPAnswer {
	if s.ahead == nil {
		return s.whoHas(ctx, questions, arpWait)
	}
	byAddress := map[netip.Addr]wire.ARPAnswer{}
	for i, answer := range s.arp(ctx, wire.ARPRequest{}, len(s.ahead)) {
		byAddress[s.ahead[i].address] = answer
	}
	s.ahead = nil
	var all []wire.ARPAnswer
	for _, q := range questions { // a part of what was asked
		all = append(all, byAddress[q.address])
	}
	return all
}

// arp has the agent ask, and gives so many answers: where it says nothing, why.
func (s *session) arp(ctx context.Context, req wire.ARPRequest, want int) []wire.ARPAnswer {
	var res wire.ARPResponse
	err := s.ask(ctx, wire.OpARP, req, &res)
	if err == nil && len(res.Answers) != want {
		err = fmt.Errorf("the agent gave %d answers to %d questions", len(res.Answers), want)
	}
	if err != nil {
		return slices.Repeat([]wire.ARPAnswer{{Error: err.Error()}}, want)
	}
	return res.Answers
}

func (s *session) ask(ctx context.Context, op wire.Op, body, into any) error {
	return s.askFor(ctx, askTimeout, op, body, into)
}

func (s *session) askFor(ctx context.Context, timeout time.Duration, op wire.Op, body, into any) error {
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %s", timeout))
	defer cancel()
	return s.agent.call(ctx, op, body, into, attention{})
}

// deadlines are how long a long request is waited for.
type deadlines struct {
	silence time.Duration // without any sign of life; 0: as long as with one
	step    time.Duration // with the agent at one thing, of which it tells no progress
	all     time.Duration
}

// askLong is for what may take as long as the agent tells how far it is.
func (s *session) askLong(ctx context.Context, d deadlines, op wire.Op, body, into any, progress func(text string)) error {
	ctx, cancel := context.WithTimeoutCause(ctx, d.all, fmt.Errorf("no answer within %s", d.all))
	defer cancel()
	ctx, giveUp := context.WithCancelCause(ctx)
	defer giveUp(nil)
	timer := time.AfterFunc(d.step, func() {
		giveUp(fmt.Errorf("the agent lives, but got no further for %s: see on the host, with `ps -e --forest`, what it waits for; then run the same again", d.step))
	})
	defer timer.Stop()
	at := ""
	return s.agent.call(ctx, op, body, into, attention{silence: d.silence, heard: func(sign wire.Response) {
		if sign.Progress != "" || sign.At != at {
			timer.Reset(d.step)
		}
		at = sign.At
		if sign.Progress != "" {
			progress(sign.Progress)
		}
	}})
}

// clockRounds is how often a clock is read at most; the quickest answer counts.
const clockRounds = 5

// clockShare is which part of the offset that is allowed may be uncertain.
const clockShare = 10

// measureClock reads the host's clock over the session. The true offset lies
// within half the round trip of the value. It is read until that is little beside the
// offset that is allowed: over most lines once.
func (s *session) measureClock(ctx context.Context, allowed time.Duration) error {
	for i := range clockRounds {
		var c wire.Clock
		asked := time.Now()
		if err := s.ask(ctx, wire.OpClock, nil, &c); err != nil {
			return fmt.Errorf("cannot read the clock: %w", err)
		}
		trip := time.Since(asked)
		if i > 0 && trip/2 >= s.offset.Uncertainty {
			continue
		}
		middle := asked.Add(trip / 2)
		s.offset = checks.Offset{
			Value:       time.Unix(0, c.UnixNano).Sub(middle.Round(0)),
			Uncertainty: trip / 2,
			Source:      s.facts.Synchronised,
		}
		if s.offset.Uncertainty <= allowed/clockShare {
			break
		}
	}
	return nil
}

func (s *session) close() {
	if s.agent != nil {
		s.agent.close()
	}
	if s.stop != nil {
		s.stop()
	}
}
