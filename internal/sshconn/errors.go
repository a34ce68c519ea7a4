package sshconn

import (
	"fmt"
	"slices"
	"strings"
)

// UnreachableError says that no SSH connection to a host came about: the name
// has no address, nothing answers, the answer is not SSH, or it took too long.
// It is what exit code 4 stands for.
type UnreachableError struct {
	Host     string // the name the plan uses
	Endpoint string // where lvsup dialled, e.g. root@192.0.2.1:22 via bastion
	Cause    error
	Hint     string // the way out

	final bool // no other try can help
}

// Error names the host, the endpoint, the cause and the way out.
func (e *UnreachableError) Error() string {
	return sentence(e.Host, e.Endpoint, e.Cause.Error(), e.Hint)
}

// Unwrap gives the cause.
func (e *UnreachableError) Unwrap() error { return e.Cause }

// HostKeyError says that a host's key is not the one known_hosts has, or that
// known_hosts has none.
type HostKeyError struct {
	Host     string
	Endpoint string
	// Changed is false for a host that is not known yet.
	Changed bool
	// Offered is the fingerprint of the key that the host showed, SHA256:...
	Offered string
	// Known lists what is on record, "SHA256:... (FILE:LINE)".
	Known  []string
	Reason string // what is wrong, in a clause
	Hint   string // the way out
}

// Error names the host, the endpoint, the fingerprints and the way out.
func (e *HostKeyError) Error() string {
	return sentence(e.Host, e.Endpoint, e.Reason, e.Hint)
}

// AuthError says that a host took none of the credentials.
type AuthError struct {
	Host     string
	Endpoint string
	// Tried lists the credentials in order, with what kept each from use.
	Tried []string
	// Takes are the ways to log in that the host named last.
	Takes   []string
	Banner  string // what the host said meanwhile, clean
	TooMany bool   // it hung up, for so many were wrong
	Cause   error

	asked bool // passwords were allowed
}

// Error names the host, the endpoint, what was tried, and the way out.
func (e *AuthError) Error() string {
	cause := "the host refused to log in this user: no credentials were at hand"
	if len(e.Tried) > 0 {
		cause = "the host refused to log in this user: tried " + strings.Join(e.Tried, "; ")
	}
	if e.Banner != "" {
		cause += fmt.Sprintf("; the host says: %q", e.Banner)
	}
	hint := "load the right key into ssh-agent with ssh-add, or name it with IdentityFile in ssh_config; " +
		"check the user and the host's authorized_keys"
	switch {
	case e.booting():
		hint = "it is booting: try again, or with --wait 2m"
	case e.TooMany:
		hint = "it hung up after so many wrong ones: name the right key with IdentityFile and IdentitiesOnly in ssh_config"
	case e.asked && slices.Contains(e.Tried, thePassword):
		hint = "check the user and the password; it was sent once only"
	case !e.asked && len(e.Takes) > 0 && !slices.Contains(e.Takes, byKey):
		hint = "it takes no keys from this user: log in with a password, --ask-pass"
	case !e.asked && (slices.Contains(e.Takes, byPassword) || slices.Contains(e.Takes, byQuestion)):
		hint += "; or log in with a password, --ask-pass"
	}
	return sentence(e.Host, e.Endpoint, cause, hint)
}

// booting says that nobody but root may log in yet (pam_nologin(8), with what
// systemd puts into /run/nologin).
func (e *AuthError) booting() bool { return strings.Contains(e.Banner, "System is booting up") }

// Unwrap gives the cause.
func (e *AuthError) Unwrap() error { return e.Cause }

// LostError says that a connection which had come about ended by itself: the
// peer closed it or did not answer keep-alives any more.
type LostError struct {
	Host     string
	Endpoint string
	Cause    error
}

// Error names the host, the endpoint and the cause.
func (e *LostError) Error() string {
	return fmt.Sprintf("connection to %s (%s) was lost: %v", Clean(e.Host), Clean(e.Endpoint), e.Cause)
}

// Unwrap gives the cause.
func (e *LostError) Unwrap() error { return e.Cause }

func sentence(host, endpoint, cause, hint string) string {
	s := fmt.Sprintf("cannot connect to %s (%s): %s", Clean(host), Clean(endpoint), cause)
	if hint != "" {
		s += "; " + hint
	}
	return s
}
