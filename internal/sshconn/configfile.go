package sshconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"time"
)

// maxInclude bounds nested Include lines, as OpenSSH does (readconf.c).
const maxInclude = 16

// maxConfigFile bounds one ssh_config file, in bytes.
const maxConfigFile = 1 << 20

// configReader reads ssh_config without OpenSSH. It knows Host, Include and
// Match with all, host, originalhost, user, localuser, exec and final, with
// negation. A criterion that it does not know is refused when it would have to be
// evaluated: a guess could connect to a wrong host with a wrong key. The libraries
// for this format stop at Match final, which RHEL ships, or take the second
// criterion of a Match for a host name.
//
// After OpenSSH it looks only for what is not followed: then it runs nothing and
// refuses nothing, and what depends on such a criterion holds perhaps.
type configReader struct {
	ctx         context.Context
	alias, user string
	port        int
	looking     bool // after OpenSSH
	final       bool // the second pass, in which Match final matches
	sawFinal    bool
	out         settings
	lines       []directive // that may deserve a warning
}

// holds says whether a part of the file is about the host.
type holds int

const (
	not holds = iota
	perhaps
	surely
)

func (r Resolver) builtin(ctx context.Context, alias, user string, port int) (settings, []directive, error) {
	c := &configReader{ctx: ctx, alias: alias, user: user, port: port, out: settings{}}
	if err := c.read(r.File); err != nil {
		return nil, nil, err
	}
	return c.out, c.lines, nil
}

// lookFor gives the lines that hold, or may, after OpenSSH has read the files.
func (r Resolver) lookFor(alias, user string, port int) []directive {
	c := &configReader{alias: alias, user: user, port: port, looking: true, out: settings{}}
	if err := c.read(r.File); err != nil {
		return nil // OpenSSH could read them
	}
	return c.lines
}

func (c *configReader) read(file string) error {
	err := c.files(file)
	if err == nil && c.sawFinal {
		// The second pass adds to what the first one set (ssh.c, final pass).
		c.final = true
		err = c.files(file)
	}
	return err
}

func (c *configReader) files(file string) error {
	userDir := filepath.Join(currentUser().HomeDir, ".ssh")
	switch file {
	case "none":
		return nil
	case "":
		if err := c.file(filepath.Join(userDir, "config"), userDir, true, surely, 0); err != nil {
			return err
		}
		if runtime.GOOS == "windows" {
			return nil
		}
		return c.file("/etc/ssh/ssh_config", "/etc/ssh", true, surely, 0)
	}
	return c.file(file, userDir, false, surely, 0)
}

// file reads one file, which holds as far as outer does; relative Include names are
// below base.
func (c *configReader) file(name, base string, optional bool, outer holds, depth int) error {
	if depth > maxInclude {
		return fmt.Errorf("%s: Include lines are nested more than %d deep", name, maxInclude)
	}
	data, err := readBounded(name)
	if optional && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	at := &place{base: base, depth: depth, outer: outer, now: outer}
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		at.where = fmt.Sprintf("%s:%d", name, n)
		if err := c.line(line, at); err != nil {
			return fmt.Errorf("%s: %w", at.where, err)
		}
	}
	return nil
}

// place is where the reader is in a file.
type place struct {
	where      string // FILE:LINE
	base       string
	depth      int
	outer, now holds
}

// readBounded reads a file that may be a device or a pipe.
func readBounded(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxConfigFile+1))
	if err == nil && len(data) > maxConfigFile {
		err = fmt.Errorf("%s: larger than %d bytes", name, maxConfigFile)
	}
	return data, err
}

func (c *configReader) line(line string, at *place) error {
	key, value := keyword(line)
	switch key {
	case "":
		return nil
	case "host":
		at.now = not
		if matchExact(fields(value), c.alias) {
			at.now = at.outer
		}
		return nil
	case "match":
		ok, err := c.match(fields(value))
		at.now = min(ok, at.outer)
		return err
	}
	switch {
	case at.now == not:
		return nil
	case key == "include":
		return c.include(fields(value), at)
	}
	// Twice is not worth a word, but a list may stand under Match final alone, as those
	// of RHEL's policy do.
	if !c.final || isAlgorithmList(key) {
		c.lines = append(c.lines, directive{key: key, value: unquote(value), where: at.where, holds: at.now})
	}
	if at.now == surely {
		c.set(key, value)
	}
	return nil
}

// set keeps the first value of a keyword; IdentityFile and the like add up.
func (c *configReader) set(key, value string) {
	switch key {
	case "identityfile", "certificatefile":
		for _, old := range c.out[key] {
			if old == value {
				return
			}
		}
		c.out[key] = append(c.out[key], value)
	case "proxycommand":
		// ProxyJump and ProxyCommand compete: the first one wins.
		if c.out["proxyjump"] == nil && c.out[key] == nil {
			c.out[key] = []string{value}
		}
	case "proxyjump":
		if c.out["proxycommand"] == nil && c.out[key] == nil {
			c.out[key] = []string{unquote(value)}
		}
	case "userknownhostsfile", "globalknownhostsfile":
		if c.out[key] == nil {
			c.out[key] = []string{value}
		}
	default:
		if c.out[key] == nil {
			c.out[key] = []string{unquote(value)}
		}
	}
}

