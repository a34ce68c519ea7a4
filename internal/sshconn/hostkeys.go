package sshconn

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/lvsup/lvsup/internal/hostkey"
	"github.com/lvsup/lvsup/internal/shell"
)

// hostKeys judges the key of one host during one handshake.
type hostKeys struct {
	ep     *Endpoint
	known  *knownHosts // nil with a pinned key
	pinned []byte      // wire form; the only key to accept
	plan   hostkey.Pin // the plan's; zero: none
	accept bool        // record and accept the key of an unknown host
	record func(file, line string) error
	notice func(string)

	accepted func() // called when the key is good; may be nil

	seen    ssh.PublicKey // what the host showed
	refused error         // why it was refused
}

// newHostKeys reads the known_hosts files of the endpoint. pinned, if not nil, is
// a key that was judged before in this run.
func newHostKeys(known *texts, ep *Endpoint, pinned []byte, accept bool) (*hostKeys, error) {
	h := &hostKeys{ep: ep, pinned: pinned, accept: accept}
	switch ep.StrictHostKeyChecking {
	case "accept-new", "no":
		// Who writes "no" into ssh_config wants unknown hosts accepted. A
		// changed key is still refused: that is the attack.
		h.accept = true
	case "yes":
		h.accept = false
	}
	if pinned != nil {
		return h, nil
	}
	var err error
	if ep.HostKey != "" {
		if h.plan, err = hostkey.ParsePin(ep.HostKey); err != nil {
			return nil, fmt.Errorf("cannot read the host key in the plan: %w", err)
		}
	}
	name, bare := ep.hostKeyName(), ""
	if ep.HostKeyAlias == "" && ep.Port != 22 {
		bare = strings.ToLower(ep.HostName)
	}
	h.known, err = readKnownHosts(known, slices.Concat(ep.UserKnownHosts, ep.GlobalKnownHosts), name, bare)
	return h, err
}

// algorithms puts those of the known keys first, so that a host with several
// keys shows the one that is on record.
func (h *hostKeys) algorithms() []string {
	switch {
	case h.pinned != nil:
		return algorithms([]string{hostkey.Kind(h.pinned)}, last, h.ep.Algorithms.HostKeys)
	case h.plan.Set():
		return algorithms([]string{h.plan.Kind}, last, h.ep.Algorithms.HostKeys)
	}
	on := h.known.keys
	if len(on) == 0 {
		on = h.known.bare
	}
	var kinds []string
	for _, k := range on {
		kinds = append(kinds, k.kind)
	}
	if len(h.known.authorities) > 0 {
		return algorithms(kinds, first, h.ep.Algorithms.HostKeys)
	}
	return algorithms(kinds, never, h.ep.Algorithms.HostKeys)
}

// check is the ssh.HostKeyCallback.
func (h *hostKeys) check(_ string, _ net.Addr, key ssh.PublicKey) error {
	h.seen = key
	h.refused = h.judge(key)
	if h.refused == nil && h.accepted != nil {
		h.accepted()
	}
	return h.refused
}

func (h *hostKeys) judge(key ssh.PublicKey) error {
	plain, signer := key, ssh.PublicKey(nil)
	cert, isCert := key.(*ssh.Certificate)
	if isCert {
		plain, signer = cert.Key, cert.SignatureKey
	}
	fail := &HostKeyError{Host: h.ep.Name, Endpoint: h.ep.String(), Offered: ssh.FingerprintSHA256(plain)}
	if h.pinned != nil {
		return h.judgePinned(fail, plain)
	}
	for _, k := range []ssh.PublicKey{plain, signer} {
		if k == nil {
			continue
		}
		if revoked, is := hasKey(h.known.revoked, k.Marshal()); is {
			fail.Changed = true
			fail.Reason = fmt.Sprintf("the host key %s is marked as revoked in %s", ssh.FingerprintSHA256(k), revoked.where)
			fail.Hint = "give the host a new key"
			return fail
		}
	}
	if h.plan.Set() {
		if fail.Offered == h.plan.Fingerprint {
			return nil
		}
		fail.Changed, fail.Known = true, []string{h.plan.Fingerprint}
		fail.Reason = fmt.Sprintf("the host key %s %s is not the one that the plan names (%s)", plain.Type(), fail.Offered, h.plan.Fingerprint)
		fail.Hint = "another machine may answer at this address; if the host was installed anew, correct host_key in the plan"
		return fail
	}
	if isCert {
		if _, is := hasKey(h.known.authorities, signer.Marshal()); is {
			return h.judgeCertificate(fail, cert)
		}
	}
	// Without an authority for it a certificate is worth what its key is (sshconnect.c,
	// check_host_key).
	return h.judgeKnown(fail, plain)
}

func (h *hostKeys) judgePinned(fail *HostKeyError, key ssh.PublicKey) error {
	if bytes.Equal(h.pinned, key.Marshal()) {
		return nil
	}
	fail.Changed, fail.Known = true, []string{hostkey.Fingerprint(h.pinned)}
	fail.Reason = fmt.Sprintf("the host key %s is not the one that the host showed before in this run (%s)", fail.Offered, fail.Known[0])
	fail.Hint = "another machine answers at this address"
	return fail
}

