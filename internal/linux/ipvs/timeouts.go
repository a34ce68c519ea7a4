package ipvs

import "context"

// Timeouts are how long the kernel keeps an idle connection, in seconds:
// `ipvsadm -L --timeout`. They hold for all services of a network namespace.
type Timeouts struct {
	TCP    uint32 // established, 900 by default
	TCPFin uint32 // after a FIN, 120 by default
	UDP    uint32 // 300 by default
}

// MaxTimeout is the longest that every kernel takes, in seconds: 2^31 ticks of
// a kernel with 1,000 a second. ipvsadm(8) takes no more than 31 days.
const MaxTimeout = (1<<31 - 1) / 1000

// Timeouts reads the timeouts.
func (c *Client) Timeouts(ctx context.Context) (Timeouts, error) {
	var t Timeouts
	err := c.query(ctx, cmdGetConfig, 0, nil, func(b []byte) error {
		w := walker{rest: b}
		for w.next() {
			switch w.typ {
			case attrTimeoutTCP:
				t.TCP = w.uint32()
			case attrTimeoutTCPFin:
				t.TCPFin = w.uint32()
			case attrTimeoutUDP:
				t.UDP = w.uint32()
			}
		}
		return w.err
	})
	if err != nil {
		return t, &Error{Op: cmdGetConfig, Err: err}
	}
	return t, nil
}

// SetTimeouts sets those that are not zero and leaves the others; EINVAL for
// one that the kernel cannot hold in its ticks (see MaxTimeout).
func (c *Client) SetTimeouts(ctx context.Context, t Timeouts) error {
	err := c.query(ctx, cmdSetConfig, flagAck, func(a attributes) attributes {
		return a.uint32(attrTimeoutTCP, t.TCP).uint32(attrTimeoutTCPFin, t.TCPFin).uint32(attrTimeoutUDP, t.UDP)
	}, nil)
	if err != nil {
		return &Error{Op: OpSetTimeouts, Err: err}
	}
	return nil
}
