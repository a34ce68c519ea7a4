package procsys

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		p := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, p)
		} else {
			err = os.WriteFile(p, []byte(content), 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func TestNames(t *testing.T) {
	for name, want := range map[string][2]string{
		"net.ipv4.ip_forward":                 {"net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"},
		"net/ipv4/ip_forward":                 {"net.ipv4.ip_forward", "/proc/sys/net/ipv4/ip_forward"},
		"net.ipv4.conf.eth0/100.rp_filter":    {"net.ipv4.conf.eth0/100.rp_filter", "/proc/sys/net/ipv4/conf/eth0.100/rp_filter"},
		"net/ipv4/conf/eth0.100/rp_filter":    {"net.ipv4.conf.eth0/100.rp_filter", "/proc/sys/net/ipv4/conf/eth0.100/rp_filter"},
		"net.ipv4.conf.all.arp_ignore":        {"net.ipv4.conf.all.arp_ignore", "/proc/sys/net/ipv4/conf/all/arp_ignore"},
		"net.ipv4.conf.br-lan/1/2.forwarding": {"net.ipv4.conf.br-lan/1/2.forwarding", "/proc/sys/net/ipv4/conf/br-lan.1.2/forwarding"},
	} {
		if got := [2]string{Dotted(name), Path("/", name)}; got != want {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestLive(t *testing.T) {
	root := tree(t, map[string]string{"/proc/sys/net/ipv4/ip_forward": "0\n"})
	if err := Write(root, "net.ipv4.ip_forward", "1"); err != nil {
		t.Fatal(err)
	}
	if v, err := Read(root, "net.ipv4.ip_forward"); v != "1" || err != nil {
		t.Errorf("got %q, %v", v, err)
	}
	_, err := Read(root, "net.ipv4.missing")
	if !errors.Is(err, ErrNoSysctl) || !strings.Contains(err.Error(), "net.ipv4.missing") {
		t.Errorf("reading what is not there: %v", err)
	}
	if err := Write(root, "net.ipv4.missing", "1"); !errors.Is(err, ErrNoSysctl) {
		t.Errorf("writing what is not there: %v", err)
	}
}

func TestFilesOrder(t *testing.T) {
	root := tree(t, map[string]string{
		"/etc/sysctl.conf":                   "c\n",
		"/etc/sysctl.d/99-sysctl.conf":       "-> ../sysctl.conf",
		"/etc/sysctl.d/50-masked.conf":       "-> /dev/null",
		"/etc/sysctl.d/README.sysctl":        "no\n",
		"/etc/sysctl.d/.hid.conf":            "hidden\n",
		"/etc/sysctl.d/.99-a.conf.lvsup-tmp": "no\n",
		"/etc/sysctl.d/60-a.conf":            "etc\n",
		"/run/sysctl.d/60-a.conf":            "hidden\n",
		"/run/sysctl.d/10-r.conf":            "run\n",
		"/usr/local/lib/sysctl.d/70-l.conf":  "local\n",
		"/usr/lib/sysctl.d/50-masked.conf":   "hidden\n",
		"/usr/lib/sysctl.d/zz.conf":          "usr\n",
		"/lib/sysctl.d/20-x.conf":            "lib\n",
		"/etc/sysctl.d/30-gone.conf":         "-> nowhere",
	})
	got := func(r Reader) string {
		files, err := Files(root, r)
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, f := range Place(files, "/etc/sysctl.d/99-lvsup.conf", "ours\n") {
			b.WriteString(f.Real + "=" + f.Text)
		}
		return b.String()
	}
	want := `/run/sysctl.d/10-r.conf=run
/lib/sysctl.d/20-x.conf=lib
/etc/sysctl.d/60-a.conf=etc
/usr/local/lib/sysctl.d/70-l.conf=local
/etc/sysctl.d/99-lvsup.conf=ours
/etc/sysctl.conf=c
/usr/lib/sysctl.d/zz.conf=usr
`
	if g := got(Systemd); g != want {
		t.Errorf("systemd reads\n%s", g)
	}
	if g := got(Procps); g != "/etc/sysctl.d/.hid.conf=hidden\n"+want+"/etc/sysctl.conf=c\n" {
		t.Errorf("procps reads\n%s", g)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a.b=1\n", "-a", "=", "-", "a/b.c = d = e\r\n;x", "[*?=1"} {
		f.Add(s, "net.ipv4.ip_forward")
	}
	f.Fuzz(func(t *testing.T, text, name string) {
		for _, s := range Parse(File{Text: text}) {
			if s.Line < 1 || s.Line > strings.Count(text, "\n")+1 || s.Name == "" {
				t.Errorf("%q gave %+v", text, s)
			}
		}
		Effective(Systemd, []File{{Text: text}}, name)
		Effective(Procps, []File{{Text: text}}, name)
	})
}
