//go:build linuxroot

package sshconn

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
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

func TestRealDialAndUpload(t *testing.T) {
	s := startSSHD(t)
	c := s.dial(t, s.dialer(t), "real")
	if c.Endpoint().ConnectTimeout != 7*time.Second {
		t.Errorf("Match final is not honoured: %+v", c.Endpoint())
	}
	if got := whoami(t, c); got != "root" {
		t.Errorf("logged in as %s", got)
	}
	m, err := c.Machine(context.Background())
	if err != nil || m.Uname != strings.TrimSpace(run(t, "uname", "-m")) || m.Noise != "" {
		t.Errorf("machine %+v, %v", m, err)
	}
	u := spec(payload(3<<20), filepath.Join(t.TempDir(), "libexec", "agent"))
	for _, want := range []Way{BySFTP, Present} {
		if got, err := c.Upload(context.Background(), u); err != nil || got.Way != want || got.Note != "" {
			t.Errorf("upload: %+v, %v; want %s", got, err, want)
		}
	}
	wantFile(t, u)
}

// TestRealHostKeys has a known_hosts with only the RSA key: the server must be
// asked for that one.
func TestRealHostKeys(t *testing.T) {
	s := startSSHD(t)
	ctx := context.Background()
	all, err := os.ReadFile(s.path("known_hosts"))
	if err != nil {
		t.Fatal(err)
	}
	var rsa string
	for line := range strings.Lines(string(all)) {
		if strings.Contains(line, " ssh-rsa ") {
			rsa += line
		}
	}
	writeFile(t, s.path("known_hosts"), rsa, 0o600)
	c := s.dial(t, s.dialer(t), "real")
	if key, _ := ssh.ParsePublicKey(c.HostKey()); key.Type() != "ssh-rsa" {
		t.Errorf("the host showed %s", key.Type())
	}
	writeFile(t, s.path("known_hosts"), "", 0o600)
	d := s.dialer(t)
	ep, err := d.Resolve(ctx, Target{Name: "real"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Dial(ctx, ep)
	want := strings.Fields(run(t, "ssh-keygen", "-lf", s.path("host_ed25519.pub")))[1]
	wantText(t, err, want, "not known")

	// What lvsup records, ssh finds.
	accepting := NewDialer(Options{Resolver: Resolver{File: s.config}, AcceptNewHostKeys: true})
	t.Cleanup(func() { _ = accepting.Close() })
	s.dial(t, accepting, "real")
	run(t, "ssh", "-F", s.config, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "real", "true")
}

func TestRealSFTPOff(t *testing.T) {
	s := startSSHD(t, "Subsystem other /bin/false")
	c := s.dial(t, s.dialer(t), "real")
	u := spec(payload(1<<20), filepath.Join(t.TempDir(), "agent"))
	got, err := c.Upload(context.Background(), u)
	if err != nil || got.Way != ByExec || !strings.Contains(got.Note, "the subsystem is off") {
		t.Errorf("upload: %+v, %v", got, err)
	}
	wantFile(t, u)
}

// TestRealMounts uploads to file systems that cannot take or run the file.
func TestRealMounts(t *testing.T) {
	s := startSSHD(t)
	c := s.dial(t, s.dialer(t), "real")
	for _, test := range []struct{ options, want string }{
		{"size=1m", "no space left in"},
		{"ro", "is on a read-only file system"},
		{"noexec", "mounted noexec"},
	} {
		dir := filepath.Join(t.TempDir(), "mnt")
		if err := os.Mkdir(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, ""); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = syscall.Unmount(dir, syscall.MNT_DETACH) })
		run(t, "mount", "-o", "remount,"+test.options, dir)
		_, err := c.Upload(context.Background(), spec(payload(3<<20), filepath.Join(dir, "agent")))
		var failed *UploadError
		if !errors.As(err, &failed) {
			t.Errorf("%s: got %v", test.options, err)
			continue
		}
		wantText(t, err, test.want, dir)
		wantNames(t, dir)
	}
}

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

