package ipvs

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/mdlayher/genetlink"
	"github.com/mdlayher/netlink"
)

// RequestTimeout bounds one request to the kernel, in addition to the
// context: a netlink answer that was lost would be waited for without end.
const RequestTimeout = 10 * time.Second

// Client is a connection to the kernel's IPVS in the network namespace of the
// thread that called Dial. Its methods may be called from several goroutines
// and run one after the other.
type Client struct {
	mu      sync.Mutex
	conn    socket // nil after an exchange broke: dialled anew by the next
	family  uint16
	batch   int // messages in one send, so that it and its answers fit the socket's buffers
	seq     uint32
	in, out []byte // what comes and what goes, used again
}

// Dial connects. It gives ErrUnavailable if ip_vs is not there, and looks
// twice, since the family can be missing for a moment after the module is in.
// Asking for the family makes the kernel load ip_vs where it can (the module's
// alias net-pf-16-proto-16-family-IPVS): what only reads asks Loaded first.
func Dial(ctx context.Context) (*Client, error) {
	c := &Client{}
	err := c.dial(ctx)
	if errors.Is(err, ErrUnavailable) {
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(50 * time.Millisecond):
		}
		err = c.dial(ctx)
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// receiveBuffer is asked for, in bytes; the kernel doubles it for its own
// bookkeeping, and gives less to a process without CAP_NET_ADMIN.
const receiveBuffer = 1 << 20

// messageBuffer holds one datagram, in bytes. The kernel fills those of a dump
// up to the buffer it was offered, and at most 32 KiB.
const messageBuffer = 32 << 10

// ackCost is more than an answer takes of the receive buffer, in bytes.
const ackCost = 2 << 10

// maxBatch bounds the messages in one send: beyond a few hundred there is
// nothing to gain. A message takes less than messageCost bytes.
const (
	maxBatch    = 500
	messageCost = 256
)

func (c *Client) dial(ctx context.Context) error {
	conn, err := netlink.Dial(genetlink.Protocol, &netlink.Config{MessageBufferSize: messageBuffer})
	if err != nil {
		return fmt.Errorf("cannot open a netlink socket: %w", err)
	}
	stop := bound(ctx, conn)
	defer stop()
	fam, err := genetlink.NewConn(conn).GetFamily(familyName)
	if err != nil {
		_ = conn.Close()
		if errors.Is(err, os.ErrNotExist) {
			return ErrUnavailable
		}
		return fmt.Errorf("cannot find the IPVS netlink family: %w", err)
	}
	// Both are best effort: older kernels lack the option, containers the
	// right to a large buffer. The batch is sized by what was given.
	_ = conn.SetReadBuffer(receiveBuffer)
	_ = conn.SetWriteBuffer(maxBatch * messageCost)
	_ = conn.SetOption(netlink.CapAcknowledge, true)
	c.batch = maxBatch
	if size, err := conn.ReadBuffer(); err == nil {
		c.batch = min(c.batch, max(size/ackCost, 1))
	}
	if size, err := conn.WriteBuffer(); err == nil {
		c.batch = min(c.batch, max(size/messageCost-1, 1))
	}
	if c.conn, err = newSocket(conn); err != nil {
		_ = conn.Close()
		return err
	}
	c.family = fam.ID
	return nil
}

// Close ends the connection.
func (c *Client) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.conn == nil {
		return nil
	}
	err := c.conn.Close()
	c.conn = nil
	return err
}

// bound puts a deadline on everything that happens on the connection until
// stop is called: the context's end or RequestTimeout, whichever is first.
func bound(ctx context.Context, conn deadliner) (stop func() bool) {
	_ = conn.SetDeadline(time.Now().Add(RequestTimeout))
	return context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
}

type deadliner interface{ SetDeadline(time.Time) error }

// ready dials again if an earlier exchange broke. The caller holds mu.
func (c *Client) ready(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if c.conn != nil {
		return nil
	}
	return c.dial(ctx)
}

// broke drops a connection on which late answers could still arrive and says
// why. The caller holds mu.
func (c *Client) broke(ctx context.Context, err error) error {
	_ = c.conn.Close()
	c.conn = nil
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("no answer from the kernel within %s: %w", RequestTimeout, err)
	}
	return fmt.Errorf("the exchange with the kernel broke: %w", err)
}

// Info is what the kernel says of its IPVS.
type Info struct {
	Version       [3]uint8 // 1.2.1 since kernel 2.6.24
	ConnTableSize uint32   // slots of the connection hash table
}

// Info reads the version and the size of the connection table.
func (c *Client) Info(ctx context.Context) (Info, error) {
	var info Info
	err := c.query(ctx, cmdGetInfo, 0, nil, func(b []byte) error {
		w := walker{rest: b}
		for w.next() {
			switch w.typ {
			case infoVersion:
				v := w.uint32()
				info.Version = [3]uint8{uint8(v >> 16), uint8(v >> 8), uint8(v)}
			case infoConnSize:
				info.ConnTableSize = w.uint32()
			}
		}
		return w.err
	})
	if err != nil {
		return info, &Error{Op: cmdGetInfo, Err: err}
	}
	return info, nil
}

// query sends one request and hands the attributes of each answer to fn, which
// must not keep them.
func (c *Client) query(ctx context.Context, cmd uint8, flags uint16, add func(attributes) attributes, fn func([]byte) error) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.ready(ctx); err != nil {
		return err
	}
	defer bound(ctx, c.conn)()
	return c.ask(ctx, cmd, flags, add, fn)
}

// ask is query for a caller that holds mu and has put a deadline on what
// happens.
func (c *Client) ask(ctx context.Context, cmd uint8, flags uint16, add func(attributes) attributes, fn func([]byte) error) error {
	c.seq++
	seq := c.seq
	c.out = appendMessage(c.out[:0], c.family, flags, seq, cmd, add)
	if err := c.conn.send(c.out); err != nil {
		return c.broke(ctx, err)
	}
	for {
		rest, err := c.receive()
		for err == nil && len(rest) > 0 {
			var m message
			if m, rest, err = nextMessage(rest); err != nil {
				break
			}
			if m.seq != seq {
				err = errors.New("the kernel answered something else")
				break
			}
			if end, errno := m.ends(); end {
				return errno // an answer of the kernel: the connection is in order
			}
			if len(m.data) < genlHeader {
				err = errors.New("it is too short")
				break
			}
			if err = fn(m.data[genlHeader:]); err == nil && m.flags&flagMulti == 0 {
				return nil
			}
		}
		if err != nil {
			return c.broke(ctx, err)
		}
	}
}

// receive reads one datagram.
func (c *Client) receive() ([]byte, error) {
	if c.in == nil {
		c.in = make([]byte, messageBuffer)
	}
	n, err := c.conn.receive(c.in)
	return c.in[:n], err
}
