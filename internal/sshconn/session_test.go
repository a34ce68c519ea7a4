package sshconn

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/shell"
)

func TestExec(t *testing.T) {
	_, ep := serve(t, func(s *testServer) { s.rcNoise = "Welcome to \x1b[1mweb1\x1b[0m\n" })
	c := dial(t, ep, nil)
	ctx := context.Background()
	stdout, stderr, code, err := c.Exec(ctx, "echo 'it'\\''s'; echo oops >&2; exit 7")
	if err != nil || string(stdout) != "it's\n" || string(stderr) != "oops\n" || code != 7 {
		t.Errorf("got %q %q %d %v", stdout, stderr, code, err)
	}
	stdout, _, _, err = c.Exec(ctx, "head -c 3000000 /dev/zero")
	if err != nil || len(stdout) != MaxOutput {
		t.Errorf("kept %d bytes, %v", len(stdout), err)
	}
	short, cancel := context.WithTimeout(ctx, 200*time.Millisecond)
	defer cancel()
	if _, _, _, err = c.Exec(short, "sleep 5"); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v, want the deadline", err)
	}
	m, err := c.Machine(ctx)
	if err != nil || m.Uname == "" || m.Noise != `Welcome to \x1b[1mweb1\x1b[0m` {
		t.Errorf("got %+v, %v", m, err)
	}
}

// TestSession talks to a command as lvsup does to an agent.
func TestSession(t *testing.T) {
	_, ep := serve(t, func(s *testServer) { s.rcNoise = "noise without line end" })
	c := dial(t, ep, nil)
	var mu sync.Mutex
	var lines []string
	s, err := c.Start(context.Background(), "while read l; do echo \"got $l\"; echo \"log $l\" >&2; done; echo bye; exit 3", func(l string) {
		mu.Lock()
		defer mu.Unlock()
		lines = append(lines, l)
	})
	if err != nil {
		t.Fatal(err)
	}
	r := bufio.NewReader(s.Stdout)
	for _, word := range []string{"a", "b"} {
		if _, err := fmt.Fprintln(s.Stdin, word); err != nil {
			t.Fatal(err)
		}
		if got, err := r.ReadString('\n'); got != "got "+word+"\n" {
			t.Fatalf("got %q, %v", got, err)
		}
	}
	if err := s.Stdin.Close(); err != nil {
		t.Fatal(err)
	}
	rest, err := io.ReadAll(r)
	if string(rest) != "bye\n" || err != nil {
		t.Errorf("at the end %q, %v", rest, err)
	}
	if code, err := s.Wait(); code != 3 || err != nil {
		t.Errorf("exit %d, %v", code, err)
	}
	mu.Lock()
	defer mu.Unlock()
	if got := strings.Join(lines, "|"); got != "log a|log b" || s.StderrTail() != "log a log b" {
		t.Errorf("stderr lines %q, tail %q", got, s.StderrTail())
	}
	if s.Noise() != "noise without line end" {
		t.Errorf("noise is %q", s.Noise())
	}
}

// TestShellRefuses is a login shell that does not run commands.
func TestShellRefuses(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "sh"), "#!/bin/sh\necho 'This account is \033[5mnot available.'\nexit 1\n", 0o755)
	_, ep := serve(t, func(s *testServer) { s.path = dir })
	c := dial(t, ep, nil)
	_, _, _, err := c.Exec(context.Background(), "true")
	wantText(t, err, "cannot run true on web1", "did not run it (exit status 1)", `This account is \x1b[5mnot available.`)
}

func TestCloseEndsCalls(t *testing.T) {
	_, ep := serve(t, nil)
	c := dial(t, ep, nil)
	s, err := c.Start(context.Background(), "cat", nil)
	if err != nil {
		t.Fatal(err)
	}
	time.AfterFunc(100*time.Millisecond, func() { _ = c.Close() })
	if _, err := io.ReadAll(s.Stdout); err != nil && !isEOF(err) {
		t.Errorf("read: %v", err)
	}
	if _, err := s.Wait(); err == nil {
		t.Error("no error from a command that was cut off")
	}
	if err := c.Err(); err != nil {
		t.Errorf("a closed connection counts as lost: %v", err)
	}
}

// fakeSudo is a sudo that knows one password, prompts like the real one and
// reads its answer byte by byte; it writes what it got to a file.
const fakeSudo = `#!/bin/sh
n=; S=; p=
while :; do case "$1" in
-n) n=1; shift;; -S) S=1; shift;; -k) shift;; -p) p=$2; shift 2;; --) shift; break;; *) break;; esac; done
[ -n "$FREE" ] && exec "$@"
[ -n "$n" ] && { echo 'sudo: a password is required' >&2; exit 1; }
[ -e "$DENY" ] && { echo 'tester is not in the sudoers file.' >&2; exit 1; }
for i in 1 2 3; do
  printf %s "$p" >&2
  IFS= read -r answer || { echo 'sudo: no password was provided' >&2; exit 1; }
  echo "$answer" >> "$ASKED"
  [ "$answer" = sesame ] && exec "$@"
  echo 'Sorry, try again.' >&2
done
exit 1
`