// TestRealAgent has the key only in an agent.
func TestRealAgent(t *testing.T) {
	s := startSSHD(t)
	key, err := ssh.ParseRawPrivateKey([]byte(read(t, s.path("id"))))
	if err != nil {
		t.Fatal(err)
	}
	ring := agent.NewKeyring()
	if err := ring.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("unix", s.path("agent.sock"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _ = agent.ServeAgent(ring, c) }()
		}
	}()
	if err := os.Remove(s.path("id")); err != nil {
		t.Fatal(err)
	}
	s.configure(t, "Host real\n  IdentityAgent "+s.path("agent.sock")+"\n  IdentitiesOnly yes\n")
	if got := whoami(t, s.dial(t, s.dialer(t), "real")); got != "root" {
		t.Errorf("logged in as %s", got)
	}
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

// TestRealResolveAgrees compares the builtin reader with ssh -G.
func TestRealResolveAgrees(t *testing.T) {
	dir := t.TempDir()
	extra := filepath.Join(dir, "extra.conf")
	writeFile(t, extra, "Host web2\n  Port 2222\nMatch user bob\n  HostName by-user.example.org\n", 0o600)
	for i, config := range []string{
		"",
		"Host web*\n  User bob\n  Port 2200\nHost *\n  User alice\n  ConnectTimeout 1m\n",
		"Include " + dir + "/*.conf\nHost *\n  HostName %h.example.org\n",
		"Host web?\n  User bob\nInclude " + extra + "\n",
		"Host web1\n  Include " + extra + "\nHost web2\n  User x\n",
		"Match originalhost web1,!web2 user root\n  Port 5\nMatch !host web1\n  Port 6\n",
		"Match localuser root,nobody\n  User carol\n  IdentityFile ~/.ssh/%r-%h\n  IdentityFile /k\n  IdentityFile /k\n",
		"Host web1\n  HostName 192.0.2.1\nMatch final host 192.0.2.*\n  Port 7\n  ProxyJump u@gate:22,gate2\n",
		"ProxyCommand \"/bin/nc\" -x 'a b' %h %p\nStrictHostKeyChecking=no\n",
		"Host web1 !web2\n  ProxyJump none\nHost *\n  ProxyJump gate\n  ServerAliveInterval 9\n  ServerAliveCountMax 4\n",
		"UserKnownHostsFile ~/.ssh/a /b\nGlobalKnownHostsFile /dev/null\nHashKnownHosts yes\nHostKeyAlias k\nIdentitiesOnly yes\nIdentityAgent ~/sock\n",
		"Host \"web1\"\n\tPort   =  8 # eight\n",
	} {
		file := filepath.Join(dir, fmt.Sprintf("config%d", i))
		writeFile(t, file, config, 0o600)
		for _, target := range []Target{{Name: "web1"}, {Name: "web2", User: "bob"}, {Name: "x", Host: "web2", Port: 9}} {
			theirs, err1 := Resolver{File: file}.Resolve(context.Background(), target)
			ours, err2 := Resolver{File: file, Builtin: true}.Resolve(context.Background(), target)
			if err1 != nil || err2 != nil {
				t.Errorf("config %d, %+v: %v, %v", i, target, err1, err2)
				continue
			}
			// ssh lists the defaults that the builtin reader leaves to the
			// caller, and default keys that need hardware.
			for _, e := range []*Endpoint{&theirs, &ours} {
				e.IdentityFiles = withoutDefaults(e.IdentityFiles)
				if e.ServerAliveCountMax == 3 {
					e.ServerAliveCountMax = 0
				}
				e.HashKnownHosts = e.HashKnownHosts && strings.Contains(config, "Hash")
			}
			if fmt.Sprintf("%+v", theirs) != fmt.Sprintf("%+v", ours) {
				t.Errorf("config %d, %+v:\nssh -G  %+v\nbuiltin %+v", i, target, theirs, ours)
			}
		}
	}
}

func withoutDefaults(files []string) []string {
	var out []string
	for _, f := range files {
		if !strings.HasPrefix(filepath.Base(f), "id_") {
			out = append(out, f)
		}
	}
	return out
}
