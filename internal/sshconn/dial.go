package sshconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/crypto/ssh"
)

// The defaults where neither Options nor ssh_config says otherwise. A dead peer
// is noticed within interval times (misses+1).
const (
	DefaultConnectTimeout    = 15 * time.Second
	DefaultKeepAliveInterval = 15 * time.Second
	DefaultKeepAliveMisses   = 3
	// DefaultLoginTimeout is after what sshd itself hangs up on who has not
	// logged in (sshd_config(5), LoginGraceTime), and a little.
	DefaultLoginTimeout = 130 * time.Second
)

// Bounds of handshakes with one endpoint. sshd hangs up at random once ten
// connections wait for their login (sshd_config(5), MaxStartups 10:30:100), and
// other people have some of those.
const (
	handshakesAtOnce = 8
	handshakeTries   = 6 // with a peer that hangs up before it shows its host key
)

// Options says how to connect. The zero value of each field is usable.
type Options struct {
	// Endpoint is used by Dial alone; a Dialer gets it with each call.
	Endpoint Endpoint
	// Resolver looks up jump hosts.
	Resolver Resolver
	// AcceptNewHostKeys records and accepts the key of a host that known_hosts
	// does not have. A key that changed is refused all the same.
	AcceptNewHostKeys bool
	// PinnedHostKey, from Client.HostKey, is the only key to accept;
	// known_hosts is not read. Used by Dial alone.
	PinnedHostKey []byte

	// Passphrase opens an encrypted key file, once a host wants that key. Nil:
	// encrypted keys work through ssh-agent only.
	Passphrase func(ctx context.Context, file string) (string, error)
	// Password logs in if no key did. Nil: passwords are not used.
	Password func(ctx context.Context, who Login) (string, error)
	// Answer is for what a host asks beside the password, a code say; the question
	// is clean. With echo the answer is no secret. Nil: such a login fails.
	Answer func(ctx context.Context, who Login, question string, echo bool) (string, error)

	// Wait is for how long a host that cannot be reached is tried again: it may be
	// booting. 0: it is not.
	Wait time.Duration

	ConnectTimeout    time.Duration // 0: ssh_config's ConnectTimeout, else DefaultConnectTimeout
	LoginTimeout      time.Duration // from the first byte to the login, a person's typing included; 0: DefaultLoginTimeout
	KeepAliveInterval time.Duration // 0: ssh_config's ServerAliveInterval, else the default
	KeepAliveMisses   int           // 0: ssh_config's ServerAliveCountMax, else the default

	// Notice gets what a person should know though nothing failed, such as an
	// accepted host key. May be called from several goroutines. Nil drops it.
	Notice func(string)
}

func (o Options) notice(s string) {
	if o.Notice != nil {
		o.Notice(s)
	}
}

// Dial makes one connection; jump hosts are dialled for it alone. The errors
// are *UnreachableError, *HostKeyError, *AuthError, those of a jump host
// wrapped, or the context's.
func Dial(ctx context.Context, o Options) (*Client, error) {
	d := NewDialer(o)
	c, err := d.DialPinned(ctx, o.Endpoint, o.PinnedHostKey)
	if err != nil {
		_ = d.Close()
		return nil, err
	}
	c.onClose = func() { _ = d.Close() }
	return c, nil
}

// Dialer makes connections that share one connection to each jump host, and
// ask once for each passphrase. Safe for concurrent use.
type Dialer struct {
	o    Options
	keys *keyring

	recordMu sync.Mutex // one writer of known_hosts at a time
	known    texts      // of known_hosts

	mu     sync.Mutex
	slots  map[string]chan struct{} // by peer: handshakes under way
	said   map[string]bool          // notices that were given
	jumps  map[string]*jump
	moved  map[string]string // by HostName in ssh_config: where a jump host answers now
	closed bool
}

