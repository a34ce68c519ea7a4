package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/lvsup/lvsup/internal/shell"
)

// Lab runs commands in the guests of a running lab. It keeps one SSH connection
// to each guest, so that a command costs what the guest needs for it, not a
// handshake. It may be used by several goroutines at once.
type Lab struct {
	state  *State
	config *ssh.ClientConfig

	mu      sync.Mutex
	clients map[string]*ssh.Client // by guest
}

// Open prepares to run commands in the lab named, or without a name in the only
// one. It dials nothing yet.
func Open(stateDir, name string) (*Lab, error) {
	s, err := Find(stateDir, name)
	if err != nil {
		return nil, err
	}
	text, err := os.ReadFile(s.paths().file("id_ed25519"))
	if err != nil {
		return nil, fmt.Errorf("cannot read the key of lab %s: %w", s.Name, err)
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return nil, fmt.Errorf("cannot read the key of lab %s: %w", s.Name, err)
	}
	hostKeys, err := readKnownHosts(s.paths().file("known_hosts"))
	if err != nil {
		return nil, err
	}
	return &Lab{
		state:   s,
		clients: map[string]*ssh.Client{},
		config: &ssh.ClientConfig{
			User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)}, HostKeyCallback: hostKeys.check,
			Timeout: 10 * time.Second,
		},
	}, nil
}

// State is what lab this is.
func (l *Lab) State() *State { return l.state }

// Close closes the connections. The lab stays up.
func (l *Lab) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	var errs []error
	for guest, client := range l.clients {
		delete(l.clients, guest)
		if err := client.Close(); err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, os.ErrClosed) {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// Forget drops the connection to a guest that was power-cycled or rebooted; the
// next command dials anew.
func (l *Lab) Forget(host string) {
	l.mu.Lock()
	client := l.clients[host]
	delete(l.clients, host)
	l.mu.Unlock()
	if client != nil {
		_ = client.Close()
	}
}

// Exec runs a command as root in a guest, without a shell between its words,
// and returns its exit code. A command that a signal ended has code 128 and the
// signal's number is lost. An error means that it was not run, or that its end
// is unknown. When the context ends, the connection is given up; what the
// command then does is the guest's business.
func (l *Lab) Exec(ctx context.Context, host string, argv []string, stdin io.Reader, stdout, stderr io.Writer) (int, error) {
	session, err := l.session(ctx, host)
	if err != nil {
		return -1, fmt.Errorf("cannot run a command in guest %s: %w", host, err)
	}
	defer func() { _ = session.Close() }()
	stop := context.AfterFunc(ctx, func() { l.Forget(host) })
	defer stop()
	session.Stdin, session.Stdout, session.Stderr = stdin, stdout, stderr
	words := make([]string, len(argv))
	for i, word := range argv {
		words[i] = shell.Quote(word)
	}
	err = session.Run(strings.Join(words, " "))
	var exit *ssh.ExitError
	switch {
	case err == nil:
		return 0, nil
	case ctx.Err() != nil:
		return -1, fmt.Errorf("command in guest %s: %w", host, context.Cause(ctx))
	case errors.As(err, &exit) && exit.Signal() != "":
		return 128, nil
	case errors.As(err, &exit):
		return exit.ExitStatus(), nil
	}
	l.Forget(host)
	return -1, fmt.Errorf("lost guest %s while it ran a command: %w", host, err)
}

// Output runs a command and returns its stdout; a non-zero exit is an error
// that quotes its stderr.
func (l *Lab) Output(ctx context.Context, host string, argv ...string) (string, error) {
	var out, complaint strings.Builder
	code, err := l.Exec(ctx, host, argv, nil, &out, &complaint)
	if err == nil && code != 0 {
		err = fmt.Errorf("%s in guest %s: exit %d: %s", strings.Join(argv, " "), host, code, lastLines(complaint.String(), 5))
	}
	return out.String(), err
}

// Client returns the kept connection to a guest, or dials one.
func (l *Lab) Client(ctx context.Context, host string) (*ssh.Client, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if client := l.clients[host]; client != nil {
		return client, nil
	}
	client, err := l.dial(ctx, host)
	if err != nil {
		return nil, err
	}
	l.clients[host] = client
	return client, nil
}

// session opens a session, once more over a new connection if the kept one
// turns out to be dead.
func (l *Lab) session(ctx context.Context, host string) (*ssh.Session, error) {
	for attempt := 0; ; attempt++ {
		client, err := l.Client(ctx, host)
		if err != nil {
			return nil, err
		}
		stop := context.AfterFunc(ctx, func() { _ = client.Close() })
		session, err := client.NewSession()
		if stop(); err == nil {
			return session, nil
		}
		l.Forget(host)
		if attempt == 1 || ctx.Err() != nil {
			return nil, err
		}
	}
}

func (l *Lab) dial(ctx context.Context, host string) (*ssh.Client, error) {
	g, ok := l.state.Topology.Guest(host)
	if !ok {
		return nil, fmt.Errorf("lab %s has no guest of that name", l.state.Name)
	}
	dialCtx, cancel := context.WithTimeout(ctx, l.config.Timeout)
	defer cancel()
	address := g.Login
	if g.Planned.IsValid() {
		var err error
		if address, err = l.state.answersAt(dialCtx, g); err != nil {
			return nil, err
		}
	}
	conn, err := l.state.Dial(dialCtx, netip.AddrPortFrom(address, 22))
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(l.config.Timeout)); err != nil {
		return nil, err
	}
	c, channels, requests, err := ssh.NewClientConn(conn, host, l.config)
	if err != nil {
		_ = conn.Close()
		return nil, err
	}
	if err := conn.SetDeadline(time.Time{}); err != nil {
		return nil, err
	}
	return ssh.NewClient(c, channels, requests), nil
}
