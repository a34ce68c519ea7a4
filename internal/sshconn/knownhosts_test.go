package sshconn

import (
	"context"
	"crypto/rand"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/knownhosts"

	"github.com/lvsup/lvsup/internal/hostkey"
)

func publicLine(s ssh.Signer) string {
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(s.PublicKey())))
}

// hostCert signs a host's key for some names.
func hostCert(t *testing.T, ca, key ssh.Signer, before uint64, names ...string) ssh.Signer {
	t.Helper()
	return certified(t, ca, key, &ssh.Certificate{CertType: ssh.HostCert, ValidPrincipals: names, ValidBefore: before})
}

func certified(t *testing.T, ca, key ssh.Signer, cert *ssh.Certificate) ssh.Signer {
	t.Helper()
	cert.Key = key.PublicKey()
	if err := cert.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	s, err := ssh.NewCertSigner(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestKnownHosts holds the reading of known_hosts against sshd(8), SSH_KNOWN_HOSTS
// FILE FORMAT, and OpenSSH's hostfile.c and sshconnect.c.
func TestKnownHosts(t *testing.T) {
	key, _ := newSigner(t)
	other, _ := newSigner(t)
	ca, _ := newSigner(t)
	good := hostCert(t, ca, key, ssh.CertTimeInfinity, "web1.example.org")
	users := certified(t, ca, key, &ssh.Certificate{CertType: ssh.UserCert, ValidPrincipals: []string{"web1.example.org"}, ValidBefore: ssh.CertTimeInfinity})
	ours, theirs, authority := publicLine(key), publicLine(other), publicLine(ca)
	const ok, unknown, changed = "", "is not known", "the host key changed"
	for name, test := range map[string]struct {
		lines string
		port  int
		alias string
		shows ssh.Signer
		want  string
	}{
		"by name":                    {lines: "web1.example.org " + ours, want: ok},
		"in capitals":                {lines: "Web1.Example.ORG " + ours, want: ok},
		"one of several names":       {lines: "a,b,web1.example.org " + ours, want: ok},
		"by pattern":                 {lines: "web?.*.org " + ours, want: ok},
		"by pattern, but not":        {lines: "*.org,!web1.* " + ours, want: unknown},
		"hashed":                     {lines: knownhosts.HashHostname("web1.example.org") + " " + ours, want: ok},
		"hashed, another":            {lines: knownhosts.HashHostname("web2.example.org") + " " + ours, want: unknown},
		"hashed with port":           {lines: knownhosts.HashHostname("[web1.example.org]:2222") + " " + ours, port: 2222, want: ok},
		"with port":                  {lines: "[web1.example.org]:2222 " + ours, port: 2222, want: ok},
		"with another port":          {lines: "[web1.example.org]:2223 " + ours, port: 2222, want: unknown},
		"port, known without":        {lines: "web1.example.org " + ours, port: 2222, want: ok},
		"port, another without":      {lines: "web1.example.org " + theirs, port: 2222, want: unknown},
		"port, and both on record":   {lines: "[web1.example.org]:2222 " + theirs + "\nweb1.example.org " + ours, port: 2222, want: changed},
		"by alias":                   {lines: "pool " + ours, alias: "pool", port: 2222, want: ok},
		"by alias, its name is none": {lines: "web1.example.org " + ours, alias: "pool", want: unknown},
		"by alias, with port":        {lines: "web1.example.org " + ours, alias: "pool", port: 2222, want: unknown},
		"changed":                    {lines: "web1.example.org " + theirs, want: changed},
		"changed, by pattern":        {lines: "*.example.org " + theirs, want: changed},
		"old and new key":            {lines: "web1.example.org " + theirs + "\nweb1.example.org " + ours, want: ok},
		"with a comment and blanks":  {lines: "\n# a comment\n\t web1.example.org\t" + ours + " root@web1\r\n", want: ok},
		"no line end":                {lines: "x " + theirs + "\nweb1.example.org " + ours, want: ok},
		"a broken line of another":   {lines: "nonsense in a line\nweb2 ssh-rsa ####\n|1|#|# ssh-rsa AAAA\nweb1.example.org " + ours, want: ok},
		"SSH 1":                      {lines: "web1.example.org 1024 35 1234567", want: unknown},
		"a type of tomorrow":         {lines: "web1.example.org ssh-tomorrow AAAADHNzaC10b21vcnJvdw==", want: changed},
		"an unknown marker":          {lines: "@tomorrow * " + ours, want: "about this host cannot be read"},
		"a broken line of its own":   {lines: "web1.example.org ssh-ed25519 ####", want: "/known_hosts:1 about this host cannot be read"},
		"revoked":                    {lines: "web1.example.org " + ours + "\n@revoked * " + ours, want: "marked as revoked in "},
		"revoked for another":        {lines: "web1.example.org " + ours + "\n@revoked web2 " + ours, want: "marked as revoked in "},
		"revoked, but unreadable":    {lines: "web1.example.org " + ours + "\n@revoked * ssh-ed25519 ####", want: "known_hosts:2: the key is not base64; correct"},

		"authority":                       {lines: "@cert-authority *.example.org " + authority, shows: good, want: ok},
		"authority, other port":           {lines: "@cert-authority *.example.org " + authority, port: 2222, shows: good, want: ok},
		"authority of others":             {lines: "@cert-authority *.example.com " + authority, shows: good, want: unknown},
		"authority, but a plain key":      {lines: "@cert-authority *.example.org " + authority, want: unknown},
		"authority as a host":             {lines: "@cert-authority *.example.org " + ours, want: unknown},
		"another authority, known key":    {lines: "@cert-authority * " + theirs + "\nweb1.example.org " + ours, shows: good, want: ok},
		"another authority":               {lines: "@cert-authority * " + theirs, shows: good, want: unknown},
		"certificate, key on record":      {lines: "web1.example.org " + authority, shows: good, want: changed},
		"authority, another name":         {lines: "@cert-authority * " + authority, alias: "web2", shows: good, want: "is not valid: principal"},
		"authority, expired":              {lines: "@cert-authority * " + authority, shows: hostCert(t, ca, key, uint64(time.Now().Unix()-9), "web1.example.org"), want: "is not valid: cert has expired"},
		"authority, but a user's":         {lines: "@cert-authority * " + authority, shows: users, want: "is not valid: it is no host's"},
		"authority, revoked":              {lines: "@cert-authority * " + authority + "\n@revoked * " + authority, shows: good, want: "marked as revoked in "},
		"authority, the key is revoked":   {lines: "@cert-authority * " + authority + "\n@revoked * " + ours, shows: good, want: "marked as revoked in "},
		"authority, revoked but no cert.": {lines: "web1.example.org " + ours + "\n@revoked * " + authority, want: ok},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "known_hosts")
			writeFile(t, file, test.lines, 0o600)
			ep := Endpoint{
				Name: "web1", Alias: "web1", HostName: "Web1.example.org", Port: firstPositive(test.port, 22), User: "root", HostKeyAlias: test.alias,
				UserKnownHosts: []string{filepath.Join(t.TempDir(), "absent")}, GlobalKnownHosts: []string{file},
			}
			shown := key.PublicKey()
			if test.shows != nil {
				shown = test.shows.PublicKey()
			}
			h, err := newHostKeys(&texts{}, &ep, nil, false)
			if err == nil {
				err = h.judge(shown)
			}
			if test.want != ok {
				wantText(t, err, test.want)
			} else if err != nil {
				t.Errorf("got %v", err)
			}
			// What accepts new keys accepts an unknown one and nothing else.
			h, err = newHostKeys(&texts{}, &ep, nil, true)
			if err != nil {
				return
			}
			recorded := ""
			h.record, h.notice = func(_, line string) error { recorded = line; return nil }, func(string) {}
			err = h.judge(shown)
			if accepts := test.want == ok || test.want == unknown; (err == nil) != accepts {
				t.Errorf("with --accept-new: %v", err)
			}
			if strings.Contains(recorded, "cert") || (recorded != "") != (test.want == unknown) {
				t.Errorf("recorded %q", recorded)
			}
		})
	}
}

