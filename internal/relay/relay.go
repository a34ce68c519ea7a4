// Package relay passes TCP connections on as if the way were longer. It stands in
// for the queueing discipline netem where a kernel has none.
package relay

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"
)

// Relay listens at one address and passes each connection on to another. What goes
// through comes out half a round trip later, in order, and as much at a time as the two
// ends want: there is a delay and no limit of throughput.
//
// The kernel accepts a connection on the relay's side at once. So that connecting takes
// a round trip, as it would, nothing passes for so long after that.
type Relay struct {
	// Trip is the round trip that is added.
	Trip time.Duration

	listener net.Listener
	to       string
	ctx      context.Context
	cancel   context.CancelFunc
	open     sync.WaitGroup
}

// Start makes a relay from one address to another, each HOST:PORT, until Close.
func Start(from, to string, trip time.Duration) (*Relay, error) {
	l, err := net.Listen("tcp", from)
	if err != nil {
		return nil, fmt.Errorf("cannot relay to %s: %w", to, err)
	}
	r := &Relay{Trip: trip, listener: l, to: to}
	r.ctx, r.cancel = context.WithCancel(context.Background())
	r.open.Add(1)
	go r.accept()
	return r, nil
}

// Addr is where it listens.
func (r *Relay) Addr() string { return r.listener.Addr().String() }

// Close ends the relay and all that goes through it.
func (r *Relay) Close() error {
	r.cancel()
	err := r.listener.Close()
	r.open.Wait()
	return err
}

func (r *Relay) accept() {
	defer r.open.Done()
	for {
		near, err := r.listener.Accept()
		if err != nil {
			return // closed
		}
		r.open.Add(1)
		go func() {
			defer r.open.Done()
			r.pass(near)
		}()
	}
}

// pass serves one connection to its end.
func (r *Relay) pass(near net.Conn) {
	defer near.Close()
	if !r.wait(r.Trip) {
		return
	}
	far, err := (&net.Dialer{}).DialContext(r.ctx, "tcp", r.to)
	if err != nil {
		return
	}
	defer far.Close()
	defer context.AfterFunc(r.ctx, func() { near.Close(); far.Close() })()
	var both sync.WaitGroup
	both.Go(func() { r.oneWay(far, near) })
	both.Go(func() { r.oneWay(near, far) })
	both.Wait()
}

func (r *Relay) wait(d time.Duration) bool {
	select {
	case <-r.ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// piece is what was read at once, and when it is due.
type piece struct {
	data []byte
	due  time.Time
}

// oneWay copies until either end is over, and says goodbye when the last byte has
// come out.
func (r *Relay) oneWay(to, from net.Conn) {
	// Room for a window of 4 MiB and more on its way.
	line := make(chan piece, 1024)
	go func() {
		defer close(line)
		for {
			buf := make([]byte, 16<<10)
			n, err := from.Read(buf)
			if n > 0 {
				line <- piece{buf[:n], time.Now().Add(r.Trip / 2)}
			}
			if err != nil {
				if !errors.Is(err, io.EOF) {
					to.Close()
				}
				return
			}
		}
	}()
	for p := range line {
		r.wait(time.Until(p.due))
		if _, err := to.Write(p.data); err != nil {
			from.Close() // ends the reader, whose last pieces go nowhere
		}
	}
	if half, ok := to.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
}