func sudoServer(t *testing.T, env string) (*Client, string) {
	t.Helper()
	dir := t.TempDir()
	asked := filepath.Join(dir, "asked")
	writeFile(t, filepath.Join(dir, "sudo"), strings.Replace(fakeSudo, "n=;", "ASKED="+shell.Quote(asked)+"; DENY=; FREE=; "+env+"; n=;", 1), 0o755)
	_, ep := serve(t, func(s *testServer) { s.path = dir + ":" + os.Getenv("PATH"); s.rcNoise = "hello\n" })
	return dial(t, ep, nil), asked
}

func answer(s string) func() (string, error) { return func() (string, error) { return s, nil } }

func TestBecome(t *testing.T) {
	ctx := context.Background()
	c, asked := sudoServer(t, ":")
	calls := 0
	password := func() (string, error) { calls++; return "sesame", nil }
	for range 2 {
		s, err := c.StartBecome(ctx, "cat; echo done >&2", nil, password)
		if err != nil {
			t.Fatal(err)
		}
		out, stderr, code, err := s.finish(strings.NewReader("frame one"), 100)
		if string(out) != "frame one" || string(stderr) != "done\n" || code != 0 || err != nil {
			t.Errorf("got %q %q %d %v", out, stderr, code, err)
		}
	}
	if calls != 1 {
		t.Errorf("the password was asked for %d times", calls)
	}
	u := spec(payload(100_000), filepath.Join(t.TempDir(), "agent"))
	u.Become, u.Password = true, password
	got, err := c.Upload(ctx, u)
	if err != nil || got.Way != ByExec {
		t.Errorf("upload: %+v, %v", got, err)
	}
	wantFile(t, u)
	if data, _ := os.ReadFile(asked); strings.ReplaceAll(string(data), "sesame\n", "") != "" {
		t.Errorf("sudo read %q", data)
	}
}

func TestBecomeRefused(t *testing.T) {
	ctx := context.Background()
	c, asked := sudoServer(t, ":")
	for range 2 {
		_, err := c.StartBecome(ctx, "cat", nil, answer("wrong"))
		var refused *BecomeError
		if !errors.As(err, &refused) || !refused.WrongPassword {
			t.Fatalf("got %v", err)
		}
		wantText(t, err, "cannot become root on web1: sudo refused the password")
	}
	if data, _ := os.ReadFile(asked); string(data) != "wrong\n" {
		t.Errorf("sudo read %q: the password was tried again", data)
	}

	c, _ = sudoServer(t, ":")
	_, err := c.StartBecome(ctx, "cat", nil, nil)
	wantText(t, err, "a password is required", "NOPASSWD")

	c, asked = sudoServer(t, "DENY=/")
	_, err = c.StartBecome(ctx, "cat", nil, answer("sesame"))
	wantText(t, err, "not in the sudoers file")
	if _, err := os.Stat(asked); err == nil {
		t.Error("the password was sent without a prompt")
	}

	c, _ = sudoServer(t, "FREE=1")
	s, err := c.StartBecome(ctx, "echo free", nil, func() (string, error) {
		t.Error("asked for a password that sudo does not want")
		return "", nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if out, _, _, err := s.finish(nil, 100); string(out) != "free\n" || err != nil {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestNoSudo(t *testing.T) {
	_, ep := serve(t, func(s *testServer) { s.path = toolsWithout(t, "cat") })
	c := dial(t, ep, nil)
	_, err := c.StartBecome(context.Background(), "cat", nil, answer("x"))
	wantText(t, err, "there is no sudo and no doas", "connect as root")
}

// TestDoas is a doas like the real one: it never asks with -n.
func TestDoas(t *testing.T) {
	doas := func(script string) *Client {
		dir := toolsWithout(t, "sudo")
		writeFile(t, filepath.Join(dir, "doas"), "#!/bin/sh\n[ \"$1 $2\" = '-n --' ] || exit 9\nshift 2\n"+script, 0o755)
		_, ep := serve(t, func(s *testServer) { s.path = dir })
		return dial(t, ep, nil)
	}
	s, err := doas(`exec "$@"`).StartBecome(context.Background(), "cat", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if out, _, code, err := s.finish(strings.NewReader("frame"), 100); string(out) != "frame" || code != 0 || err != nil {
		t.Errorf("got %q, %d, %v", out, code, err)
	}
	_, err = doas("echo 'doas: Authentication required' >&2; exit 1").StartBecome(context.Background(), "cat", nil, func() (string, error) {
		t.Error("asked for a password that doas cannot take")
		return "", nil
	})
	wantText(t, err, "cannot become root on web1: doas: Authentication required", "permit nopass tester as root")
}
