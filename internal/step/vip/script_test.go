package vip

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var tutorial = []VIP{{Address: "192.168.140.100/32", Interface: "lo"}}

// TestEdit runs over testdata/rclocal: a folder a case, in.sh and what edit
// makes of it for the tutorial's VIP, want.sh.
func TestEdit(t *testing.T) {
	cases, err := filepath.Glob("testdata/rclocal/*")
	if err != nil || len(cases) == 0 {
		t.Fatalf("no cases: %v", err)
	}
	for _, dir := range cases {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			in, err := os.ReadFile(filepath.Join(dir, "in.sh"))
			if err != nil {
				t.Fatal(err)
			}
			want, err := os.ReadFile(filepath.Join(dir, "want.sh"))
			if err != nil {
				t.Fatal(err)
			}
			got := edit(string(in), tutorial)
			if d := cmp.Diff(string(want), got); d != "" {
				t.Error(d)
			}
			if again := edit(got, tutorial); again != got {
				t.Errorf("edited again it becomes\n%s", again)
			}
		})
	}
}

func TestEditSeveral(t *testing.T) {
	a, b := VIP{Address: "10.0.0.2/32", Interface: "lo"}, VIP{Address: "10.0.0.1/24", Interface: "ens33"}
	got := edit("#!/bin/sh\nip addr add 10.0.0.3/32 dev lo\n", []VIP{a, b, {Address: "10.0.0.3/32", Interface: "lo"}})
	want := "#!/bin/sh\n" + blockBegin + "\nip addr replace 10.0.0.1/24 dev ens33\nip addr replace 10.0.0.2/32 dev lo\n" + blockEnd +
		"\nip addr add 10.0.0.3/32 dev lo\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff("#!/bin/sh\nip addr add 10.0.0.3/32 dev lo\n", edit(got, nil)); d != "" {
		t.Error(d)
	}
}

func TestAddedByHand(t *testing.T) {
	v := tutorial[0]
	for line, want := range map[string]bool{
		"ip addr add dev lo 192.168.140.100/32":                                       true,
		"ip addr add 192.168.140.100/32 dev lo":                                       true,
		"ip addr add 192.168.140.100 dev lo":                                          true,
		"/sbin/ip a a local 192.168.140.100/32 brd 192.168.140.100 dev lo label lo:0": true,
		"ip -4 address replace dev lo scope host 192.168.140.100/32 2>/dev/null || :": true,
		"ip addr add dev lo 192.168.140.100/32; true":                                 true,
		"ip addr add dev lo 192.168.140.100/32 # VIP":                                 true,
		"\tip addr add dev lo 192.168.140.100/32\r":                                   true,
		"ifconfig lo:0 192.168.140.100 netmask 255.255.255.255 broadcast 1.2.3.4 up":  true,
		"/sbin/ifconfig lo:0 192.168.140.100/32 up":                                   true,
		"ifconfig lo:0 192.168.140.100":                                               false, // a class C network
		"ifconfig lo:0 192.168.140.100 netmask 255.255.255.0":                         false,
		"ifconfig ens33:0 192.168.140.100 netmask 255.255.255.255":                    false,
		"# ip addr add dev lo 192.168.140.100/32":                                     false,
		"ip addr del dev lo 192.168.140.100/32":                                       false,
		"ip addr add dev ens33 192.168.140.100/32":                                    false,
		"ip addr add dev lo 192.168.140.100/24":                                       false,
		"ip addr add dev lo 192.168.140.10/32":                                        false,
		"ip addr add dev lo 10.0.0.1/32 brd 192.168.140.100":                          false,
		"ip route add dev lo 192.168.140.100/32":                                      false,
		"echo ip addr add dev lo 192.168.140.100/32":                                  false,
		"false && ip addr add dev lo 192.168.140.100/32":                              false,
		"ip addr add dev lo 192.168.140.100/32 &":                                     false,
		"if true; then ip addr add dev lo 192.168.140.100/32; fi":                     false,
		"f() {\nip addr add dev lo 192.168.140.100/32\n}":                             false,
		"if false; then\n:\nfi || true\nip addr add dev lo 192.168.140.100/32":        true,
		"if false; then :; fi\nip addr add dev lo 192.168.140.100/32":                 true,
		"echo 'a\nip addr add dev lo 192.168.140.100/32\n'":                           false,
		"exec true\nip addr add dev lo 192.168.140.100/32":                            false,
		"executable\nip addr add dev lo 192.168.140.100/32":                           true,
	} {
		if _, got := addedBy("#!/bin/sh\n"+line+"\n", v); got != want {
			t.Errorf("%q: got %v, want %v", line, got, want)
		}
	}
	six := VIP{Address: "2001:db8::1/128", Interface: "lo"}
	for line, want := range map[string]bool{
		"ip -6 addr add 2001:db8::1/128 dev lo":     true,
		"ip addr add 2001:DB8:0::1 dev lo nodad":    true,
		"ifconfig lo inet6 add 2001:db8::1/128":     true,
		"ifconfig lo:0 2001:db8::1":                 false,
		"ip -6 addr add 2001:db8::2/128 dev lo":     false,
		"ip addr add 2001:db8::1/128 dev lo peer x": false,
	} {
		if _, got := addedBy(line+"\n", six); got != want {
			t.Errorf("%q: got %v, want %v", line, got, want)
		}
	}
}

