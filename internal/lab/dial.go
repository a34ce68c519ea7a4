package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"time"
)

// Dial opens a TCP connection from inside the lab's network. The address must
// be a literal; names mean nothing there.
func (s *State) Dial(ctx context.Context, address netip.AddrPort) (net.Conn, error) {
	var conn net.Conn
	err := inNetns(s.Netns, -1, func() (err error) {
		// With a literal address the socket is made on this very thread.
		conn, err = (&net.Dialer{}).DialContext(ctx, "tcp", address.String())
		return err
	})
	return conn, err
}

// Start starts a command in the lab's network, where the guests answer at their Login
// addresses without the ProxyCommand of the lab's ssh_config.
func (s *State) Start(cmd *exec.Cmd) error { return inNetns(s.Netns, -1, cmd.Start) }

// greetingTimeout lets TCP ask twice: a guest with nothing to do may oversleep
// the first packet.
const greetingTimeout = 2500 * time.Millisecond

// greeting gives no error if an SSH server answers there.
func (s *State) greeting(ctx context.Context, address netip.Addr) error {
	ctx, cancel := context.WithTimeout(ctx, greetingTimeout)
	defer cancel()
	conn, err := s.Dial(ctx, netip.AddrPortFrom(address, 22))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	if err := conn.SetReadDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return err
	}
	hello := make([]byte, 4) // SSH- (RFC 4253, 4.2)
	if _, err := io.ReadFull(conn, hello); err != nil {
		return err
	}
	if string(hello) != "SSH-" {
		return fmt.Errorf("what answers at %s is not an SSH server", address)
	}
	return nil
}

// answersAt is where a guest's sshd answers now: a plan may have moved it. With
// an error, it answers nowhere.
func (s *State) answersAt(ctx context.Context, g *Guest) (netip.Addr, error) {
	addresses := []netip.Addr{g.Login}
	if g.Planned.IsValid() && g.Planned != g.Login {
		addresses = append(addresses, g.Planned)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type answer struct {
		address netip.Addr
		err     error
	}
	answers := make(chan answer, len(addresses))
	for _, address := range addresses {
		go func() { answers <- answer{address, s.greeting(ctx, address)} }()
	}
	var errs []error
	for range addresses {
		a := <-answers
		if a.err == nil {
			return a.address, nil
		}
		errs = append(errs, a.err)
	}
	return netip.Addr{}, errors.Join(errs...)
}

// Connect joins stdin and stdout to a TCP connection inside the lab named, as
// ssh wants of a ProxyCommand, until both directions have ended.
func Connect(stateDir, lab, host, port string, stdin io.Reader, stdout io.Writer) error {
	s, err := Find(stateDir, lab)
	if err != nil {
		return err
	}
	if g, ok := s.Topology.Guest(host); ok {
		host = g.Login.String()
	}
	address, err := netip.ParseAddrPort(net.JoinHostPort(strings.Trim(host, "[]"), port))
	if err != nil {
		return fmt.Errorf("cannot connect to %s: it is neither a guest of lab %s nor an address: %w", host, s.Name, err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := s.Dial(ctx, address)
	if err != nil {
		return fmt.Errorf("cannot connect to %s in lab %s: %w", address, s.Name, err)
	}
	return join(conn.(*net.TCPConn), stdin, stdout, lastWords)
}

// lastWords is how long a guest may go on talking once nobody talks to it any more.
const lastWords = 5 * time.Second

// join gives up a peer that does not end its side within so long after stdin has ended:
// a guest that was taken down, or has another address by now, never does.
func join(conn *net.TCPConn, stdin io.Reader, stdout io.Writer, patience time.Duration) error {
	defer func() { _ = conn.Close() }()
	go func() {
		_, _ = io.Copy(conn, stdin)
		_ = conn.CloseWrite()
		_ = conn.SetReadDeadline(time.Now().Add(patience))
	}()
	_, err := io.Copy(stdout, conn)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil
	}
	return err
}
