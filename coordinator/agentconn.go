package coordinator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// agentConn speaks the protocol with one agent. Calls from several goroutines
// take turns.
type agentConn struct {
	mu      sync.Mutex
	writing sync.Mutex // frames are written one after the other
	over    chan struct{}
	end     sync.Once
	in      io.WriteCloser
	out     counter
	hello   wire.Hello
	nextID  uint64
	broken  error
	// explain turns a broken stream into what happened, from the agent's
	// stderr and exit status.
	explain func(error) error
}

// newAgentConn reads the agent's greeting and makes sure that it is the agent
// which this coordinator pushed. From then on the agent hears regularly that the
// coordinator is still there, until close.
func newAgentConn(in io.WriteCloser, out io.Reader, build string, explain func(error) error) (*agentConn, error) {
	c := &agentConn{in: in, out: counter{r: out}, explain: explain, over: make(chan struct{})}
	hello := &c.hello
	if err := wire.ReadFrame(&c.out, hello); err != nil {
		return nil, explain(fmt.Errorf("cannot read the agent's greeting: %w", err))
	}
	if hello.Protocol != wire.Version {
		return nil, fmt.Errorf("the agent speaks protocol %d, this lvsup speaks %d", hello.Protocol, wire.Version)
	}
	if hello.Build != build {
		return nil, fmt.Errorf("the agent is build %q, this lvsup is %q", hello.Build, build)
	}
	c.beat(wire.AliveInterval)
	return c, nil
}

// beat tells the agent in a while, and then again and again, that the coordinator is
// still there: it may have no other reason to speak for as long as a person reads a
// plan.
func (c *agentConn) beat(every time.Duration) {
	time.AfterFunc(every, func() {
		select {
		case <-c.over:
			return
		default:
		}
		if c.send(wire.Request{Op: wire.OpAlive}) == nil { // else whoever asks next is told why
			c.beat(every)
		}
	})
}

// stop has the agent begin nothing more, and answer to what it is at.
func (c *agentConn) stop() { _ = c.send(wire.Request{Op: wire.OpStop}) }

func (c *agentConn) send(req wire.Request) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	return wire.WriteFrame(c.in, req)
}

// call sends one request and waits for its response. When ctx ends first, or the agent
// is silent for too long, the connection is given up: the answer may still be on its way.
func (c *agentConn) call(ctx context.Context, op wire.Op, body, into any, att attention) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.broken != nil {
		return c.broken
	}
	var raw json.RawMessage
	if body != nil {
		var err error
		if raw, err = json.Marshal(body); err != nil {
			return fmt.Errorf("cannot encode %s: %w", op, err)
		}
	}
	type result struct {
		body   json.RawMessage
		err    error
		broken bool
	}
	c.nextID++
	id := c.nextID
	finished := make(chan result, 1)
	signs := make(chan wire.Response)
	gone := make(chan struct{}) // nobody waits for the answer any more
	defer close(gone)
	go func() {
		answer, err, broken := c.exchange(wire.Request{ID: id, Op: op, Body: raw}, func(sign wire.Response) {
			select {
			case signs <- sign:
			case <-gone:
			}
		})
		finished <- result{answer, err, broken}
	}()
	watch := newLookout(&c.out, att.silence, len(raw))
	defer watch.end()
	at := ""
	for {
		select {
		case sign := <-signs:
			at = cmp.Or(sign.At, at)
			if att.heard != nil {
				att.heard(sign)
			}
		case <-watch.looks:
			if watch.silent() {
				return c.giveUp(op, at, errStill(att.silence))
			}
		case r := <-finished:
			// Decoded here: a caller that gave up must not see an answer come late.
			if r.err == nil && into != nil && len(r.body) > 0 {
				if err := json.Unmarshal(r.body, into); err != nil {
					r.err, r.broken = fmt.Errorf("cannot read the agent's answer to %s: %w", op, err), true
				} else if bounded, ok := into.(interface{ Check() error }); ok {
					r.err = bounded.Check()
					r.broken = r.err != nil
				}
			}
			if r.broken {
				c.broken = r.err
			}
			return r.err
		case <-ctx.Done():
			return c.giveUp(op, at, context.Cause(ctx))
		}
	}
}

// giveUp ends the agent, which finishes the change in hand if it ever goes on.
func (c *agentConn) giveUp(op wire.Op, at string, cause error) error {
	if at != "" {
		at = " (" + at + ")"
	}
	c.broken = fmt.Errorf("gave up waiting for the agent's answer to %s%s: %w", op, at, cause)
	c.close()
	return c.broken
}

// exchange gives the answer's body, and reports whether its error leaves the
// stream unusable. A host that tells more of its progress than an agent does is no
// longer listened to.
func (c *agentConn) exchange(req wire.Request, heard func(wire.Response)) (answer json.RawMessage, failure error, broken bool) {
	op := req.Op
	if err := c.send(req); err != nil {
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) { // there is nobody to take it
			return nil, c.explain(fmt.Errorf("the agent ended before it was asked for %s: see dmesg on the host, then run lvsup again", op)), true
		}
		return nil, c.explain(fmt.Errorf("cannot send %s to the agent: %w", op, err)), true
	}
	for begin, frames := time.Now(), 0; ; frames++ {
		var res wire.Response
		if err := wire.ReadFrame(&c.out, &res); err != nil {
			if errors.Is(err, io.EOF) {
				return nil, c.explain(fmt.Errorf("the agent ended before it answered to %s: see dmesg on the host, then run lvsup again", op)), true
			}
			return nil, c.explain(fmt.Errorf("cannot read the agent's answer to %s: %w", op, err)), true
		}
		switch {
		case res.ID != req.ID:
			return nil, fmt.Errorf("the agent answered request %d instead of %d", res.ID, req.ID), true
		case res.Progress != "" || res.At != "":
			if max(len(res.Progress), len(res.At)) > wire.MaxProgress || frames > progressBurst+int(time.Since(begin)/wire.ProgressInterval) {
				return nil, fmt.Errorf("the agent floods lvsup with its progress of %s", op), true
			}
			heard(res)
		case res.Error != nil:
			res.Error.Message = wire.Short(res.Error.Message)
			return nil, res.Error, false
		default:
			return res.Body, nil, false
		}
	}
}

// progressBurst is how many such frames may come beyond one in each
// wire.ProgressInterval: a line that was stuck gives them all at once.
const progressBurst = 60

// close ends the agent by ending its stdin.
func (c *agentConn) close() {
	c.end.Do(func() { close(c.over) })
	c.in.Close()
}
