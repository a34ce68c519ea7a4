package sshconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"

	"golang.org/x/crypto/ssh"
)

// passphraseTries is how often a person may mistype a passphrase, as with ssh
// (ssh_config(5), NumberOfPasswordPrompts).
const passphraseTries = 3

// keyring holds what a Dialer learnt about private keys, so that a passphrase
// is asked once for a hundred hosts. Safe for concurrent use.
type keyring struct {
	ask    func(ctx context.Context, file string) (string, error)
	notice func(string)

	mu   sync.Mutex
	keys map[string]*encryptedKey // by file
}

// encryptedKey is one encrypted key file, for all hosts that want it.
type encryptedKey struct {
	asking sync.Mutex // held while the person types: the others wait for the answer

	mu     sync.Mutex
	signer ssh.Signer // once it is open
	err    error      // the person's answers did not open it: nobody is asked again
}

func (k *keyring) key(name string) *encryptedKey {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.keys[name]
	if e == nil {
		e = &encryptedKey{}
		k.keys[name] = e
	}
	return e
}

func (e *encryptedKey) known() (ssh.Signer, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.signer, e.err
}

// fileKey is what one IdentityFile gave.
type fileKey struct {
	name   string
	signer ssh.Signer       // nil if the file cannot be used
	pub    ssh.PublicKey    // known even for an encrypted key
	cert   *ssh.Certificate // of NAME-cert.pub, if there is one
	why    string           // what is wrong, empty for a file that is just absent
}

func (f fileKey) public() string {
	if f.pub == nil {
		return ""
	}
	return string(f.pub.Marshal())
}

// load reads a key file; with batch nobody is asked for a passphrase.
func (k *keyring) load(ctx context.Context, name string, batch bool) fileKey {
	f := fileKey{name: name}
	f.cert, _ = publicKey(name + "-cert.pub").(*ssh.Certificate)
	data, err := os.ReadFile(name)
	if err != nil {
		// IdentityFile may name a key whose private half is in the agent.
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
		f.signer = k.locked(ctx, &f, data, batch)
	case err != nil:
		if f.pub = publicKey(name); f.pub == nil {
			f.why = "not a private key: " + Clean(err.Error())
		}
	default:
		f.pub, f.signer = signer.PublicKey(), signer
	}
	return f
}

// locked gives a signer for an encrypted key that asks for the passphrase only
// once a host wants a signature.
func (k *keyring) locked(ctx context.Context, f *fileKey, data []byte, batch bool) ssh.Signer {
	if signer, _ := k.key(f.name).known(); signer != nil {
		return signer
	}
	if k.ask == nil || batch || f.pub == nil {
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
	return signWith(signer, rand, data, algorithm)
}

func signWith(signer ssh.Signer, rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	if a, ok := signer.(ssh.AlgorithmSigner); ok && algorithm != "" {
		return a.SignWithAlgorithm(rand, data, algorithm)
	}
	return signer.Sign(rand, data)
}

// unlock asks, unless another host's connection has had the answer already. What a
// person could not open in a few tries stays closed for the run.
func (s *lockedSigner) unlock() (ssh.Signer, error) {
	e := s.ring.key(s.name)
	e.asking.Lock()
	defer e.asking.Unlock()
	if signer, err := e.known(); signer != nil || err != nil {
		return signer, err
	}
	signer, err := s.ask()
	if s.ctx.Err() != nil {
		return nil, context.Cause(s.ctx) // another host may still have time
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.signer, e.err = signer, err
	return signer, err
}

func (s *lockedSigner) ask() (ssh.Signer, error) {
	for try := 1; ; try++ {
		pass, err := s.ring.ask(s.ctx, s.name)
		if err != nil {
			return nil, fmt.Errorf("cannot ask for the passphrase: %w", err)
		}
		signer, err := ssh.ParsePrivateKeyWithPassphrase(s.data, []byte(pass))
		switch {
		case err != nil && try < passphraseTries:
			s.ring.notice("that passphrase does not open " + s.name)
		case err != nil:
			return nil, errors.New("the passphrase does not open it")
		case !bytes.Equal(signer.PublicKey().Marshal(), s.pub.Marshal()):
			return nil, errors.New("its public key file belongs to another key")
		default:
			return signer, nil
		}
	}
}
