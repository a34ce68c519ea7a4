//go:build lab

package ipvs

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

func TestKernelTraps(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	k := key("TCP 192.0.2.1:80")
	must(t, c.AddService(ctx, Service{Key: k, Scheduler: "rr"}))

	t.Run("the netmask is never zero", func(t *testing.T) {
		s, err := c.Service(ctx, k)
		must(t, err)
		if s.Netmask != 0xffffffff {
			t.Errorf("netmask %#x", s.Netmask)
		}
	})
	t.Run("port 0 without persistence is accepted", func(t *testing.T) {
		zero := key("TCP 192.0.2.1:0")
		must(t, c.AddService(ctx, Service{Key: zero, Scheduler: "rr"}))
		must(t, c.DelService(ctx, zero))
	})
	t.Run("weights do not wrap at 16 bits, and 0 is one", func(t *testing.T) {
		for _, w := range []uint32{100000, 0, 1<<31 - 1} {
			d := dest("10.0.0.9:80", Route, w)
			must(t, c.AddDest(ctx, k, d))
			got, err := c.Destinations(ctx, k)
			must(t, err)
			if len(got) != 1 || got[0].Weight != w {
				t.Errorf("weight %d reads back as %+v", w, got)
			}
			must(t, c.DelDest(ctx, k, d))
		}
	})
	t.Run("a set without the engine unbinds it", func(t *testing.T) {
		sip := Service{Key: key("UDP 192.0.2.1:5060"), Scheduler: "rr", Flags: FlagPersistent, Timeout: 60, PEName: "sip"}
		must(t, c.AddService(ctx, sip))
		sip.Timeout = 90
		must(t, c.SetService(ctx, sip))
		got, err := c.Service(ctx, sip.Key)
		must(t, err)
		if got.PEName != "sip" || got.Timeout != 90 {
			t.Errorf("kept %q, %d", got.PEName, got.Timeout)
		}
		sip.PEName = ""
		must(t, c.SetService(ctx, sip))
		if got, err = c.Service(ctx, sip.Key); err != nil || got.PEName != "" {
			t.Errorf("engine %q, %v", got.PEName, err)
		}
		must(t, c.DelService(ctx, sip.Key))
	})
	t.Run("a local real server keeps its method", func(t *testing.T) {
		for _, f := range []Forwarding{NAT, Route, Tunnel} {
			d := dest("127.0.0.1:80", f, 1)
			must(t, c.AddDest(ctx, k, d))
			got, err := c.Destinations(ctx, k)
			must(t, err)
			if len(got) != 1 || got[0].Forwarding != f {
				t.Errorf("%s reads back as %+v", f, got)
			}
			must(t, c.DelDest(ctx, k, d))
		}
	})
	t.Run("deleting a service drops its destinations", func(t *testing.T) {
		must(t, c.AddDest(ctx, k, dest("10.0.0.1:80", NAT, 1)))
		must(t, c.DelService(ctx, k))
		must(t, c.AddService(ctx, Service{Key: k, Scheduler: "rr"}))
		if got, err := c.Destinations(ctx, k); err != nil || len(got) != 0 {
			t.Errorf("left: %v, %v", got, err)
		}
	})
	t.Run("a scheduler is changed in place", func(t *testing.T) {
		must(t, c.AddDest(ctx, k, dest("10.0.0.1:80", NAT, 3)))
		must(t, c.SetService(ctx, Service{Key: k, Scheduler: "wlc"}))
		got, err := c.Dump(ctx)
		must(t, err)
		if len(got) != 1 || got[0].Scheduler != "wlc" || len(got[0].Destinations) != 1 {
			t.Errorf("got %+v", got)
		}
	})
}

// TestKernelTablesBelongToNamespaces looks at the table from another network
// namespace. The thread that goes there dies with its goroutine.
func TestKernelTablesBelongToNamespaces(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	must(t, c.AddService(ctx, Service{Key: key("TCP 192.0.2.1:80"), Scheduler: "rr"}))
	result := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked
		result <- func() error {
			if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
				return err
			}
			other, err := Dial(ctx)
			if err != nil {
				return err
			}
			defer other.Close()
			table, err := other.Dump(ctx)
			if err == nil && len(table) != 0 {
				err = fmt.Errorf("the other namespace has %v", table)
			}
			return err
		}()
	}()
	must(t, <-result)
	if table, err := c.Dump(ctx); err != nil || len(table) != 1 {
		t.Errorf("this namespace has %v, %v", table, err)
	}
}

// TestKernelRevivesARemovedDestination removes a destination with a connection
// and adds it again: the kernel kept it, with its counters, on the trash list.
func TestKernelRevivesARemovedDestination(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	for _, a := range []string{"192.0.2.1/32", "192.0.2.10/32"} {
		run(t, "ip", "addr", "replace", a, "dev", "lo")
	}
	k, d := key("TCP 192.0.2.1:80"), dest("192.0.2.10:8081", NAT, 1)
	must(t, c.AddService(ctx, Service{Key: k, Scheduler: "rr"}))
	must(t, c.AddDest(ctx, k, d))
	l, err := net.Listen("tcp", "192.0.2.10:8081")
	must(t, err)
	defer l.Close()
	conn, err := net.DialTimeout("tcp", "192.0.2.1:80", 5*time.Second)
	must(t, err)
	defer conn.Close()
	must(t, c.DelDest(ctx, k, d))
	if got, err := c.Destinations(ctx, k); err != nil || len(got) != 0 {
		t.Fatalf("after the removal: %v, %v", got, err)
	}
	must(t, c.AddDest(ctx, k, d))
	got, err := c.Destinations(ctx, k)
	must(t, err)
	if len(got) != 1 || got[0].ActiveConns != 1 || got[0].Stats.Conns != 0 {
		t.Errorf("the destination came back as %+v", got)
	}
}

// TestKernelManyCallers uses one client from several goroutines.
func TestKernelManyCallers(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	var g errgroup.Group
	for i := range 8 {
		g.Go(func() error {
			k := key(fmt.Sprintf("TCP 192.0.2.%d:80", i+1))
			for range 5 {
				if err := c.AddService(ctx, Service{Key: k, Scheduler: "rr"}); err != nil {
					return err
				}
				if _, err := c.Dump(ctx); err != nil {
					return err
				}
				if err := c.DelService(ctx, k); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, g.Wait())
}

func TestKernelRequestsEnd(t *testing.T) {
	c := dial(t)
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := c.Dump(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("with an ended context: %v", err)
	}
	if _, err := c.Dump(context.Background()); err != nil {
		t.Errorf("and afterwards: %v", err)
	}
}
