package sshconn

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
	"unique"
)

// resolveTimeout bounds one run of ssh -G, Match exec lines included.
const resolveTimeout = 20 * time.Second

// Resolver looks hosts up in ssh_config. It asks OpenSSH itself (ssh -G) where
// that is installed and runs for this user, because only OpenSSH reads every ssh_config
// as OpenSSH does; else it reads the files itself, which covers Host, Include and Match
// without canonicalisation, and refuses what it does not cover. The zero Resolver is
// ready for use; copies are independent.
//
// docs/ssh.md lists what is followed. What is not, and would change where a host is
// or who is trusted, is in the endpoint's Warnings. ssh -G does not quote: a
// known_hosts path with a space in it is read as two.
type Resolver struct {
	// File is the ssh_config to read (-F): only this one. Empty means the
	// user's file and the system's, as for ssh; "none" means no file.
	File string
	// SSH is OpenSSH's ssh. Empty means the one on PATH, if any.
	SSH string
	// Builtin reads the files without OpenSSH, although it may be installed.
	Builtin bool
}

// Target names a host and says what the plan's connection block says about it.
// Empty fields leave the choice to ssh_config.
type Target struct {
	Name string // the host's name in the plan
	Host string // name or address to look up and dial instead of Name
	Port int    // 0: ssh_config's, else 22
	User string
	// HostKey is the key that the plan names for the host, or empty.
	HostKey string
}

// settings holds what ssh_config says: lower-case keyword to its values in
// order. Only keywords that may be given several times have several.
type settings map[string][]string

func (s settings) first(key string) string {
	if v := s[key]; len(v) > 0 {
		return v[0]
	}
	return ""
}

// Resolve gives the endpoint of a host. What t says explicitly is taken as if
// it stood on ssh's command line: it wins over ssh_config. An error names the
// file or what OpenSSH said.
func (r Resolver) Resolve(ctx context.Context, t Target) (Endpoint, error) {
	e := Endpoint{Name: t.Name, Alias: firstOf(t.Host, t.Name), HostKey: t.HostKey}
	name := t.Name
	if err := checkName("host", e.Alias); err != nil {
		return Endpoint{}, fmt.Errorf("cannot look up host %s: %w", Clean(name), err)
	}
	if t.User != "" {
		if err := checkName("user", t.User); err != nil {
			return Endpoint{}, fmt.Errorf("cannot look up host %s: %w", Clean(name), err)
		}
	}
	s, unfollowed, err := r.settings(ctx, e.Alias, t.User, t.Port, &e.Algorithms)
	if err != nil {
		return Endpoint{}, fmt.Errorf("cannot look up host %s in ssh_config: %w", Clean(name), err)
	}
	e.Warnings = unfollowed
	if err := e.fill(s, t); err != nil {
		return Endpoint{}, fmt.Errorf("cannot look up host %s in ssh_config: %w", Clean(name), err)
	}
	return e, nil
}

// checkName refuses names that would be options of ssh or shell text in a
// ProxyCommand; OpenSSH refuses the same (ssh.c, valid_hostname and
// valid_ruser).
func checkName(what, s string) error {
	if s == "" || strings.HasPrefix(s, "-") {
		return fmt.Errorf("%q is not a %s name", Clean(s), what)
	}
	for _, r := range s {
		if r <= ' ' || r == 0x7f || strings.ContainsRune("'`\"$\\;&<>|(){}", r) {
			return fmt.Errorf("%q is not a %s name: %q has a meaning to shells", Clean(s), what, r)
		}
	}
	return nil
}

// settings gives what ssh_config says of a host, and warnings about what in it is
// not followed. The lists of algorithms are read from the files themselves: ssh -G
// prints them as OpenSSH's own, with what it has and lvsup has not.
func (r Resolver) settings(ctx context.Context, alias, user string, port int, a *Algorithms) (settings, []string, error) {
	ssh := r.SSH
	if ssh == "" && !r.Builtin {
		ssh, _ = exec.LookPath("ssh")
	}
	if ssh != "" && !r.Builtin {
		s, err := r.openSSH(ctx, ssh, alias, user, port)
		if err == nil {
			lines := r.lookFor(alias, user, port)
			return s, warnings(lines, s, "*"), a.fill(lines, s, r.withoutFiles(ctx, ssh, alias))
		}
		if !errors.Is(err, errNoAccount) {
			return nil, nil, err
		}
	}
	s, lines, err := r.builtin(ctx, alias, user, port)
	if err == nil {
		err = a.fill(lines, nil, nil)
	}
	return s, warnings(lines, nil, s.first("ignoreunknown")), err
}

