package coordinator

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"github.com/lvsup/lvsup/internal/agentbin"
	"github.com/lvsup/lvsup/internal/shell"
	"github.com/lvsup/lvsup/internal/sshconn"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// Dialer opens sessions with the agents of hosts.
type Dialer interface {
	open(ctx context.Context, name string, conn plans.Connection, build string) (*session, error)
}

// agentDir is where agents live on a host, each under a name of its own.
const agentDir = "/usr/local/libexec/lvsup"

// SSHDialer opens sessions over SSH, pushing the agent where it is missing.
type SSHDialer struct {
	ssh      *sshconn.Dialer
	password func() (string, error) // for sudo; nil: sudo must not ask
	log      zerolog.Logger
	carried  func() ([]agentbin.Agent, error) // made once, for all hosts

	mu     sync.Mutex
	agents map[string]agentFile // by uname -m
}

type agentFile struct {
	path   string // on a host
	packed []byte // in gzip
	plain  func() ([]byte, error)
}

// NewSSHDialer makes a dialer. password gives sudo's password, or is nil.
func NewSSHDialer(o sshconn.Options, password func() (string, error), log zerolog.Logger) *SSHDialer {
	return &SSHDialer{ssh: sshconn.NewDialer(o), password: password, log: log, carried: sync.OnceValues(agentbin.All), agents: map[string]agentFile{}}
}

// agentFor finds the agent for a machine, once.
func (d *SSHDialer) agentFor(machine string) (agentFile, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if a, ok := d.agents[machine]; ok {
		return a, nil
	}
	agent, err := agentbin.For(machine)
	if err != nil {
		return agentFile{}, err
	}
	program, err := agent.Open()
	if err != nil {
		return agentFile{}, err
	}
	if err := sshconn.CheckELF(program, machine); err != nil {
		return agentFile{}, err
	}
	packed, err := agent.Packed()
	if err != nil {
		return agentFile{}, err
	}
	a := agentFile{path.Join(agentDir, agent.Name), packed, sync.OnceValues(agent.Unpack)}
	d.agents[machine] = a
	return a, nil
}

func (d *SSHDialer) open(ctx context.Context, name string, conn plans.Connection, build string) (*session, error) {
	ep, err := d.ssh.Resolve(ctx, sshconn.Target{Name: name, Host: conn.Host, Port: conn.Port, User: conn.User, HostKey: conn.HostKey})
	if err != nil {
		return nil, err
	}
	return d.dial(ctx, ep, nil, conn.Become, build)
}