// judgeCertificate is for a certificate of an authority on record.
func (h *hostKeys) judgeCertificate(fail *HostKeyError, cert *ssh.Certificate) error {
	principal := strings.ToLower(h.ep.HostName)
	if h.ep.HostKeyAlias != "" {
		principal = h.ep.HostKeyAlias
	}
	err := errors.New("it is no host's")
	if cert.CertType == ssh.HostCert {
		err = (&ssh.CertChecker{}).CheckCert(principal, cert)
	}
	if by := h.ep.Algorithms.Authorities; err == nil && by != nil && !slices.Contains(by, cert.Signature.Format) {
		err = fmt.Errorf("it is signed with %s, which CASignatureAlgorithms in ssh_config is without", cert.Signature.Format)
	}
	if err == nil {
		return nil
	}
	fail.Changed = true
	fail.Reason = fmt.Sprintf("the host certificate of %s is not valid: %s", fail.Offered, Clean(strings.TrimPrefix(err.Error(), "ssh: ")))
	fail.Hint = fmt.Sprintf("have the authority sign the host's key anew, for the name %s", Clean(principal))
	return fail
}

func (h *hostKeys) judgeKnown(fail *HostKeyError, key ssh.PublicKey) error {
	wire := key.Marshal()
	if _, is := hasKey(h.known.keys, wire); is {
		return nil
	}
	if len(h.known.keys) > 0 {
		return h.changed(fail, key)
	}
	if _, is := hasKey(h.known.bare, wire); is {
		return nil
	}
	fail.Reason = fmt.Sprintf("the host key %s (%s) is not known", fail.Offered, key.Type())
	if len(h.known.unread) > 0 {
		// It may be the very line that tells this host from another.
		fail.Reason += ", and " + strings.Join(h.known.unread, ", ") + " about this host cannot be read"
		fail.Hint = "correct or remove that line"
		return fail
	}
	if h.accept {
		return h.acceptNew(key)
	}
	fail.Hint = fmt.Sprintf("compare it with what \"ssh-keygen -lf\" says on the host, then accept it with --accept-new, with %s, or with host_key in the plan",
		h.keyscan())
	return fail
}

func (h *hostKeys) keyscan() string {
	file := "~/.ssh/known_hosts"
	if len(h.ep.UserKnownHosts) > 0 {
		file = h.ep.UserKnownHosts[0]
	}
	if h.ep.ProxyJump != "" || h.ep.ProxyCommand != "" || h.ep.HostKeyAlias != "" {
		return fmt.Sprintf("\"ssh %s\"", h.ep.Alias)
	}
	return fmt.Sprintf("\"ssh-keyscan -p %d %s >> %s\"", h.ep.Port, h.ep.HostName, file)
}

func (h *hostKeys) changed(fail *HostKeyError, key ssh.PublicKey) error {
	fail.Changed = true
	for _, k := range h.known.keys {
		fail.Known = append(fail.Known, k.String())
	}
	fail.Reason = fmt.Sprintf("the host key changed: the host shows %s %s, on record is %s",
		key.Type(), fail.Offered, strings.Join(fail.Known, ", "))
	fail.Hint = fmt.Sprintf("someone may be listening in; if the host was installed anew, remove the old key with %q",
		"ssh-keygen -f "+h.known.keys[0].file+" -R "+shell.Quote(h.ep.hostKeyName()))
	return fail
}

func (h *hostKeys) acceptNew(key ssh.PublicKey) error {
	fingerprint := ssh.FingerprintSHA256(key)
	if len(h.ep.UserKnownHosts) == 0 {
		h.notice(fmt.Sprintf("accepted the new host key %s of %s; it is recorded nowhere, for ssh_config names no UserKnownHostsFile", fingerprint, h.ep.Name))
		return nil
	}
	name := h.ep.hostKeyName()
	if h.ep.HashKnownHosts {
		name = xknownhosts.HashHostname(name)
	}
	file := h.ep.UserKnownHosts[0]
	line := name + " " + strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))) + "\n"
	if err := h.record(file, line); err != nil {
		return fmt.Errorf("cannot record the new host key of %s: %w", h.ep.Name, err)
	}
	h.notice(fmt.Sprintf("accepted the new host key %s of %s and recorded it in %s", fingerprint, h.ep.Name, file))
	return nil
}

// appendLine adds a line to a known_hosts file, in a line of its own even if
// the file does not end in one.
func appendLine(file, line string) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	info, err := f.Stat()
	if err == nil && info.Mode().IsRegular() && info.Size() > 0 {
		last := make([]byte, 1)
		if _, err = f.ReadAt(last, info.Size()-1); err == nil && last[0] != '\n' {
			line = "\n" + line
		}
	}
	if err == nil {
		_, err = f.WriteString(line)
	}
	return errors.Join(err, f.Close())
}
