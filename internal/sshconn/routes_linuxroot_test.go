//go:build linuxroot

package sshconn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// TestRealJump reaches many hosts through one connection to a jump host, which
// accepts few connections at a time.
func TestRealJump(t *testing.T) {
	gate := startSSHD(t, "MaxStartups 2:100:2")
	inner := startSSHD(t)
	config := fmt.Sprintf("Host behind*\n  ProxyJump gate\n  HostName 127.0.0.1\n  Port %d\n  UserKnownHostsFile %s\n  IdentityFile %s\n",
		inner.port, inner.path("known_hosts"), inner.path("id"))
	gate.configure(t, config)
	d := gate.dialer(t)
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			c := gate.dial(t, d, fmt.Sprintf("behind%d", i))
			if got := whoami(t, c); got != "root" {
				t.Errorf("logged in as %s", got)
			}
		})
	}
	wait.Wait()
	if n := strings.Count(gate.log.String(), "Accepted publickey"); n != 1 {
		t.Errorf("%d connections to the jump host", n)
	}
	if n := strings.Count(inner.log.String(), "Accepted publickey"); n != 8 {
		t.Errorf("%d connections to the hosts behind it", n)
	}

	// A host that the jump host cannot reach.
	gate.configure(t, "Host dead\n  ProxyJump gate\n  HostName 127.0.0.1\n  Port 1\n")
	ep, err := d.Resolve(context.Background(), Target{Name: "dead"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Dial(context.Background(), ep)
	var u *UnreachableError
	if !errors.As(err, &u) {
		t.Errorf("got %v, want *UnreachableError", err)
	}
	wantText(t, err, "dead", "gate cannot reach 127.0.0.1:1", "refused")

	// A circle.
	gate.configure(t, "Host gatea\n  ProxyJump gateb\nHost gateb\n  ProxyJump gatea\n")
	ep, err = d.Resolve(context.Background(), Target{Name: "gatea"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Dial(context.Background(), ep)
	wantText(t, err, "goes in a circle")
}

func TestRealProxyCommand(t *testing.T) {
	s := startSSHD(t)
	pidFile := s.path("pid")
	// The shell stays as the parent, so that a kill of it alone would leave ssh.
	s.configure(t, fmt.Sprintf("Host real\n  ProxyCommand sh -c 'echo $$ > %s; ssh -F %s -W %%h:%%p gate; true'\n", pidFile, s.config))
	c := s.dial(t, s.dialer(t), "real")
	if got := whoami(t, c); got != "root" {
		t.Errorf("logged in as %s", got)
	}
	group := strings.TrimSpace(read(t, pidFile))
	_ = c.Close()
	if out, _ := exec.Command("pgrep", "-g", group).Output(); len(out) > 0 {
		t.Errorf("processes of the proxy command are left: %s", out)
	}

	s.configure(t, "Host real\n  ProxyCommand sh -c \"echo 'no way to %h' >&2; exit 3\"\n")
	d := s.dialer(t)
	ep, err := d.Resolve(context.Background(), Target{Name: "real"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Dial(context.Background(), ep)
	var u *UnreachableError
	if !errors.As(err, &u) {
		t.Errorf("got %v, want *UnreachableError", err)
	}
	wantText(t, err, "the proxy command ended (exit status 3: no way to 127.0.0.1)")
}

func read(t *testing.T, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestRealKilled ends the sshd process of a connection under a running command.
func TestRealKilled(t *testing.T) {
	s := startSSHD(t)
	c := s.dial(t, s.dialer(t), "real")
	session, err := c.Start(context.Background(), "echo $PPID; exec sleep 30", nil)
	if err != nil {
		t.Fatal(err)
	}
	var pid int
	if _, err := fmt.Fscan(session.Stdout, &pid); err != nil {
		t.Fatal(err)
	}
	// The parent of the command is the sshd of this connection.
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	_, err = session.Wait()
	var lost *LostError
	if !errors.As(err, &lost) {
		t.Errorf("got %v, want a lost connection", err)
	}
}