// NewDialer makes a Dialer. Close ends its connections to jump hosts, and with
// them every Client that goes through one.
func NewDialer(o Options) *Dialer {
	return &Dialer{
		o:     o,
		keys:  &keyring{ask: o.Passphrase, notice: o.notice, keys: map[string]*encryptedKey{}},
		slots: map[string]chan struct{}{},
		said:  map[string]bool{},
		jumps: map[string]*jump{},
		moved: map[string]string{},
	}
}

// Resolve looks a host up with the Dialer's Resolver. Each of its warnings is given
// once, however many hosts it is about.
func (d *Dialer) Resolve(ctx context.Context, t Target) (Endpoint, error) {
	ep, err := d.o.Resolver.Resolve(ctx, t)
	for _, w := range ep.Warnings {
		d.mu.Lock()
		again := d.said[w]
		d.said[w] = true
		d.mu.Unlock()
		if !again {
			d.o.notice(w)
		}
	}
	return ep, err
}

// Dial connects to an endpoint. The errors are those of the function Dial.
func (d *Dialer) Dial(ctx context.Context, ep Endpoint) (*Client, error) {
	return d.DialPinned(ctx, ep, nil)
}

// DialPinned connects to an endpoint and accepts only the host key given in
// wire form (Client.HostKey); with a nil key it is Dial.
func (d *Dialer) DialPinned(ctx context.Context, ep Endpoint, key []byte) (*Client, error) {
	return d.dialVia(ctx, ep, key, nil)
}

// hops is the chain of endpoints that are waiting for the next jump host.
type hops []string

func (d *Dialer) dialVia(ctx context.Context, ep Endpoint, pinned []byte, h hops) (*Client, error) {
	begun, wait := time.Now(), d.o.Wait
	if pinned != nil || len(h) > 0 {
		// A host that was there a moment ago does not boot, and who waits for a jump
		// host tries again itself.
		wait = 0
	}
	timeout := firstPositive(d.o.ConnectTimeout, ep.ConnectTimeout, DefaultConnectTimeout)
	for try := 1; ; try++ {
		c, err := d.once(ctx, timeout, ep, pinned, h)
		if err == nil {
			return c, nil
		}
		if ctx.Err() != nil {
			return nil, fmt.Errorf("cannot connect to %s (%s): %w", Clean(ep.Name), Clean(ep.String()), context.Cause(ctx))
		}
		busy := dropped(err) && try < handshakeTries && time.Since(begun) < timeout
		booting := passing(err) && time.Since(begun) < wait
		if !busy && !booting {
			return nil, err
		}
		select {
		case <-ctx.Done():
			return nil, err
		case <-time.After(pause(try)):
		}
	}
}

// pause is the wait before another try: longer each time up to some seconds, and
// never the same, so that a hundred hosts do not come back at once.
func pause(try int) time.Duration {
	longest := min(200*time.Millisecond<<min(try-1, 5), 4*time.Second)
	return longest/2 + rand.N(longest/2)
}

// dropped says that the peer hung up before it showed its host key.
func dropped(err error) bool {
	var u *UnreachableError
	return errors.As(err, &u) && u.Hint == hintDropped
}

// passing says that a host which is booting may answer so.
func passing(err error) bool {
	var u *UnreachableError
	var a *AuthError
	return errors.As(err, &u) && !u.final || errors.As(err, &a) && a.booting()
}

const (
	hintDial       = "check that the host is up and sshd listens there, and the address in the plan and in ssh_config"
	hintProxy      = "check that the host is up, and its ProxyCommand in ssh_config"
	hintAlgorithms = "allow one that the host has for it, in ssh_config: KexAlgorithms, HostKeyAlgorithms, Ciphers or MACs, as in \"KexAlgorithms +diffie-hellman-group1-sha1\""

	hintDropped = "check that sshd listens there and, in its log, why it hangs up (MaxStartups, a full disk, a firewall)"
)

