package ipvs

import (
	"context"
	"errors"
	"slices"
	"syscall"
)

// dumpBound is how many services Dump reads under one deadline: to put one on
// each costs more than to read a small service.
const dumpBound = 64

// Dump reads the whole table: every service with its destinations, in the
// order in which the kernel lists them.
func (c *Client) Dump(ctx context.Context) ([]ServiceState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ready(ctx); err != nil {
		return nil, &Error{Op: cmdGetService, Err: err}
	}
	stop := bound(ctx, c.conn)
	defer func() { stop() }()
	var services []ServiceState
	err := c.ask(ctx, cmdGetService, flagDump, nil, func(b []byte) error {
		s, err := decodeServiceMessage(b)
		services = append(services, s)
		return err
	})
	if err != nil {
		return nil, &Error{Op: cmdGetService, Err: err}
	}
	kept := services[:0]
	for i, s := range services {
		if i%dumpBound == dumpBound-1 {
			stop()
			stop = bound(ctx, c.conn)
		}
		if s.Destinations, err = c.destinations(ctx, s.Key); err != nil {
			return nil, err
		}
		if len(s.Destinations) == 0 {
			// The kernel lists no destinations of a service that is gone, and
			// calls that a success.
			switch _, err := c.service(ctx, s.Key); {
			case errors.Is(err, syscall.ESRCH):
				continue
			case err != nil:
				return nil, err
			}
		}
		kept = append(kept, s)
	}
	return kept, nil
}

// Service reads one service, without its destinations. It gives an Error with
// ESRCH if there is none.
func (c *Client) Service(ctx context.Context, k ServiceKey) (s ServiceState, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ready(ctx); err != nil {
		return s, failed(cmdGetService, k, err)
	}
	defer bound(ctx, c.conn)()
	return c.service(ctx, k)
}

// Destinations reads the real servers of a service. A service that is not
// there has none.
func (c *Client) Destinations(ctx context.Context, k ServiceKey) ([]DestinationState, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ready(ctx); err != nil {
		return nil, failed(cmdGetDest, k, err)
	}
	defer bound(ctx, c.conn)()
	return c.destinations(ctx, k)
}

func (c *Client) service(ctx context.Context, k ServiceKey) (s ServiceState, err error) {
	err = c.ask(ctx, cmdGetService, 0, ofService(k), func(b []byte) (err error) {
		s, err = decodeServiceMessage(b)
		return err
	})
	if err != nil {
		err = failed(cmdGetService, k, err)
	}
	return s, err
}

// pieceSize bounds the pieces in which a long list of destinations is gathered:
// to grow it as a whole would take, and touch, twice the memory.
const pieceSize = 512

func (c *Client) destinations(ctx context.Context, k ServiceKey) ([]DestinationState, error) {
	var pieces [][]DestinationState
	var dests []DestinationState
	err := c.ask(ctx, cmdGetDest, flagDump, ofService(k), func(b []byte) error {
		switch n := len(dests); {
		case n == pieceSize:
			pieces = append(pieces, dests)
			dests = make([]DestinationState, 0, pieceSize)
		case n == cap(dests):
			dests = append(make([]DestinationState, 0, min(max(2*n, 16), pieceSize)), dests...)
		}
		dests = append(dests, DestinationState{})
		return decodeDestinationMessage(b, k, &dests[len(dests)-1])
	})
	if err != nil {
		return nil, failed(cmdGetDest, k, err)
	}
	if pieces == nil {
		return dests, nil
	}
	return slices.Concat(append(pieces, dests)...), nil
}

// ofService adds what names the service to a request.
func ofService(k ServiceKey) func(attributes) attributes {
	return func(a attributes) attributes {
		return a.nested(attrService, func(a attributes) attributes { return encodeKey(a, k) })
	}
}

func failed(op Op, k ServiceKey, err error) error {
	return &Error{Op: op, Command: Command{Op: op, Service: Service{Key: k}}, Err: err}
}