// errNoAccount is of a user without a passwd entry, as in many a container: OpenSSH
// does nothing at all for that one (ssh.c, main).
var errNoAccount = errors.New("no account")

func (r Resolver) openSSH(ctx context.Context, ssh, alias, user string, port int) (settings, error) {
	argv := []string{"-G"}
	if r.File != "" {
		argv = append(argv, "-F", r.File)
	}
	if user != "" {
		argv = append(argv, "-l", user)
	}
	if port != 0 {
		argv = append(argv, "-p", strconv.Itoa(port))
	}
	argv = append(argv, "--", alias)
	ctx, cancel := context.WithTimeout(ctx, resolveTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, ssh, argv...)
	// What a Match exec leaves running may hold the output open; and so, on a busy
	// machine, may another ssh that is about to be started at the same time.
	cmd.WaitDelay = resolveTimeout
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s -G: %w", ssh, context.Cause(ctx))
	case errors.As(err, &exit) && strings.HasPrefix(stderr.String(), "No user exists for uid "):
		return nil, errNoAccount
	case errors.As(err, &exit):
		return nil, fmt.Errorf("%s -G: %s", ssh, said(stderr.String()))
	case err != nil:
		return nil, fmt.Errorf("cannot run %s -G: %w", ssh, err)
	}
	s := settings{}
	for line := range strings.Lines(string(out)) {
		key, value, _ := strings.Cut(strings.TrimRight(line, "\n"), " ")
		// The hosts of a fleet have most of it in common; and what is kept of it must
		// not keep the whole output.
		s[key] = append(s[key], unique.Make(value).Value())
	}
	if s.first("hostname") == "" {
		return nil, fmt.Errorf("%s -G printed no hostname", ssh)
	}
	return s, nil
}

// fill reads the settings that matter to lvsup. The defaults are those of
// ssh_config(5); ssh -G prints them all, the builtin reader leaves them out.
func (e *Endpoint) fill(s settings, t Target) error {
	e.HostName = e.Alias
	if h := s.first("hostname"); h != "" {
		// %h in HostName is the alias; ssh -G has expanded it already.
		h, err := (&Endpoint{Alias: e.Alias, HostName: e.Alias}).tokens(h)
		if err != nil {
			return err
		}
		e.HostName = h
	}
	if e.User = firstOf(t.User, s.first("user")); e.User == "" {
		e.User = currentUser().Username
	}
	if err := e.fillPort(s, t); err != nil {
		return err
	}
	for _, check := range []struct{ what, s string }{{"host", e.HostName}, {"user", e.User}} {
		if err := checkName(check.what, check.s); err != nil {
			return err
		}
	}
	if e.HostKeyAlias = s.first("hostkeyalias"); e.HostKeyAlias != "" {
		if err := checkName("host", e.HostKeyAlias); err != nil {
			return fmt.Errorf("HostKeyAlias: %w", err)
		}
	}
	e.ProxyJump = notNone(s.first("proxyjump"))
	if e.ProxyJump == "" {
		e.ProxyCommand = notNone(s.first("proxycommand"))
	}
	if e.ProxyCommand != "" && s.first("proxyusefdpass") == "yes" {
		return errors.New("ProxyUseFdpass is not supported; use a ProxyCommand that passes the data on")
	}
	e.AddressFamily, e.BindAddress = strings.ToLower(s.first("addressfamily")), notNone(s.first("bindaddress"))
	if err := e.fillTimes(s); err != nil {
		return err
	}
	return e.fillFiles(s)
}

func (e *Endpoint) fillPort(s settings, t Target) error {
	e.Port = 22
	if p := s.first("port"); p != "" {
		n, err := strconv.Atoi(p)
		if err != nil {
			return fmt.Errorf("port %q is not a number", p)
		}
		e.Port = n
	}
	if t.Port != 0 {
		e.Port = t.Port
	}
	if e.Port < 1 || e.Port > 65535 {
		return fmt.Errorf("port %d is outside 1..65535", e.Port)
	}
	return nil
}

func (e *Endpoint) fillTimes(s settings) error {
	for _, f := range []struct {
		key string
		set func(int)
	}{
		{"connecttimeout", func(n int) { e.ConnectTimeout = time.Duration(n) * time.Second }},
		{"serveraliveinterval", func(n int) { e.ServerAliveInterval = time.Duration(n) * time.Second }},
		{"serveralivecountmax", func(n int) { e.ServerAliveCountMax = n }},
	} {
		v := notNone(s.first(f.key))
		if v == "" {
			continue
		}
		n, err := seconds(v)
		if err != nil {
			return fmt.Errorf("%s: %w", f.key, err)
		}
		f.set(n)
	}
	return nil
}

