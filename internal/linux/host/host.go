// Package host is the door through which kinds reach the machine they run on:
// where its files are and how its commands are run. Tests give a kind another
// root and a runner of their own.
package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// Host is a machine as a kind sees it.
type Host struct {
	// Root is where the file system starts; "/" on a real machine.
	Root string
	// Run runs a command without a shell. It gives an error only when the
	// command could not be run at all; a non-zero exit is in Result.Code. The
	// real one heeds a deadline of ctx but not its cancellation: what has begun
	// is finished.
	Run func(ctx context.Context, argv ...string) (Result, error)
}

// Result is what a command left behind.
type Result struct {
	Code   int
	Stdout string
	Stderr string
}

// Err turns a non-zero exit into an error that quotes the command and the last
// line it wrote to stderr (or stdout).
func (r Result) Err(argv ...string) error {
	if r.Code == 0 {
		return nil
	}
	said := lastLine(r.Stderr)
	if said == "" {
		said = lastLine(r.Stdout)
	}
	if r.Code < 0 {
		return fmt.Errorf("%s: it was killed by a signal", strings.Join(argv, " "))
	}
	return fmt.Errorf("%s: exit %d: %s", strings.Join(argv, " "), r.Code, said)
}

func lastLine(s string) string {
	lines := strings.Split(strings.TrimSpace(s), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}

// Real is the machine this process runs on.
func Real() Host { return Host{Root: "/", Run: run} }

// Path places an absolute path of the machine below its Root.
func (h Host) Path(abs string) string { return filepath.Join(h.Root, abs) }

// MaxOutput bounds what is kept of each stream of a command, in bytes.
const MaxOutput = 1 << 20

func run(ctx context.Context, argv ...string) (Result, error) {
	ctx, cancel := uninterrupted(ctx)
	defer cancel()
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...)
	cmd.Env = append(cmd.Environ(), "LC_ALL=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	cmd.WaitDelay = 5 * time.Second
	stdout, stderr := &limited{}, &limited{}
	cmd.Stdout, cmd.Stderr = stdout, stderr
	err := cmd.Run()
	res := Result{Stdout: stdout.String(), Stderr: stderr.String()}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return res, nil
	case errors.As(err, &exit) && ctx.Err() == nil:
		res.Code = exit.ExitCode()
		return res, nil
	case ctx.Err() != nil:
		return res, fmt.Errorf("%s: %w", strings.Join(argv, " "), ctx.Err())
	default:
		return res, fmt.Errorf("cannot run %s: %w", argv[0], err)
	}
}

// maxRun bounds a command when the caller sets no deadline.
const maxRun = 15 * time.Minute

// uninterrupted keeps ctx's deadline but not its cancellation: a run that is
// called off stops between two changes, never in the middle of a package
// installation.
func uninterrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(maxRun)
	}
	return context.WithDeadline(context.WithoutCancel(ctx), deadline)
}

// limited keeps the first MaxOutput bytes and drops the rest.
type limited struct{ bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	if room := MaxOutput - l.Len(); room > 0 {
		l.Buffer.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}
