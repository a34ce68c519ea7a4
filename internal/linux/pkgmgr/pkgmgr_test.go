package pkgmgr

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// As apt-get -s of Debian 12 printed it.
const simulated = `Reading package lists...
The following NEW packages will be installed:
  apache2 apache2-bin
Inst apache2-bin (2.4.62-1~deb12u2 Debian:12.9/stable [amd64])
Inst libc6 [2.36-9+deb12u8] (2.36-9+deb12u9 Debian:12.9/stable [amd64]) []
Inst libfoo:i386 (1.0 Debian:12.9/stable [i386])
Inst apache2 (2.4.62-1~deb12u2 Debian:12.9/stable [amd64])
Conf apache2-bin (2.4.62-1~deb12u2 Debian:12.9/stable [amd64])
Remv nginx [1.22.1-9]
Purg lighttpd [1.4.69-1]
`

func TestParseAPT(t *testing.T) {
	want := aptPlan{install: []string{"apache2-bin", "libfoo", "apache2"}, remove: []string{"nginx", "lighttpd"}}
	if got := parseAPT(simulated); !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestParseNeeded(t *testing.T) {
	got := parseNeeded("error: Failed dependencies:\n\tlibapr-1.so.0()(64bit) is needed by (installed) httpd-2.4.57-5.el9.x86_64\n" +
		"\tapr is needed by (installed) 1:subversion-1.14-1.noarch\n\tapr >= 1 is needed by (installed) httpd-2.4.57-5.el9.x86_64\n")
	if strings.Join(got, " ") != "httpd-2.4.57-5.el9.x86_64 subversion-1.14-1.noarch" {
		t.Errorf("got %v", got)
	}
}

func TestBecause(t *testing.T) {
	res := host.Result{Code: 100, Stderr: "E: Failed to fetch http://192.0.2.1/InRelease  Could not connect\nE: Some index files failed to download.\n"}
	if err := because(res, "apt-get", "update"); err == nil || !strings.Contains(err.Error(), "192.0.2.1") {
		t.Errorf("got %v", err)
	}
	if err := because(host.Result{Stderr: "W: Failed to fetch x"}, "apt-get"); err != nil {
		t.Errorf("success with a warning: %v", err)
	}
}

func TestDetect(t *testing.T) {
	tests := []struct {
		files        string
		name, apache string
	}{
		{"usr/bin/apt-get var/lib/dpkg/status", "apt-get", "apache2"},
		{"usr/bin/apt-get var/lib/dpkg/status usr/bin/dnf", "apt-get", "apache2"}, // Debian with dnf
		{"usr/bin/dnf usr/bin/yum", "dnf", "httpd"},
		{"usr/bin/dnf usr/bin/apt-get", "dnf", "httpd"}, // Fedora with apt
		{"usr/bin/yum", "yum", "httpd"},
	}
	for _, tt := range tests {
		root := t.TempDir()
		for _, f := range strings.Fields(tt.files) {
			if err := os.MkdirAll(filepath.Dir(filepath.Join(root, f)), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(root, f), nil, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		m, err := Detect(host.Host{Root: root})
		if err != nil || m.Name() != tt.name || Apache(host.Host{Root: root}) != tt.apache {
			t.Errorf("%s: %v, %v", tt.files, m, err)
		}
	}
	if _, err := Detect(host.Host{Root: t.TempDir()}); err != ErrNone {
		t.Errorf("an empty host: %v", err)
	}
}
