package coordinator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"path"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/internal/agentbin"
	"github.com/lvsup/lvsup/internal/sshconn"
	"github.com/lvsup/lvsup/plans"
)

// Dialer opens sessions with the agents of hosts.
type Dialer interface {
	open(ctx context.Context, name string, conn plans.Connection, build string) (*session, error)
}

// agentDir is where agents live on a host, by content hash.
const agentDir = "/usr/local/libexec/lvsup"

// SSHDialer opens sessions over SSH, pushing the agent where it is missing.
type SSHDialer struct {
	ssh      *sshconn.Dialer
	password func() (string, error) // for sudo; nil: sudo must not ask
	log      zerolog.Logger

	mu     sync.Mutex
	agents map[string]agentFile // by uname -m
}

type agentFile struct {
	data   []byte
	packed []byte // data in gzip
	sha256 string // hexadecimal
}

// NewSSHDialer makes a dialer. password gives sudo's password, or is nil.
func NewSSHDialer(o sshconn.Options, password func() (string, error), log zerolog.Logger) *SSHDialer {
	return &SSHDialer{ssh: sshconn.NewDialer(o), password: password, log: log, agents: map[string]agentFile{}}
}

// agentFor unpacks the agent for a machine once.
func (d *SSHDialer) agentFor(machine string) (agentFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a, ok := d.agents[machine]; ok {
		return a, nil
	}
	data, packed, err := agentbin.For(machine)
	if err != nil {
		return agentFile{}, err
	}
	if err := sshconn.CheckELF(data, machine); err != nil {
		return agentFile{}, err
	}
	sum := sha256.Sum256(data)
	a := agentFile{data, packed, hex.EncodeToString(sum[:])}
	d.agents[machine] = a
	return a, nil
}

func (d *SSHDialer) open(ctx context.Context, name string, conn plans.Connection, build string) (*session, error) {
	ep, err := d.ssh.Resolve(ctx, sshconn.Target{Name: name, Host: conn.Host, Port: conn.Port, User: conn.User})
	if err != nil {
		return nil, err
	}
	client, err := d.ssh.Dial(ctx, ep)
	if err != nil {
		return nil, err
	}
	var s *session
	err = within(ctx, startTimeout, func() { client.Close() }, func(ctx context.Context) (err error) {
		s, err = d.start(ctx, client, name, conn.Become, build)
		return err
	})
	if errors.Is(err, errSlow) {
		err = &sshconn.UnreachableError{Host: name, Endpoint: ep.String(), Cause: err, Hint: "log in by hand to see what it is busy with"}
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	return s, nil
}

// startTimeout bounds all between the login and the agent's greeting: the push
// over a slow line and a person who types sudo's password. A host that lets
// lvsup in and then does nothing must not hold a drift check for ever.
const startTimeout = 10 * time.Minute

// errSlow means that startTimeout is over.
var errSlow = errors.New("its agent did not start in time")

// within runs f, which talks over a connection, and cuts the connection when
// ctx or the time ends: that ends whatever f waits for.
func within(ctx context.Context, limit time.Duration, cut func(), f func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("%w (%s)", errSlow, limit))
	defer cancel()
	stop := context.AfterFunc(ctx, cut)
	err := f(ctx)
	if !stop() {
		return context.Cause(ctx)
	}
	return err
}

// start pushes the agent if it is not there and greets it.
func (d *SSHDialer) start(ctx context.Context, client *sshconn.Client, name string, become bool, build string) (*session, error) {
	machine, err := client.Machine(ctx)
	if err != nil {
		return nil, err
	}
	agent, err := d.agentFor(machine.Uname)
	if err != nil {
		return nil, err
	}
	file := path.Join(agentDir, "agent-"+agent.sha256[:16])
	up, err := client.Upload(ctx, sshconn.UploadSpec{
		Data: agent.data, Packed: agent.packed, SHA256: agent.sha256, Path: file, Mode: 0o755,
		Become: become, Password: d.password,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot push the agent: %w", err)
	}
	log := d.log.With().Str("host", name).Logger()
	onStderr := func(line string) { log.Debug().Msg(line) }
	// The session outlives the call: the agent ends when its stdin does.
	long := context.WithoutCancel(ctx)
	command := sshconn.Quote(file, "serve")
	var ssh *sshconn.Session
	if become {
		ssh, err = client.StartBecome(long, command, onStderr, d.password)
	} else {
		ssh, err = client.Start(long, command, onStderr)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot start the agent: %w", err)
	}
	explain := func(cause error) error {
		if lost := client.Err(); lost != nil {
			return lost
		}
		if said := ssh.StderrTail(); said != "" {
			return fmt.Errorf("%w; the agent said: %s", cause, said)
		}
		return cause
	}
	conn, err := newAgentConn(ssh.Stdin, ssh.Stdout, build, explain)
	if err != nil {
		ssh.Close()
		return nil, err
	}
	return &session{name: name, agent: conn, note: up.Note, stop: func() {
		ssh.Close()
		client.Close()
	}}, nil
}
