package sshconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// keyring holds what a Dialer learnt about private keys, so that a passphrase
// is asked once for a hundred hosts. Safe for concurrent use.
type keyring struct {
	ask func(ctx context.Context, file string) (string, error)

	mu   sync.Mutex
	open map[string]ssh.Signer // decrypted keys by file
}

// credentials collects what one handshake may offer, and says what kept the
// rest from use. Close ends the connection to the agent.
type credentials struct {
	signers []ssh.Signer
	tried   []string
	agent   net.Conn
}

func (c *credentials) Close() {
	if c.agent != nil {
		_ = c.agent.Close()
	}
}

// credentials gives the keys in OpenSSH's order (sshconnect2.c,
// pubkey_prepare): those of the agent that IdentityFile names, the agent's
// others unless IdentitiesOnly, then the key files.
func (k *keyring) credentials(ctx context.Context, ep Endpoint) *credentials {
	c := &credentials{}
	files := make([]fileKey, 0, len(ep.IdentityFiles))
	for _, name := range ep.IdentityFiles {
		files = append(files, k.load(ctx, name))
	}
	inAgent := c.fromAgent(ep, files)
	for _, f := range files {
		if f.why != "" {
			c.tried = append(c.tried, f.name+": "+f.why)
		}
		if f.signer == nil || inAgent[f.public()] {
			continue
		}
		c.tried = append(c.tried, f.name)
		if f.cert != nil {
			c.signers = append(c.signers, f.cert)
		}
		c.signers = append(c.signers, f.signer)
	}
	return c
}

func (c *credentials) fromAgent(ep Endpoint, files []fileKey) map[string]bool {
	taken := map[string]bool{}
	if ep.IdentityAgent == "" {
		return taken
	}
	conn, err := net.Dial("unix", ep.IdentityAgent)
	if err != nil {
		c.tried = append(c.tried, "ssh-agent: "+err.Error())
		return taken
	}
	c.agent = conn
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		c.tried = append(c.tried, "ssh-agent: "+Clean(err.Error()))
		return taken
	}
	named := map[string]bool{}
	for _, f := range files {
		named[f.public()] = true
	}
	var first, rest []ssh.Signer
	for _, s := range signers {
		pub := string(s.PublicKey().Marshal())
		switch {
		case named[pub]:
			taken[pub] = true
			first = append(first, s)
		case !ep.IdentitiesOnly:
			rest = append(rest, s)
		}
	}
	c.signers = append(first, rest...)
	c.tried = append(c.tried, fmt.Sprintf("%d of ssh-agent's %d keys", len(c.signers), len(signers)))
	return taken
}

// fileKey is what one IdentityFile gave.
type fileKey struct {
	name   string
	signer ssh.Signer    // nil if the file cannot be used
	pub    ssh.PublicKey // known even for an encrypted key
	cert   ssh.Signer    // with NAME-cert.pub, if there is one
	why    string        // what is wrong, empty for a file that is just absent
}

func (f fileKey) public() string {
	if f.pub == nil {
		return ""
	}
	return string(f.pub.Marshal())
}

func (k *keyring) load(ctx context.Context, name string) fileKey {
	f := fileKey{name: name}
	data, err := os.ReadFile(name)
	if err != nil {
		// IdentityFile may name a public key whose private half is in the agent.
		f.pub = publicKey(name + ".pub")
		if !errors.Is(err, fs.ErrNotExist) {
			f.why = err.Error()
		}
		return f
	}
	signer, err := ssh.ParsePrivateKey(data)
	var missing *ssh.PassphraseMissingError
	switch {
	case errors.As(err, &missing):
		if f.pub = missing.PublicKey; f.pub == nil {
			f.pub = publicKey(name + ".pub")
		}
		signer = k.locked(ctx, &f, data)
	case err != nil:
		if f.pub = publicKey(name); f.pub == nil {
			f.why = "not a private key: " + Clean(err.Error())
		}
		return f
	default:
		f.pub = signer.PublicKey()
	}
	f.signer = signer
	if cert, ok := publicKey(name + "-cert.pub").(*ssh.Certificate); ok && signer != nil {
		if s, err := ssh.NewCertSigner(cert, signer); err == nil {
			f.cert = s
		}
	}
	return f
}

// locked gives a signer for an encrypted key that asks for the passphrase only
// once a host wants a signature.
func (k *keyring) locked(ctx context.Context, f *fileKey, data []byte) ssh.Signer {
	k.mu.Lock()
	known := k.open[f.name]
	k.mu.Unlock()
	if known != nil {
		return known
	}
	if k.ask == nil || f.pub == nil {
		f.why = "is encrypted, load it with ssh-add"
		return nil
	}
	return &lockedSigner{ctx: ctx, ring: k, name: f.name, pub: f.pub, data: data}
}

func publicKey(name string) ssh.PublicKey {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil
	}
	key, _, _, _, err := ssh.ParseAuthorizedKey(data)
	if err != nil {
		return nil
	}
	return key
}

// lockedSigner opens its key on the first signature.
type lockedSigner struct {
	ctx  context.Context
	ring *keyring
	name string
	pub  ssh.PublicKey
	data []byte
}

var _ ssh.AlgorithmSigner = (*lockedSigner)(nil)

func (s *lockedSigner) PublicKey() ssh.PublicKey { return s.pub }

func (s *lockedSigner) Sign(rand io.Reader, data []byte) (*ssh.Signature, error) {
	return s.SignWithAlgorithm(rand, data, "")
}

func (s *lockedSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	signer, err := s.unlock()
	if err != nil {
		return nil, err
	}
	if a, ok := signer.(ssh.AlgorithmSigner); ok && algorithm != "" {
		return a.SignWithAlgorithm(rand, data, algorithm)
	}
	return signer.Sign(rand, data)
}

func (s *lockedSigner) unlock() (ssh.Signer, error) {
	s.ring.mu.Lock()
	defer s.ring.mu.Unlock()
	if signer := s.ring.open[s.name]; signer != nil {
		return signer, nil
	}
	pass, err := s.ring.ask(s.ctx, s.name)
	if err != nil {
		return nil, fmt.Errorf("cannot ask for the passphrase of %s: %w", s.name, err)
	}
	signer, err := ssh.ParsePrivateKeyWithPassphrase(s.data, []byte(pass))
	if err != nil {
		return nil, fmt.Errorf("cannot open %s: %w", s.name, err)
	}
	if !bytes.Equal(signer.PublicKey().Marshal(), s.pub.Marshal()) {
		return nil, fmt.Errorf("cannot use %s: its public key file belongs to another key", s.name)
	}
	s.ring.open[s.name] = signer
	return signer, nil
}

// methods turns the credentials into x/crypto's terms. Passwords are offered
// only through the callback, once.
func (c *credentials) methods(ctx context.Context, ep Endpoint, password func(context.Context, string) (string, error)) []ssh.AuthMethod {
	out := []ssh.AuthMethod{ssh.PublicKeys(c.signers...)}
	if password == nil {
		return out
	}
	ask := sync.OnceValues(func() (string, error) {
		c.tried = append(c.tried, "the password")
		return password(ctx, ep.User+"@"+ep.HostName)
	})
	interactive := func(_, _ string, questions []string, echos []bool) ([]string, error) {
		if len(questions) == 0 {
			return nil, nil
		}
		if len(questions) != 1 || echos[0] {
			return nil, errors.New("the host asks for more than a password")
		}
		answer, err := ask()
		return []string{answer}, err
	}
	return append(out, ssh.KeyboardInteractive(interactive), ssh.PasswordCallback(ask))
}