// TestHostKeyOrder asks a host for the keys that are on record.
func TestHostKeyOrder(t *testing.T) {
	const rsa = "web1 ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAgQDJ\n"
	ecdsa := "web1 ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=\n"
	rsa256 := strings.Replace(rsa, "AAAAB3NzaC1yc2EAAAADAQABAAAAgQDJ", "AAAAB3NzaC1yc2E=", 1)
	for name, test := range map[string]struct{ lines, pin, want string }{
		"unknown":         {"", "", "ssh-ed25519 ecdsa-sha2-nistp256"},
		"one type":        {rsa256, "", "rsa-sha2-512 rsa-sha2-256 ssh-ed25519"},
		"two types":       {rsa256 + ecdsa, "", "ecdsa-sha2-nistp256 rsa-sha2-512 rsa-sha2-256 ssh-ed25519"},
		"another host":    {strings.ReplaceAll(rsa256, "web1", "web2"), "", "ssh-ed25519"},
		"an authority":    {"@cert-authority * ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n" + rsa256, "", "ssh-ed25519-cert-v01@openssh.com ecdsa-sha2-nistp256-cert-v01@openssh.com"},
		"the plan's":      {rsa256, "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTY=", "ecdsa-sha2-nistp256 ssh-ed25519"},
		"a type unspoken": {strings.ReplaceAll(rsa256, "AAAAB3NzaC1yc2E=", "####") + ecdsa, "", "ecdsa-sha2-nistp256 ssh-ed25519"},
	} {
		file := filepath.Join(t.TempDir(), "known_hosts")
		writeFile(t, file, test.lines, 0o600)
		h, err := newHostKeys(&texts{}, &Endpoint{Alias: "web1", HostName: "web1", Port: 22, UserKnownHosts: []string{file}, HostKey: test.pin}, nil, false)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		got := strings.Join(h.algorithms(), " ")
		if !strings.HasPrefix(got, test.want) {
			t.Errorf("%s: asks for %s", name, got)
		}
		if certs := strings.Contains(got, "-cert-"); certs != (name == "an authority" || name == "the plan's") {
			t.Errorf("%s: asks for certificates: %v", name, certs)
		}
	}
}

