package sshconn

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// serveAgent is an ssh-agent on a socket, with some keys; nil keys: one that takes
// connections and never answers.
func serveAgent(t *testing.T, keys []agent.AddedKey) string {
	t.Helper()
	ring := agent.NewKeyring()
	for _, k := range keys {
		if err := ring.Add(k); err != nil {
			t.Fatal(err)
		}
	}
	socket := filepath.Join(t.TempDir(), "agent.sock")
	l, err := net.Listen("unix", socket)
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
			if keys != nil {
				go func() { _ = agent.ServeAgent(ring, c) }()
			}
		}
	}()
	return socket
}

func rawKey(t *testing.T, file string) any {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.ParseRawPrivateKey(data)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// userCert signs the key of a file for a user, and writes the certificate.
func userCert(t *testing.T, ca ssh.Signer, keyFile, to string, before uint64) {
	t.Helper()
	cert := &ssh.Certificate{Key: publicKey(keyFile + ".pub"), CertType: ssh.UserCert, ValidPrincipals: []string{"tester"}, ValidBefore: before}
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	writeFile(t, to, string(ssh.MarshalAuthorizedKey(cert)), 0o644)
}

// TestCredentials looks at what is offered, and in which order.
func TestCredentials(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	ca, _ := newSigner(t)
	label := map[string]string{}
	for _, name := range []string{"a", "b", "c"} {
		label[string(writeKey(t, at(name), "").Marshal())] = name
		userCert(t, ca, at(name), at(name+".cert"), ssh.CertTimeInfinity)
		label[string(publicKey(at(name+".cert")).Marshal())] = name + "+cert"
	}
	userCert(t, ca, at("c"), at("c-cert.pub"), ssh.CertTimeInfinity)
	label[string(publicKey(at("c-cert.pub")).Marshal())] = "c+cert"
	userCert(t, ca, at("a"), at("old"), 1)
	label[string(publicKey(at("old")).Marshal())] = "a+old"
	certB, _ := publicKey(at("b.cert")).(*ssh.Certificate)
	ab := serveAgent(t, []agent.AddedKey{{PrivateKey: rawKey(t, at("a"))}, {PrivateKey: rawKey(t, at("b"))}})
	withCert := serveAgent(t, []agent.AddedKey{{PrivateKey: rawKey(t, at("b")), Certificate: certB}})
	for name, test := range map[string]struct {
		ep   Endpoint
		want string
	}{
		"files in order":                      {Endpoint{IdentityFiles: []string{at("b"), at("a")}}, "b a"},
		"a certificate beside its key":        {Endpoint{IdentityFiles: []string{at("a"), at("c")}}, "a c+cert c"},
		"a certificate elsewhere":             {Endpoint{IdentityFiles: []string{at("a")}, CertificateFiles: []string{at("a.cert"), at("b.cert")}}, "a+cert a"},
		"the agent":                           {Endpoint{IdentityAgent: ab}, "a b"},
		"the agent and a file":                {Endpoint{IdentityAgent: ab, IdentityFiles: []string{at("c"), at("b")}}, "b a c+cert c"},
		"only what is named":                  {Endpoint{IdentityAgent: ab, IdentityFiles: []string{at("b")}, IdentitiesOnly: true}, "b"},
		"only what is named, by .pub":         {Endpoint{IdentityAgent: ab, IdentityFiles: []string{at("b.pub")}, IdentitiesOnly: true}, "b"},
		"nothing is named":                    {Endpoint{IdentityAgent: ab, IdentitiesOnly: true}, ""},
		"a certificate for the agent's":       {Endpoint{IdentityAgent: ab, CertificateFiles: []string{at("b.cert")}, IdentitiesOnly: true}, "b+cert b"},
		"a certificate for the agent's, file": {Endpoint{IdentityAgent: ab, IdentityFiles: []string{at("a")}, CertificateFiles: []string{at("a.cert")}}, "a+cert a b"},
		"a certificate in the agent":          {Endpoint{IdentityAgent: withCert, IdentityFiles: []string{at("b.pub")}, IdentitiesOnly: true}, "b+cert"},
		"an expired one":                      {Endpoint{IdentityFiles: []string{at("a")}, CertificateFiles: []string{at("old")}}, "a+old a"},
		"no keys":                             {Endpoint{IdentityAgent: ab, IdentityFiles: []string{at("a")}, Authentications: []string{byPassword}}, ""},
	} {
		ring := &keyring{keys: map[string]*encryptedKey{}}
		c := ring.credentials(context.Background(), test.ep)
		c.Close()
		var got []string
		for _, s := range c.signers {
			got = append(got, label[string(s.PublicKey().Marshal())])
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: offers %q, want %q", name, got, test.want)
		}
		if said := strings.Join(c.tried, "; "); strings.Contains(said, "expired at 1970-01-01") != (name == "an expired one") {
			t.Errorf("%s: says %q", name, said)
		}
	}
}

// TestAgentHangs is an agent that takes the connection and says nothing.
func TestAgentHangs(t *testing.T) {
	_, ep := serve(t, nil)
	ep.IdentityAgent = serveAgent(t, nil)
	ctx, cancel := context.WithTimeout(context.Background(), 300*time.Millisecond)
	defer cancel()
	c := (&keyring{keys: map[string]*encryptedKey{}}).credentials(ctx, ep)
	c.Close()
	if len(c.signers) != 1 || !strings.Contains(strings.Join(c.tried, " "), "did not answer") {
		t.Errorf("%d signers, %q", len(c.signers), c.tried)
	}
}

// TestPassphraseForMany has many hosts wait for the one answer of a slow person,
// longer than any of them may take to connect.
func TestPassphraseForMany(t *testing.T) {
	_, ep := serve(t, nil)
	ep.IdentityFiles = []string{encryptKey(t, ep.IdentityFiles[0], "secret")}
	var asked atomic.Int32
	d := NewDialer(Options{ConnectTimeout: 2 * time.Second, Passphrase: func(context.Context, string) (string, error) {
		if asked.Add(1) == 1 {
			return "mistyped", nil
		}
		time.Sleep(2500 * time.Millisecond)
		return "secret", nil
	}})
	defer func() { _ = d.Close() }()
	dialMany(t, d, ep, 12)
	if asked.Load() != 2 {
		t.Errorf("asked %d times", asked.Load())
	}
}

// TestWrongPassphrase is asked for three times in a run, not for each host; the
// other keys are tried all the same.
func TestWrongPassphrase(t *testing.T) {
	_, ep := serve(t, nil)
	plain := ep.IdentityFiles[0]
	locked := encryptKey(t, plain, "secret")
	asked := 0
	d := NewDialer(Options{Passphrase: func(context.Context, string) (string, error) { asked++; return "wrong", nil }})
	defer func() { _ = d.Close() }()
	ep.IdentityFiles = []string{locked}
	for range 2 {
		_, err := d.Dial(context.Background(), ep)
		var auth *AuthError
		if !errors.As(err, &auth) {
			t.Fatalf("got %v, want *AuthError", err)
		}
		wantText(t, err, locked+" gave no signature: the passphrase does not open it")
	}
	if asked != passphraseTries {
		t.Errorf("asked %d times", asked)
	}
	ep.IdentityFiles = []string{locked, plain}
	c, err := d.Dial(context.Background(), ep)
	if err != nil {
		t.Fatalf("the other key is not tried: %v", err)
	}
	_ = c.Close()
	ep.IdentityFiles, ep.BatchMode = []string{locked}, true
	_, err = NewDialer(Options{Passphrase: func(context.Context, string) (string, error) {
		t.Error("asked in batch mode")
		return "secret", nil
	}}).Dial(context.Background(), ep)
	wantText(t, err, locked+": is encrypted")
}

// TestQuestions is keyboard-interactive: a password in PAM's words, then a code.
func TestQuestions(t *testing.T) {
	for name, test := range map[string]struct {
		password, code, want string
	}{
		"all is right":   {"sesame", "123456", ""},
		"wrong password": {"wrong", "", "the password"},
		"nobody answers": {"sesame", "", `the host asks "Verification code:", which nobody is there to answer`},
	} {
		t.Run(name, func(t *testing.T) {
			refused := 0
			_, ep := serve(t, func(s *testServer) {
				s.password = "another"
				s.questions = func(ask ssh.KeyboardInteractiveChallenge) error {
					a, err := ask("", "Two things:", []string{"tester@web1's Password: "}, []bool{false})
					if err != nil || a[0] != "sesame" {
						refused++
						return os.ErrPermission
					}
					a, err = ask("", "", []string{"Verification code: "}, []bool{true})
					if err != nil || a[0] != "123456" {
						return os.ErrPermission
					}
					return nil
				}
			})
			ep.IdentityFiles = nil
			o := Options{Endpoint: ep, Password: func(context.Context, Login) (string, error) { return test.password, nil }}
			if test.code != "" {
				o.Answer = func(_ context.Context, who Login, question string, echo bool) (string, error) {
					if question != "Verification code:" || !echo || who.User != "tester" {
						t.Errorf("%+v is asked %q", who, question)
					}
					return test.code, nil
				}
			}
			err := tryDial(t, o)
			if test.want == "" && err != nil || test.want != "" && err == nil {
				t.Fatalf("got %v", err)
			}
			if test.want != "" {
				wantText(t, err, test.want)
				if strings.Contains(err.Error(), test.password) && test.password == "wrong" && strings.Contains(err.Error(), "wrong;") {
					t.Errorf("the password is in %v", err)
				}
			}
			if refused > 1 {
				t.Errorf("the password was sent %d times", refused)
			}
		})
	}
	_, ep := serve(t, func(s *testServer) { s.password = "sesame" })
	ep.IdentityFiles = nil
	wantText(t, tryDial(t, Options{Endpoint: ep}), "no credentials were at hand", "--ask-pass")
	ep.BatchMode, ep.Authentications = true, []string{byKey}
	wantText(t, tryDial(t, Options{Endpoint: ep, Password: func(context.Context, Login) (string, error) {
		t.Error("asked in batch mode")
		return "", nil
	}}), "refused to log in")
}

// TestHandshakesAtOnce holds that no more than a few wait for their login at one
// sshd, however many hosts are reached through it.
func TestHandshakesAtOnce(t *testing.T) {
	var now, most atomic.Int32
	_, ep := serve(t, func(s *testServer) {
		s.handshake = func() func() {
			n := now.Add(1)
			for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
			}
			time.Sleep(20 * time.Millisecond)
			return func() { now.Add(-1) }
		}
	})
	d := NewDialer(Options{})
	defer func() { _ = d.Close() }()
	dialMany(t, d, ep, 40)
	// The server hears of the end of a login a moment after the client.
	if most.Load() > handshakesAtOnce+4 || most.Load() < 2 {
		t.Errorf("%d handshakes at once", most.Load())
	}
}

