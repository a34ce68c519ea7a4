//go:build linuxroot

package sshconn

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// TestRealResolveAgrees compares the builtin reader with ssh -G.
func TestRealResolveAgrees(t *testing.T) {
	dir := t.TempDir()
	extra := filepath.Join(dir, "extra.conf")
	writeFile(t, extra, "Host web2\n  Port 2222\nMatch user bob\n  HostName by-user.example.org\n", 0o600)
	for i, config := range []string{
		"",
		"Host web*\n  User bob\n  Port 2200\nHost *\n  User alice\n  ConnectTimeout 1m\n",
		"Include " + dir + "/*.conf\nHost *\n  HostName %h.example.org\n",
		"Host web?\n  User bob\nInclude " + extra + "\n",
		"Host web1\n  Include " + extra + "\nHost web2\n  User x\n",
		"Match originalhost web1,!web2 user root\n  Port 5\nMatch !host web1\n  Port 6\n",
		"Match localuser root,nobody\n  User carol\n  IdentityFile ~/.ssh/%r-%h\n  IdentityFile /k\n  IdentityFile /k\n",
		"Host web1\n  HostName 192.0.2.1\nMatch final host 192.0.2.*\n  Port 7\n  ProxyJump u@gate:22,gate2\n",
		"ProxyCommand \"/bin/nc\" -x 'a b' %h %p\nStrictHostKeyChecking=no\n",
		"Host web1 !web2\n  ProxyJump none\nHost *\n  ProxyJump gate\n  ServerAliveInterval 9\n  ServerAliveCountMax 4\n",
		"UserKnownHostsFile ~/.ssh/a /b\nGlobalKnownHostsFile /dev/null\nHashKnownHosts yes\nHostKeyAlias k\nIdentitiesOnly yes\nIdentityAgent ~/sock\n",
		"Host WEB1\n  Port 3\nMatch host WEB1\n  User bob\nMatch originalhost WEB2\n  Port 5\n",
		"Host \"web1\"\n\tPort   =  8 # eight\n",
	} {
		file := filepath.Join(dir, fmt.Sprintf("config%d", i))
		writeFile(t, file, config, 0o600)
		for _, target := range []Target{{Name: "web1"}, {Name: "web2", User: "bob"}, {Name: "x", Host: "web2", Port: 9}} {
			theirs, err1 := Resolver{File: file}.Resolve(context.Background(), target)
			ours, err2 := Resolver{File: file, Builtin: true}.Resolve(context.Background(), target)
			if err1 != nil || err2 != nil {
				t.Errorf("config %d, %+v: %v, %v", i, target, err1, err2)
				continue
			}
			// ssh lists the defaults that the builtin reader leaves to the
			// caller, and default keys that need hardware.
			for _, e := range []*Endpoint{&theirs, &ours} {
				e.IdentityFiles = withoutDefaults(e.IdentityFiles)
				if e.ServerAliveCountMax == 3 {
					e.ServerAliveCountMax = 0
				}
				e.HashKnownHosts = e.HashKnownHosts && strings.Contains(config, "Hash")
			}
			if fmt.Sprintf("%+v", theirs) != fmt.Sprintf("%+v", ours) {
				t.Errorf("config %d, %+v:\nssh -G  %+v\nbuiltin %+v", i, target, theirs, ours)
			}
		}
	}
}

// TestRealResolveNoAccount has an ssh on PATH that does not run for who asks it.
func TestRealResolveNoAccount(t *testing.T) {
	dir := t.TempDir()
	config, ssh := filepath.Join(dir, "config"), filepath.Join(dir, "ssh")
	writeFile(t, config, "Host web1\n  HostName 192.0.2.1\n  Port 2200\n  User bob\n", 0o600)
	writeFile(t, ssh, "#!/bin/sh\nexec setpriv --reuid 54321 --clear-groups ssh \"$@\"\n", 0o700)
	r := Resolver{File: config, SSH: ssh}
	if _, err := r.openSSH(t.Context(), ssh, "web1", "", 0); !errors.Is(err, errNoAccount) {
		t.Errorf("ssh says %v", err)
	}
	if e, err := r.Resolve(t.Context(), Target{Name: "web1"}); err != nil || e.String() != "bob@192.0.2.1:2200" {
		t.Errorf("%s, %v", e, err)
	}
}

func withoutDefaults(files []string) []string {
	var out []string
	for _, f := range files {
		if !strings.HasPrefix(filepath.Base(f), "id_") {
			out = append(out, f)
		}
	}
	return out
}
