package sshconn

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"golang.org/x/crypto/ssh"

	"github.com/lvsup/lvsup/internal/shell"
)

// Bounds of what is kept of a host's output, in bytes.
const (
	MaxOutput = 1 << 20  // of each stream of Exec
	MaxStderr = 64 << 10 // the end of a session's stderr
	maxNoise  = 64 << 10 // what start-up files may print before a command
)

// Session is a command that runs on the host. Stdin and Stdout are used by one
// goroutine each; the methods are safe for concurrent use.
type Session struct {
	// Stdin is the command's stdin; closing it is how an agent is told to end.
	Stdin io.WriteCloser
	// Stdout is what the command prints, without what the login shell's
	// start-up files print before it.
	Stdout io.Reader

	c      *Client
	name   string // of the command, in errors
	ssh    *ssh.Session
	stderr *ring
	noise  *bytes.Buffer // printed before the command

	stderrDone chan struct{}
	ctx        context.Context
	stop       func() bool // detaches from ctx
	waitOnce   sync.Once
	code       int   // set by waitOnce
	err        error // set by waitOnce
}

func randomWord() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails (crypto/rand)
	return hex.EncodeToString(b[:])
}

// inShell makes a command line that means the same to every login shell: it
// hands line to sh. The marker on stdout says where the command's own output
// starts.
func inShell(marker, line string) string {
	return shell.Quote("sh", "-c", "echo "+marker+"; "+line)
}

// Start runs a POSIX shell command line. onStderr, if not nil, gets each line
// of stderr, clean. When ctx ends, so does the session. Errors before the
// command ran are *LostError, the context's, or say what the host printed
// instead of running it.
func (c *Client) Start(ctx context.Context, cmd string, onStderr func(line string)) (*Session, error) {
	return c.start(ctx, cmd, cmd, onStderr)
}

// start is Start with a name for the command, for its errors.
func (c *Client) start(ctx context.Context, name, cmd string, onStderr func(line string)) (*Session, error) {
	marker := "lvsup-" + randomWord()
	s, err := c.openWatched(ctx, name, inShell(marker, cmd), nil, onStderr)
	if err != nil {
		return nil, err
	}
	if err := s.skipTo(marker); err != nil {
		return nil, err
	}
	return s, nil
}

// Sizes, in bytes, that are small because a fleet has a thousand connections: most of
// their sessions say nothing on stderr, and each connection keeps room for the largest
// packet that it ever sent.
const (
	stderrBuffer = 1 << 8
	packet       = 8 << 10
	// packetsAtOnce of an upload wait for their answers: a quarter of a MiB, which a
	// line of 100 ms takes in ten times a second.
	packetsAtOnce = 32
)

// openWatched starts full as the session's command without looking at its
// output, but with an eye on stderr if watch is not nil.
func (c *Client) openWatched(ctx context.Context, name, full string, watch *promptWatch, onStderr func(string)) (*Session, error) {
	s := &Session{c: c, name: shorten(name), ctx: ctx, noise: &bytes.Buffer{}, stderrDone: make(chan struct{})}
	s.stderr = newRing(MaxStderr)
	s.stderr.onLine = onStderr
	if err := ctx.Err(); err != nil {
		return nil, s.fail(err)
	}
	var err error
	if s.ssh, err = c.ssh.NewSession(); err != nil {
		return nil, s.fail(err)
	}
	s.stop = context.AfterFunc(ctx, func() { _ = s.ssh.Close() })
	stdin, err1 := s.ssh.StdinPipe()
	stdout, err2 := s.ssh.StdoutPipe()
	stderr, err3 := s.ssh.StderrPipe()
	if err = errors.Join(err1, err2, err3); err == nil {
		err = s.ssh.Start(full)
	}
	if err != nil {
		s.stop()
		_ = s.ssh.Close()
		return nil, s.fail(err)
	}
	s.Stdin, s.Stdout = stdin, &explaining{s: s, r: stdout}
	go func() {
		var to io.Writer = s.stderr
		if watch != nil {
			to = watchedWriter{watch, to}
		}
		_, _ = io.CopyBuffer(to, stderr, make([]byte, stderrBuffer))
		s.stderr.flush()
		close(s.stderrDone)
	}()
	return s, nil
}

// explaining turns the end of a lost connection into its reason: to a plain
// reader both look like the end of the command's output.
type explaining struct {
	s *Session
	r io.Reader
}

func (e *explaining) Read(p []byte) (int, error) {
	n, err := e.r.Read(p)
	if err == nil || n > 0 {
		return n, nil
	}
	if e.s.ctx.Err() != nil {
		return 0, context.Cause(e.s.ctx)
	}
	if lost := e.s.c.explainEnd(); lost != nil {
		return 0, lost
	}
	return 0, err
}

