package sshconn

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lvsup/lvsup/internal/shell"
)

// The programs that give a root shell.
const (
	bySudo = "sudo"
	byDoas = "doas"
)

// becomeTimeout bounds the wait for sudo's prompt and for its answer: sudo
// itself waits two seconds or more after a wrong password (pam_unix).
const becomeTimeout = 30 * time.Second

// becomeWay is what the first use of sudo or doas on a connection found out; it is
// not tried again.
type becomeWay struct {
	known    bool
	tool     string
	password bool // sudo wants one
	secret   string
	err      error
}

// BecomeError says that neither sudo nor doas gave a root shell.
type BecomeError struct {
	Host string
	// WrongPassword tells a refused password from a sudo that cannot work at
	// all. It is not retried: a second try could lock the account.
	WrongPassword bool
	Reason        string
}

// Error names the host and the reason.
func (e *BecomeError) Error() string {
	return fmt.Sprintf("cannot become root on %s: %s", Clean(e.Host), e.Reason)
}

// StartBecome is Start as root through sudo, or through doas where sudo does not let
// the user in at once and doas does. If sudo wants a password, password is called
// (once a Client), and its answer is written only after sudo has printed a prompt
// that no other program can know, and before anything else is. With a nil password a
// sudo that wants one is an error. The error is a *BecomeError where sudo or doas is
// the cause. For a user who is root already it is Start.
func (c *Client) StartBecome(ctx context.Context, cmd string, onStderr func(line string), password func() (string, error)) (*Session, error) {
	return c.startBecome(ctx, cmd, cmd, onStderr, password)
}

func (c *Client) startBecome(ctx context.Context, name, cmd string, onStderr func(line string), password func() (string, error)) (*Session, error) {
	if c.ep.User == "root" {
		return c.start(ctx, name, cmd, onStderr)
	}
	way, err := c.rootBy(ctx, password)
	switch {
	case err != nil:
		return nil, err
	case way.password:
		return c.sudoWithPassword(ctx, name, cmd, onStderr, way.secret)
	}
	return c.start(ctx, name, "exec "+way.tool+" -n -- "+shell.Quote("sh", "-c", cmd), onStderr)
}

// rootBy finds out once how root is reached, and proves the password.
func (c *Client) rootBy(ctx context.Context, password func() (string, error)) (becomeWay, error) {
	c.becomeMu.Lock()
	defer c.becomeMu.Unlock()
	if c.become.known {
		return c.become, c.become.err
	}
	way, err := c.findRoot(ctx, password)
	var refused *BecomeError
	if err == nil || errors.As(err, &refused) {
		way.known, way.err = true, err
		c.become = way
	}
	return way, err
}

// The exit statuses of the script that looks for a way to root.
const (
	exitSudoRefused = 91
	exitDoasRefused = 92 // and there is no sudo
	exitNoWay       = 93
)

func (c *Client) findRoot(ctx context.Context, password func() (string, error)) (becomeWay, error) {
	there := func(tool string) string { return "command -v " + tool + " >/dev/null 2>&1 && " }
	refuse := func(reason string) (becomeWay, error) {
		return becomeWay{}, &BecomeError{Host: c.ep.Name, Reason: reason}
	}
	stdout, stderr, code, err := c.Exec(ctx, "LC_ALL=C; export LC_ALL; no="+strconv.Itoa(exitNoWay)+"; "+
		there(bySudo)+"{ sudo -n -- sh -c : && echo sudo && exit 0; no="+strconv.Itoa(exitSudoRefused)+"; }; "+
		there(byDoas)+"{ doas -n -- sh -c : && echo doas && exit 0; [ $no = "+strconv.Itoa(exitNoWay)+" ] && no="+strconv.Itoa(exitDoasRefused)+"; }; "+
		"exit $no")
	why := said(string(stderr))
	switch {
	case err != nil:
		return becomeWay{}, err
	case code == 0:
		tool := bySudo
		if strings.HasSuffix(string(stdout), byDoas+"\n") { // PAM may have spoken before
			tool = byDoas
		}
		return becomeWay{tool: tool}, nil
	case code == exitNoWay:
		return refuse("there is no sudo and no doas; install one, or connect as root")
	case code == exitDoasRefused:
		return refuse(fmt.Sprintf("%s; doas reads a password from a terminal only: write \"permit nopass %s as root\" into /etc/doas.conf, or install sudo", why, c.ep.User))
	case strings.Contains(why, "must have a tty"):
		return refuse(why + "; take requiretty away from this user in sudoers")
	case password == nil:
		return refuse(why + "; allow this user NOPASSWD in sudoers, or let lvsup ask for the password with --ask-become-pass")
	}
	secret, err := password()
	if err != nil {
		return becomeWay{}, fmt.Errorf("cannot ask for the sudo password of %s: %w", Clean(c.ep.Name), err)
	}
	if strings.ContainsAny(secret, "\n\x00") {
		return becomeWay{}, &BecomeError{Host: c.ep.Name, Reason: "the password holds a line end"}
	}
	s, err := c.sudoWithPassword(ctx, "sudo", ":", nil, secret)
	if err != nil {
		return becomeWay{}, err
	}
	if _, _, _, err := s.finish(nil, MaxOutput); err != nil {
		return becomeWay{}, err
	}
	return becomeWay{tool: bySudo, password: true, secret: secret}, nil
}

