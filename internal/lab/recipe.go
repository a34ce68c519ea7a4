package lab

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
)

// The recipe of the guests' disk. Whatever is changed here changes its hash,
// and with it the image that a lab boots from.

// imageSize is the size of the guests' root file system, most of it a hole.
const imageSize = "1500M"

// imagePackages are installed in the guests of the default stack, the
// distribution's required packages aside.
func imagePackages() []string {
	return []string{
		"systemd", "systemd-sysv", "dbus", "openssh-server", "openssh-sftp-server", "iproute2", "kmod",
		"procps", "apache2", "ifupdown", "curl", "iputils-ping", "ipvsadm", "chrony", "netbase", "sudo",
		"iptables", "isc-dhcp-client",
	}
}

// repositoryPackages are those that a guest can purge and install again without
// a network; the repository in the image has what goes with them, too.
func repositoryPackages() []string { return []string{"apache2", "ipvsadm"} }

// repositoryDir is where the guests have that repository.
const repositoryDir = "/opt/lvsup-repo"

// maskedUnits do nothing for a guest of the default stack and together take two thirds of its boot.
// Not among them, since lvsup relies on them: systemd-modules-load,
// systemd-sysctl, rc-local and networking.
func maskedUnits() []string {
	return []string{
		"systemd-udevd.service", "systemd-udev-trigger.service", "systemd-udev-settle.service",
		"systemd-udevd-control.socket", "systemd-udevd-kernel.socket", "ifupdown-pre.service",
		"systemd-binfmt.service", "systemd-pstore.service", "systemd-sysusers.service",
		"systemd-update-utmp.service", "systemd-update-utmp-runlevel.service", "systemd-random-seed.service",
		"systemd-journal-flush.service", "systemd-remount-fs.service", "systemd-firstboot.service",
		"systemd-repart.service", "systemd-hwdb-update.service", "systemd-machine-id-commit.service",
		"systemd-update-done.service", "systemd-journal-catalog-update.service", "systemd-pcrphase.service",
		"systemd-pcrphase-sysinit.service", "kmod-static-nodes.service", "modprobe@.service",
		"dev-hugepages.mount", "dev-mqueue.mount", "proc-sys-fs-binfmt_misc.automount",
		"sys-fs-fuse-connections.mount", "sys-kernel-config.mount", "sys-kernel-debug.mount",
		"sys-kernel-tracing.mount", "apt-daily.timer", "apt-daily-upgrade.timer", "dpkg-db-backup.timer",
		"e2scrub_all.timer", "fstrim.timer", "systemd-tmpfiles-clean.timer", "getty.target",
		"e2scrub_reap.service", "ldconfig.service",
	}
}

// maskedGenerators are systemd's generators that a guest can do without; the
// one for rc.local stays.
func maskedGenerators() []string {
	return []string{
		"systemd-cryptsetup-generator", "systemd-debug-generator", "systemd-getty-generator",
		"systemd-gpt-auto-generator", "systemd-hibernate-resume-generator",
		"systemd-integritysetup-generator", "systemd-run-generator", "systemd-system-update-generator",
		"systemd-veritysetup-generator",
	}
}

// disabledUnits are installed but left to the plan to enable.
func disabledUnits() []string {
	return []string{"apache2.service", "apache-htcacheclean.service", "chrony.service"}
}

// moduleDirs are the parts of the kernel's module tree that the guests get.
func moduleDirs() []string {
	return []string{
		"crypto", "kernel", "lib", "mm", "net", "security",
		"drivers/net", "drivers/block", "drivers/md", "fs/fuse", "fs/nls", "fs/overlayfs",
	}
}

// unneededFiles are left out when packages are unpacked, in dpkg's patterns.
func unneededFiles() []string {
	return []string{"/usr/share/man/*", "/usr/share/doc/*", "/usr/share/locale/*", "/usr/share/info/*"}
}

// The account that tests of sudo log in with, beside root. Its password is
// "lab": no network leads to a guest except the lab's own.
const (
	userName     = "ops"
	userPassword = "$6$lvsuplab$wSoYnVVyIy06tPipGsVuUtWHnNH0vsPaM8CZ5csOcu.m0r5KL/63MEJIQWj7Du961MX.m5a4alOMBeYVf4s3p0" // crypt(5), SHA-512
)

// applyOverlay writes the recipe's own files into an unpacked guest.
func applyOverlay(root string, stack Stack) error {
	files, err := stack.files()
	if err != nil {
		return err
	}
	for _, f := range files {
		at := filepath.Join(root, f.at)
		if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
			return fmt.Errorf("cannot write the lab's files into the image: %w", err)
		}
		if err := os.WriteFile(at, f.content, 0o644); err != nil {
			return fmt.Errorf("cannot write the lab's files into the image: %w", err)
		}
	}
	return nil
}

// recipeVersion counts the changes of the build that the lists do not show.
const recipeVersion = "5"

// recipeHash names the image that this recipe makes of one release of the
// distribution and one build of the guests' kernel, for guests of a stack.
func recipeHash(suite, kernel string, stack Stack) (string, error) {
	sum := sha256.New()
	lists := [][]string{
		{recipeVersion, suite, kernel, imageSize, userPassword},
		stack.packages(), repositoryPackages(), stack.masked(), maskedGenerators(), disabledUnits(), moduleDirs(), unneededFiles(),
	}
	if stack != Ifupdown {
		lists = append(lists, append([]string{string(stack)}, stack.enabled()...))
	}
	for _, list := range lists {
		fmt.Fprintf(sum, "%q\n", list)
	}
	files, err := stack.files()
	if err != nil {
		return "", err
	}
	for _, f := range files {
		fmt.Fprintf(sum, "%s %q\n", f.source, f.content)
	}
	return hex.EncodeToString(sum.Sum(nil))[:16], nil
}
