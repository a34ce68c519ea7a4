package sshconn

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestResolveBuiltin(t *testing.T) {
	home := currentUser().HomeDir
	me := currentUser().Username
	type want map[string]string
	for name, test := range map[string]struct {
		config string
		target Target
		want   want
		err    string
	}{
		"defaults": {"", Target{Name: "web1"}, want{
			"": me + "@web1:22", "known": home + "/.ssh/known_hosts " + home + "/.ssh/known_hosts2",
			"ids": home + "/.ssh/id_rsa " + home + "/.ssh/id_ecdsa " + home + "/.ssh/id_ed25519", "strict": "ask",
		}, ""},
		"first value wins": {
			"Host web*\n  Port=2200\n  User bob # a comment\nHost *\n  User alice\n  Port 2201\n",
			Target{Name: "web1"}, want{"": "bob@web1:2200"}, "",
		},
		"the plan wins": {
			"Host web1\n HostName 192.0.2.9\n Port 2200\n User bob\n", Target{Name: "web1", User: "root", Port: 22},
			want{"": "root@192.0.2.9:22"}, "",
		},
		"another name": {
			"Host gate\n HostName %h.example.org\n HostKeyAlias key-of-%h\n", Target{Name: "web1", Host: "gate", User: "u"},
			want{"": "u@gate.example.org:22", "alias": "gate", "keyname": "key-of-%h"}, "",
		},
		"files": {
			"Host *\n IdentityFile ~/.keys/%r@%h\n IdentityFile \"/with space/k\"\n IdentitiesOnly yes\n UserKnownHostsFile /a \"/b c\"\n GlobalKnownHostsFile none\n StrictHostKeyChecking accept-new\n IdentityAgent none\n",
			Target{Name: "web1", User: "u"}, want{
				"ids": home + "/.keys/u@web1 /with space/k", "known": "/a /b c", "global": "", "strict": "accept-new", "only": "true", "agent": "",
			}, "",
		},
		"jump before command": {
			"Host *\n ProxyJump a,b\n ProxyCommand nc %h %p\n", Target{Name: "web1", User: "u"},
			want{"": "u@web1:22 via a,b", "command": ""}, "",
		},
		"no proxy": {
			"Host web1\n ProxyCommand none\nHost *\n ProxyCommand nc %h %p\n", Target{Name: "web1", User: "u"},
			want{"": "u@web1:22", "command": ""}, "",
		},
		"times": {
			"ConnectTimeout 1m30s\nServerAliveInterval 7\nServerAliveCountMax 2\n", Target{Name: "web1"},
			want{"times": "1m30s 7s 2"}, "",
		},
		"match": {
			"Match originalhost web1 user bob\n Port 1\nMatch host \"*.example.org,web1\" !user bob\n Port 2\nMatch all\n Port 3\n",
			Target{Name: "web1", User: "u"}, want{"": "u@web1:2"}, "",
		},
		"match after HostName": {
			"Host web1\n HostName in.example.org\nMatch host in.example.org\n Port 2\n", Target{Name: "web1", User: "u"},
			want{"": "u@in.example.org:2"}, "",
		},
		"match final": {
			"Match final all\n Port 2\n User late\nHost *\n User early\n", Target{Name: "web1"}, want{"": "early@web1:2"}, "",
		},
		"match exec": {
			"Host web1\n HostName 192.0.2.9\n User bob\nMatch exec \"test %h/%n/%p/%r = 192.0.2.9/web1/22/bob\"\n Port 2\nMatch !exec \"exit 3\"\n HostKeyAlias k\n",
			Target{Name: "web1"}, want{"": "bob@192.0.2.9:2", "keyname": "k"}, "",
		},
		"match exec that fails":           {"Match exec \"exit 3\"\n Port 2\n", Target{Name: "web1", User: "u"}, want{"": "u@web1:22"}, ""},
		"match exec with an odd token":    {"Match exec \"test %y\"\n Port 2\n", Target{Name: "web1"}, nil, "%y is not supported"},
		"match canonical":                 {"Match canonical all\n Port 2\n", Target{Name: "web1", User: "u"}, want{"": "u@web1:22"}, ""},
		"certificates":                    {"CertificateFile ~/.ssh/%r-cert.pub\nCertificateFile none\nCertificateFile /c\n", Target{Name: "web1", User: "u"}, want{"certs": home + "/.ssh/u-cert.pub /c"}, ""},
		"ways to log in":                  {"PreferredAuthentications password,gssapi-with-mic,publickey\n", Target{Name: "web1"}, want{"login": "password publickey"}, ""},
		"no passwords":                    {"PasswordAuthentication no\nKbdInteractiveAuthentication no\n", Target{Name: "web1"}, want{"login": "publickey"}, ""},
		"batch mode":                      {"BatchMode yes\n", Target{Name: "web1"}, want{"login": "publickey"}, ""},
		"an unrelated exec is not":        {"Match originalhost db exec \"true\"\n Port 2\n", Target{Name: "web1", User: "u"}, want{"": "u@web1:22"}, ""},
		"match of a future OpenSSH":       {"Match moonphase full\n Port 2\n", Target{Name: "web1"}, nil, "match moonphase needs OpenSSH"},
		"negated host":                    {"Host * !web1\n Port 2\n", Target{Name: "web1", User: "u"}, want{"": "u@web1:22"}, ""},
		"case counts in Host":             {"Host WEB*\n Port 2\n", Target{Name: "web1", User: "u"}, want{"": "u@web1:22"}, ""},
		"bad port":                        {"Port http\n", Target{Name: "web1"}, nil, `port "http" is not a number`},
		"port out of range":               {"Port 70000\n", Target{Name: "web1"}, nil, "outside 1..65535"},
		"an option as a host":             {"", Target{Name: "web1", Host: "-oProxyCommand=id"}, nil, "is not a host name"},
		"shell text as a host":            {"", Target{Name: "web1", Host: "a;id"}, nil, "has a meaning to shells"},
		"shell text in HostName":          {"HostName $(id)\n", Target{Name: "web1"}, nil, "has a meaning to shells"},
		"a proxy that passes descriptors": {"ProxyCommand x\nProxyUseFdpass yes\n", Target{Name: "web1"}, nil, "ProxyUseFdpass is not supported"},
		"an unset variable":               {"IdentityFile ${LVSUP_NOT_SET}/k\n", Target{Name: "web1"}, nil, "LVSUP_NOT_SET"},
		"an unknown token":                {"IdentityFile /k/%y\n", Target{Name: "web1"}, nil, "%y is not supported"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config")
			writeFile(t, file, test.config, 0o600)
			ep, err := Resolver{File: file, Builtin: true}.Resolve(context.Background(), test.target)
			if test.err != "" {
				wantText(t, err, test.err, "web1")
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			got := want{
				"": ep.String(), "known": strings.Join(ep.UserKnownHosts, " "), "global": strings.Join(ep.GlobalKnownHosts, " "),
				"ids": strings.Join(ep.IdentityFiles, " "), "strict": ep.StrictHostKeyChecking, "alias": ep.Alias,
				"only": map[bool]string{true: "true"}[ep.IdentitiesOnly], "agent": ep.IdentityAgent, "command": ep.ProxyCommand,
				"keyname": ep.hostKeyName(), "certs": strings.Join(ep.CertificateFiles, " "), "login": strings.Join(ep.Authentications, " "),
				"times": strings.Join([]string{ep.ConnectTimeout.String(), ep.ServerAliveInterval.String(), string(rune('0' + ep.ServerAliveCountMax))}, " "),
			}
			for k, v := range test.want {
				if got[k] != v {
					t.Errorf("%s is %q, want %q", k, got[k], v)
				}
			}
		})
	}
}