// explainEnd gives the reason of a lost connection, and nil for a command that
// just closed its output.
func (c *Client) explainEnd() error {
	select {
	case <-c.conn.ended:
		<-c.done
		return c.Err()
	default:
		return nil
	}
}

// skipTo reads past the marker line. What stands before it is noise.
func (s *Session) skipTo(marker string) error {
	want := []byte(marker + "\n")
	one := make([]byte, 1)
	for !bytes.HasSuffix(s.noise.Bytes(), want) {
		n, err := s.Stdout.Read(one)
		if n == 1 {
			s.noise.WriteByte(one[0])
		}
		if err != nil {
			return s.notStarted(err)
		}
		if s.noise.Len() > maxNoise {
			_ = s.Close()
			return s.fail(fmt.Errorf("the login shell's start-up files print more than %d bytes; make them silent for sessions without a terminal", maxNoise))
		}
	}
	s.noise.Truncate(s.noise.Len() - len(want))
	return nil
}

// notStarted explains a session that ended before its command ran.
func (s *Session) notStarted(err error) error {
	defer func() { _ = s.Close() }()
	if !errors.Is(err, io.EOF) {
		return s.fail(err)
	}
	code, werr := s.Wait()
	if werr != nil {
		return werr
	}
	text := said(s.noise.String() + "\n" + s.stderr.String())
	return s.fail(fmt.Errorf("the login shell did not run it (exit status %d): %s", code, text))
}

// Noise is what the host printed before the command's own output, clean; empty
// on a host whose start-up files are silent.
func (s *Session) Noise() string { return said(s.noise.String()) }

// StderrTail is the end of what the command wrote to stderr, clean.
func (s *Session) StderrTail() string { return said(s.stderr.String()) }

// Wait waits for the command's end and gives its exit status. It may be called
// more than once. A command that a signal ended is an error, and so is a lost
// connection (*LostError). Read Stdout to its end first.
func (s *Session) Wait() (int, error) {
	s.waitOnce.Do(func() {
		err := s.ssh.Wait()
		s.stop()
		if s.ctx.Err() == nil {
			// After Close of a lost connection stderr ends too.
			<-s.stderrDone
		}
		var exit *ssh.ExitError
		switch {
		case err == nil:
		case errors.As(err, &exit) && exit.Signal() == "":
			s.code = exit.ExitStatus()
		case errors.As(err, &exit):
			s.code, s.err = -1, s.fail(fmt.Errorf("it was ended by signal %s", Clean(exit.Signal())))
		default:
			s.code, s.err = -1, s.fail(err)
		}
	})
	return s.code, s.err
}

// Close ends the session; the command sees its stdin end. It may be called more
// than once.
func (s *Session) Close() error {
	s.stop()
	// Not Stdin.Close: another goroutine may be writing there.
	_ = s.ssh.Close()
	return nil
}

func (s *Session) fail(err error) error {
	return s.c.failed(s.ctx, "run "+s.name, err)
}

// Exec runs a POSIX shell command line to its end. Of each stream the first
// MaxOutput bytes are kept. A non-zero exit status is not an error.
func (c *Client) Exec(ctx context.Context, cmd string) (stdout, stderr []byte, code int, err error) {
	return c.exec(ctx, cmd, nil, MaxOutput)
}

func (c *Client) exec(ctx context.Context, cmd string, stdin io.Reader, limit int) (stdout, stderr []byte, code int, err error) {
	s, err := c.Start(ctx, cmd, nil)
	if err != nil {
		return nil, nil, -1, err
	}
	return s.finish(stdin, limit)
}

// finish feeds a session and collects its output.
func (s *Session) finish(stdin io.Reader, limit int) (stdout, stderr []byte, code int, err error) {
	defer func() { _ = s.Close() }()
	if stdin == nil {
		stdin = strings.NewReader("")
	}
	go func() {
		// A command may end without reading all of it.
		_, _ = io.CopyBuffer(s.Stdin, struct{ io.Reader }{stdin}, make([]byte, packet))
		_ = s.Stdin.Close()
	}()
	var out bytes.Buffer
	if _, err := io.Copy(&out, io.LimitReader(s.Stdout, int64(limit))); err != nil {
		return nil, nil, -1, s.fail(err)
	}
	if _, err := io.Copy(io.Discard, s.Stdout); err != nil {
		return nil, nil, -1, s.fail(err)
	}
	code, err = s.Wait()
	return out.Bytes(), []byte(s.stderr.String()), code, err
}

// shorten keeps a command's name readable in an error.
func shorten(cmd string) string {
	cmd = Clean(cmd)
	if len(cmd) <= 60 {
		return cmd
	}
	return strings.ToValidUTF8(cmd[:57], "") + "..."
}

func isEOF(err error) bool { return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) }
