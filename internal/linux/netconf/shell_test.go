package netconf

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"
)

// inShell sources a file in a real sh that finds no commands, and gives the
// values of the keys.
func inShell(t *testing.T, content string, keys ...string) []string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "ifcfg")
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	script := ". " + file + "\n"
	for _, k := range keys {
		script += `printf '%s\0' "$` + k + "\"\n"
	}
	cmd := exec.Command("/bin/sh", "-e", "-u", "-c", script)
	cmd.Dir, cmd.Env = dir, []string{"PATH=/nonexistent", "LC_ALL=C.UTF-8"}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("sh cannot source the file: %v: %s\n%s", err, errs.String(), content)
	}
	values := strings.Split(strings.TrimSuffix(out.String(), "\x00"), "\x00")
	if len(values) != len(keys) {
		t.Fatalf("sh gave %q for %q", values, keys)
	}
	return values
}

// FuzzQuote holds that a value, whatever is in it, comes out of a real shell as
// it went in.
func FuzzQuote(f *testing.F) {
	for _, v := range []string{"", "autoneg on", "$(reboot)", "`reboot`", `a\`, `"; reboot; "`, "'", "${X}", "a#b", "!x", "~", "*", "ä", "-n"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		s, err := ParseSettings("ens33", "192.168.140.10/24", "192.168.140.2", []string{"8.8.8.8"}, map[string]string{"ETHTOOL_OPTS": value})
		if strings.ContainsFunc(value, unicode.IsControl) && strings.ContainsAny(value, "\n\r\x00\x1b\x7f") && err == nil {
			t.Fatalf("%q is accepted", value)
		}
		if err != nil || !isText(value) {
			return
		}
		content, err := EditIfcfg("", s)
		if err != nil {
			t.Fatal(err)
		}
		got := inShell(t, content, "ETHTOOL_OPTS", "DEVICE", "IPADDR", "DNS1")
		want := []string{value, "ens33", "192.168.140.10", "8.8.8.8"}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("sh reads %q, want %q\n%s", got[i], want[i], content)
			}
		}
	})
}

// FuzzWord holds that where the parser is certain of a value, a real shell
// reads the same.
func FuzzWord(f *testing.F) {
	for _, v := range []string{"a", `"a b"`, `'a b' # c`, `a\ b`, `"a\qb\"\\"`, `a"b"'c'`, "a #b", "a#b", `""`, `a\`, "=x", "a=b"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if !isText(text) || strings.ContainsFunc(text, unicode.IsControl) {
			return
		}
		lines := parseShell("KEY=" + text + "\n")
		if len(lines) != 1 || !lines[0].plain {
			return
		}
		if got := inShell(t, lines[0].raw, "KEY"); got[0] != lines[0].value {
			t.Errorf("sh reads %q as %q, the parser as %q", text, got[0], lines[0].value)
		}
	})
}

// isText keeps the shell's own quirks with bytes that are no text out of the
// comparison.
func isText(s string) bool { return !strings.ContainsRune(s, unicode.ReplacementChar) }

// FuzzEdit holds that an edit of any file gives the wanted keys, keeps foreign
// lines, and is done once.
func FuzzEdit(f *testing.F) {
	f.Add("IPADDR=1.2.3.4\nFOO=bar")
	f.Add("A=\"open\nquote\nIPADDR=1.1.1.1\n")
	f.Add("IPADDR=1.2.3.4 # x\r\nNETMASK=\\\n255.0.0.0\n")
	f.Add("if true; then IPADDR=1; fi\n")
	f.Add("X='")
	s, err := ParseSettings("ens33", "192.168.140.10/24", "192.168.140.2", []string{"8.8.8.8"}, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, content string) {
		once, err := EditIfcfg(content, s)
		if err != nil {
			return // a file that no shell can read
		}
		twice, err := EditIfcfg(once, s)
		if err != nil || twice != once {
			t.Fatalf("a second edit differs (%v):\n%q\n%q", err, once, twice)
		}
		lines := parseShell(once)
		for k, v := range map[string]string{"IPADDR": "192.168.140.10", "GATEWAY": "192.168.140.2", "DEVICE": "ens33"} {
			if l, ok := last(lines, k); !ok || l.value != v {
				t.Errorf("%s is %q in %q", k, l.value, once)
			}
		}
		for _, l := range parseShell(content) {
			if l.key == "" && !strings.Contains(once, strings.TrimSuffix(l.raw, "\n")) {
				t.Errorf("line %q is lost in %q", l.raw, once)
			}
		}
	})
}

