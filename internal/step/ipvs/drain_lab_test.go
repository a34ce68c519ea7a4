//go:build lab

package ipvs

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
)

// one is a service with one backend, both on this host.
func one(protocol string) Desired {
	return Desired{Services: []Service{{Protocol: protocol, Address: "192.0.2.1", Port: 80, Scheduler: "rr",
		Backends: []Backend{{Address: "192.0.2.10", Port: 8080, Forwarding: "nat", Weight: 1}}}}}
}

func newBusyGuest(t *testing.T, want Desired) *guest {
	g := newGuest(t)
	for _, a := range []string{"192.0.2.1/32", "192.0.2.10/32"} {
		g.run("ip", "addr", "replace", a, "dev", "lo")
	}
	g.apply(want)
	return g
}

// download takes so many parts through the service, one every tenth of a
// second, and gives what came.
func download(t *testing.T, parts int) <-chan string {
	t.Helper()
	l, err := net.Listen("tcp", "192.0.2.10:8080")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		for range parts {
			time.Sleep(100 * time.Millisecond)
			if _, err := io.WriteString(conn, "part "); err != nil {
				return
			}
		}
	}()
	conn, err := net.DialTimeout("tcp", "192.0.2.1:80", 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	got := make(chan string, 1)
	go func() {
		b, _ := io.ReadAll(conn)
		conn.Close()
		got <- string(b)
	}()
	return got
}

// TestKernelDrains removes a backend in the middle of a download.
func TestKernelDrains(t *testing.T) {
	want := one("tcp")
	g := newBusyGuest(t, want)
	const parts = 20
	got := download(t, parts)
	start := time.Now()
	want.Services[0].Backends = nil
	var told []string
	ctx := step.WithProgress(context.Background(), func(text string) { told = append(told, text) })
	changes := g.diff(want)
	if n, err := g.kind.Apply(ctx, want, changes); err != nil || n != len(changes) {
		t.Fatalf("%d of %d changes, %v", n, len(changes), err)
	}
	took := time.Since(start)
	if body := <-got; body != strings.Repeat("part ", parts) {
		t.Errorf("the download was cut to %q", body)
	}
	if took < time.Second || took > DrainTimeout {
		t.Errorf("the removal took %v", took)
	}
	if len(told) < 2 || told[0] != "draining 1 backend: 1 connection, at most 30s more" {
		t.Errorf("told %q", told)
	}
	if rules := g.run("ipvsadm", "-S", "-n"); strings.Contains(rules, "192.0.2.10") {
		t.Errorf("left:\n%s", rules)
	}
}

// TestKernelDrainEndsAtTheDeadline cancels a removal, which leaves weight 0 and
// the connection, and finishes it with a deadline that passes.
func TestKernelDrainEndsAtTheDeadline(t *testing.T) {
	want := one("tcp")
	g := newBusyGuest(t, want)
	got := download(t, 1000)
	want.Services[0].Backends = nil
	changes := g.diff(want)
	for _, c := range changes {
		g.owned.Begin(c)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	if n, err := g.kind.Apply(ctx, want, changes); n != 0 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("cancelled, the removal gives %d, %v", n, err)
	}
	if rules := g.run("ipvsadm", "-S", "-n"); !strings.Contains(rules, "192.0.2.10:8080 -m -w 0") {
		t.Errorf("cancelled, it left\n%s", rules)
	}
	select {
	case body := <-got:
		t.Errorf("the cancelled removal cut the download to %q", body)
	default:
	}
	want.Services[0].DrainSeconds = seconds(1)
	start := time.Now()
	g.apply(want)
	if took := time.Since(start); took < time.Second || took > 10*time.Second {
		t.Errorf("the removal took %v", took)
	}
	if rules := g.run("ipvsadm", "-S", "-n"); strings.Contains(rules, "192.0.2.10") {
		t.Errorf("left:\n%s", rules)
	}
}

// TestKernelDrainOfUDP holds what this kind believes of the kernel: that it
// remembers a flow as an inactive connection until its timeout.
func TestKernelDrainOfUDP(t *testing.T) {
	want := one("udp")
	want.Timeouts = &Timeouts{UDP: 2}
	g := newBusyGuest(t, want)
	server, err := net.ListenPacket("udp", "192.0.2.10:8080")
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	conn, err := net.Dial("udp", "192.0.2.1:80")
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := fmt.Fprint(conn, "hello"); err != nil {
		t.Fatal(err)
	}
	if _, _, err := server.ReadFrom(make([]byte, 16)); err != nil {
		t.Fatal(err)
	}
	s := onHost(host.Real())
	now, err := s.read(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	d := now.services[0].Destinations[0]
	if flows, known := s.udpFlows()(d.Address); d.ActiveConns != 0 || d.InActConns != 1 || flows != 1 || !known {
		t.Errorf("a flow is %d active and %d inactive connections, and %d (%v) in the connection table", d.ActiveConns, d.InActConns, flows, known)
	}
	want.Services[0].Backends = nil
	start := time.Now()
	g.apply(want)
	if took := time.Since(start); took < time.Second || took > 10*time.Second {
		t.Errorf("the removal took %v", took)
	}
}