func (c *configReader) include(patterns []string, at *place) error {
	for _, p := range patterns {
		if strings.HasPrefix(p, "~/") {
			p = filepath.Join(currentUser().HomeDir, p[2:])
		} else if !filepath.IsAbs(p) {
			p = filepath.Join(at.base, p)
		}
		names, err := filepath.Glob(p)
		if err != nil {
			return fmt.Errorf("cannot read the Include pattern %q: %w", p, err)
		}
		for _, name := range names {
			if err := c.file(name, at.base, true, at.now, at.depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// match evaluates the criteria of a Match line from the left and stops at the
// first that fails, so that nothing is run which OpenSSH would not run.
func (c *configReader) match(words []string) (holds, error) {
	if len(words) == 0 {
		return not, errors.New("match needs a criterion")
	}
	result := surely
	for i := 0; i < len(words); i++ {
		crit := strings.ToLower(words[i])
		negated := strings.HasPrefix(crit, "!")
		crit = strings.TrimPrefix(crit, "!")
		var ok holds
		switch crit {
		case "all":
			ok = surely
		case "final":
			c.sawFinal, ok = true, whether(c.final)
		case "canonical":
			if ok = not; c.looking {
				ok = perhaps
			}
		default:
			i++
			if i == len(words) {
				return not, fmt.Errorf("match %s needs an argument", crit)
			}
			if result == not {
				continue
			}
			var err error
			if ok, err = c.criterion(crit, words[i]); err != nil {
				return not, err
			}
		}
		if negated {
			ok = surely - ok
		}
		result = min(result, ok)
	}
	return result, nil
}

func whether(b bool) holds {
	if b {
		return surely
	}
	return not
}

func (c *configReader) criterion(crit, arg string) (holds, error) {
	list := strings.Split(arg, ",")
	switch crit {
	case "host":
		h := firstOf(c.out.first("hostname"), c.alias)
		return whether(matchList(list, strings.ReplaceAll(h, "%h", c.alias))), nil
	case "originalhost":
		return whether(matchList(list, c.alias)), nil
	case "user":
		u := firstOf(c.user, c.out.first("user"))
		return whether(matchList(list, firstOf(u, currentUser().Username))), nil
	case "localuser":
		return whether(matchList(list, currentUser().Username)), nil
	}
	switch {
	case c.looking:
		return perhaps, nil
	case crit == "exec":
		return c.exec(arg)
	}
	return not, fmt.Errorf("match %s needs OpenSSH's ssh: install openssh-client, or give another file with -F", Clean(crit))
}

// exec runs the command of a Match exec as OpenSSH does, under the user's shell,
// without stdin and output (readconf.c, execute_in_shell).
func (c *configReader) exec(line string) (holds, error) {
	e := Endpoint{Alias: c.alias, HostName: strings.ReplaceAll(firstOf(c.out.first("hostname"), c.alias), "%h", c.alias)}
	if err := e.fillPort(c.out, Target{Port: c.port}); err != nil {
		return not, err
	}
	e.User = firstOf(firstOf(c.user, c.out.first("user")), currentUser().Username)
	for _, check := range []struct{ what, s string }{{"host", e.HostName}, {"user", e.User}} {
		if err := checkName(check.what, check.s); err != nil {
			return not, err
		}
	}
	line, err := e.tokens(line)
	if err != nil {
		return not, err
	}
	ctx, cancel := context.WithTimeout(c.ctx, resolveTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, userShell(), "-c", line)
	cmd.WaitDelay = time.Second
	err = cmd.Run()
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		return not, fmt.Errorf("match exec %q: %w", Clean(line), ctx.Err())
	case err != nil && !errors.As(err, &exit):
		return not, fmt.Errorf("cannot run match exec %q: %w", Clean(line), err)
	}
	return whether(err == nil), nil
}

// matchList is matchExact for what has no case: host names, but not those of a Host
// line.
func matchList(patterns []string, s string) bool {
	lower := make([]string, len(patterns))
	for i, p := range patterns {
		lower[i] = strings.ToLower(p)
	}
	return matchExact(lower, strings.ToLower(s))
}

// matchExact is the pattern list of ssh_config(5): any pattern must match, and
// no negated one may.
func matchExact(patterns []string, s string) bool {
	found := false
	for _, p := range patterns {
		negated := strings.HasPrefix(p, "!")
		p = strings.TrimPrefix(p, "!")
		// path.Match differs from OpenSSH in classes and escapes: quote those.
		p = strings.ReplaceAll(strings.ReplaceAll(p, `\`, `\\`), "[", `\[`)
		ok, err := path.Match(strings.ReplaceAll(p, "/", "\x01"), strings.ReplaceAll(s, "/", "\x01"))
		if err != nil || !ok {
			continue
		}
		if negated {
			return false
		}
		found = true
	}
	return found
}

// keyword splits "Keyword value" or "Keyword=value"; comments and empty lines
// give "".
func keyword(line string) (key, value string) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", ""
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return strings.ToLower(line), ""
	}
	value = strings.TrimLeft(line[end:], " \t")
	value = strings.TrimLeft(strings.TrimPrefix(value, "="), " \t")
	return strings.ToLower(line[:end]), value
}

// fields splits words at white space; double quotes keep words together.
func fields(s string) []string {
	var out []string
	for {
		s = strings.TrimLeft(s, " \t")
		if s == "" || s[0] == '#' {
			return out
		}
		if s[0] == '"' {
			word, rest, _ := strings.Cut(s[1:], `"`)
			out, s = append(out, word), rest
			continue
		}
		end := strings.IndexAny(s, " \t")
		if end < 0 {
			return append(out, s)
		}
		out, s = append(out, s[:end]), s[end:]
	}
}

func unquote(s string) string {
	if f := fields(s); len(f) == 1 {
		return f[0]
	}
	if u, err := strconv.Unquote(s); err == nil {
		return u
	}
	return s
}