// TestWait is a host that boots: nothing listens, then it does.
func TestWait(t *testing.T) {
	s, ep := serve(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	real, port := s.addr.String(), l.Addr().(*net.TCPAddr).Port
	_ = l.Close()
	ep.HostKeyAlias = ep.hostKeyName()
	ep.Port = port
	time.AfterFunc(700*time.Millisecond, func() {
		l, err := net.Listen("tcp", l.Addr().String())
		if err != nil {
			t.Error(err)
			return
		}
		t.Cleanup(func() { _ = l.Close() })
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			to, err := net.Dial("tcp", real)
			if err != nil {
				return
			}
			go func() { pipe(c, to) }()
		}
	})
	if err := tryDial(t, Options{Endpoint: ep, Wait: 10 * time.Second}); err != nil {
		t.Errorf("got %v", err)
	}
	start := time.Now()
	ep.Port = 1
	err = tryDial(t, Options{Endpoint: ep})
	wantText(t, err, "refused")
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v without being told to wait", took)
	}
	if !passing(&AuthError{Banner: "System is booting up. Unprivileged users are not permitted to log in yet."}) || passing(&AuthError{}) || passing(&HostKeyError{}) {
		t.Error("what is tried again is not what a booting host says")
	}
}

// TestPause is longer each time, within bounds, and not the same for all.
func TestPause(t *testing.T) {
	seen := map[time.Duration]bool{}
	for range 50 {
		seen[pause(3)] = true
	}
	if len(seen) < 10 {
		t.Errorf("%d different pauses", len(seen))
	}
	for try, want := range map[int]time.Duration{1: 200 * time.Millisecond, 2: 400 * time.Millisecond, 6: 4 * time.Second, 900: 4 * time.Second} {
		if got := pause(try); got < want/2 || got > want {
			t.Errorf("try %d: %v", try, got)
		}
	}
}