// TestWarnings says what is not followed, with file and line, by both ways to read
// ssh_config. A file that is included is named itself; what holds for another host,
// has no effect or has no meaning for lvsup is not spoken of.
func TestWarnings(t *testing.T) {
	dir := t.TempDir()
	inner, file := filepath.Join(dir, "inner"), filepath.Join(dir, "config")
	writeFile(t, inner, "# legacy\nHost web*\n  RequiredRSASize 4096\n  ForwardAgent yes\n", 0o600)
	for name, test := range map[string]struct {
		config  string
		want    []string
		builtin bool // only without OpenSSH
	}{
		"nothing":             {"Host web1\n User bob\n ControlMaster auto\n SendEnv LANG\n GSSAPIAuthentication yes\n", nil, false},
		"another host's":      {"Host db\n BindInterface x\n", nil, false},
		"no effect":           {"KnownHostsCommand none\nVerifyHostKeyDNS no\nCheckHostIP no\n", nil, false},
		"one":                 {"Host web1\n\n  BindInterface x\n", []string{"config:3: BindInterface is not followed"}, false},
		"the first counts":    {"VerifyHostKeyDNS no\nVerifyHostKeyDNS yes\n", nil, false},
		"in a file":           {"Include " + inner + "\nBindInterface x\n", []string{"config:2: BindInterface is", "inner:3: RequiredRSASize is"}, false},
		"in a file of others": {"Host db\n Include " + inner + "\n", nil, false},
		"where exec says so":  {"Match exec true\n KnownHostsCommand /bin/true %H\n", []string{"config:2: KnownHostsCommand is not followed; put the keys"}, false},
		"where it does not":   {"Match exec false\n KnownHostsCommand /bin/true %H\n", nil, false},
		"unless exec":         {"Match !exec false\n RevokedHostKeys /krl\n", []string{"config:2: RevokedHostKeys is"}, false},
		"no such directive":   {"Host web1\n Prot 22\n", []string{`config:2: "prot" is no directive that lvsup knows`}, true},
		"to be ignored":       {"IgnoreUnknown UseKey*,Foo\nUseKeychain yes\nUseKeyring yes\nfoo bar\n", nil, true},
		"canonical names":     {"CanonicalizeHostname yes\n", []string{"config:1: CanonicalizeHostname is"}, true},
	} {
		writeFile(t, file, test.config, 0o600)
		for _, builtin := range []bool{true, false} {
			if test.builtin && !builtin {
				continue
			}
			ep, err := Resolver{File: file, Builtin: builtin}.Resolve(context.Background(), Target{Name: "web1"})
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			slices.Sort(ep.Warnings)
			ok := len(ep.Warnings) == len(test.want)
			for i := 0; ok && i < len(test.want); i++ {
				ok = strings.HasPrefix(ep.Warnings[i], filepath.Join(dir, test.want[i]))
			}
			if !ok {
				t.Errorf("%s, builtin %v: got %q", name, builtin, ep.Warnings)
			}
		}
	}
	writeFile(t, file, "BindInterface x\n", 0o600)
	var notices []string
	d := NewDialer(Options{Resolver: Resolver{File: file}, Notice: func(s string) { notices = append(notices, s) }})
	for _, host := range []string{"web1", "web2"} {
		if _, err := d.Resolve(context.Background(), Target{Name: host}); err != nil {
			t.Fatal(err)
		}
	}
	if len(notices) != 1 {
		t.Errorf("notices are %q", notices)
	}
}