func TestUnusable(t *testing.T) {
	for first, ok := range map[string]bool{
		"":                        true,
		"modprobe x":              true,
		"#!/bin/sh -e":            true,
		"#! /usr/bin/env bash":    true,
		"#!/bin/bash":             true,
		"#!/bin/sh\r":             false,
		"#!/usr/bin/python3":      false,
		"#!/usr/bin/env perl":     false,
		"#!":                      false,
		"#!/bin/sh\n\x00":         false,
		"#!/bin/sh\nfoo\r\nbar\r": true,
	} {
		if why := unusable("/etc/rc.local", first+"\nexit 0\n"); (why == "") != ok {
			t.Errorf("%q: %s", first, why)
		}
	}
}

// FuzzEdit holds edit to its laws on any text.
func FuzzEdit(f *testing.F) {
	for _, s := range []string{"", "#!/bin/sh\nexit 0\n", "a\r\n" + blockBegin + "\r\nx\n", blockEnd + "\n" + blockBegin, "\n\n#!x\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := edit(text, tutorial)
		if again := edit(got, tutorial); again != got {
			t.Errorf("%q became %q and then %q", text, got, again)
		}
		if !strings.HasPrefix(got, "#!") {
			t.Errorf("%q became %q, without an interpreter", text, got)
		}
		// Others' lines are all there, in their order.
		theirs, _, _ := cutBlock(text)
		rest, _, _ := cutBlock(got)
		if !strings.HasPrefix(text, "#!") {
			rest = strings.TrimPrefix(rest, shebang+"\n")
		}
		if strings.TrimSuffix(rest, "\n") != strings.TrimSuffix(theirs, "\n") {
			t.Errorf("%q became %q: others' lines are not as they were", text, got)
		}
	})
}

// FuzzScriptRuns composes boot scripts, lets a real sh run them with an ip that
// says what it was asked and then kills the shell, and sees that the VIP was
// asked for. Since that ends the script, and PATH has nothing else, no fragment
// can do harm.
func FuzzScriptRuns(f *testing.F) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		f.Fatal(err)
	}
	fragments := []string{
		"exit 0\n", "exit 0\r\n", "exit 1", " exit\n", "exec true\n", "if false; then\n", "fi\n", "done\n", "}\n", ")\n", ";;\n",
		"cat <<E\n", "E\n", "'", "\"", "`", "$(", "\\\n", "\\", "# comment\n", "# comment \\\n", "\n", "\r\n", "set -e\nfalse\n", "set -n\n",
		"return\n", "f() {\n", "case x in\n", "#!/bin/sh\n", "#!/bin/sh -e\n", "while :; do\n", "trap : EXIT\n", "ip() { :; }\n",
		"alias ip=:\n", "ip link show\n", "kill $$\n", "\xff\xfe", "&&\n", "||\n", "|\n", "PATH=\n",
	}
	f.Add([]byte{28, 0})
	f.Add([]byte{29, 19, 5, 0})
	f.Add([]byte{11, 0, 12})
	f.Add([]byte{28, 35})
	f.Add([]byte{30})
	f.Add([]byte{19, 20, 21, 24, 35})
	f.Fuzz(func(t *testing.T, picks []byte) {
		var b strings.Builder
		for _, p := range picks[:min(len(picks), 30)] {
			b.WriteString(fragments[int(p)%len(fragments)])
		}
		if unusable("f", b.String()) != "" {
			return
		}
		dir := t.TempDir()
		fake := "#!" + sh + "\necho \"$*\" >> " + filepath.Join(dir, "asked") + "\nkill -9 $PPID\n"
		if err := os.WriteFile(filepath.Join(dir, "ip"), []byte(fake), 0o755); err != nil {
			t.Fatal(err)
		}
		script := filepath.Join(dir, "rc.local")
		text := edit(b.String(), tutorial)
		if err := os.WriteFile(script, []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(script, "start")
		cmd.Dir, cmd.Env = dir, []string{"PATH=" + dir}
		out, err := cmd.CombinedOutput()
		asked, _ := os.ReadFile(filepath.Join(dir, "asked"))
		if string(asked) != "addr replace 192.168.140.100/32 dev lo\n" {
			t.Errorf("ip was asked %q; %v %s\n%s", asked, err, out, text)
		}
	})
}

func TestHideBlock(t *testing.T) {
	v := tutorial[0]
	ours := edit("#!/bin/sh\necho hello\n", tutorial)
	if line, ok := addedBy(hideBlock(ours), v); ok {
		t.Errorf("lvsup's own line %d counts as another's", line)
	}
	both := ours + "ip addr add 192.168.140.100/32 dev lo\n"
	want := strings.Count(both, "\n")
	if line, ok := addedBy(hideBlock(both), v); !ok || line != want {
		t.Errorf("line %d (%v), want %d", line, ok, want)
	}
}
