package sshconn

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/pkg/sftp"
	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

// testServer is an SSH server in this process, with faults. Its exec runs sh
// in the machine's own file system.
type testServer struct {
	t       *testing.T
	addr    *net.TCPAddr
	hostKey ssh.Signer

	noSFTP     bool
	sftpNoise  string // printed before SFTP starts
	rcNoise    string // printed before each command, as a login shell's rc would
	sftpServer func(io.ReadWriteCloser) error
	path       string // PATH of commands; the test's own if empty
	password   string // allowed, if set
	hangLogin  bool   // never answer a login
	cutAfter   int64  // close the connection after so many bytes from the client
	dropFirst  int32  // connections to drop before the handshake

	questions func(ssh.KeyboardInteractiveChallenge) error // keyboard-interactive, if set
	handshake func() (over func())                         // runs around each handshake, if set

	conns    atomic.Int32
	received atomic.Int64
	stalled  chan struct{} // closed: the server reads and writes no more
	mu       sync.Mutex
	live     []net.Conn
}

func newSigner(t *testing.T) (ssh.Signer, ed25519.PrivateKey) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return s, key
}

// writeKey puts a private key file, encrypted if pass is set, and its public
// key file.
func writeKey(t *testing.T, file, pass string) ssh.PublicKey {
	t.Helper()
	signer, key := newSigner(t)
	var block *pem.Block
	var err error
	if pass == "" {
		block, err = ssh.MarshalPrivateKey(key, "test")
	} else {
		block, err = ssh.MarshalPrivateKeyWithPassphrase(key, "test", []byte(pass))
	}
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, file, string(pem.EncodeToMemory(block)), 0o600)
	writeFile(t, file+".pub", string(ssh.MarshalAuthorizedKey(signer.PublicKey())), 0o644)
	return signer.PublicKey()
}

func writeFile(t *testing.T, file, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// serve starts a server and gives the endpoint of a host that is known and
// lets the endpoint's key in. set may add faults before it listens.
func serve(t *testing.T, set func(*testServer)) (*testServer, Endpoint) {
	t.Helper()
	dir := t.TempDir()
	s := &testServer{t: t, stalled: make(chan struct{})}
	s.hostKey, _ = newSigner(t)
	if set != nil {
		set(s)
	}
	userKey := writeKey(t, filepath.Join(dir, "id"), "")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = l.Addr().(*net.TCPAddr)
	over := make(chan struct{})
	t.Cleanup(func() { close(over) })
	config := &ssh.ServerConfig{PublicKeyCallback: func(_ ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
		if s.hangLogin {
			<-over
		}
		if string(key.Marshal()) != string(userKey.Marshal()) {
			return nil, os.ErrPermission
		}
		return nil, nil
	}}
	if s.password != "" {
		config.PasswordCallback = func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
			if string(p) != s.password {
				return nil, os.ErrPermission
			}
			return nil, nil
		}
	}
	if s.questions != nil {
		config.KeyboardInteractiveCallback = func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			return nil, s.questions(ask)
		}
	}
	config.AddHostKey(s.hostKey)
	t.Cleanup(func() {
		_ = l.Close()
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, c := range s.live {
			_ = c.Close()
		}
	})
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			s.mu.Lock()
			s.live = append(s.live, c)
			s.mu.Unlock()
			go s.handle(c, config)
		}
	}()
	known := filepath.Join(dir, "known_hosts")
	writeFile(t, known, knownhosts.Line([]string{knownhosts.Normalize(s.addr.String())}, s.hostKey.PublicKey())+"\n", 0o600)
	return s, Endpoint{
		Name: "web1", Alias: "web1", HostName: "127.0.0.1", Port: s.addr.Port, User: "tester",
		IdentityFiles: []string{filepath.Join(dir, "id")}, UserKnownHosts: []string{known}, StrictHostKeyChecking: "ask",
	}
}

// faultyConn counts, stalls and cuts.
type faultyConn struct {
	net.Conn
	s    *testServer
	seen int64
}