// FuzzInterfaces holds that taking stanzas out of a file of interfaces(5) can
// be undone, and leaves no stanza of the interface behind.
func FuzzInterfaces(f *testing.F) {
	f.Add("auto ens33\niface ens33 inet dhcp\n  up x \\\n y\n# c\n\nauto lo")
	f.Add("iface ens33 inet static\\\n address 1.2.3.4")
	f.Fuzz(func(t *testing.T, content string) {
		if strings.Contains(content, marker) {
			return
		}
		got := commentStanzas(content, map[string]bool{"ens33 inet": true})
		if back := Uncomment(got); back != content {
			t.Fatalf("undone %q, was %q", back, content)
		}
		for _, st := range parseInterfaces(got) {
			if st.head[0] == "iface" && len(st.head) > 2 && st.head[1] == "ens33" && st.head[2] == "inet" {
				t.Fatalf("still there: %q", got)
			}
		}
	})
}

// TestKeysAreKnown checks the keys lvsup writes or removes against those that
// doc/sysconfig.txt of fedora-sysv/initscripts documents for ifcfg files (and
// those that NetworkManager or system-config-network added: TYPE, UUID,
// BROWSER_ONLY, VLAN_ID; PHYSDEV stands in network-scripts/ifup alone).
func TestKeysAreKnown(t *testing.T) {
	known := map[string]bool{}
	for _, k := range strings.Fields(`NAME DEVICE IPADDRn PREFIXn NETMASKn GATEWAY METRIC ONBOOT HOTPLUG USERCTL BOOTPROTO VLAN MTU
		WINDOW PEERDNS DNSn SCOPE SRCADDR HWADDR MACADDR NOZEROCONF PERSISTENT_DHCLIENT DHCPRELEASE NO_DHCP_HOSTNAME
		DHCP_SEND_HOSTNAME DHCP_HOSTNAME DHCP_FQDN DHCLIENT_IGNORE_GATEWAY DHCLIENTARGS NM_CONTROLLED ZONE ARPCHECKn ARPUPDATE
		IPV4_FAILURE_FATAL NETWORK BROADCAST ONPARENT IPV6INIT IPV6ADDR IPV6ADDR_SECONDARIES IPV6_MTU IPV6_AUTOCONF IPV6_ROUTER
		IPV6_DEFAULTGW DHCPV6C ARP LINKDELAY BRIDGE EXTRA_ROUTE_OPTS ETHTOOL_OPTS REORDER_HDR GVRP DEFROUTE TYPE UUID BROWSER_ONLY PHYSDEV VLAN_ID`) {
		known[k] = true
	}
	digits := regexp.MustCompile(`[0-9]+$`)
	check := func(k string) {
		if !known[k] && !known[digits.ReplaceAllString(k, "")+"n"] && !known[k+"n"] {
			t.Errorf("%s is no key of an ifcfg file", k)
		}
	}
	for _, k := range keyOrder() {
		check(k)
	}
	for _, a := range []string{"192.168.140.10/24", "fd00::10/64"} {
		gw := map[string]string{"192.168.140.10/24": "192.168.140.2", "fd00::10/64": "fd00::1"}[a]
		s, err := ParseSettings("ens33", a, gw, []string{"8.8.8.8", "8.8.4.4", "1.1.1.1"}, nil)
		if err != nil {
			t.Fatal(err)
		}
		s.VLAN = VLAN{ID: 20, Link: "ens36"}
		keys, stale := wantedKeys(nil, s)
		for _, k := range keys {
			check(k.name)
			if stale(k.name) {
				t.Errorf("%s is both wanted and stale", k.name)
			}
		}
	}
}
