package ipvs

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"testing"
	"time"
)

// silent is a kernel that never answers. Who asked loses patience once it waits.
type silent struct {
	ended  chan struct{}
	giveUp context.CancelFunc
}

func (s *silent) Close() error      { return nil }
func (s *silent) send([]byte) error { return nil }
func (s *silent) receive([]byte) (int, error) {
	s.giveUp()
	<-s.ended
	return 0, os.ErrDeadlineExceeded
}

// SetDeadline ends what waits if the deadline is over, as the context's end
// makes it.
func (s *silent) SetDeadline(t time.Time) error {
	if t.Before(time.Now()) {
		close(s.ended)
	}
	return nil
}

// TestASilentKernelIsNotWaitedFor holds that every request ends with its
// context, and that the connection is then given up: an answer that comes late
// must not be taken for the answer to something else.
func TestASilentKernelIsNotWaitedFor(t *testing.T) {
	key := ServiceKey{Protocol: TCP, Address: netip.MustParseAddr("192.0.2.1"), Port: 80}
	for name, request := range map[string]func(context.Context, *Client) error{
		"dump": func(ctx context.Context, c *Client) error { _, err := c.Dump(ctx); return err },
		"do": func(ctx context.Context, c *Client) error {
			_, err := c.Do(ctx, []Command{DeleteService(key), DeleteService(key)})
			var batch *BatchError
			if !errors.As(err, &batch) || batch.Sent != 2 || batch.Acked != 0 || batch.First() != 0 {
				t.Errorf("what became of two commands is told as %+v", batch)
			}
			return err
		},
		"stop": func(ctx context.Context, c *Client) error { return c.StopDaemon(ctx, Master, 1) },
		"one":  func(ctx context.Context, c *Client) error { return c.DelService(ctx, key) },
	} {
		ctx, cancel := context.WithCancel(context.Background())
		defer cancel()
		c := &Client{conn: &silent{make(chan struct{}), cancel}, family: 1, batch: 10}
		if err := request(ctx, c); !errors.Is(err, context.Canceled) {
			t.Errorf("%s: %v", name, err)
		}
		if c.conn != nil {
			t.Errorf("%s: the connection is kept", name)
		}
	}
}
