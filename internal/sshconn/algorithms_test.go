package sshconn

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"
)

// TestAlgorithmLists reads lists as OpenSSH does, as far as lvsup has what they name.
func TestAlgorithmLists(t *testing.T) {
	own := strings.Join(hostKeyAlgorithms(), " ")
	for name, test := range map[string]struct {
		config, list string
		want         string // the first words, or all if it ends in a stop; an error begins with FILE
	}{
		"the user's order":      {"Ciphers aes256-ctr,aes192-cbc,aes128-ctr", "Ciphers", "aes256-ctr aes128-ctr."},
		"taken away":            {"Ciphers -*-ctr,chacha*", "Ciphers", "aes128-gcm@openssh.com aes256-gcm@openssh.com."},
		"put first":             {"MACs ^hmac-sha1", "MACs", "hmac-sha1 hmac-sha2-256-etm@openssh.com"},
		"added":                 {"HostKeyAlgorithms +ssh-rsa", "HostKeyAlgorithms", own + " ssh-rsa."},
		"added, unknown here":   {"HostKeyAlgorithms +ssh-ed448", "HostKeyAlgorithms", own + "."},
		"under its old name":    {"PubkeyAcceptedKeyTypes ssh-rsa\nPubkeyAcceptedAlgorithms ssh-ed25519", "PubkeyAcceptedAlgorithms", "ssh-rsa."},
		"the first line counts": {"Host db\nMACs hmac-sha1\nHost *\nMACs hmac-sha2-512\nMACs hmac-sha1", "MACs", "hmac-sha2-512."},
		"under Match final":     {"Match final all\nMACs hmac-sha1\nCheckHostIP yes", "MACs", "hmac-sha1."},
		"nothing said":          {"Host db\nMACs hmac-sha1", "MACs", "."},
		"nothing left":          {"Port 2\nCASignatureAlgorithms rsa-sha3-512", "CASignatureAlgorithms", "FILE:2: CASignatureAlgorithms leaves nothing that lvsup could offer; it has ssh-ed25519,"},
		"all taken away":        {"KexAlgorithms -*", "KexAlgorithms", "FILE:1: KexAlgorithms leaves nothing"},
	} {
		file := filepath.Join(t.TempDir(), "config")
		writeFile(t, file, test.config+"\n", 0o600)
		ep, err := Resolver{File: file, Builtin: true}.Resolve(context.Background(), Target{Name: "web1"})
		if want, failing := strings.CutPrefix(test.want, "FILE"); failing {
			wantText(t, err, file+want)
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range ep.Algorithms.lists() {
			if got := strings.Join(*l.into, " ") + "."; l.name == test.list && !strings.HasPrefix(got, test.want) {
				t.Errorf("%s: got %q, want %q", name, got, test.want)
			}
		}
		if len(ep.Warnings) > 0 {
			t.Errorf("%s: warns %q", name, ep.Warnings)
		}
	}
}

// TestSignatures is what a key may sign with.
func TestSignatures(t *testing.T) {
	for _, test := range []struct{ format, allowed, want string }{
		{ssh.KeyAlgoRSA, "ssh-ed25519,rsa-sha2-256,ssh-rsa", "rsa-sha2-256,ssh-rsa"},
		{ssh.CertAlgoRSAv01, "rsa-sha2-512,rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-512"},
		{ssh.CertAlgoRSAv01, "rsa-sha2-512", ""},
		{ssh.KeyAlgoED25519, "ssh-ed25519-cert-v01@openssh.com", ""},
		{ssh.CertAlgoSKED25519v01, "sk-ssh-ed25519-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com"},
	} {
		if got := strings.Join(signatures(test.format, strings.Split(test.allowed, ",")), ","); got != test.want {
			t.Errorf("%s of %s: %q, want %q", test.format, test.allowed, got, test.want)
		}
	}
}

// TestHostKeysAllowed holds that of what HostKeyAlgorithms allows the types on record come
// first.
func TestHostKeysAllowed(t *testing.T) {
	allowed := []string{"ssh-ed25519", "ssh-rsa", "rsa-sha2-256", "ssh-ed25519-cert-v01@openssh.com"}
	for _, test := range []struct {
		kinds string
		certs turn
		want  string
	}{
		{"", never, "ssh-ed25519 ssh-rsa rsa-sha2-256"},
		{"ssh-rsa", never, "ssh-rsa rsa-sha2-256 ssh-ed25519"},
		{"ssh-rsa", first, "ssh-ed25519-cert-v01@openssh.com ssh-rsa rsa-sha2-256 ssh-ed25519"},
	} {
		if got := strings.Join(algorithms(strings.Fields(test.kinds), test.certs, allowed), " "); got != test.want {
			t.Errorf("%q: got %q, want %q", test.kinds, got, test.want)
		}
	}
	if got := algorithms(nil, never, allowed[3:]); !slices.Equal(got, allowed[3:]) {
		t.Errorf("got %q", got)
	}
	if slices.Contains(algorithms([]string{ssh.KeyAlgoRSA}, never, nil), ssh.KeyAlgoRSA) {
		t.Error("SHA-1 is offered though nobody asked for it")
	}
}