func (f *faultyConn) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	select {
	case <-f.s.stalled:
		select {} //nolint:staticcheck // a stalled peer never returns; the process ends first
	default:
	}
	f.seen += int64(n)
	f.s.received.Add(int64(n))
	if f.s.cutAfter > 0 && f.seen > f.s.cutAfter {
		_ = f.Close()
		return 0, io.EOF
	}
	return n, err
}

func (s *testServer) handle(c net.Conn, config *ssh.ServerConfig) {
	if atomic.AddInt32(&s.dropFirst, -1) >= 0 {
		_ = c.Close()
		return
	}
	s.conns.Add(1)
	over := func() {}
	if s.handshake != nil {
		over = s.handshake()
	}
	conn, chans, reqs, err := ssh.NewServerConn(&faultyConn{Conn: c, s: s}, config)
	over()
	if err != nil {
		_ = c.Close()
		return
	}
	defer func() { _ = conn.Close() }()
	go ssh.DiscardRequests(reqs)
	for ch := range chans {
		switch ch.ChannelType() {
		case "session":
			channel, reqs, err := ch.Accept()
			if err == nil {
				go s.session(channel, reqs)
			}
		case "direct-tcpip":
			go forward(ch)
		default:
			_ = ch.Reject(ssh.UnknownChannelType, "no")
		}
	}
}

func forward(ch ssh.NewChannel) {
	var to struct {
		Host   string
		Port   uint32
		Source string
		SPort  uint32
	}
	_ = ssh.Unmarshal(ch.ExtraData(), &to)
	out, err := net.Dial("tcp", net.JoinHostPort(to.Host, strconv.Itoa(int(to.Port))))
	if err != nil {
		_ = ch.Reject(ssh.ConnectionFailed, err.Error())
		return
	}
	channel, reqs, err := ch.Accept()
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	pipe(channel, out)
}

// pipe copies both ways until one side ends.
func pipe(a, b io.ReadWriteCloser) {
	go func() { _, _ = io.Copy(b, a); _ = b.Close() }()
	_, _ = io.Copy(a, b)
	_ = a.Close()
}

func (s *testServer) session(ch ssh.Channel, reqs <-chan *ssh.Request) {
	for req := range reqs {
		var text struct{ S string }
		switch req.Type {
		case "exec":
			_ = ssh.Unmarshal(req.Payload, &text)
			_ = req.Reply(true, nil)
			go s.exec(ch, text.S)
		case "subsystem":
			_ = req.Reply(!s.noSFTP, nil)
			if s.noSFTP {
				continue
			}
			_, _ = io.WriteString(ch, s.sftpNoise)
			go s.sftp(ch)
		default:
			_ = req.Reply(false, nil)
		}
	}
}

func (s *testServer) sftp(ch ssh.Channel) {
	defer func() { _ = ch.Close() }()
	if s.sftpServer != nil {
		_ = s.sftpServer(ch)
		return
	}
	server, err := sftp.NewServer(ch)
	if err == nil {
		_ = server.Serve()
	}
}

func (s *testServer) exec(ch ssh.Channel, line string) {
	_, _ = io.WriteString(ch, s.rcNoise)
	cmd := exec.Command("sh", "-c", line)
	if s.path != "" {
		cmd.Env = append(os.Environ(), "PATH="+s.path)
	}
	cmd.Stdout, cmd.Stderr = ch, ch.Stderr()
	// A pipe of our own: Wait must not wait for a client that never closes stdin.
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return
	}
	if err := cmd.Start(); err != nil {
		_ = ch.Close()
		return
	}
	go func() { _, _ = io.Copy(stdin, ch); _ = stdin.Close() }()
	_ = cmd.Wait()
	status := make([]byte, 4)
	binary.BigEndian.PutUint32(status, uint32(cmd.ProcessState.ExitCode()))
	_, _ = ch.SendRequest("exit-status", false, status)
	_ = ch.Close()
}

// dial connects to a test server, or fails the test.
func dial(t *testing.T, ep Endpoint, set func(*Options)) *Client {
	t.Helper()
	o := Options{Endpoint: ep}
	if set != nil {
		set(&o)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := Dial(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}
