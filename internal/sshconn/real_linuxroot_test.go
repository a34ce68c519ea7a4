//go:build linuxroot

package sshconn

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

func TestRealDialAndUpload(t *testing.T) {
	s := startSSHD(t)
	c := s.dial(t, s.dialer(t), "real")
	if c.Endpoint().ConnectTimeout != 7*time.Second {
		t.Errorf("Match final is not honoured: %+v", c.Endpoint())
	}
	if got := whoami(t, c); got != "root" {
		t.Errorf("logged in as %s", got)
	}
	m, err := c.Machine(context.Background())
	if err != nil || m.Uname != strings.TrimSpace(run(t, "uname", "-m")) || m.Noise != "" {
		t.Errorf("machine %+v, %v", m, err)
	}
	u := spec(payload(3<<20), filepath.Join(t.TempDir(), "libexec", "agent"))
	u.Packed = gzipped(t, payload(3<<20))
	if got, err := c.Upload(context.Background(), u); err != nil || got.Way != BySFTP || got.Note != "" {
		t.Errorf("upload: %+v, %v", got, err)
	}
	wantFile(t, u)
}

// TestRealHostKeys has a known_hosts with only the RSA key: the server must be
// asked for that one.
func TestRealHostKeys(t *testing.T) {
	s := startSSHD(t)
	ctx := context.Background()
	all, err := os.ReadFile(s.path("known_hosts"))
	if err != nil {
		t.Fatal(err)
	}
	var rsa string
	for line := range strings.Lines(string(all)) {
		if strings.Contains(line, " ssh-rsa ") {
			rsa += line
		}
	}
	writeFile(t, s.path("known_hosts"), rsa, 0o600)
	c := s.dial(t, s.dialer(t), "real")
	if key, _ := ssh.ParsePublicKey(c.HostKey()); key.Type() != "ssh-rsa" {
		t.Errorf("the host showed %s", key.Type())
	}
	writeFile(t, s.path("known_hosts"), "", 0o600)
	d := s.dialer(t)
	ep, err := d.Resolve(ctx, Target{Name: "real"})
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.Dial(ctx, ep)
	want := strings.Fields(run(t, "ssh-keygen", "-lf", s.path("host_ed25519.pub")))[1]
	wantText(t, err, want, "not known")

	// What lvsup records, ssh finds.
	accepting := NewDialer(Options{Resolver: Resolver{File: s.config}, AcceptNewHostKeys: true})
	t.Cleanup(func() { _ = accepting.Close() })
	s.dial(t, accepting, "real")
	run(t, "ssh", "-F", s.config, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "real", "true")
}
