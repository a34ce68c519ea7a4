package httpget

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"
)

// DefaultTimeout bounds a fetch whose Options name no timeout.
const DefaultTimeout = 5 * time.Second

// Options say what to fetch, and from where.
type Options struct {
	Address string        // host:port to connect to
	Path    string        // request target, "/" if empty
	Host    string        // Host header; Address without a port 80 if empty
	Local   netip.Addr    // source address; the zero Addr leaves it to the kernel
	Timeout time.Duration // for connecting and reading together; DefaultTimeout if zero
	// ConnectOnly stops when the connection is there.
	ConnectOnly bool
}

// Result is a page.
type Result struct {
	Status    int            // 200, 404, ...
	Body      []byte         // at most MaxBody
	Truncated bool           // the page is longer than MaxBody
	LocalAddr netip.AddrPort // our end of the connection; set with an error too once connected
}

// Get fetches one page on a connection of its own and closes it.
func Get(ctx context.Context, o Options) (Result, error) {
	c, res, err := fetch(ctx, o, false)
	if c != nil {
		c.Close()
	}
	return res, err
}

// fetch connects, asks and reads the answer. It leaves the connection open; it
// is nil if there is none.
func fetch(ctx context.Context, o Options, keep bool) (net.Conn, Result, error) {
	request, err := o.request(keep)
	if err != nil {
		return nil, Result{}, err
	}
	timeout := o.Timeout
	if timeout <= 0 {
		timeout = DefaultTimeout
	}
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()

	var dialer net.Dialer
	if o.Local.IsValid() {
		dialer.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(o.Local, 0))
	}
	conn, err := dialer.DialContext(ctx, "tcp", o.Address)
	if err != nil {
		return nil, Result{}, fmt.Errorf("cannot connect to %s: %w", o.Address, bare(ctx, err))
	}
	var res Result
	if tcp, ok := conn.LocalAddr().(*net.TCPAddr); ok {
		local := tcp.AddrPort()
		res.LocalAddr = netip.AddrPortFrom(local.Addr().Unmap(), local.Port())
	}
	if o.ConnectOnly {
		return conn, res, nil
	}
	// A deadline in the past wakes a read that is under way.
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()

	if _, err := io.WriteString(conn, request); err != nil {
		return conn, res, fmt.Errorf("cannot send the request to %s: %w", o.Address, bare(ctx, err))
	}
	answer, err := readResponse(bufio.NewReaderSize(conn, maxLine))
	if err != nil {
		return conn, res, fmt.Errorf("cannot read the page from %s: %w", o.Address, bare(ctx, err))
	}
	res.Status, res.Body, res.Truncated = answer.status, answer.body, answer.truncated
	return conn, res, nil
}

// bare takes off what the net package wraps around a cause, since the message
// names the address already, and prefers the context's reason.
func bare(ctx context.Context, err error) error {
	// The dialer's own timer may fire a moment before the context's.
	var late net.Error
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded), ctx.Err() == nil && errors.As(err, &late) && late.Timeout():
		return errors.New("no answer in time")
	case ctx.Err() != nil:
		return ctx.Err()
	}
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return errors.New("the connection ended within the answer")
	}
	return err
}

// request is the text of the request. A path or host that would break out of
// its line is refused.
func (o Options) request(keep bool) (string, error) {
	path, host, connection := o.Path, o.Host, "close"
	if path == "" {
		path = "/"
	}
	if host == "" {
		host = strings.TrimSuffix(o.Address, ":80")
	}
	if keep {
		connection = "keep-alive"
	}
	if path[0] != '/' || !visible(path) {
		return "", fmt.Errorf("cannot ask for the path %q: it must start with / and hold neither spaces nor control characters", path)
	}
	if !visible(host) {
		return "", fmt.Errorf("cannot ask for the host %q: it holds spaces or control characters", host)
	}
	return "GET " + path + " HTTP/1.1\r\nHost: " + host +
		"\r\nUser-Agent: lvsup\r\nAccept: */*\r\nConnection: " + connection + "\r\n\r\n", nil
}

func visible(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