// TestHostKeyInPlan is a key that the plan names: no other will do, and known_hosts
// can only revoke it.
func TestHostKeyInPlan(t *testing.T) {
	s, ep := serve(t, nil)
	other, _ := newSigner(t)
	right, wrong := publicLine(s.hostKey), publicLine(other)
	file := ep.UserKnownHosts[0]
	writeFile(t, file, "* "+wrong+"\n", 0o600)
	for _, pin := range []string{right, right + " root@web1", hostkey.Fingerprint(s.hostKey.PublicKey().Marshal())} {
		ep.HostKey = pin
		if err := tryDial(t, Options{Endpoint: ep}); err != nil {
			t.Errorf("%s: %v", pin, err)
		}
	}
	ep.HostKey = wrong
	err := tryDial(t, Options{Endpoint: ep, AcceptNewHostKeys: true})
	var hk *HostKeyError
	if !errors.As(err, &hk) || !hk.Changed {
		t.Errorf("got %v, want a refused key", err)
	}
	wantText(t, err, "is not the one that the plan names ("+ssh.FingerprintSHA256(other.PublicKey())+")", "correct host_key in the plan")
	ep.HostKey = right
	writeFile(t, file, "@revoked * "+right+"\n", 0o600)
	wantText(t, tryDial(t, Options{Endpoint: ep}), "marked as revoked")
	ep.HostKey = "SHA256:x"
	wantText(t, tryDial(t, Options{Endpoint: ep}), "host key in the plan")
	got, err := Resolver{File: "none", Builtin: true}.Resolve(context.Background(), Target{Name: "web1", HostKey: right})
	if err != nil || got.HostKey != right {
		t.Errorf("resolved to %+v, %v", got, err)
	}
}

// FuzzKnownHosts reads any file, and finds our own line in it unless one before or
// after it says otherwise.
func FuzzKnownHosts(f *testing.F) {
	f.Add("web1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n")
	f.Add("@revoked * ssh-ed25519 ####")
	f.Add("|1|AAAA|AAAA ssh-rsa AAAA\n!web1,* x y")
	f.Fuzz(func(t *testing.T, text string) {
		file := filepath.Join(t.TempDir(), "known_hosts")
		writeFile(t, file, text+"\n[web1]:2222 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5\n", 0o600)
		k, err := readKnownHosts(&texts{}, []string{file}, "[web1]:2222", "web1")
		if err != nil {
			return
		}
		if _, is := hasKey(k.keys, []byte("\x00\x00\x00\x0bssh-ed25519")); !is {
			t.Errorf("our key is not found in %q", text)
		}
	})
}

// TestSurelyOthers holds that a line which is passed over is about another host, as the
// whole reading of it has it.
func TestSurelyOthers(t *testing.T) {
	const key = " ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ\n"
	ours := []string{
		"web1", "WEB1", "[web1]:2222", "[WEB1]:2222", "a,web1", "a,[web1]:2222,b", "  web1",
		"web*", "[web?]:2222", "*,!web2", knownhosts.HashHostname("[web1]:2222"),
	}
	for _, list := range ours {
		if surelyOthers(list+key, "[web1]:2222", "web1") {
			t.Errorf("%q is passed over", list)
		}
	}
	for _, list := range []string{"other", "web10", "a,b", "[web1]:2223", "\tother"} {
		k := &knownHosts{}
		if err := k.line(list+key, "f", "f:1", "[web1]:2222", "web1"); err != nil {
			t.Fatal(err)
		}
		if found := len(k.keys) + len(k.bare) + len(k.authorities) + len(k.revoked) + len(k.unread); found > 0 {
			t.Errorf("%q is about this host", list)
		}
		if !surelyOthers(list+key, "[web1]:2222", "web1") {
			t.Errorf("%q is read for nothing", list)
		}
	}
}

// TestTextsAreReadAnew: a file that another has changed meanwhile counts as it is now.
func TestTextsAreReadAnew(t *testing.T) {
	file := filepath.Join(t.TempDir(), "known_hosts")
	var kept texts
	for _, want := range []string{"one\n", "one\ntwo\n", ""} {
		writeFile(t, file, want, 0o600)
		for range 2 {
			if got, err := kept.read(file); err != nil || got != want {
				t.Errorf("%q, %v; want %q", got, err, want)
			}
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if _, err := kept.read(file); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("of a file that is gone: %v", err)
	}
}