// seconds reads a time of ssh_config: 90, 90s, 1m30s, 1h, 1d, 1w.
func seconds(s string) (int, error) {
	units := map[byte]int{'s': 1, 'm': 60, 'h': 3600, 'd': 86400, 'w': 604800}
	total, n, digits := 0, 0, 0
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		switch {
		case '0' <= s[i] && s[i] <= '9' && digits < 7:
			n, digits = n*10+int(s[i]-'0'), digits+1
		case digits > 0 && units[c] > 0:
			total, n, digits = total+n*units[c], 0, 0
		default:
			return 0, fmt.Errorf("%q is not a time", s)
		}
	}
	return total + n, nil
}

// defaultIdentities are the keys that OpenSSH tries unless told otherwise
// (ssh_config(5), IdentityFile); those on hardware need its agent.
func defaultIdentities() []string {
	return []string{"~/.ssh/id_rsa", "~/.ssh/id_ecdsa", "~/.ssh/id_ed25519"}
}

func (e *Endpoint) fillFiles(s settings) error {
	ids := s["identityfile"]
	if len(ids) == 0 {
		ids = defaultIdentities()
	}
	for _, id := range ids {
		if id = unquote(id); notNone(id) == "" {
			continue
		}
		p, err := e.path(id)
		if err != nil {
			return err
		}
		e.IdentityFiles = append(e.IdentityFiles, p)
	}
	for _, cert := range s["certificatefile"] {
		if cert = unquote(cert); notNone(cert) == "" {
			continue
		}
		p, err := e.path(cert)
		if err != nil {
			return err
		}
		e.CertificateFiles = append(e.CertificateFiles, p)
	}
	e.fillLogin(s)
	var err error
	if e.UserKnownHosts, err = e.paths(firstOf(s.first("userknownhostsfile"), "~/.ssh/known_hosts ~/.ssh/known_hosts2")); err != nil {
		return err
	}
	if e.GlobalKnownHosts, err = e.paths(firstOf(s.first("globalknownhostsfile"), "/etc/ssh/ssh_known_hosts /etc/ssh/ssh_known_hosts2")); err != nil {
		return err
	}
	e.HashKnownHosts = s.first("hashknownhosts") == "yes"
	e.IdentitiesOnly = s.first("identitiesonly") == "yes"
	e.StrictHostKeyChecking = strictness(s.first("stricthostkeychecking"))
	return e.fillAgent(s.first("identityagent"))
}

// fillLogin says which ways to log in are left (ssh_config(5), and the default of
// PreferredAuthentications).
func (e *Endpoint) fillLogin(s settings) {
	off := func(key string) bool { return strictness(s.first(key)) == "no" }
	e.BatchMode = strictness(s.first("batchmode")) == "yes"
	e.Authentications = []string{}
	for way := range strings.SplitSeq(firstOf(s.first("preferredauthentications"), byKey+","+byQuestion+","+byPassword), ",") {
		switch {
		case way == byKey && !off("pubkeyauthentication"),
			way == byQuestion && !off("kbdinteractiveauthentication") && !off("challengeresponseauthentication") && !e.BatchMode,
			way == byPassword && !off("passwordauthentication") && !e.BatchMode:
			e.Authentications = append(e.Authentications, way)
		}
	}
}

func (e *Endpoint) paths(list string) ([]string, error) {
	var out []string
	for _, f := range fields(list) {
		if notNone(f) == "" {
			continue
		}
		p, err := e.path(f)
		if err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

func (e *Endpoint) fillAgent(v string) error {
	switch v = unquote(v); {
	case v == "none":
	case v == "" || v == "SSH_AUTH_SOCK":
		e.IdentityAgent = os.Getenv("SSH_AUTH_SOCK")
	case strings.HasPrefix(v, "$") && !strings.HasPrefix(v, "${"):
		e.IdentityAgent = os.Getenv(v[1:])
	default:
		p, err := e.path(v)
		if err != nil {
			return err
		}
		e.IdentityAgent = p
	}
	return nil
}

func strictness(v string) string {
	switch strings.ToLower(v) {
	case "yes", "true":
		return "yes"
	case "no", "off", "false":
		return "no"
	case "accept-new":
		return "accept-new"
	}
	return "ask"
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

func notNone(s string) string {
	if strings.EqualFold(s, "none") {
		return ""
	}
	return s
}
