package ipvs

import (
	"context"
	"errors"
	"syscall"

	"github.com/mdlayher/netlink"
)

// Dump reads the whole table: every service with its destinations, in the
// order in which the kernel lists them.
func (c *Client) Dump(ctx context.Context) ([]ServiceState, error) {
	var services []ServiceState
	err := c.query(ctx, cmdGetService, netlink.Request|netlink.Dump, nil, func(b []byte) error {
		s, err := decodeServiceMessage(b)
		services = append(services, s)
		return err
	})
	if err != nil {
		return nil, &Error{Op: cmdGetService, Err: err}
	}
	kept := services[:0]
	for _, s := range services {
		if s.Destinations, err = c.Destinations(ctx, s.Key); err != nil {
			return nil, err
		}
		if len(s.Destinations) == 0 {
			// The kernel lists no destinations of a service that is gone, and
			// calls that a success.
			switch _, err := c.Service(ctx, s.Key); {
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
func (c *Client) Service(ctx context.Context, k ServiceKey) (ServiceState, error) {
	var s ServiceState
	err := c.query(ctx, cmdGetService, netlink.Request, keyAttributes(k), func(b []byte) (err error) {
		s, err = decodeServiceMessage(b)
		return err
	})
	if err != nil {
		return s, &Error{Op: cmdGetService, Command: Command{Op: cmdGetService, Service: Service{Key: k}}, Err: err}
	}
	return s, nil
}

// Destinations reads the real servers of a service. A service that is not
// there has none.
func (c *Client) Destinations(ctx context.Context, k ServiceKey) ([]DestinationState, error) {
	var dests []DestinationState
	err := c.query(ctx, cmdGetDest, netlink.Request|netlink.Dump, keyAttributes(k), func(b []byte) error {
		dests = append(dests, DestinationState{})
		return decodeDestinationMessage(b, k, &dests[len(dests)-1])
	})
	if err != nil {
		return nil, &Error{Op: cmdGetDest, Command: Command{Op: cmdGetDest, Service: Service{Key: k}}, Err: err}
	}
	return dests, nil
}

func keyAttributes(k ServiceKey) attributes {
	return attributes{}.nested(attrService, func(a attributes) attributes { return encodeKey(a, k) })
}