// TestBind holds that AddressFamily and BindAddress are followed.
func TestBind(t *testing.T) {
	_, ep := serve(t, nil)
	ep.BindAddress = "127.0.0.9"
	c := dial(t, ep, nil)
	if from := c.ssh.LocalAddr().String(); !strings.HasPrefix(from, "127.0.0.9:") {
		t.Errorf("connected from %s", from)
	}
	ep.BindAddress, ep.AddressFamily = "", "inet6"
	err := tryDial(t, Options{Endpoint: ep})
	wantText(t, err, "no suitable address")
}

func TestResolveIncludeLoop(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	writeFile(t, file, "Include "+file+"\n", 0o600)
	_, err := Resolver{File: file, Builtin: true}.Resolve(context.Background(), Target{Name: "web1"})
	wantText(t, err, "nested more than 16 deep")
	_, err = Resolver{File: file + ".absent", Builtin: true}.Resolve(context.Background(), Target{Name: "web1"})
	wantText(t, err, "no such file")
}

func TestParseHop(t *testing.T) {
	for in, want := range map[string]Target{
		"gate":               {Name: "gate", Host: "gate"},
		"u@gate:2200":        {Name: "gate", Host: "gate", Port: 2200, User: "u"},
		"ssh://u@gate:2200/": {Name: "gate", Host: "gate", Port: 2200, User: "u"},
		"a@b@gate":           {Name: "gate", Host: "gate", User: "a@b"},
		"[2001:db8::1]:22":   {Name: "2001:db8::1", Host: "2001:db8::1", Port: 22},
		"[2001:db8::1]":      {Name: "2001:db8::1", Host: "2001:db8::1"},
		"2001:db8::1":        {Name: "2001:db8::1", Host: "2001:db8::1"},
	} {
		if got, err := parseHop(in); err != nil || got != want {
			t.Errorf("parseHop(%q) = %+v, %v", in, got, err)
		}
	}
	for _, in := range []string{"", "u@", "gate:", "gate:x", "gate:0"} {
		if got, err := parseHop(in); err == nil {
			t.Errorf("parseHop(%q) = %+v", in, got)
		}
	}
}

