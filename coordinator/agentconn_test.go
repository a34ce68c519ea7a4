package coordinator

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// lateAgent greets, and answers a request only after release is closed.
func lateAgent(t *testing.T, release <-chan struct{}) (c *agentConn, answered <-chan struct{}) {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = wire.WriteFrame(outW, wire.Hello{Protocol: wire.Version, Build: "test"})
		var req wire.Request
		if wire.ReadFrame(inR, &req) != nil {
			return
		}
		<-release
		_ = wire.WriteFrame(outW, wire.Response{ID: req.ID, Body: []byte(`{"unix_nano": 7}`)})
	}()
	c, err := newAgentConn(inW, outR, "test", func(err error) error { return err })
	if err != nil {
		t.Fatal(err)
	}
	return c, done
}

func TestAnAnswerThatComesTooLateIsNotSeen(t *testing.T) {
	release := make(chan struct{})
	c, answered := lateAgent(t, release)
	tired := errors.New("tired of waiting")
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(tired)
	var clock wire.Clock
	if err := c.call(ctx, wire.OpClock, nil, &clock, attention{}); !errors.Is(err, tired) {
		t.Fatalf("got %v", err)
	}
	close(release)
	<-answered
	if clock.UnixNano != 0 {
		t.Errorf("the caller got %d after it had given up", clock.UnixNano)
	}
	if err := c.call(context.Background(), wire.OpClock, nil, &clock, attention{}); err == nil || !strings.Contains(err.Error(), "gave up") {
		t.Errorf("a connection that was given up is used again: %v", err)
	}
}

func TestAnAgentThatNeverGreetsIsGivenUp(t *testing.T) {
	_, inW := io.Pipe()
	outR, outW := io.Pipe()
	greet := func(context.Context) error {
		_, err := newAgentConn(inW, outR, "test", func(err error) error { return err })
		return err
	}
	if err := within(context.Background(), time.Millisecond, func() { outW.Close() }, greet); !errors.Is(err, errSlow) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancelCause(context.Background())
	stop := errors.New("stop")
	cancel(stop)
	if err := within(ctx, time.Hour, func() { outW.Close() }, greet); !errors.Is(err, stop) {
		t.Errorf("interrupted: got %v", err)
	}
}
