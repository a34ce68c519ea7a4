package sshconn

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"
)

func tryDial(t *testing.T, o Options) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	c, err := Dial(ctx, o)
	if err == nil {
		_ = c.Close()
	}
	return err
}

func wantText(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	for _, p := range parts {
		if !strings.Contains(err.Error(), p) {
			t.Errorf("error %q does not say %q", err, p)
		}
	}
}

func TestHostKeyUnknown(t *testing.T) {
	s, ep := serve(t, nil)
	ep.UserKnownHosts = []string{filepath.Join(t.TempDir(), "new", "known_hosts")}
	err := tryDial(t, Options{Endpoint: ep})
	var hk *HostKeyError
	if !errors.As(err, &hk) || hk.Changed {
		t.Fatalf("got %v, want an unknown host key", err)
	}
	wantText(t, err, "web1", ep.address(), ssh.FingerprintSHA256(s.hostKey.PublicKey()), "--accept-new", "ssh-keyscan -p")

	for _, hashed := range []bool{false, true} {
		ep.HashKnownHosts = hashed
		ep.UserKnownHosts = []string{filepath.Join(t.TempDir(), "new", "known_hosts")}
		var notices []string
		o := Options{Endpoint: ep, AcceptNewHostKeys: true, Notice: func(s string) { notices = append(notices, s) }}
		for range 2 {
			if err := tryDial(t, o); err != nil {
				t.Fatal(err)
			}
		}
		if len(notices) != 1 || !strings.Contains(notices[0], "accepted the new host key SHA256:") {
			t.Errorf("notices are %q", notices)
		}
		data, _ := os.ReadFile(ep.UserKnownHosts[0])
		if strings.HasPrefix(string(data), "|1|") != hashed {
			t.Errorf("hashed %v, but the line is %q", hashed, data)
		}
		if err := tryDial(t, Options{Endpoint: ep}); err != nil {
			t.Errorf("the recorded key is not found: %v", err)
		}
	}
}

func TestHostKeyChanged(t *testing.T) {
	s, ep := serve(t, nil)
	other, _ := newSigner(t)
	file := ep.UserKnownHosts[0]
	line := knownhosts.Line([]string{knownhosts.Normalize(s.addr.String())}, other.PublicKey())
	writeFile(t, file, "# a comment\n"+line+"\n", 0o600)
	for _, strict := range []string{"yes", "ask", "accept-new", "no"} {
		ep.StrictHostKeyChecking = strict
		err := tryDial(t, Options{Endpoint: ep, AcceptNewHostKeys: true})
		var hk *HostKeyError
		if !errors.As(err, &hk) || !hk.Changed {
			t.Fatalf("%s: got %v, want a changed host key", strict, err)
		}
		wantText(t, err, ssh.FingerprintSHA256(s.hostKey.PublicKey()), ssh.FingerprintSHA256(other.PublicKey()), file+":2", "ssh-keygen -f")
	}
	if data, _ := os.ReadFile(file); string(data) != "# a comment\n"+line+"\n" {
		t.Errorf("known_hosts was changed: %q", data)
	}

	writeFile(t, file, "@revoked * "+strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.hostKey.PublicKey())))+"\n", 0o600)
	wantText(t, tryDial(t, Options{Endpoint: ep, AcceptNewHostKeys: true}), "revoked", file+":1")
}

func TestHostKeyPinned(t *testing.T) {
	s, ep := serve(t, nil)
	c := dial(t, ep, nil)
	moved := ep.At("localhost")
	moved.UserKnownHosts = nil
	if err := tryDial(t, Options{Endpoint: moved, PinnedHostKey: c.HostKey()}); err != nil {
		t.Errorf("the pinned key is refused: %v", err)
	}
	other, _ := newSigner(t)
	err := tryDial(t, Options{Endpoint: ep, PinnedHostKey: other.PublicKey().Marshal()})
	wantText(t, err, "not the one that the host showed before", ssh.FingerprintSHA256(s.hostKey.PublicKey()), ssh.FingerprintSHA256(other.PublicKey()))

	// Without a pin, the host at its new address is looked up by its old name.
	if err := tryDial(t, Options{Endpoint: ep.At("localhost")}); err != nil {
		t.Errorf("the moved host is not known: %v", err)
	}
}

