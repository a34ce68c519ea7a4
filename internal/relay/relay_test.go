package relay

import (
	"bytes"
	"crypto/rand"
	"io"
	"net"
	"testing"
	"time"
)

// echo answers each connection with what it got, and closes it then.
func echo(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l.Addr().String()
}

func start(t *testing.T, to string, trip time.Duration) *Relay {
	t.Helper()
	r, err := Start("127.0.0.1:0", to, trip)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestTrips counts round trips by the clock: one to connect, one for each question.
func TestTrips(t *testing.T) {
	const trip = 60 * time.Millisecond
	r := start(t, echo(t), trip)
	begin := time.Now()
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	answer := make([]byte, 1)
	for i := range 3 {
		if _, err := c.Write([]byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(c, answer); err != nil || answer[0] != byte(i) {
			t.Fatalf("answer %v, %v", answer, err)
		}
		if took, least := time.Since(begin), time.Duration(i+2)*trip; took < least {
			t.Errorf("question %d was answered after %v; that is less than %v", i, took, least)
		}
	}
	if took := time.Since(begin); took > 4*trip+2*time.Second {
		t.Errorf("four round trips of %v took %v", trip, took)
	}
}

// TestThroughput holds that much at once costs no more trips than little.
func TestThroughput(t *testing.T) {
	const trip = 60 * time.Millisecond
	r := start(t, echo(t), trip)
	begin := time.Now() // the connection itself takes a trip
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	sent := make([]byte, 8<<20)
	_, _ = rand.Read(sent)
	go func() {
		_, _ = c.Write(sent)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	got, err := io.ReadAll(c)
	if err != nil || !bytes.Equal(got, sent) {
		t.Fatalf("%d of %d bytes came back, %v", len(got), len(sent), err)
	}
	// At a buffer a trip it would be half a minute.
	if took := time.Since(begin); took < 2*trip || took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

// TestNobodyThere holds that a connection ends whose other end does not come about.
func TestNobodyThere(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nowhere := l.Addr().String()
	l.Close()
	r := start(t, nowhere, time.Millisecond)
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if n, err := c.Read(make([]byte, 1)); n != 0 || err == nil {
		t.Errorf("%d bytes, %v", n, err)
	}
}

// TestClose holds that Close ends what goes through.
func TestClose(t *testing.T) {
	r := start(t, echo(t), time.Millisecond)
	c, err := net.Dial("tcp", r.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_, _ = c.Write([]byte("x"))
	_, _ = io.ReadFull(c, make([]byte, 1))
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := c.Read(make([]byte, 1)); err == nil {
		t.Error("the connection goes on")
	}
}
