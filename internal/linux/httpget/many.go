package httpget

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
)

// MaxCount bounds the fetches of one request, and with Hold the connections
// that are open at once.
const MaxCount = 1000

// Many fetches the page as often as asked, one after the other, each time on a
// new connection from the next of the source addresses. With Hold every
// connection stays open until the last page is read, so that a scheduler that
// counts connections sees them all; a server that closes its end earlier takes
// that one out of the count.
//
// What goes wrong with one fetch stands in its Error. When ctx ends, the rest
// is missing.
func Many(ctx context.Context, req wire.FetchRequest) wire.FetchResponse {
	var held []net.Conn
	defer func() {
		for _, c := range held {
			c.Close()
		}
	}()
	resp := wire.FetchResponse{Fetches: []wire.Fetch{}}
	for i := range min(req.Count, MaxCount) {
		if ctx.Err() != nil {
			break
		}
		conn, f := one(ctx, req, i)
		switch {
		case conn == nil:
		case req.Hold:
			held = append(held, conn)
		default:
			conn.Close()
		}
		resp.Fetches = append(resp.Fetches, f)
	}
	return resp
}

// one makes the i-th fetch and times it.
func one(ctx context.Context, req wire.FetchRequest, i int) (net.Conn, wire.Fetch) {
	o := Options{Address: req.Address, Path: req.Path, Timeout: req.Timeout, ConnectOnly: req.ConnectOnly}
	if len(req.Sources) > 0 {
		source := req.Sources[i%len(req.Sources)]
		local, err := netip.ParseAddr(source)
		if err != nil {
			return nil, wire.Fetch{Error: fmt.Sprintf("cannot use the source %q: it is not an IP address", source)}
		}
		o.Local = local
	}
	start := time.Now()
	conn, res, err := fetch(ctx, o, req.Hold)
	f := wire.Fetch{Status: res.Status, Body: res.Body, Took: time.Since(start)}
	if res.LocalAddr.IsValid() {
		f.Local = res.LocalAddr.String()
	}
	if err != nil {
		f.Error = err.Error()
	}
	return conn, f
}