func TestHostKeyAuthority(t *testing.T) {
	ca, _ := newSigner(t)
	_, ep := serve(t, func(s *testServer) {
		cert := &ssh.Certificate{
			Key: s.hostKey.PublicKey(), CertType: ssh.HostCert,
			ValidPrincipals: []string{"127.0.0.1"}, ValidBefore: ssh.CertTimeInfinity,
		}
		if err := cert.SignCert(rand.Reader, ca); err != nil {
			t.Fatal(err)
		}
		signer, err := ssh.NewCertSigner(cert, s.hostKey)
		if err != nil {
			t.Fatal(err)
		}
		s.hostKey = signer
	})
	line := "@cert-authority * " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(ca.PublicKey()))) + "\n"
	writeFile(t, ep.UserKnownHosts[0], line, 0o600)
	// The host is found again by the key that was certified.
	c := dial(t, ep, nil)
	moved := ep.At("localhost")
	moved.UserKnownHosts = nil
	if err := tryDial(t, Options{Endpoint: moved, PinnedHostKey: c.HostKey()}); err != nil {
		t.Errorf("the key of the certificate is refused: %v", err)
	}
}

func TestAuth(t *testing.T) {
	_, ep := serve(t, func(s *testServer) { s.password = "sesame" })
	right := ep.IdentityFiles[0]
	wrong := filepath.Join(t.TempDir(), "other")
	writeKey(t, wrong, "")
	locked := filepath.Join(t.TempDir(), "locked")
	writeKey(t, locked, "pass")

	ep.IdentityFiles = []string{wrong, locked, filepath.Join(t.TempDir(), "absent")}
	err := tryDial(t, Options{Endpoint: ep})
	var auth *AuthError
	if !errors.As(err, &auth) {
		t.Fatalf("got %v, want *AuthError", err)
	}
	wantText(t, err, "tester@"+ep.address(), wrong, locked+": is encrypted, load it with ssh-add", "authorized_keys")
	if strings.Contains(err.Error(), "absent") {
		t.Errorf("a default key that does not exist is noise: %v", err)
	}

	ep.IdentityFiles = []string{wrong, right}
	if err := tryDial(t, Options{Endpoint: ep}); err != nil {
		t.Errorf("the second key is not used: %v", err)
	}

	ep.IdentityFiles = []string{wrong}
	password := func(p string) func(context.Context, Login) (string, error) {
		return func(_ context.Context, who Login) (string, error) {
			if who != (Login{User: "tester", Host: "127.0.0.1"}) {
				t.Errorf("asked for the password of %+v", who)
			}
			return p, nil
		}
	}
	if err := tryDial(t, Options{Endpoint: ep, Password: password("sesame")}); err != nil {
		t.Errorf("the password is not used: %v", err)
	}
	wantText(t, tryDial(t, Options{Endpoint: ep, Password: password("wrong")}), "the password")
}

