package ipvs

import (
	"context"
	"errors"
)

// Do carries out the commands in order, many in one send, and returns how many
// succeeded. The kernel runs every command of a send even after one of them
// failed; Do sends no further ones then and returns a *BatchError.
func (c *Client) Do(ctx context.Context, cmds []Command) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	fail := &BatchError{Total: len(cmds)}
	done := 0
	for fail.Sent < len(cmds) {
		if fail.Err = c.ready(ctx); fail.Err != nil {
			return done, fail
		}
		part := cmds[fail.Sent:min(fail.Sent+c.batch, len(cmds))]
		n, err := c.send(ctx, part, fail)
		done += n
		if fail.Err = err; err != nil || len(fail.Failed) > 0 {
			return done, fail
		}
	}
	return done, nil
}

// send sends the commands at once. The kernel answers those that fail, in
// order, and the last, which alone asks for an answer: so when that is here,
// the ones that were not heard of have succeeded. send moves fail.Sent and
// fail.Acked, adds what failed to fail.Failed and returns how many succeeded.
func (c *Client) send(ctx context.Context, cmds []Command, fail *BatchError) (int, error) {
	base, first, last := fail.Sent, c.seq+1, len(cmds)-1
	c.out = c.out[:0]
	for i, cmd := range cmds {
		var flags uint16
		if i == last {
			flags = flagAck
		}
		c.seq++
		c.out = appendMessage(c.out, c.family, flags, c.seq, uint8(cmd.Op), func(a attributes) attributes {
			return encodeCommand(a, cmd)
		})
	}
	defer bound(ctx, c.conn)()
	if err := c.conn.send(c.out); err != nil {
		return 0, c.broke(ctx, err)
	}
	fail.Sent += len(cmds)

	failed := 0
	for answered := -1; answered < last; {
		rest, err := c.receive()
		for err == nil && len(rest) > 0 {
			var m message
			if m, rest, err = nextMessage(rest); err != nil {
				break
			}
			i := int(m.seq - first)
			if i > last {
				continue
			}
			answered = i
			if _, errno := m.ends(); errno != nil {
				failed++
				fail.Failed = append(fail.Failed, IndexedError{base + i, &Error{Op: cmds[i].Op, Command: cmds[i], Err: errno}})
			}
		}
		if err != nil {
			fail.Acked += answered + 1
			return answered + 1 - failed, c.broke(ctx, err)
		}
	}
	fail.Acked += len(cmds)
	return len(cmds) - failed, nil
}

func (c *Client) one(ctx context.Context, cmd Command) error {
	_, err := c.Do(ctx, []Command{cmd})
	var batch *BatchError
	if errors.As(err, &batch) {
		if len(batch.Failed) > 0 {
			return batch.Failed[0].Err
		}
		return &Error{Op: cmd.Op, Command: cmd, Err: batch.Err}
	}
	return err
}

// AddService creates a service; EEXIST if it is there.
func (c *Client) AddService(ctx context.Context, s Service) error {
	return c.one(ctx, AddService(s))
}

// SetService replaces all settings of a service; ESRCH if it is not there.
func (c *Client) SetService(ctx context.Context, s Service) error {
	return c.one(ctx, SetService(s))
}

// DelService removes a service with its destinations; ESRCH if it is not there.
func (c *Client) DelService(ctx context.Context, k ServiceKey) error {
	return c.one(ctx, DeleteService(k))
}

// AddDest adds a destination; ESRCH without the service, EEXIST if it is there.
func (c *Client) AddDest(ctx context.Context, k ServiceKey, d Destination) error {
	return c.one(ctx, AddDestination(k, d))
}

// SetDest replaces all settings of a destination; ENOENT if it is not there.
func (c *Client) SetDest(ctx context.Context, k ServiceKey, d Destination) error {
	return c.one(ctx, SetDestination(k, d))
}

// DelDest removes a destination; ENOENT if it is not there.
func (c *Client) DelDest(ctx context.Context, k ServiceKey, d Destination) error {
	return c.one(ctx, DeleteDestination(k, d.Addr()))
}
