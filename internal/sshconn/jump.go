package sshconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"
)

// jump is one shared connection to a jump host, or the attempt to make it.
type jump struct {
	hostName string        // as ssh_config has it
	dropped  bool          // by Drop, while the attempt was on
	ready    chan struct{} // closed when client or err is set
	client   *Client
	err      error
	ended    time.Time // of an attempt that failed
}

// jumpRest is for how long nobody tries a jump host again that could not be reached:
// of a hundred hosts behind a dead one, all that wait hear it at once.
const jumpRest = 2 * time.Second

// bastion gives the connection to an endpoint's last jump host; nil if it has none.
func (d *Dialer) bastion(ctx context.Context, ep Endpoint, h hops) (*Client, error) {
	if ep.ProxyJump == "" {
		return nil, nil
	}
	fail := func(err error) error {
		return &UnreachableError{Host: ep.Name, Endpoint: ep.String(), Cause: err, Hint: hintJump, final: true}
	}
	via, err := d.jumpEndpoint(ctx, ep.ProxyJump)
	if err != nil {
		return nil, fail(err)
	}
	// Jump hosts share connections: one that waits for itself would wait for
	// ever.
	if slices.Contains(h, via.String()) {
		return nil, fail(fmt.Errorf("ProxyJump goes in a circle: %s", Clean(strings.Join(append(h, via.String()), ", then "))))
	}
	c, err := d.jumpClient(ctx, via, append(slices.Clone(h), via.String()))
	if err != nil {
		return nil, wrapJump(ep, err)
	}
	return c, nil
}

const hintJump = "check ProxyJump of this host in ssh_config"

// through opens a stream to an endpoint from this host.
func (c *Client) through(ctx context.Context, ep Endpoint) (net.Conn, error) {
	conn, err := c.ssh.DialContext(ctx, "tcp", ep.address())
	if err == nil {
		return conn, nil
	}
	if lost := c.Err(); lost != nil {
		err = lost
	}
	return nil, &UnreachableError{
		Host: ep.Name, Endpoint: ep.String(), Hint: hintJump,
		Cause: fmt.Errorf("%s cannot reach %s: %s", Clean(c.ep.Name), Clean(ep.address()), said(err.Error())),
	}
}

// wrapJump says on whose behalf a jump host was dialled, and keeps the kind of
// the error.
func wrapJump(ep Endpoint, err error) error {
	var u *UnreachableError
	if errors.As(err, &u) {
		return &UnreachableError{Host: ep.Name, Endpoint: ep.String(), Cause: err}
	}
	return fmt.Errorf("cannot reach %s through its jump host: %w", Clean(ep.Name), err)
}

// jumpEndpoint looks up the last hop of a ProxyJump list. As for ssh -J, the
// hops before it are its own ProxyJump, whatever ssh_config says about it.
func (d *Dialer) jumpEndpoint(ctx context.Context, list string) (Endpoint, error) {
	before, last := "", list
	if i := strings.LastIndexByte(list, ','); i >= 0 {
		before, last = list[:i], list[i+1:]
	}
	t, err := parseHop(strings.TrimSpace(last))
	if err != nil {
		return Endpoint{}, err
	}
	ep, err := d.Resolve(ctx, t)
	if err != nil {
		return Endpoint{}, err
	}
	if before != "" {
		ep.ProxyJump, ep.ProxyCommand = before, ""
	}
	return ep, nil
}

// maxHops bounds a chain of jump hosts.
const maxHops = 32

// Hops lists the jump hosts on the way to an endpoint, the one next to it first,
// as the HostName that ssh_config has for each: those that its ProxyJump names,
// and those on the way to them.
func (d *Dialer) Hops(ctx context.Context, ep Endpoint) ([]string, error) {
	var hosts []string
	for ep.ProxyJump != "" && len(hosts) < maxHops {
		via, err := d.jumpEndpoint(ctx, ep.ProxyJump)
		if err != nil {
			return hosts, err
		}
		hosts = append(hosts, via.HostName)
		ep = via
	}
	return hosts, nil
}

// Moved says that a jump host answers at another address than its HostName in
// ssh_config: connections through it go there from now on. Those that go through
// it now end.
func (d *Dialer) Moved(hostName, address string) {
	d.mu.Lock()
	d.moved[hostName] = address
	d.mu.Unlock()
	d.Drop(hostName)
}