// TestPassphrase asks once for a key that several connections use, and only
// after the host said that it wants this key.
func TestPassphrase(t *testing.T) {
	_, ep := serve(t, nil)
	plain := ep.IdentityFiles[0]
	unwanted := filepath.Join(t.TempDir(), "unwanted")
	writeKey(t, unwanted, "secret")
	encrypted := encryptKey(t, plain, "secret")
	ep.IdentityFiles = []string{unwanted, encrypted}
	asked := 0
	d := NewDialer(Options{Passphrase: func(_ context.Context, file string) (string, error) {
		asked++
		if file != encrypted {
			t.Errorf("asked for %s", file)
		}
		return "secret", nil
	}})
	defer func() { _ = d.Close() }()
	for range 3 {
		c, err := d.Dial(context.Background(), ep)
		if err != nil {
			t.Fatal(err)
		}
		_ = c.Close()
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
}

// TestHangingLogin is a host whose PAM waits for a server that is down. The
// connect timeout does not count, for a person may be asked for a passphrase.
func TestHangingLogin(t *testing.T) {
	_, ep := serve(t, func(s *testServer) { s.hangLogin = true })
	err := tryDial(t, Options{
		Endpoint: ep, LoginTimeout: 500 * time.Millisecond,
		Passphrase: func(context.Context, string) (string, error) { return "", errors.New("nobody is there") },
	})
	var u *UnreachableError
	if !errors.As(err, &u) {
		t.Fatalf("got %v, want *UnreachableError", err)
	}
	wantText(t, err, "did not end the login within 500ms")
}

func TestUnreachable(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	ep := Endpoint{Name: "web1", Alias: "web1", HostName: "127.0.0.1", Port: port, User: "u"}
	err = tryDial(t, Options{Endpoint: ep})
	var u *UnreachableError
	if !errors.As(err, &u) {
		t.Fatalf("got %v, want *UnreachableError", err)
	}
	wantText(t, err, fmt.Sprintf("cannot connect to web1 (u@127.0.0.1:%d)", port), "refused", "sshd")
}

// TestSilentPeer answers TCP and never speaks.
func TestSilentPeer(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	ep := Endpoint{Name: "web1", Alias: "web1", HostName: "127.0.0.1", Port: l.Addr().(*net.TCPAddr).Port, User: "u"}
	start := time.Now()
	err = tryDial(t, Options{Endpoint: ep, ConnectTimeout: 300 * time.Millisecond})
	var u *UnreachableError
	if !errors.As(err, &u) {
		t.Fatalf("got %v, want *UnreachableError", err)
	}
	wantText(t, err, "no SSH session within 300ms")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(100*time.Millisecond, cancel)
	if _, err := Dial(ctx, Options{Endpoint: ep}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the context's error", err)
	}
}

// TestDroppedHandshake is what MaxStartups does to many parallel dials.
func TestDroppedHandshake(t *testing.T) {
	_, ep := serve(t, func(s *testServer) { s.dropFirst = 2 })
	if err := tryDial(t, Options{Endpoint: ep}); err != nil {
		t.Errorf("a dropped connection is not made anew: %v", err)
	}
	_, ep = serve(t, func(s *testServer) { s.dropFirst = 100 })
	wantText(t, tryDial(t, Options{Endpoint: ep}), "hung up before the SSH handshake", "MaxStartups")
}

// TestStalledPeer has a peer that keeps the TCP connection open and answers no
// more: every waiting call ends within the bound and says why.
func TestStalledPeer(t *testing.T) {
	s, ep := serve(t, nil)
	c := dial(t, ep, func(o *Options) { o.KeepAliveInterval, o.KeepAliveMisses = 50*time.Millisecond, 3 })
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	session, err := c.Start(ctx, "cat", nil)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(400 * time.Millisecond)
	if err := c.Err(); err != nil {
		t.Fatalf("an idle connection was cut: %v", err)
	}
	close(s.stalled)
	start := time.Now()
	var wait sync.WaitGroup
	check := func(what string, call func() error) {
		wait.Go(func() {
			var lost *LostError
			if err := call(); !errors.As(err, &lost) || !strings.Contains(err.Error(), "was lost: no answer for 150ms") {
				t.Errorf("%s: got %v", what, err)
			}
		})
	}
	check("read", func() error { _, err := session.Stdout.Read(make([]byte, 1)); return err })
	check("exec", func() error { _, _, _, err := c.Exec(ctx, "true"); return err })
	check("wait", func() error { _, err := session.Wait(); return err })
	check("upload", func() error { _, err := c.Upload(ctx, spec(payload(9), t.TempDir()+"/x")); return err })
	wait.Wait()
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	var lost *LostError
	if !errors.As(c.Err(), &lost) {
		t.Errorf("Err gives %v", c.Err())
	}
}

// TestDeadJump has many hosts behind a jump host that does not answer: it costs its
// connect timeout once, not once for as many as are worked on at a time.
func TestDeadJump(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	var tries atomic.Int32
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			tries.Add(1)
			defer func() { _ = c.Close() }()
		}
	}()
	config := filepath.Join(t.TempDir(), "config")
	writeFile(t, config, fmt.Sprintf("Host gate\n HostName 127.0.0.1\n Port %d\nHost web*\n ProxyJump gate\n", l.Addr().(*net.TCPAddr).Port), 0o600)
	d := NewDialer(Options{Resolver: Resolver{File: config, Builtin: true}, ConnectTimeout: 300 * time.Millisecond})
	defer func() { _ = d.Close() }()
	for i := range 12 {
		ep, err := d.Resolve(context.Background(), Target{Name: fmt.Sprintf("web%d", i)})
		if err != nil {
			t.Fatal(err)
		}
		_, err = d.Dial(context.Background(), ep)
		var u *UnreachableError
		if !errors.As(err, &u) {
			t.Fatalf("got %v, want *UnreachableError", err)
		}
		wantText(t, err, ep.Name, "gate", "no SSH session within 300ms")
	}
	if n := tries.Load(); n > 3 {
		t.Errorf("the jump host was tried %d times", n)
	}
}

// TestWaitIsForWhatPasses: with --wait a host is tried again only if it may be booting.
func TestWaitIsForWhatPasses(t *testing.T) {
	ep := Endpoint{Name: "web1", Alias: "web1", HostName: "127.0.0.1", Port: 1, User: "root"}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	d := NewDialer(Options{Wait: time.Hour})
	defer d.Close()
	if _, err := d.DialPinned(ctx, ep, []byte("the key of a moment ago")); err == nil || ctx.Err() != nil {
		t.Errorf("a host that was there a moment ago: %v", err)
	}
	for _, test := range []struct {
		err  error
		want bool
	}{
		{&UnreachableError{}, true},
		{&UnreachableError{final: true}, false},
		{&AuthError{Banner: "System is booting up. Unprivileged users are not permitted to log in yet."}, true},
		{&AuthError{}, false},
		{&HostKeyError{}, false},
	} {
		if got := passing(test.err); got != test.want {
			t.Errorf("%#v: %v", test.err, got)
		}
	}
}
