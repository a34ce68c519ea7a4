package sshconn

import (
	"context"
	"fmt"
	"regexp"
	"strings"
)

// Machine is what a host is, as far as the choice of the agent needs it.
type Machine struct {
	Uname string // uname -m, e.g. x86_64
	// Noise is what the login shell's start-up files print into sessions
	// without a terminal, clean; empty where they are silent. lvsup copes, but
	// sftp and scp do not.
	Noise string
}

// Machine asks the host what it is, and proves that it runs commands. uname -m
// is checked to be a plain word.
func (c *Client) Machine(ctx context.Context) (Machine, error) {
	s, err := c.Start(ctx, "uname -m", nil)
	if err != nil {
		return Machine{}, err
	}
	out, stderr, code, err := s.finish(nil, 1<<10)
	if err != nil {
		return Machine{}, err
	}
	name := strings.TrimSpace(string(out))
	if code != 0 || !regexp.MustCompile(`^[A-Za-z0-9_.-]{1,32}$`).MatchString(name) {
		return Machine{}, fmt.Errorf("cannot tell the machine of %s: uname -m printed %q (exit status %d) %s",
			Clean(c.ep.Name), said(name), code, said(string(stderr)))
	}
	return Machine{Uname: name, Noise: s.Noise()}, nil
}
