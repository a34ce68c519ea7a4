//go:build linuxroot

package sshconn

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealSudo logs in as a user who needs a password for sudo. The user exists
// only in the server's own copy of /etc.
func TestRealSudo(t *testing.T) {
	if _, err := exec.LookPath("sudo"); err != nil {
		t.Fatal("this test needs sudo: apt-get install sudo")
	}
	const user = "lvsup-test"
	s := startSSHDAfter(t, "useradd -M -d / -s /bin/sh "+user+"; echo "+user+":sesame | chpasswd; "+
		"echo '"+user+" ALL=(ALL) ALL' > /etc/sudoers.d/"+user+"; chmod 440 /etc/sudoers.d/"+user)
	// sshd reads the key as the user.
	for dir := s.dir; dir != os.TempDir() && dir != "/"; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	s.configure(t, fmt.Sprintf("Host real\n  User %s\n", user))
	ctx := context.Background()

	c := s.dial(t, s.dialer(t), "real")
	if got := whoami(t, c); got != user {
		t.Fatalf("logged in as %s", got)
	}
	_, err := c.StartBecome(ctx, "id -u", nil, nil)
	wantText(t, err, "a password is required", "NOPASSWD")

	c = s.dial(t, s.dialer(t), "real")
	_, err = c.StartBecome(ctx, "id -u", nil, answer("wrong"))
	var refused *BecomeError
	if !errors.As(err, &refused) || !refused.WrongPassword {
		t.Errorf("got %v, want a refused password", err)
	}

	c = s.dial(t, s.dialer(t), "real")
	session, err := c.StartBecome(ctx, "id -u; cat; echo bye >&2", nil, answer("sesame"))
	if err != nil {
		t.Fatal(err)
	}
	out, stderr, code, err := session.finish(strings.NewReader("frame \x00\x04\x03 one"), 1000)
	if string(out) != "0\nframe \x00\x04\x03 one" || code != 0 || err != nil {
		t.Errorf("got %q, %d, %v", out, code, err)
	}
	if strings.Contains(string(stderr), "lvsup-") || !strings.HasSuffix(string(stderr), "bye\n") {
		t.Errorf("stderr is %q", stderr)
	}

	dir := filepath.Join(t.TempDir(), "root-only")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	u := spec(payload(1<<20), filepath.Join(dir, "libexec", "agent"))
	_, err = c.Upload(ctx, u)
	wantText(t, err, "user "+user+" may not write in", "become = true")
	u.Become, u.Password = true, answer("sesame")
	for _, want := range []Way{ByExec, Present} {
		if got, err := c.Upload(ctx, u); err != nil || got.Way != want {
			t.Errorf("upload: %+v, %v; want %s", got, err, want)
		}
	}
	wantFile(t, u)
	if strings.Contains(s.log.String(), "sesame") {
		t.Error("the password is in the log")
	}
}
