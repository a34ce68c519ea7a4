package lab

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lvsup/lvsup/internal/shell"
)

// bootstrap unpacks a Debian into root, from the package sources of this
// machine: the lab names no mirror of its own.
func bootstrap(ctx context.Context, work, root string, stack Stack) error {
	release, err := osReleaseValues()
	if err != nil {
		return err
	}
	sources, err := aptSources(ctx, release["ID"], release["VERSION_CODENAME"])
	if err != nil {
		return err
	}
	list := filepath.Join(work, "sources.list")
	if err := os.WriteFile(list, []byte(sources), 0o644); err != nil {
		return err
	}
	conf, err := aptAcquire(ctx)
	if err != nil {
		return err
	}
	acquire := filepath.Join(work, "apt.conf")
	if err := os.WriteFile(acquire, []byte(conf), 0o644); err != nil {
		return err
	}
	lean := filepath.Join(work, "dpkg.cfg")
	if err := os.WriteFile(lean, []byte(dpkgConfig()), 0o644); err != nil {
		return err
	}
	args := []string{
		"--mode=root", "--format=directory", "--variant=minbase",
		// makeRepository wants the downloaded packages.
		"--skip=cleanup/apt,cleanup/reproducible",
		"--aptopt=" + acquire,
		// A sync for each file unpacked makes half of the build's time, and a
		// build that was cut off is thrown away whole.
		"--dpkgopt=force-unsafe-io",
		// Excluding files from the start would be slower: mmdebstrap then filters
		// the essential packages in Perl.
		"--essential-hook=cp " + shell.Quote(lean) + ` "$1/etc/dpkg/dpkg.cfg.d/lvsup-lab"`,
		"--include=" + strings.Join(stack.packages(), ","),
	}
	_, err = run(ctx, "", "mmdebstrap", append(args, release["VERSION_CODENAME"], root, list)...)
	return err
}

// dpkgConfig is for dpkg.cfg(5) in the guests.
func dpkgConfig() string {
	config := ""
	for _, pattern := range unneededFiles() {
		config += "path-exclude=" + pattern + "\n"
	}
	return config
}

// aptSources gives the sources.list(5) lines of the distribution itself, as
// this machine's apt knows them; repositories of third parties are left out.
func aptSources(ctx context.Context, id, suite string) (string, error) {
	targets, err := run(ctx, "", "apt-get", "indextargets", "--format",
		"$(ORIGIN)|$(REPO_URI)|$(RELEASE)|$(COMPONENT)", "Created-By: Packages")
	if err != nil {
		return "", err
	}
	lines, seen := "", map[string]bool{}
	for _, target := range strings.Split(targets, "\n") {
		f := strings.Split(target, "|")
		if len(f) != 4 || !strings.EqualFold(f[0], id) || !strings.HasPrefix(f[2], suite) {
			continue
		}
		line := fmt.Sprintf("deb %s %s %s\n", f[1], f[2], f[3])
		if !seen[line] {
			seen[line] = true
			lines += line
		}
	}
	if lines == "" {
		return "", fmt.Errorf("cannot tell where this machine gets its packages of %s from: run `apt-get update`", suite)
	}
	return lines, nil
}

// aptAcquire gives this machine's settings for downloads (a proxy, say), since
// mmdebstrap runs apt with settings of its own.
func aptAcquire(ctx context.Context) (string, error) {
	settings, err := run(ctx, "", "apt-config", "dump", "--format", `%F "%v";%n`, "Acquire")
	if err != nil {
		return "", err
	}
	conf := "APT::Install-Recommends \"false\";\nAcquire::Languages \"none\";\n"
	for _, line := range strings.Split(settings, "\n") {
		for _, prefix := range []string{"Acquire::http", "Acquire::ftp", "Acquire::Retries", "Acquire::Check-"} {
			if strings.HasPrefix(line, prefix) && !strings.HasSuffix(line, ` "";`) {
				conf += line + "\n"
			}
		}
	}
	return conf, nil
}

