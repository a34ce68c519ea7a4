package sshconn

import (
	"crypto/sha1" //nolint:gosec // %C of ssh_config is defined as SHA-1
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Endpoint is where and how to reach one host: what ssh_config(5) says about
// it, with the plan's connection laid over.
type Endpoint struct {
	// Name is the host's name in the plan, for messages.
	Name string
	// Alias is the name that was looked up in ssh_config (its %n): the plan's
	// connection host, or Name.
	Alias    string
	HostName string // what is dialled; a name or an address without brackets
	Port     int    // 1..65535
	User     string

	IdentityFiles    []string // absolute, tokens expanded; files that do not exist are kept
	CertificateFiles []string // of CertificateFile; NAME-cert.pub beside a key is found without
	IdentitiesOnly   bool
	// IdentityAgent is the socket of the agent; empty: none is used.
	IdentityAgent string

	// Authentications are the ways to log in that are tried, in order: publickey,
	// keyboard-interactive, password.
	Authentications []string
	BatchMode       bool // nobody is asked for anything

	UserKnownHosts   []string
	GlobalKnownHosts []string
	HashKnownHosts   bool
	// StrictHostKeyChecking is "yes", "ask", "accept-new" or "no", normalised.
	StrictHostKeyChecking string
	HostKeyAlias          string
	// HostKey is the key that the plan names (hostkey.ParsePin): known_hosts is then
	// asked only whether it is revoked.
	HostKey string

	ProxyJump    string // comma-separated hops, empty for none
	ProxyCommand string // with tokens still in it, empty for none

	Algorithms Algorithms

	AddressFamily string // "inet" or "inet6"; else either
	BindAddress   string // what to connect from; empty: the kernel's choice

	// Warnings say what in ssh_config is not followed, FILE:LINE first.
	Warnings []string

	ConnectTimeout      time.Duration // 0: the caller's default
	ServerAliveInterval time.Duration // 0: the caller's default
	ServerAliveCountMax int           // 0: the caller's default
}

// String gives USER@HOST:PORT and the way there.
func (e Endpoint) String() string {
	s := e.User + "@" + e.address()
	switch {
	case e.ProxyJump != "":
		s += " via " + e.ProxyJump
	case e.ProxyCommand != "":
		s += " via a proxy command"
	}
	return s
}

// At gives the endpoint of the same host at another address, through the same
// jump hosts or proxy command: for the connection that confirms a change of
// the address SSH uses.
func (e Endpoint) At(address string) Endpoint {
	if e.HostKeyAlias == "" {
		e.HostKeyAlias = e.hostKeyName()
	}
	e.HostName = address
	return e
}

func (e Endpoint) address() string { return net.JoinHostPort(e.HostName, strconv.Itoa(e.Port)) }

// hostKeyName is the host's name in known_hosts: "host" for port 22 and for an
// alias, else "[host]:port" (sshd(8), SSH_KNOWN_HOSTS FILE FORMAT).
func (e Endpoint) hostKeyName() string {
	if e.HostKeyAlias != "" {
		return e.HostKeyAlias
	}
	host := strings.ToLower(e.HostName)
	if e.Port == 22 {
		return host
	}
	return "[" + host + "]:" + strconv.Itoa(e.Port)
}

// tokens expands the percent tokens of ssh_config(5), TOKENS, that make sense
// before a connection exists.
func (e Endpoint) tokens(s string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '%' {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i == len(s) {
			return "", fmt.Errorf("cannot expand %q: it ends in a single %%; write %%%%", s)
		}
		v, err := e.token(s[i])
		if err != nil {
			return "", fmt.Errorf("cannot expand %q: %w", s, err)
		}
		b.WriteString(v)
	}
	return b.String(), nil
}

func (e Endpoint) token(c byte) (string, error) {
	local, _ := os.Hostname()
	me := currentUser()
	switch c {
	case '%':
		return "%", nil
	case 'h':
		return e.HostName, nil
	case 'n':
		return e.Alias, nil
	case 'p':
		return strconv.Itoa(e.Port), nil
	case 'r':
		return e.User, nil
	case 'k':
		return e.hostKeyName(), nil
	case 'd':
		return me.HomeDir, nil
	case 'i':
		return me.Uid, nil
	case 'u':
		return me.Username, nil
	case 'l':
		return local, nil
	case 'L':
		return strings.SplitN(local, ".", 2)[0], nil
	case 'j':
		return e.ProxyJump, nil
	case 'C':
		sum := sha1.Sum([]byte(local + e.HostName + strconv.Itoa(e.Port) + e.User + e.ProxyJump))
		return hex.EncodeToString(sum[:]), nil
	}
	return "", fmt.Errorf("the token %%%c is not supported", c)
}

// path expands "~", tokens and ${VAR} in a file name of ssh_config and makes
// it absolute.
func (e Endpoint) path(s string) (string, error) {
	s, err := expandEnv(s)
	if err != nil {
		return "", err
	}
	if s == "~" || strings.HasPrefix(s, "~/") {
		s = currentUser().HomeDir + s[1:]
	} else if strings.HasPrefix(s, "~") {
		name, rest, _ := strings.Cut(s[1:], "/")
		u, err := user.Lookup(name)
		if err != nil {
			return "", fmt.Errorf("cannot expand %q: %w", s, err)
		}
		s = filepath.Join(u.HomeDir, rest)
	}
	if s, err = e.tokens(s); err != nil {
		return "", err
	}
	return filepath.Abs(s)
}

// expandEnv replaces ${NAME}; an unset variable is an error, as in OpenSSH.
func expandEnv(s string) (string, error) {
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, "${")
		b.WriteString(before)
		if !found {
			return b.String(), nil
		}
		name, after, closed := strings.Cut(rest, "}")
		if !closed {
			return "", fmt.Errorf("cannot expand %q: ${ without }", s)
		}
		value, set := os.LookupEnv(name)
		if !set {
			return "", fmt.Errorf("cannot expand ${%s}: the environment variable is not set", name)
		}
		b.WriteString(value)
		s = after
	}
}

// currentUser is who runs lvsup; without a passwd entry, what the environment
// says.
func currentUser() user.User {
	if u, err := user.Current(); err == nil {
		return *u
	}
	return user.User{Username: os.Getenv("USER"), HomeDir: os.Getenv("HOME"), Uid: strconv.Itoa(os.Getuid())}
}
