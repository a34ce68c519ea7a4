//go:build linuxroot

package sshconn

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// realServer is OpenSSH's sshd on loopback, with keys of its own.
type realServer struct {
	dir    string
	port   int
	config string // an ssh_config whose host "real" is this server
	log    *ring
}

// startSSHD runs sshd in the foreground until the test ends. extra are lines
// of sshd_config.
func startSSHD(t *testing.T, extra ...string) *realServer {
	t.Helper()
	if os.Getuid() != 0 {
		t.Fatal("this test needs root: sshd logs in other users only as root")
	}
	if _, err := os.Stat("/usr/sbin/sshd"); err != nil {
		t.Fatal("this test needs OpenSSH's sshd: apt-get install openssh-server")
	}
	// sshd wants its privilege separation directory, and a home that is not
	// writable by others.
	if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
		t.Fatal(err)
	}
	s := &realServer{dir: t.TempDir(), log: newRing(1 << 20)}
	for _, kind := range []string{"ed25519", "rsa"} {
		run(t, "ssh-keygen", "-q", "-t", kind, "-N", "", "-f", s.path("host_"+kind))
	}
	run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", s.path("id"))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	lines := append([]string{
		fmt.Sprintf("Port %d", s.port), "ListenAddress 127.0.0.1",
		"HostKey " + s.path("host_ed25519"), "HostKey " + s.path("host_rsa"),
		"AuthorizedKeysFile " + s.path("id.pub"), "StrictModes no", "UsePAM no", "PidFile none",
		"PermitRootLogin yes", "PasswordAuthentication no", "LogLevel VERBOSE",
	}, extra...)
	if !strings.Contains(strings.Join(extra, "\n"), "Subsystem") {
		lines = append(lines, "Subsystem sftp internal-sftp")
	}
	writeFile(t, s.path("sshd_config"), strings.Join(lines, "\n")+"\n", 0o600)
	cmd := exec.Command("/usr/sbin/sshd", "-D", "-e", "-f", s.path("sshd_config"))
	cmd.Stderr = s.log
	cmd.WaitDelay = time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("sshd said:\n%s", s.log)
		}
	})
	s.config = s.path("ssh_config")
	s.configure(t, "")
	known := ""
	for _, kind := range []string{"ed25519", "rsa"} {
		known += fmt.Sprintf("[127.0.0.1]:%d %s", s.port, read(t, s.path("host_"+kind+".pub")))
	}
	writeFile(t, s.path("known_hosts"), known, 0o600)
	run(t, "ssh-keygen", "-q", "-H", "-f", s.path("known_hosts"))
	for try := 0; !strings.Contains(s.log.String(), "Server listening"); try++ {
		if try == 100 {
			t.Fatalf("sshd does not start: %s", s.log)
		}
		time.Sleep(50 * time.Millisecond)
	}
	return s
}

func (s *realServer) path(name string) string { return filepath.Join(s.dir, name) }

// configure writes the ssh_config: what is given, then the host "real", whose
// settings come through Include and Match.
func (s *realServer) configure(t *testing.T, first string) {
	t.Helper()
	writeFile(t, s.path("included"), fmt.Sprintf("Match originalhost real,gate*,behind*\n  HostName 127.0.0.1\n  Port %d\n", s.port), 0o600)
	writeFile(t, s.config, first+fmt.Sprintf(`
Match all
Include %s
Match originalhost real exec "true"
  User root
Match host 127.0.0.1
  IdentityFile %s
  UserKnownHostsFile %s
Host *
  User root
  IdentityAgent none
  GlobalKnownHostsFile none
Match final all
  ConnectTimeout 7
`, s.path("included"), s.path("id"), s.path("known_hosts")), 0o600)
}

func run(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v: %s", argv, err, out)
	}
	return string(out)
}

// dial resolves a name with ssh -G and connects.
func (s *realServer) dial(t *testing.T, d *Dialer, name string) *Client {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	ep, err := d.Resolve(ctx, Target{Name: name})
	if err != nil {
		t.Fatal(err)
	}
	c, err := d.Dial(ctx, ep)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func (s *realServer) dialer(t *testing.T) *Dialer {
	d := NewDialer(Options{Resolver: Resolver{File: s.config}})
	t.Cleanup(func() { _ = d.Close() })
	return d
}

func whoami(t *testing.T, c *Client) string {
	t.Helper()
	out, stderr, code, err := c.Exec(context.Background(), "whoami")
	if err != nil || code != 0 {
		t.Fatalf("whoami: %d, %v, %s", code, err, stderr)
	}
	return strings.TrimSpace(string(out))
}
