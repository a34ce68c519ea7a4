package sshconn

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// proxyConn is a ProxyCommand as a connection: its stdin and stdout. Closing it
// ends the command and whatever the command started.
type proxyConn struct {
	io.Reader
	io.Writer
	cmd    *exec.Cmd
	stderr *ring
	addr   net.Addr

	closeOnce sync.Once
	pipes     []io.Closer
	exited    chan struct{}
	state     error // how the command ended; valid after exited
}

var _ net.Conn = (*proxyConn)(nil)

// dialProxy starts the command under the user's shell, as ssh does
// (sshconnect.c, ssh_proxy_connect), in a process group of its own: it has no
// terminal to ask on.
func dialProxy(ep Endpoint) (*proxyConn, error) {
	line, err := ep.tokens(ep.ProxyCommand)
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(strings.TrimSpace(line), "exec ") {
		line = "exec " + line
	}
	p := &proxyConn{stderr: newRing(4 << 10), exited: make(chan struct{}), addr: proxyAddr(ep.address())}
	p.cmd = exec.Command(userShell(), "-c", line)
	p.cmd.Stderr = p.stderr
	p.cmd.WaitDelay = time.Second
	ownGroup(p.cmd)
	stdin, err := p.cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, outWriter, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	p.cmd.Stdout = outWriter
	p.Reader, p.Writer, p.pipes = out, stdin, []io.Closer{stdin, out}
	err = p.cmd.Start()
	_ = outWriter.Close()
	if err != nil {
		_ = out.Close()
		return nil, fmt.Errorf("cannot run the proxy command: %w", err)
	}
	go func() {
		p.state = p.cmd.Wait()
		close(p.exited)
	}()
	return p, nil
}

// userShell is what runs the commands of ssh_config.
func userShell() string { return firstOf(os.Getenv("SHELL"), "/bin/sh") }

// why says how the command failed, if it has ended by itself or spoken; cause
// is what the SSH layer saw.
func (p *proxyConn) why(cause error) error {
	select {
	case <-p.exited:
	case <-time.After(200 * time.Millisecond):
		if p.stderr.String() == "" {
			return cause
		}
		return fmt.Errorf("%w; the proxy command says: %s", cause, said(p.stderr.String()))
	}
	var exit *exec.ExitError
	if errors.As(p.state, &exit) && !exit.Exited() && p.stderr.String() == "" {
		return cause // a signal: lvsup itself ended it when its time was up
	}
	how := "exit status 0"
	if p.state != nil {
		how = p.state.Error()
	}
	if s := said(p.stderr.String()); s != "" {
		how += ": " + s
	}
	return fmt.Errorf("the proxy command ended (%s)", how)
}

// hungUp says that the sshd at the other end hung up, or that of a jump host which
// the command itself goes through, and not that the command failed.
func (p *proxyConn) hungUp() bool {
	text := p.stderr.String()
	if text != "" {
		return strings.Contains(text, "kex_exchange_identification") // ssh's word for it
	}
	select {
	case <-p.exited:
		return p.state == nil
	default:
		return true
	}
}

// Close ends the command: its process group gets SIGTERM, and SIGKILL if it is
// still there a moment later.
func (p *proxyConn) Close() error {
	p.closeOnce.Do(func() {
		for _, c := range p.pipes {
			_ = c.Close()
		}
		endGroup(p.cmd, p.exited)
	})
	return nil
}

func (p *proxyConn) LocalAddr() net.Addr              { return p.addr }
func (p *proxyConn) RemoteAddr() net.Addr             { return p.addr }
func (p *proxyConn) SetDeadline(time.Time) error      { return os.ErrNoDeadline }
func (p *proxyConn) SetReadDeadline(time.Time) error  { return os.ErrNoDeadline }
func (p *proxyConn) SetWriteDeadline(time.Time) error { return os.ErrNoDeadline }

// proxyAddr is a host:port that was never resolved here.
type proxyAddr string

func (proxyAddr) Network() string  { return "proxy" }
func (a proxyAddr) String() string { return string(a) }
