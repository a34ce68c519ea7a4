package sshconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"
)

// Login says who is asked for a password: a person must know where it goes.
type Login struct {
	User string
	Host string // what is dialled
	Jump bool   // a jump host, which others than those of the plan may run
}

// The ways to log in (RFC 4252, RFC 4256), as ssh_config names them.
const (
	byKey      = "publickey"
	byQuestion = "keyboard-interactive"
	byPassword = "password"
)

// thePassword is among the credentials that were tried.
const thePassword = "the password"

// agentPatience bounds the wait for an agent's list of keys.
const agentPatience = 10 * time.Second

// maxQuestions bounds what a host may ask a person in one login.
const maxQuestions = 8

// credentials collects what one handshake may offer, and says what kept the
// rest from use. Close ends the connection to the agent.
type credentials struct {
	signers []ssh.Signer
	tried   []string
	agent   net.Conn

	algorithms []string               // of PubkeyAcceptedAlgorithms; nil: all
	order      []string               // of the ways to log in
	password   func() (string, error) // nil: none is given
	answer     func(question string, echo bool) (string, error)
	sent       bool     // the password went to the host: it is not sent again
	asked      int      // questions
	used       []string // ways other than keys that were tried
	next       int      // the next signer
	takes      []string // the ways that the host last named
	broken     bool     // a signature failed
}

func (c *credentials) Close() {
	if c.agent != nil {
		_ = c.agent.Close()
	}
}

// credentials gives the keys in OpenSSH's order (sshconnect2.c,
// pubkey_prepare): those of the agent that IdentityFile names, the agent's
// others unless IdentitiesOnly, then the key files. A certificate goes before the
// key that it is for, wherever that key is.
func (k *keyring) credentials(ctx context.Context, ep Endpoint) *credentials {
	c := &credentials{order: ep.Authentications, algorithms: ep.Algorithms.PublicKeys}
	if c.order == nil {
		c.order = []string{byKey, byQuestion, byPassword}
	}
	if !slices.Contains(c.order, byKey) {
		return c
	}
	var certs []*ssh.Certificate
	for _, name := range ep.CertificateFiles {
		cert, ok := publicKey(name).(*ssh.Certificate)
		if !ok {
			c.tried = append(c.tried, name+": is not there or not a certificate")
			continue
		}
		certs = append(certs, cert)
		if now := time.Now().Unix(); cert.ValidBefore != ssh.CertTimeInfinity && int64(cert.ValidBefore) <= now {
			c.tried = append(c.tried, name+": expired at "+time.Unix(int64(cert.ValidBefore), 0).UTC().Format(time.RFC3339))
		}
	}
	var files []fileKey
	for _, name := range ep.IdentityFiles {
		f := k.load(ctx, name, ep.BatchMode)
		if f.cert != nil {
			certs = append(certs, f.cert)
		}
		files = append(files, f)
	}
	inAgent := c.fromAgent(ctx, ep, files, certs)
	for _, f := range files {
		if f.why != "" {
			c.tried = append(c.tried, f.name+": "+f.why)
		}
		if f.signer == nil || inAgent[f.public()] {
			continue
		}
		c.tried = append(c.tried, f.name)
		c.add(f.name, f.signer, certs)
	}
	return c
}

// add offers a key, and before it what certifies it.
func (c *credentials) add(name string, signer ssh.Signer, certs []*ssh.Certificate) {
	pub := signer.PublicKey().Marshal()
	for _, cert := range certs {
		if string(cert.Key.Marshal()) != string(pub) {
			continue
		}
		if s, err := ssh.NewCertSigner(cert, signer); err == nil {
			c.offer(tellingSigner{s, name, c})
		}
	}
	c.offer(tellingSigner{signer, name, c})
}

func (c *credentials) offer(s tellingSigner) {
	if allowed := c.allowed(s); allowed != nil {
		c.signers = append(c.signers, allowed)
	}
}

