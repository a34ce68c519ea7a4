package sshconn

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
)

// maxInclude bounds nested Include lines, as OpenSSH does (readconf.c).
const maxInclude = 16

// maxConfigFile bounds one ssh_config file, in bytes.
const maxConfigFile = 1 << 20

// configReader reads ssh_config without OpenSSH. It knows Host, Include and
// Match with all, host, originalhost, user, localuser and final, with
// negation. Match exec is refused when it would have to be evaluated, and so
// is every criterion it does not know: a guess could connect to a wrong host
// with a wrong key. The libraries for this format stop at Match final, which
// RHEL ships, or take the second criterion of a Match for a host name.
type configReader struct {
	alias, user string
	port        int
	noExec      bool // a Match exec does not match, instead of being refused
	final       bool // the second pass, in which Match final matches
	sawFinal    bool
	out         settings
}

func (r Resolver) builtin(alias, user string, port int) (settings, error) {
	c := &configReader{alias: alias, user: user, port: port, noExec: r.NoMatchExec, out: settings{}}
	if err := c.files(r.File); err != nil {
		return nil, err
	}
	if c.sawFinal {
		// The second pass adds to what the first one set (ssh.c, final pass).
		c.final = true
		if err := c.files(r.File); err != nil {
			return nil, err
		}
	}
	return c.out, nil
}

func (c *configReader) files(file string) error {
	userDir := filepath.Join(currentUser().HomeDir, ".ssh")
	switch file {
	case "none":
		return nil
	case "":
		if err := c.file(filepath.Join(userDir, "config"), userDir, true, 0); err != nil {
			return err
		}
		if runtime.GOOS == "windows" {
			return nil
		}
		return c.file("/etc/ssh/ssh_config", "/etc/ssh", true, 0)
	}
	return c.file(file, userDir, false, 0)
}

// file reads one file; relative Include names are below base.
func (c *configReader) file(name, base string, optional bool, depth int) error {
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
	active := true
	n := 0
	for line := range strings.Lines(string(data)) {
		n++
		if err := c.line(line, base, depth, &active); err != nil {
			return fmt.Errorf("%s:%d: %w", name, n, err)
		}
	}
	return nil
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

func (c *configReader) line(line, base string, depth int, active *bool) error {
	key, value := keyword(line)
	switch key {
	case "":
		return nil
	case "host":
		*active = matchList(fields(value), c.alias)
		return nil
	case "match":
		ok, err := c.match(fields(value))
		*active = ok
		return err
	case "include":
		if !*active {
			return nil
		}
		return c.include(fields(value), base, depth)
	}
	if *active {
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

func (c *configReader) include(patterns []string, base string, depth int) error {
	for _, p := range patterns {
		if strings.HasPrefix(p, "~/") {
			p = filepath.Join(currentUser().HomeDir, p[2:])
		} else if !filepath.IsAbs(p) {
			p = filepath.Join(base, p)
		}
		names, err := filepath.Glob(p)
		if err != nil {
			return fmt.Errorf("cannot read the Include pattern %q: %w", p, err)
		}
		for _, name := range names {
			if err := c.file(name, base, true, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// match evaluates the criteria of a Match line from the left and stops at the
// first that fails, so that an exec which OpenSSH would not run is not refused.
func (c *configReader) match(words []string) (bool, error) {
	if len(words) == 0 {
		return false, errors.New("match needs a criterion")
	}
	result := true
	for i := 0; i < len(words); i++ {
		crit := strings.ToLower(words[i])
		negated := strings.HasPrefix(crit, "!")
		crit = strings.TrimPrefix(crit, "!")
		var ok bool
		switch crit {
		case "all":
			ok = true
		case "final":
			c.sawFinal, ok = true, c.final
		default:
			i++
			if i == len(words) {
				return false, fmt.Errorf("match %s needs an argument", crit)
			}
			var err error
			if ok, err = c.criterion(crit, words[i], result); err != nil {
				return false, err
			}
		}
		result = result && ok != negated
	}
	return result, nil
}

func (c *configReader) criterion(crit, arg string, stillMatching bool) (bool, error) {
	list := strings.Split(arg, ",")
	switch crit {
	case "host":
		h := firstOf(c.out.first("hostname"), c.alias)
		return matchList(list, strings.ReplaceAll(h, "%h", c.alias)), nil
	case "originalhost":
		return matchList(list, c.alias), nil
	case "user":
		u := firstOf(c.user, c.out.first("user"))
		return matchList(list, firstOf(u, currentUser().Username)), nil
	case "localuser":
		return matchList(list, currentUser().Username), nil
	case "exec":
		if c.noExec || !stillMatching {
			return false, nil
		}
		return false, errors.New("match exec needs OpenSSH's ssh, which is not on PATH: install openssh-client, or give another file with -F")
	}
	if !stillMatching {
		return false, nil
	}
	return false, fmt.Errorf("match %s needs OpenSSH's ssh: install openssh-client, or give another file with -F", Clean(crit))
}

// matchList is the pattern list of ssh_config(5): any pattern must match, and
// no negated one may.
func matchList(patterns []string, s string) bool {
	found := false
	for _, p := range patterns {
		negated := strings.HasPrefix(p, "!")
		p = strings.TrimPrefix(p, "!")
		// path.Match differs from OpenSSH in classes and escapes: quote those.
		p = strings.NewReplacer(`\`, `\\`, "[", `\[`).Replace(strings.ToLower(p))
		s := strings.ToLower(s)
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
