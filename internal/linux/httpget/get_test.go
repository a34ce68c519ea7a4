package httpget

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

func TestGet(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/chunked":
			w.(http.Flusher).Flush()
			io.WriteString(w, "in chunks")
		default:
			fmt.Fprintf(w, "%s %s %s close=%t", r.Host, r.URL.Path, r.RemoteAddr, r.Close)
		}
	}))
	defer server.Close()
	address := server.Listener.Addr().String()

	got, err := Get(t.Context(), Options{Address: address, Path: "/page?x=1", Host: "www.example.org", Local: netip.MustParseAddr("127.0.0.9")})
	if err != nil {
		t.Fatal(err)
	}
	want := fmt.Sprintf("www.example.org /page %s close=true", got.LocalAddr)
	if got.Status != 200 || string(got.Body) != want {
		t.Errorf("got %d %q, want 200 %q", got.Status, got.Body, want)
	}
	if got.LocalAddr.Addr() != netip.MustParseAddr("127.0.0.9") {
		t.Errorf("came from %s", got.LocalAddr)
	}
	if got, err := Get(t.Context(), Options{Address: address, Path: "/chunked"}); err != nil || string(got.Body) != "in chunks" {
		t.Errorf("chunked: %q, %v", got.Body, err)
	}
}

func TestGetRefusesToSend(t *testing.T) {
	for _, o := range []Options{
		{Address: "127.0.0.1:1", Path: "index.html"},
		{Address: "127.0.0.1:1", Path: "/a b"},
		{Address: "127.0.0.1:1", Path: "/a\r\nX: y"},
		{Address: "127.0.0.1:1", Host: "a\nb"},
	} {
		if _, err := Get(t.Context(), o); err == nil || !strings.Contains(err.Error(), "cannot ask for") {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// listen serves every connection with serve, until the test ends.
func listen(t *testing.T, serve func(net.Conn)) string {
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
			go serve(c)
		}
	}()
	return l.Addr().String()
}

func TestGetSaysWhatWentWrong(t *testing.T) {
	silent := listen(t, func(c net.Conn) { io.Copy(io.Discard, c); c.Close() })
	if _, err := Get(t.Context(), Options{Address: silent, Timeout: 50 * time.Millisecond}); err == nil || !strings.Contains(err.Error(), "no answer in time") {
		t.Errorf("silent server: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(50*time.Millisecond, cancel)
	if _, err := Get(ctx, Options{Address: silent}); err == nil || !strings.Contains(err.Error(), "context canceled") {
		t.Errorf("cancelled: %v", err)
	}
	short := listen(t, func(c net.Conn) {
		bufio.NewReader(c).ReadString('\n')
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Le")
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
		c.Close()
	})
	if _, err := Get(t.Context(), Options{Address: short}); err == nil || !strings.Contains(err.Error(), "ended within the answer") {
		t.Errorf("short answer: %v", err)
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	if _, err := Get(t.Context(), Options{Address: gone.Addr().String()}); err == nil || !strings.Contains(err.Error(), "connection refused") {
		t.Errorf("nobody listens: %v", err)
	}
}

func TestManyHoldsConnections(t *testing.T) {
	var mu sync.Mutex
	open, most := 0, 0
	count := func(d int) {
		mu.Lock()
		defer mu.Unlock()
		open += d
		most = max(most, open)
	}
	address := listen(t, func(c net.Conn) {
		count(1)
		defer count(-1)
		defer c.Close()
		r := bufio.NewReader(c)
		for {
			req, err := http.ReadRequest(r)
			if err != nil {
				return
			}
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi")
			if req.Close {
				return
			}
		}
	})
	req := wire.FetchRequest{Address: address, Path: "/", Count: 4, Hold: true, Sources: []string{"127.0.0.2", "127.0.0.3"}, Timeout: time.Second}
	resp := Many(t.Context(), req)
	mu.Lock()
	defer mu.Unlock()
	if len(resp.Fetches) != 4 || most != 4 {
		t.Fatalf("%d fetches, %d connections open at once, want 4 and 4", len(resp.Fetches), most)
	}
	for i, f := range resp.Fetches {
		if f.Error != "" || string(f.Body) != "hi" || !strings.HasPrefix(f.Local, req.Sources[i%2]+":") {
			t.Errorf("fetch %d: %+v", i, f)
		}
	}
}

func TestManyGoesOnAfterAnError(t *testing.T) {
	address := listen(t, func(c net.Conn) {
		bufio.NewReader(c).ReadString('\n')
		io.WriteString(c, "HTTP/1.0 200 OK\r\n\r\nhi")
		c.(*net.TCPConn).CloseWrite()
		io.Copy(io.Discard, c)
		c.Close()
	})
	resp := Many(t.Context(), wire.FetchRequest{Address: address, Count: 3, Sources: []string{"", "127.0.0.1", "192.0.2.1"}, Timeout: time.Second})
	if len(resp.Fetches) != 3 {
		t.Fatalf("%d fetches", len(resp.Fetches))
	}
	if f := resp.Fetches[0]; !strings.Contains(f.Error, "not an IP address") {
		t.Errorf("empty source: %+v", f)
	}
	if f := resp.Fetches[1]; f.Error != "" || string(f.Body) != "hi" {
		t.Errorf("good source: %+v", f)
	}
	if f := resp.Fetches[2]; !strings.Contains(f.Error, "cannot assign requested address") {
		t.Errorf("foreign source: %+v", f)
	}
}