// fromAgent adds the agent's keys, and gives those that IdentityFile names.
func (c *credentials) fromAgent(ctx context.Context, ep Endpoint, files []fileKey, certs []*ssh.Certificate) map[string]bool {
	taken := map[string]bool{}
	if ep.IdentityAgent == "" {
		return taken
	}
	ctx, cancel := context.WithTimeout(ctx, agentPatience)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", ep.IdentityAgent)
	if err != nil {
		c.tried = append(c.tried, "ssh-agent: "+err.Error())
		return taken
	}
	c.agent = conn
	stop := context.AfterFunc(ctx, func() { _ = conn.Close() })
	defer stop()
	signers, err := agent.NewClient(conn).Signers()
	if err != nil {
		why := Clean(err.Error())
		if ctx.Err() != nil {
			why = fmt.Sprintf("%s did not answer within %v", ep.IdentityAgent, agentPatience)
		}
		c.tried = append(c.tried, "ssh-agent: "+why)
		return taken
	}
	named := map[string]bool{}
	for _, f := range files {
		named[f.public()] = true
	}
	for _, cert := range certs {
		named[string(cert.Key.Marshal())] = true
	}
	var rest []ssh.Signer
	offered := 0
	for _, s := range signers {
		pub := string(s.PublicKey().Marshal())
		key := pub
		// The agent gives a certificate's bytes, and not what it is.
		if k, err := ssh.ParsePublicKey([]byte(pub)); err == nil {
			if cert, is := k.(*ssh.Certificate); is {
				key = string(cert.Key.Marshal())
			}
		}
		switch {
		case named[key]:
			taken[pub] = true
			c.add("ssh-agent", s, certs)
			offered++
		case !ep.IdentitiesOnly:
			rest = append(rest, s)
			offered++
		}
	}
	for _, s := range rest {
		c.add("ssh-agent", s, nil)
	}
	c.tried = append(c.tried, fmt.Sprintf("%d of ssh-agent's %d keys", offered, len(signers)))
	return taken
}

// tellingSigner keeps why a key gave no signature: the SSH library goes on with the
// next way to log in, and forgets it.
type tellingSigner struct {
	ssh.Signer
	name string
	c    *credentials
}

var _ ssh.AlgorithmSigner = tellingSigner{}

func (s tellingSigner) SignWithAlgorithm(rand io.Reader, data []byte, algorithm string) (*ssh.Signature, error) {
	sig, err := signWith(s.Signer, rand, data, algorithm)
	if err != nil {
		s.c.broken = true
		s.c.tried = append(s.c.tried, s.name+" gave no signature: "+Clean(err.Error()))
	}
	return sig, err
}

// choose is the ssh.ClientConfig's AuthCallback: key by key, so that one which
// gives no signature does not end the login, then what a person answers.
func (c *credentials) choose(a *ssh.ClientAuthContext) (ssh.AuthMethod, error) {
	c.takes = a.AllowedMethods
	for _, way := range c.order {
		if !slices.Contains(a.AllowedMethods, way) {
			continue
		}
		switch {
		case way == byKey && c.next < len(c.signers):
			c.next++
			return ssh.PublicKeys(c.signers[c.next-1]), nil
		case way == byKey || c.password == nil || slices.Contains(c.used, way):
			continue
		case way == byQuestion:
			c.used = append(c.used, way)
			return ssh.KeyboardInteractive(c.question), nil
		case way == byPassword && !c.sent:
			c.used = append(c.used, way)
			return ssh.PasswordCallback(c.secret), nil
		}
	}
	return nil, nil
}

// secret gives the password once: a host that refuses it counts the tries.
func (c *credentials) secret() (string, error) {
	if c.sent {
		return "", errors.New("the password was refused")
	}
	word, err := c.password()
	if err == nil {
		c.sent = true
		c.tried = append(c.tried, thePassword)
	}
	return word, err
}

// question answers the host's. A single one for a password, which most hosts put in
// PAM's words, is answered like one.
func (c *credentials) question(_, instruction string, questions []string, echos []bool) ([]string, error) {
	var answers []string
	for i, q := range questions {
		if c.asked++; c.asked > maxQuestions {
			return nil, errors.New("the host asks too many questions")
		}
		var text string
		var err error
		switch {
		case !echos[i] && !c.sent && strings.Contains(strings.ToLower(q), "password"):
			text, err = c.secret()
		case c.answer == nil:
			err = fmt.Errorf("the host asks %q, which nobody is there to answer", said(q))
		default:
			text, err = c.answer(said(strings.TrimSpace(instruction+" "+q)), echos[i])
		}
		if err != nil {
			c.tried = append(c.tried, "the host's question: "+Clean(err.Error()))
			return nil, err
		}
		answers = append(answers, text)
	}
	return answers, nil
}