// sudoWithPassword starts sudo -S. sudo reads the password byte by byte up to
// the line end (tgetpass.c), so that nothing of the command's stdin is lost.
func (c *Client) sudoWithPassword(ctx context.Context, name, cmd string, onStderr func(string), secret string) (*Session, error) {
	prompt := "lvsup-" + randomWord() + ":"
	marker := "lvsup-" + randomWord()
	w := &promptWatch{prompt: prompt, seen: make(chan int, 8)}
	inner := shell.Quote("sh", "-c", "echo "+marker+"; "+cmd)
	full := shell.Quote("sh", "-c", "LC_ALL=C exec sudo -k -S -p "+prompt+" -- "+inner)
	s, err := c.openWatched(ctx, name, full, w, onStderr)
	if err != nil {
		return nil, err
	}
	started := make(chan error, 1)
	go func() { started <- s.skipTo(marker) }()
	timer := time.AfterFunc(becomeTimeout, func() { _ = s.Close() })
	defer timer.Stop()
	select {
	case err := <-started: // sudo ended, or wanted no password after all
		return s.sudoStarted(err, false)
	case <-w.seen:
	}
	if _, err := io.WriteString(s.Stdin, secret+"\n"); err != nil {
		_ = s.Close()
		return nil, s.fail(err)
	}
	select {
	case err := <-started:
		return s.sudoStarted(err, true)
	case <-w.seen: // it asks again
		_ = s.Close()
		<-started
		return nil, &BecomeError{Host: c.ep.Name, WrongPassword: true, Reason: "sudo refused the password"}
	}
}

func (s *Session) sudoStarted(err error, asked bool) (*Session, error) {
	if err == nil {
		return s, nil
	}
	var lost *LostError
	switch {
	case errors.As(err, &lost), s.ctx.Err() != nil:
		return nil, err
	case asked && s.code == 1:
		return nil, &BecomeError{Host: s.c.ep.Name, WrongPassword: true, Reason: "sudo refused the password: " + s.StderrTail()}
	}
	return nil, &BecomeError{Host: s.c.ep.Name, Reason: firstOf(s.StderrTail(), err.Error())}
}

// promptWatch looks for sudo's prompt in stderr, which has no line end, and
// keeps it out of what is shown. Safe for concurrent use.
type promptWatch struct {
	prompt string
	seen   chan int // one value for each prompt

	mu   sync.Mutex
	tail string // what may be the start of a prompt
}

// filter gives what of p, and of what was held back, is not the prompt.
func (w *promptWatch) filter(p []byte) []byte {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tail += string(p)
	var out []byte
	for {
		before, after, found := strings.Cut(w.tail, w.prompt)
		if !found {
			break
		}
		out = append(out, before...)
		w.tail = after
		select {
		case w.seen <- 1:
		default:
		}
	}
	keep := 0
	for n := min(len(w.prompt)-1, len(w.tail)); n > 0; n-- {
		if strings.HasPrefix(w.prompt, w.tail[len(w.tail)-n:]) {
			keep = n
			break
		}
	}
	out = append(out, w.tail[:len(w.tail)-keep]...)
	w.tail = w.tail[len(w.tail)-keep:]
	return out
}

// watchedWriter passes stderr through a promptWatch.
type watchedWriter struct {
	w  *promptWatch
	to io.Writer
}

func (w watchedWriter) Write(p []byte) (int, error) {
	if _, err := w.to.Write(w.w.filter(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