// Drop ends the shared connection to a jump host, and with it all that go through
// it. The next one makes it anew.
func (d *Dialer) Drop(hostName string) {
	d.mu.Lock()
	var dropped []*Client
	for key, j := range d.jumps {
		if j.hostName == hostName {
			delete(d.jumps, key)
			j.dropped = true
			if j.client != nil {
				dropped = append(dropped, j.client)
			}
		}
	}
	d.mu.Unlock()
	for _, c := range dropped {
		_ = c.Close()
	}
}

// where is the jump host now.
func (d *Dialer) where(via Endpoint) Endpoint {
	d.mu.Lock()
	defer d.mu.Unlock()
	if address, ok := d.moved[via.HostName]; ok {
		return via.At(address)
	}
	return via
}

// parseHop reads [USER@]HOST[:PORT] or ssh://[USER@]HOST[:PORT].
func parseHop(s string) (Target, error) {
	rest := strings.TrimSuffix(strings.TrimPrefix(s, "ssh://"), "/")
	t := Target{}
	if i := strings.LastIndexByte(rest, '@'); i >= 0 {
		t.User, rest = rest[:i], rest[i+1:]
	}
	t.Host = strings.Trim(rest, "[]")
	bracketed := strings.HasPrefix(rest, "[")
	if strings.Count(rest, ":") == 1 || bracketed && strings.Contains(rest, "]:") {
		host, port, err := net.SplitHostPort(rest)
		if err != nil {
			return Target{}, fmt.Errorf("cannot read the jump host %q: %w", Clean(s), err)
		}
		n, err := strconv.Atoi(port)
		if err != nil || n < 1 || n > 65535 {
			return Target{}, fmt.Errorf("cannot read the jump host %q: port %q is outside 1..65535", Clean(s), port)
		}
		t.Host, t.Port = host, n
	}
	if t.Host == "" {
		return Target{}, fmt.Errorf("cannot read the jump host %q: it names no host", Clean(s))
	}
	t.Name = t.Host
	return t, nil
}

// jumpClient gives the shared connection to a jump host. One caller makes it,
// detached from its own cancellation because the others wait for it too.
func (d *Dialer) jumpClient(ctx context.Context, via Endpoint, h hops) (*Client, error) {
	key, hostName := via.String(), via.HostName
	via = d.where(via)
	d.mu.Lock()
	if d.closed {
		d.mu.Unlock()
		return nil, errors.New("the dialer is closed")
	}
	j := d.jumps[key]
	if j == nil || j.stale() {
		j = &jump{hostName: hostName, ready: make(chan struct{})}
		d.jumps[key] = j
		go d.connectJump(context.WithoutCancel(ctx), j, via, h)
	}
	d.mu.Unlock()
	select {
	case <-j.ready:
		return j.client, j.err
	case <-ctx.Done():
		return nil, &UnreachableError{Host: via.Name, Endpoint: via.String(), Cause: context.Cause(ctx), Hint: hintDial}
	}
}

func (d *Dialer) connectJump(ctx context.Context, j *jump, via Endpoint, h hops) {
	c, err := d.dialVia(ctx, via, nil, h)
	d.mu.Lock()
	if (d.closed || j.dropped) && c != nil {
		_ = c.Close()
		c, err = nil, errors.New("the connection to the jump host is not wanted any more")
	}
	j.client, j.err, j.ended = c, err, time.Now()
	d.mu.Unlock()
	close(j.ready)
}

// stale says that the attempt failed or the connection has ended.
func (j *jump) stale() bool {
	select {
	case <-j.ready:
	default:
		return false
	}
	if j.err != nil {
		return time.Since(j.ended) > jumpRest
	}
	select {
	case <-j.client.Done():
		return true
	default:
		return false
	}
}

// Close ends the connections to jump hosts. It may be called more than once.
func (d *Dialer) Close() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	var errs []error
	for _, j := range d.jumps {
		if j.client != nil {
			errs = append(errs, j.client.Close())
		}
	}
	d.jumps = map[string]*jump{}
	return errors.Join(errs...)
}