// enter waits until a handshake with a peer may begin; leave it with what is given.
// A proxy command counts as one peer, for all that goes through it may come to one
// sshd. Those behind a jump host do not: its sshd sees one login.
func (d *Dialer) enter(ctx context.Context, ep Endpoint) (leave func(), err error) {
	peer := ep.ProxyJump + " " + ep.address()
	if ep.ProxyCommand != "" {
		peer = ep.ProxyCommand
	}
	d.mu.Lock()
	slots := d.slots[peer]
	if slots == nil {
		slots = make(chan struct{}, handshakesAtOnce)
		d.slots[peer] = slots
	}
	d.mu.Unlock()
	select {
	case slots <- struct{}{}:
		return func() { <-slots }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// once makes one try. What is made for several hosts, or asked of a person, comes
// before the connect timeout begins: it is not this host's delay.
func (d *Dialer) once(ctx context.Context, timeout time.Duration, ep Endpoint, pinned []byte, h hops) (*Client, error) {
	keys, err := newHostKeys(&d.known, &ep, pinned, d.o.AcceptNewHostKeys)
	if err != nil {
		return nil, fmt.Errorf("cannot connect to %s: %w", Clean(ep.Name), err)
	}
	keys.record, keys.notice = d.recordHostKey, d.o.notice
	creds := d.keys.credentials(ctx, ep)
	defer creds.Close()
	d.letAnswer(ctx, creds, Login{User: ep.User, Host: ep.HostName, Jump: len(h) > 0})
	bastion, err := d.bastion(ctx, ep, h)
	if err != nil {
		return nil, err
	}
	leave, err := d.enter(ctx, ep)
	if err != nil {
		return nil, err
	}
	defer leave()
	dctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	c, err := d.handshake(ctx, dctx, bastion, keys, creds)
	var unreachable *UnreachableError
	if errors.As(err, &unreachable) && dctx.Err() != nil && ctx.Err() == nil {
		unreachable.Cause = fmt.Errorf("no SSH session within %v (%w)", timeout, unreachable.Cause)
	}
	return c, err
}

// letAnswer has a person answer for the login.
func (d *Dialer) letAnswer(ctx context.Context, creds *credentials, who Login) {
	if d.o.Password != nil {
		creds.password = func() (string, error) { return d.o.Password(ctx, who) }
	}
	if d.o.Answer != nil {
		creds.answer = func(question string, echo bool) (string, error) { return d.o.Answer(ctx, who, question, echo) }
	}
}

// handshake connects and logs in. ctx is the caller's, for questions to the person;
// dctx also ends with the connect timeout.
func (d *Dialer) handshake(ctx, dctx context.Context, bastion *Client, keys *hostKeys, creds *credentials) (*Client, error) {
	ep := keys.ep
	raw, err := transport(dctx, *ep, bastion)
	if err != nil {
		return nil, err
	}
	conn := newCountingConn(raw)
	banner := ""
	config := &ssh.ClientConfig{
		Config:            ssh.Config{KeyExchanges: ep.Algorithms.KeyExchanges, Ciphers: ep.Algorithms.Ciphers, MACs: ep.Algorithms.MACs},
		User:              ep.User,
		AuthCallback:      creds.choose,
		HostKeyCallback:   keys.check,
		HostKeyAlgorithms: keys.algorithms(),
		ClientVersion:     "SSH-2.0-lvsup",
		BannerCallback:    func(text string) error { banner = said(text); return nil },
	}
	stopTimer := context.AfterFunc(dctx, func() { _ = conn.Close() })
	defer stopTimer()
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	if d.o.Passphrase != nil || d.o.Password != nil {
		// The time a person takes to type is not the host's delay: the connect
		// timeout counts only until the host key is there.
		keys.accepted = func() { stopTimer() }
	}
	patience := firstPositive(d.o.LoginTimeout, DefaultLoginTimeout)
	late := time.AfterFunc(patience, func() { _ = conn.Close() })
	defer late.Stop()
	sc, opens, asks, err := ssh.NewClientConn(conn, ep.address(), config)
	if err != nil {
		if !late.Stop() {
			err = fmt.Errorf("the host did not end the login within %v", patience)
		}
		why := explain(keys, creds, banner, raw, err)
		_ = conn.Close()
		return nil, why
	}
	c := newClient(ep, sc, opens, asks, conn, keys.seen)
	if p, ok := raw.(*proxyConn); ok {
		c.proxy = p
	}
	c.keepAlive(
		firstPositive(d.o.KeepAliveInterval, ep.ServerAliveInterval, DefaultKeepAliveInterval),
		firstPositive(d.o.KeepAliveMisses, ep.ServerAliveCountMax, DefaultKeepAliveMisses))
	return c, nil
}

func (d *Dialer) recordHostKey(file, line string) error {
	d.recordMu.Lock()
	defer d.recordMu.Unlock()
	return appendLine(file, line)
}

// explain sorts the error of a handshake.
func explain(keys *hostKeys, creds *credentials, banner string, raw net.Conn, err error) error {
	if keys.refused != nil {
		return keys.refused
	}
	ep := keys.ep
	// x/crypto has no type for this error; the other text is sshd's, when
	// MaxAuthTries is used up.
	text := err.Error()
	tooMany := strings.Contains(text, "authentication failures")
	if creds.broken || tooMany || strings.Contains(text, "unable to authenticate") {
		return &AuthError{
			Host: ep.Name, Endpoint: ep.String(), Tried: creds.tried, Banner: banner, Cause: err,
			TooMany: tooMany, Takes: creds.takes, asked: creds.password != nil,
		}
	}
	u := &UnreachableError{Host: ep.Name, Endpoint: ep.String(), Cause: errors.New(said(text)), Hint: hintDial}
	if keys.seen == nil && (errors.Is(err, io.EOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)) {
		u.Cause, u.Hint = errors.New("the peer hung up before the SSH handshake"), hintDropped
	}
	var none *ssh.AlgorithmNegotiationError
	if errors.As(err, &none) {
		u.Hint, u.final = hintAlgorithms, true
		return u
	}
	if p, ok := raw.(*proxyConn); ok {
		why := p.why(u.Cause)
		if u.Hint != hintDropped || !p.hungUp() {
			u.Hint = hintProxy
		}
		u.Cause = why
	}
	return u
}

// transport opens the byte stream to sshd.
func transport(ctx context.Context, ep Endpoint, bastion *Client) (net.Conn, error) {
	fail := func(err error, hint string) error {
		return &UnreachableError{Host: ep.Name, Endpoint: ep.String(), Cause: err, Hint: hint}
	}
	switch {
	case bastion != nil:
		return bastion.through(ctx, ep)
	case ep.ProxyCommand != "":
		conn, err := dialProxy(ep)
		if err != nil {
			return nil, fail(err, hintProxy)
		}
		return conn, nil
	}
	conn, err := dialTCP(ctx, ep)
	if err != nil {
		return nil, fail(err, hintDial)
	}
	return conn, nil
}

func dialTCP(ctx context.Context, ep Endpoint) (net.Conn, error) {
	network := "tcp"
	switch ep.AddressFamily {
	case "inet":
		network = "tcp4"
	case "inet6":
		network = "tcp6"
	}
	d := &net.Dialer{}
	if ep.BindAddress != "" {
		from, err := net.ResolveTCPAddr(network, net.JoinHostPort(ep.BindAddress, "0"))
		if err != nil {
			return nil, fmt.Errorf("cannot use BindAddress: %w", err)
		}
		d.LocalAddr = from
	}
	return d.DialContext(ctx, network, ep.address())
}

func firstPositive[T int | time.Duration](values ...T) T {
	for _, v := range values {
		if v > 0 {
			return v
		}
	}
	return 0
}