func TestSeconds(t *testing.T) {
	for in, want := range map[string]int{"0": 0, "15": 15, "1m30s": 90, "1H": 3600, "2d": 172800, "90": 90} {
		if got, err := seconds(in); err != nil || got != want {
			t.Errorf("seconds(%q) = %d, %v", in, got, err)
		}
	}
	for _, in := range []string{"m", "1x", "-1", "99999999"} {
		if got, err := seconds(in); err == nil {
			t.Errorf("seconds(%q) = %d", in, got)
		}
	}
}

// FuzzConfigFile feeds the builtin reader; it must end, and never give an
// endpoint that could be taken for an option or shell text.
func FuzzConfigFile(f *testing.F) {
	f.Add("Host *\n Port 2\nMatch host a,!b user \"c\"\n HostName %h.x\nInclude \"~/x y\"\n")
	f.Fuzz(func(t *testing.T, config string) {
		// Files of this machine are not part of the test.
		config = strings.ReplaceAll(strings.ToLower(config), "include", "port")
		file := filepath.Join(t.TempDir(), "config")
		writeFile(t, file, config, 0o600)
		start := time.Now()
		ep, err := Resolver{File: file, Builtin: true}.Resolve(context.Background(), Target{Name: "web1"})
		if time.Since(start) > 10*time.Second {
			t.Error("too slow")
		}
		if err == nil && (strings.HasPrefix(ep.HostName, "-") || strings.ContainsAny(ep.HostName+ep.User, ";|&`$\n ")) {
			t.Errorf("endpoint %+v", ep)
		}
	})
}

// TestPage holds docs/ssh.md to the directives that are followed and those that are
// not.
func TestPage(t *testing.T) {
	data, err := os.ReadFile("../../docs/ssh.md")
	if err != nil {
		t.Fatal(err)
	}
	page := strings.ToLower(string(data))
	for _, key := range followed() {
		if !strings.Contains(page, "`"+key+"`") {
			t.Errorf("the page does not say that %s is followed", key)
		}
	}
	for _, u := range unfollowed() {
		if !strings.Contains(string(data), "`"+u.name+"`") || u.key != strings.ToLower(u.name) {
			t.Errorf("the page does not say that %s is not followed", u.name)
		}
	}
}
