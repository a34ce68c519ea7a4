//go:build linuxroot

package pkgtest

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// RPM makes a host whose tool is "dnf" or "yum". Debian's dnf does the work
// behind both names, as on RHEL 8 and later. Needs the packages dnf, rpm and
// createrepo-c.
func RPM(t *testing.T, tool string) *System {
	t.Helper()
	dir := t.TempDir()
	repo, root := filepath.Join(dir, "repo"), filepath.Join(dir, "root")
	for _, p := range Packages("httpd") {
		spec := []string{"Name: " + p.Name, "Version: 1.0", "Release: 1", "Summary: test", "License: none", "BuildArch: noarch"}
		for _, n := range p.Needs {
			spec = append(spec, "Requires: "+n)
		}
		spec = append(spec, "%description", "test", "%install",
			"mkdir -p %{buildroot}/usr/share/"+p.Name, "echo x > %{buildroot}/usr/share/"+p.Name+"/file",
			"%files", "/usr/share/"+p.Name, "")
		file := filepath.Join(dir, p.Name+".spec")
		put(t, file, strings.Join(spec, "\n"))
		run(t, dir, "rpmbuild", "-bb", "--quiet", "--define", "_topdir "+dir+"/build", "--define", "_rpmdir "+repo, file)
	}
	run(t, dir, "createrepo_c", "-q", repo)

	s := &System{Repo: repo, t: t}
	repos := filepath.Join(root, "etc/yum.repos.d")
	edit := func(argv []string) []string {
		switch argv[0] {
		case "dnf", "yum":
			argv = append([]string{"dnf"}, argv[1:]...)
			return insert(argv, "dnf", "--installroot="+root, "--releasever=1", "--setopt=reposdir="+repos)
		case "rpm":
			return insert(argv, "rpm", "--root", root)
		}
		return argv
	}
	s.Host = host.Host{Root: root, Run: wrap(edit)}
	s.Put("/usr/bin/"+tool, "")
	s.Put("/etc/yum.repos.d/local.repo", "[local]\nname=local\nbaseurl=file://"+repo+"\ngpgcheck=0\nmetadata_expire=1\n")
	return s
}
