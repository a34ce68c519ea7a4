package sshconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/ssh"
)

// Client is a connection to one host. Safe for concurrent use.
type Client struct {
	ep      *Endpoint // which hostKeys has, too; it does not change
	ssh     *ssh.Client
	conn    *countingConn
	proxy   *proxyConn // nil without a proxy command
	hostKey ssh.PublicKey
	onClose func() // may be nil

	done chan struct{} // closed when the connection has ended

	mu     sync.Mutex
	closed bool  // by Close
	cause  error // what keep-alives found, before the connection was cut

	becomeMu sync.Mutex
	become   becomeWay
}

// newClient takes over a connection after its login. ssh.NewClient would do with three
// goroutines what watch does in one: a fleet has a thousand connections.
func newClient(ep *Endpoint, s ssh.Conn, opens <-chan ssh.NewChannel, asks <-chan *ssh.Request, conn *countingConn, key ssh.PublicKey) *Client {
	c := &Client{ep: ep, ssh: &ssh.Client{Conn: s}, conn: conn, hostKey: key, done: make(chan struct{})}
	go c.watch(opens, asks)
	return c
}

// Endpoint says where the client is connected to.
func (c *Client) Endpoint() Endpoint { return *c.ep }

// HostKey is the key that the host showed, in wire form (RFC 4253, 6.6), for
// Options.PinnedHostKey; of a certificate it is the key inside.
func (c *Client) HostKey() []byte {
	if cert, is := c.hostKey.(*ssh.Certificate); is {
		return cert.Key.Marshal()
	}
	return c.hostKey.Marshal()
}

// Done is closed when the connection has ended, for whatever reason.
func (c *Client) Done() <-chan struct{} { return c.done }

// Err is nil while the connection lives and after Close, else a *LostError.
func (c *Client) Err() error {
	select {
	case <-c.done:
	default:
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil
	}
	return &LostError{Host: c.ep.Name, Endpoint: c.ep.String(), Cause: c.cause}
}

// Close ends the connection and everything on it.
func (c *Client) Close() error {
	c.mu.Lock()
	again := c.closed
	c.closed = true
	c.mu.Unlock()
	if again {
		return nil
	}
	_ = c.ssh.Close() // fails if the peer was first
	<-c.done
	if c.onClose != nil {
		c.onClose()
	}
	return nil
}

// watch refuses what the host opens or asks for, which is nothing that lvsup serves,
// until the connection ends.
func (c *Client) watch(opens <-chan ssh.NewChannel, asks <-chan *ssh.Request) {
	for opens != nil || asks != nil {
		select {
		case ch, more := <-opens:
			if !more {
				opens = nil
				continue
			}
			_ = ch.Reject(ssh.UnknownChannelType, "lvsup serves no channels") // fails if the peer was quicker
		case ask, more := <-asks:
			if !more {
				asks = nil
				continue
			}
			_ = ask.Reply(false, nil) // likewise
		}
	}
	err := c.ssh.Wait()
	cause := error(errors.New("the host closed it"))
	if err != nil && !isEOF(err) {
		cause = errors.New(said(err.Error()))
	}
	c.mu.Lock()
	if c.proxy != nil && !c.closed {
		cause = c.proxy.why(cause)
	}
	if c.cause == nil {
		c.cause = cause
	}
	c.mu.Unlock()
	_ = c.conn.Close()
	close(c.done)
}

// alive is what the keep-alives of a connection have found so far. Between two of
// them there is a timer and no goroutine.
type alive struct {
	interval time.Duration
	misses   int

	mu      sync.Mutex
	waiting bool // for an answer
	missed  int
	seen    int64 // bytes that had come
}

// keepAlive asks the peer for an answer every interval, and cuts the connection
// after misses intervals in a row without a single byte from it (as ssh does
// with ServerAliveCountMax). Data that arrives counts as an answer: on a slow
// line the request queues behind an upload.
func (c *Client) keepAlive(interval time.Duration, misses int) {
	a := &alive{interval: interval, misses: misses, seen: c.conn.received.Load()}
	time.AfterFunc(interval, func() { c.beat(a) })
}

// beat looks whether anything came since the last one, and asks.
func (c *Client) beat(a *alive) {
	select {
	case <-c.done:
		return
	default:
	}
	missed, ask := a.look(c.conn.received.Load())
	if missed >= a.misses {
		c.cut(fmt.Errorf("no answer for %v", time.Duration(missed)*a.interval))
		return
	}
	time.AfterFunc(a.interval, func() { c.beat(a) })
	if ask {
		// OpenSSH's name; any answer will do, a refusal too.
		_, _, _ = c.ssh.SendRequest("keepalive@openssh.com", true, nil)
		a.mu.Lock()
		a.waiting = false
		a.mu.Unlock()
	}
}

// look gives for how many intervals nothing came, and whether to ask: one question
// at a time.
func (a *alive) look(received int64) (missed int, ask bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case received != a.seen:
		a.seen, a.missed = received, 0
	case a.waiting:
		a.missed++
	}
	ask = !a.waiting
	a.waiting = true
	return a.missed, ask
}

// cut ends a connection whose peer is dead. The transport is closed directly:
// a polite end would wait for the peer.
func (c *Client) cut(cause error) {
	c.mu.Lock()
	if c.cause == nil {
		c.cause = cause
	}
	c.mu.Unlock()
	_ = c.conn.Close()
}

// explain replaces an error on the connection by the reason why the connection
// ended, where it has.
func (c *Client) explain(err error) error {
	var lost *LostError
	if err == nil || errors.As(err, &lost) {
		return err
	}
	var missing *ssh.ExitMissingError
	select {
	case <-c.conn.ended:
		<-c.done
	default:
		// A peer that says goodbye ends its channels a moment before the
		// transport.
		if isEOF(err) || errors.As(err, &missing) {
			select {
			case <-c.done:
			case <-time.After(300 * time.Millisecond):
			}
		}
	}
	if e := c.Err(); e != nil {
		return e
	}
	return err
}

// failed puts what was tried before the reason.
func (c *Client) failed(ctx context.Context, what string, err error) error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	} else {
		err = c.explain(err)
	}
	return fmt.Errorf("cannot %s on %s: %w", what, Clean(c.ep.Name), err)
}

// countingConn counts what arrives, as a sign of life, and remembers its end.
type countingConn struct {
	net.Conn
	received atomic.Int64
	endOnce  sync.Once
	ended    chan struct{} // closed when nothing more will arrive
}

func newCountingConn(c net.Conn) *countingConn {
	return &countingConn{Conn: c, ended: make(chan struct{})}
}

func (c *countingConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	if err != nil {
		c.endOnce.Do(func() { close(c.ended) })
	}
	return n, err
}

func (c *countingConn) Close() error {
	c.endOnce.Do(func() { close(c.ended) })
	return c.Conn.Close()
}
