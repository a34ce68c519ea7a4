package agent

import (
	"context"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// errStopped is the cause of a context that the coordinator ended with OpStop.
var errStopped = errors.New("stopped before the next change, as lvsup was told to")

// errSilent means that the connection is cut, as far as anybody can tell here.
var errSilent = errors.New("nothing was heard of the coordinator for so long that the connection must be cut")

// listener reads what the coordinator sends, ahead of the work, so that its end,
// its silence and its wish to stop are noticed while a request is worked on.
type listener struct {
	requests chan wire.Request
	ended    chan error    // why there are no more requests
	silent   chan struct{} // closed when nothing was heard for too long
}

// listen reads from in until it ends. cancel is called when in ends or is silent
// for too long, stop when the coordinator wants nothing more begun.
func listen(in io.Reader, silence time.Duration, cancel func(), stop func()) *listener {
	l := &listener{requests: make(chan wire.Request, 1), ended: make(chan error, 1), silent: make(chan struct{})}
	var once sync.Once
	timer := time.AfterFunc(silence, func() {
		once.Do(func() { close(l.silent) })
		cancel()
	})
	// A long frame over a slow line is no silence.
	heard := readerFunc(func(p []byte) (int, error) {
		n, err := in.Read(p)
		timer.Reset(silence)
		return n, err
	})
	go func() {
		defer close(l.requests)
		defer timer.Stop()
		for {
			var req wire.Request
			if err := wire.ReadFrame(heard, &req); err != nil {
				l.ended <- err
				cancel()
				return
			}
			switch req.Op {
			case wire.OpAlive:
			case wire.OpStop:
				stop()
			default:
				l.requests <- req
			}
		}
	}()
	return l
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// unlessLost does what may never end when the connection is cut: to write into it.
func unlessLost(lost <-chan struct{}, write func() error) error {
	done := make(chan error, 1)
	go func() { done <- write() }()
	select {
	case err := <-done:
		return err
	case <-lost:
		return errSilent
	}
}

// asStopped gives the error for what was not begun because the coordinator wanted
// it so; nil where that is not why.
func asStopped(ctx context.Context, err error) *wire.Error {
	if errors.Is(context.Cause(ctx), errStopped) && (err == nil || errors.Is(err, context.Canceled)) {
		return wire.Failf(wire.CodeStopped, "%v", errStopped)
	}
	return nil
}
