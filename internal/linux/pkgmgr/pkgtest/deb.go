//go:build linuxroot

package pkgtest

import (
	"crypto/sha256"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Conffile is where each package of Deb's repository has its configuration,
// below /etc.
func Conffile(name string) string { return "/etc/" + name + ".conf" }

// Deb makes a host with apt and dpkg whose lists have not been fetched yet.
func Deb(t *testing.T) *System {
	t.Helper()
	dir := t.TempDir()
	repo, root := filepath.Join(dir, "repo"), filepath.Join(dir, "root")
	var index strings.Builder
	for _, p := range Packages("apache2") {
		tree := filepath.Join(dir, "tree", p.Name)
		control := "Package: " + p.Name + "\nVersion: 1.0\nArchitecture: all\nMaintainer: test <test@example.org>\nDescription: test\n"
		if len(p.Needs) > 0 {
			control += "Depends: " + strings.Join(p.Needs, ", ") + "\n"
		}
		put(t, filepath.Join(tree, "DEBIAN/control"), control)
		put(t, filepath.Join(tree, "DEBIAN/conffiles"), Conffile(p.Name)+"\n")
		put(t, filepath.Join(tree, Conffile(p.Name)), "as shipped\n")
		file := filepath.Join(repo, p.Name+".deb")
		put(t, file, "")
		run(t, dir, "dpkg-deb", "--build", "--root-owner-group", tree, file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&index, "%sFilename: ./%s.deb\nSize: %d\nSHA256: %x\n\n", control, p.Name, len(data), sha256.Sum256(data))
	}
	put(t, filepath.Join(repo, "Packages"), index.String())

	conf := filepath.Join(dir, "apt.conf")
	put(t, conf, fmt.Sprintf("Dir %q;\nDPkg::Options { \"--root=%s\"; };\nAPT::Sandbox::User \"root\";\n", root, root))
	edit := func(argv []string) []string {
		switch argv[0] {
		case "env":
			return insert(insert(argv, "env", "APT_CONFIG="+conf), "dpkg", "--root="+root)
		case "dpkg-query":
			return insert(argv, "dpkg-query", "--admindir="+root+"/var/lib/dpkg")
		case "apt-mark":
			return append([]string{"env", "APT_CONFIG=" + conf}, argv...)
		}
		return argv
	}
	s := &System{Host: host.Host{Root: root, Run: wrap(edit)}, Repo: repo, t: t}
	for _, file := range []string{
		"/usr/bin/apt-get", "/var/lib/dpkg/status", "/var/lib/dpkg/updates/.keep", "/var/lib/dpkg/info/format",
		"/var/lib/apt/lists/partial/.keep", "/var/cache/apt/archives/partial/.keep", "/var/log/apt/.keep",
		"/etc/apt/apt.conf.d/.keep", "/etc/apt/preferences.d/.keep", "/etc/apt/trusted.gpg.d/.keep",
	} {
		s.Put(file, "")
	}
	s.Put("/var/lib/dpkg/info/format", "1\n")
	s.Put("/etc/apt/sources.list", "deb [trusted=yes] file:"+repo+" ./\n")
	return s
}
