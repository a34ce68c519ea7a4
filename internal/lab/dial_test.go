package lab

import (
	"io"
	"net"
	"strings"
	"testing"
	"time"
)

// peer accepts one connection and has it to itself.
func peer(t *testing.T, talk func(net.Conn)) *net.TCPConn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		if conn, err := l.Accept(); err == nil {
			talk(conn)
		}
	}()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return conn.(*net.TCPConn)
}

// A guest that is gone answers nothing, not even the end of the connection: what
// joined ssh to it must not stay for ever.
func TestJoinEndsWithASilentPeer(t *testing.T) {
	over := make(chan struct{})
	defer close(over)
	conn := peer(t, func(net.Conn) { <-over })
	if err := join(conn, strings.NewReader("hello"), io.Discard, 50*time.Millisecond); err != nil {
		t.Error(err)
	}
}

func TestJoinTakesAllThatThePeerSays(t *testing.T) {
	conn := peer(t, func(c net.Conn) {
		text, _ := io.ReadAll(c) // to the end of stdin
		_, _ = c.Write(append([]byte("heard "), text...))
		_ = c.Close()
	})
	var out strings.Builder
	if err := join(conn, strings.NewReader("hello"), &out, time.Minute); err != nil || out.String() != "heard hello" {
		t.Errorf("%q, %v", out.String(), err)
	}
}
