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

	"github.com/skeema/knownhosts"
	"golang.org/x/crypto/ssh"
	xknownhosts "golang.org/x/crypto/ssh/knownhosts"

	"github.com/lvsup/lvsup/internal/shell"
)

// hostKeys judges the key of one host during one handshake.
type hostKeys struct {
	ep     Endpoint
	db     *knownhosts.HostKeyDB // nil with a pinned key
	pinned []byte                // wire form; the only key to accept
	accept bool                  // record and accept the key of an unknown host
	record func(file, line string) error
	notice func(string)

	accepted func() // called when the key is good; may be nil

	seen    ssh.PublicKey // what the host showed
	refused error         // why it was refused
}

// newHostKeys reads the known_hosts files of the endpoint; files that do not
// exist are passed over, as by ssh.
func newHostKeys(ep Endpoint, pinned []byte, accept bool) (*hostKeys, error) {
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
	var files []string
	for _, f := range slices.Concat(ep.UserKnownHosts, ep.GlobalKnownHosts) {
		if _, err := os.Stat(f); err == nil {
			files = append(files, f)
		}
	}
	db, err := knownhosts.NewDB(files...)
	if err != nil {
		return nil, fmt.Errorf("cannot read the known host keys: %w; correct or remove that line", err)
	}
	h.db = db
	return h, nil
}

// lookupName is the host:port under which x/crypto looks a host up; it writes
// [host]:port for another port than 22 itself.
func (h *hostKeys) lookupName() string {
	name := h.ep.hostKeyName()
	if strings.HasPrefix(name, "[") && strings.Contains(name, "]:") {
		return name
	}
	return net.JoinHostPort(name, "22")
}

// algorithms puts those of the known keys first, so that a host with several
// keys shows the one that is on record. Certificates are asked for only where
// known_hosts has an authority for the host.
func (h *hostKeys) algorithms() []string {
	var first []string
	if h.pinned != nil {
		if key, err := ssh.ParsePublicKey(h.pinned); err == nil {
			first = keyAlgorithms(key.Type())
		}
	} else {
		first = h.db.HostKeyAlgorithms(h.lookupName())
	}
	// OpenSSH's order, so that an unknown host shows the key that ssh would.
	supported := ssh.SupportedAlgorithms().HostKeys
	slices.SortStableFunc(supported, func(a, b string) int { return keyRank(a) - keyRank(b) })
	var out []string
	for _, a := range slices.Concat(first, supported) {
		wanted := slices.Contains(first, a) || !strings.Contains(a, "-cert-")
		if wanted && slices.Contains(supported, a) && !slices.Contains(out, a) {
			out = append(out, a)
		}
	}
	return out
}

func keyRank(algorithm string) int {
	for i, prefix := range []string{"ssh-ed25519", "ecdsa-", "sk-", "rsa-"} {
		if strings.HasPrefix(algorithm, prefix) {
			return i
		}
	}
	return 4
}

func keyAlgorithms(keyType string) []string {
	switch keyType {
	case ssh.KeyAlgoRSA:
		return []string{ssh.KeyAlgoRSASHA512, ssh.KeyAlgoRSASHA256}
	case ssh.CertAlgoRSAv01:
		return []string{ssh.CertAlgoRSASHA512v01, ssh.CertAlgoRSASHA256v01}
	}
	return []string{keyType}
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
	fail := &HostKeyError{Host: h.ep.Name, Endpoint: h.ep.String(), Offered: ssh.FingerprintSHA256(key)}
	if h.pinned != nil {
		if bytes.Equal(h.pinned, key.Marshal()) {
			return nil
		}
		fail.Changed = true
		fail.Reason = fmt.Sprintf("the host key %s is not the one that the host showed before in this run", fail.Offered)
		if old, err := ssh.ParsePublicKey(h.pinned); err == nil {
			fail.Known = []string{ssh.FingerprintSHA256(old)}
			fail.Reason += " (" + fail.Known[0] + ")"
		}
		fail.Hint = "another machine answers at this address"
		return fail
	}
	// The address is not looked up (CheckHostIP is off in OpenSSH too).
	nowhere := &net.TCPAddr{IP: net.IPv4zero, Port: 22}
	err := h.db.HostKeyCallback()(h.lookupName(), nowhere, key)
	var keyErr *xknownhosts.KeyError
	var revoked *xknownhosts.RevokedError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &revoked):
		fail.Changed = true
		fail.Reason = fmt.Sprintf("the host key %s is marked as revoked in %s:%d", fail.Offered, revoked.Revoked.Filename, revoked.Revoked.Line)
		fail.Hint = "give the host a new key"
		return fail
	case !errors.As(err, &keyErr):
		fail.Changed = true
		fail.Reason = fmt.Sprintf("the host certificate %s is not valid: %s", fail.Offered, Clean(err.Error()))
		return fail
	case len(keyErr.Want) > 0:
		return h.changed(fail, key, keyErr.Want)
	case h.accept:
		return h.acceptNew(key)
	}
	fail.Reason = fmt.Sprintf("the host key %s (%s) is not known", fail.Offered, key.Type())
	fail.Hint = fmt.Sprintf("compare it with what \"ssh-keygen -lf\" says on the host, then accept it with --accept-new-host-keys or with %s",
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

func (h *hostKeys) changed(fail *HostKeyError, key ssh.PublicKey, want []xknownhosts.KnownKey) error {
	fail.Changed = true
	for _, k := range want {
		fail.Known = append(fail.Known, fmt.Sprintf("%s %s (%s:%d)", k.Key.Type(), ssh.FingerprintSHA256(k.Key), k.Filename, k.Line))
	}
	slices.Sort(fail.Known)
	fail.Reason = fmt.Sprintf("the host key changed: the host shows %s %s, on record is %s",
		key.Type(), fail.Offered, strings.Join(fail.Known, ", "))
	fail.Hint = fmt.Sprintf("someone may be listening in; if the host was installed anew, remove the old key with %q",
		"ssh-keygen -f "+want[0].Filename+" -R "+shell.Quote(h.ep.hostKeyName()))
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