// dial opens a session with an endpoint; key, if not nil, is the only host key
// to accept.
func (d *SSHDialer) dial(ctx context.Context, ep sshconn.Endpoint, key []byte, become bool, build string) (*session, error) {
	client, err := d.ssh.DialPinned(ctx, ep, key)
	if err != nil {
		return nil, err
	}
	name := ep.Name
	var s *session
	err = within(ctx, startTimeout, func() { client.Close() }, func(ctx context.Context) (err error) {
		s, err = d.start(ctx, client, name, become, build)
		return err
	})
	if errors.Is(err, errSlow) {
		err = &sshconn.UnreachableError{Host: name, Endpoint: ep.String(), Cause: err, Hint: "log in by hand to see what it is busy with"}
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	s.way = way{host: ep.HostName, command: ep.ProxyCommand}
	s.way.names = slices.Compact([]string{ep.Name, ep.Alias, ep.HostName})
	if s.way.hops, err = d.ssh.Hops(ctx, ep); err != nil {
		s.close()
		return nil, fmt.Errorf("cannot find the way to %s: %w", name, err)
	}
	s.jumpMoved = func(address string) { d.ssh.Moved(ep.HostName, address) }
	s.dropJump = func() { d.ssh.Drop(ep.HostName) }
	s.again = func(ctx context.Context, address string) (*session, error) {
		to := ep
		if address != "" {
			to = ep.At(address)
		}
		next, err := d.dial(ctx, to, client.HostKey(), become, build)
		if err == nil { // others know it by where ssh_config has it
			next.way, next.jumpMoved, next.dropJump, next.again = s.way, s.jumpMoved, s.dropJump, s.again
		}
		return next, err
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

// start greets the agent, and pushes it first where it is not there yet.
func (d *SSHDialer) start(ctx context.Context, client *sshconn.Client, name string, become bool, build string) (*session, error) {
	s, err := d.resume(ctx, client, name, become, build)
	if s != nil || err != nil {
		return s, err
	}
	machine, err := client.Machine(ctx)
	if err != nil {
		return nil, err
	}
	agent, err := d.agentFor(machine.Uname)
	if err != nil {
		return nil, err
	}
	up, err := client.Upload(ctx, sshconn.UploadSpec{
		Packed: agent.packed, Plain: agent.plain, Path: agent.path, Mode: 0o755,
		Become: become, Password: d.password,
	})
	if err != nil {
		return nil, fmt.Errorf("cannot push the agent: %w", err)
	}
	run, err := d.run(ctx, client, name, become, shell.Quote(agent.path, "serve"))
	if err != nil {
		return nil, err
	}
	s, err = greet(run, client, name, build)
	if err == nil && !d.isOurs(s.agent.hello) {
		s.agent.close()
		err = fmt.Errorf("what runs as the agent on %s is not what was pushed: look at its disk, and at %s", name, agent.path)
	}
	if err != nil {
		run.Close()
		return nil, err
	}
	s.note = up.Note
	return s, nil
}

// exitNoAgent is the exit status of a shell that found no agent.
const exitNoAgent = 93

// resume greets the agent that an earlier run has pushed: one question to the
// host and not four. It gives nil where there is none, or not the right one, or
// one that does not greet as it should: the push looks at the file's bytes, puts
// a good one in its place, and says what is wrong if that does not help.
func (d *SSHDialer) resume(ctx context.Context, client *sshconn.Client, name string, become bool, build string) (*session, error) {
	all, err := d.carried()
	if err != nil {
		return nil, err
	}
	script := ""
	for _, a := range all {
		file := shell.Quote(path.Join(agentDir, a.Name))
		script += fmt.Sprintf("[ -x %s ] && [ -O %s ] && exec %s serve; ", file, file, file)
	}
	// What another user put there, or could replace, is not run.
	script = "[ -O " + agentDir + " ] || exit " + strconv.Itoa(exitNoAgent) + "; " + script
	run, err := d.run(ctx, client, name, become, script+fmt.Sprintf("exit %d", exitNoAgent))
	if err != nil {
		return nil, err
	}
	s, err := greet(run, client, name, build)
	if err == nil {
		if d.isOurs(s.agent.hello) {
			return s, nil
		}
		s.agent.close()
		run.Close()
		return nil, nil // the file was damaged: it is pushed again
	}
	run.Close()
	if lost := client.Err(); lost != nil {
		return nil, lost
	}
	d.log.Debug().Str("host", name).Err(err).Msg("no agent to go on with")
	return nil, nil
}

// isOurs reports whether what greets is, byte for byte, the agent that would be pushed.
func (d *SSHDialer) isOurs(hello wire.Hello) bool {
	all, err := d.carried()
	if err != nil {
		return false
	}
	i := slices.IndexFunc(all, func(a agentbin.Agent) bool { return a.Machine == hello.Machine })
	if i < 0 {
		return false
	}
	sum, err := all[i].Checksum()
	return err == nil && sum == hello.Checksum
}

// run starts a command on the host, as root where become says so.
func (d *SSHDialer) run(ctx context.Context, client *sshconn.Client, name string, become bool, command string) (*sshconn.Session, error) {
	onStderr := func(line string) { d.log.Debug().Str("host", name).Msg(line) }
	// The session outlives the call: the agent ends when its stdin does.
	long := context.WithoutCancel(ctx)
	var run *sshconn.Session
	var err error
	if become {
		run, err = client.StartBecome(long, command, onStderr, d.password)
	} else {
		run, err = client.Start(long, command, onStderr)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot start the agent: %w", err)
	}
	return run, nil
}

// greet reads the greeting of an agent that was just started.
func greet(run *sshconn.Session, client *sshconn.Client, name, build string) (*session, error) {
	explain := func(cause error) error {
		if lost := client.Err(); lost != nil {
			return lost
		}
		if said := run.StderrTail(); said != "" {
			return fmt.Errorf("%w; the agent said: %s", cause, said)
		}
		return cause
	}
	conn, err := newAgentConn(run.Stdin, run.Stdout, build, explain)
	if err != nil {
		return nil, err
	}
	return &session{name: name, agent: conn, stop: func() {
		run.Close()
		client.Close()
	}}, nil
}