// furnish turns an unpacked Debian into a lab guest.
func furnish(ctx context.Context, root string, stack Stack) error {
	in := func(path string) string { return filepath.Join(root, path) }
	if _, err := run(ctx, "", "chroot", root, "useradd", "--create-home", "--shell", "/bin/bash",
		"--groups", "sudo", "--password", userPassword, userName); err != nil {
		return err
	}
	if _, err := run(ctx, "", "chroot", append([]string{root, "systemctl", "disable"}, disabledUnits()...)...); err != nil {
		return err
	}
	if units := stack.enabled(); len(units) > 0 {
		if _, err := run(ctx, "", "chroot", append([]string{root, "systemctl", "enable"}, units...)...); err != nil {
			return err
		}
	}
	if err := copyModules(ctx, root); err != nil {
		return err
	}
	if err := applyOverlay(root, stack); err != nil {
		return err
	}
	// An empty machine-id is made anew at each boot without counting as a first
	// boot, which would enable every unit (machine-id(5)).
	for _, path := range []string{"etc/hostname", "etc/fstab", "etc/resolv.conf", "etc/machine-id"} {
		if err := os.WriteFile(in(path), nil, 0o644); err != nil {
			return err
		}
	}
	if err := os.WriteFile(in("etc/hosts"), []byte("127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"), 0o644); err != nil {
		return err
	}
	// What would be the same in all guests, or run at boot for nothing.
	patterns := append(unneededFiles(), "etc/ssh/ssh_host_*", "var/lib/dbus/machine-id", "etc/rc?.d/*ipvsadm")
	for _, pattern := range patterns {
		paths, err := filepath.Glob(in(pattern))
		if err != nil {
			return err
		}
		for _, path := range paths {
			if err := os.RemoveAll(path); err != nil {
				return err
			}
		}
	}
	return setUnits(root, stack)
}

// labelFiles gives the files of a guest under SELinux the labels that its policy
// names. This machine needs no SELinux for that, but setfiles needs /proc, which is
// mounted where nobody else sees it.
func labelFiles(ctx context.Context, root string, stack Stack) error {
	if stack != SELinux {
		return nil
	}
	_, err := run(ctx, "", "unshare", "--mount", "sh", "-ec",
		`mount -t proc proc "$0/proc"; exec chroot "$0" setfiles -F -e /proc /etc/selinux/default/contexts/files/file_contexts /`, root)
	return err
}

// setUnits masks systemd's units and generators that a guest can do without, and
// enables the lab's own.
func setUnits(root string, stack Stack) error {
	system := filepath.Join(root, "etc/systemd/system")
	generators := filepath.Join(root, "etc/systemd/system-generators")
	wants := filepath.Join(system, "multi-user.target.wants")
	for _, dir := range []string{wants, generators} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	links := map[string]string{filepath.Join(wants, "lab-boot.service"): "/etc/systemd/system/lab-boot.service"}
	for _, unit := range stack.masked() {
		links[filepath.Join(system, unit)] = "/dev/null"
	}
	for _, generator := range maskedGenerators() {
		links[filepath.Join(generators, generator)] = "/dev/null"
	}
	for at, target := range links {
		if err := os.Remove(at); err != nil && !os.IsNotExist(err) {
			return err
		}
		if err := os.Symlink(target, at); err != nil {
			return err
		}
	}
	return nil
}

// copyModules puts the modules of the guests' kernel, or the part of them that
// a guest may load, where modprobe finds them.
func copyModules(ctx context.Context, root string) error {
	versions, err := filepath.Glob("/usr/lib/uml/modules/*")
	if err != nil || len(versions) != 1 {
		return fmt.Errorf("cannot tell which modules go with %s: /usr/lib/uml/modules holds %d versions; reinstall user-mode-linux", umlKernel, len(versions))
	}
	from, version := versions[0], filepath.Base(versions[0])
	to := filepath.Join(root, "lib/modules", version)
	for _, dir := range moduleDirs() {
		if err := copyTree(filepath.Join(from, "kernel", dir), filepath.Join(to, "kernel", dir)); err != nil {
			return fmt.Errorf("cannot copy the kernel's modules: %w", err)
		}
	}
	for _, name := range []string{"modules.order", "modules.builtin", "modules.builtin.modinfo"} {
		if err := copyFile(filepath.Join(from, name), filepath.Join(to, name)); err != nil && !os.IsNotExist(err) {
			return err
		}
	}
	_, err = run(ctx, "", "depmod", "-b", root, version)
	return err
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		at := filepath.Join(to, strings.TrimPrefix(path, from))
		if entry.IsDir() {
			return os.MkdirAll(at, 0o755)
		}
		return copyFile(path, at)
	})
}

func copyFile(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, content, 0o644)
}
