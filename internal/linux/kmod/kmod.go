// Package kmod says whether a kernel module is there, without loading
// anything.
package kmod

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Release is the running kernel's release, as uname -r prints it; empty if it
// cannot be read.
func Release(h host.Host) string {
	release, err := os.ReadFile(h.Path("/proc/sys/kernel/osrelease"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(release))
}

// Loaded reports whether the module is in the running kernel as a module
// (/proc/modules, proc(5)). Built-in ones are not listed there.
func Loaded(h host.Host, name string) bool {
	found := false
	scan(h.Path("/proc/modules"), func(line string) bool {
		first, _, _ := strings.Cut(line, " ")
		found = first == name
		return found
	})
	return found
}

// BuiltIn reports whether the kernel of that release has the module built in
// (modules.builtin, depmod(8)).
func BuiltIn(h host.Host, release, name string) bool {
	return listed(h, release, "modules.builtin", name)
}

// OnDisk reports whether the module can be found for that kernel release
// (modules.dep, depmod(8)).
func OnDisk(h host.Host, release, name string) bool {
	return listed(h, release, "modules.dep", name)
}

// Loadable gives nil if the module is loaded or built in, or if loading it can
// be expected to work; otherwise an error that says why not and what to do. It
// asks modprobe(8) only for what it would do.
func Loadable(ctx context.Context, h host.Host, release, name string) error {
	if Loaded(h, name) || BuiltIn(h, release, name) {
		return nil
	}
	if disabled, err := os.ReadFile(h.Path("/proc/sys/kernel/modules_disabled")); err == nil && strings.TrimSpace(string(disabled)) == "1" {
		return fmt.Errorf("module %s is not loaded and kernel.modules_disabled forbids loading it until a reboot", name)
	}
	if _, err := os.Stat(h.Path("/lib/modules/" + release)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("the running kernel %s has no directory in /lib/modules: reboot if the kernel was updated, or boot a kernel that has the module %s", release, name)
	}
	if !OnDisk(h, release, name) {
		return fmt.Errorf("kernel %s has no module %s: install the package with the rest of its modules (kernel-modules, linux-modules-extra) or boot a kernel that has it", release, name)
	}
	res, err := h.Run(ctx, "modprobe", "-n", "-v", "--", name)
	if err != nil {
		// Without modprobe the kernel may still find the module by itself.
		return nil
	}
	if res.Code != 0 {
		return fmt.Errorf("module %s cannot be loaded: %w", name, res.Err("modprobe", "-n", name))
	}
	if cmd := override(res.Stdout); cmd != "" {
		return fmt.Errorf("module %s is kept from loading by a line in /etc/modprobe.d: install %s %s", name, name, cmd)
	}
	return nil
}

// override finds an "install" line that does not load anything, as hardening
// guides write it (modprobe.d(5)).
func override(out string) string {
	for line := range strings.Lines(out) {
		cmd, ok := strings.CutPrefix(strings.TrimSpace(line), "install ")
		if ok && (strings.HasSuffix(cmd, "/true") || strings.HasSuffix(cmd, "/false")) {
			return cmd
		}
	}
	return ""
}

// listed looks for the module in one of depmod's lists. Its lines start with
// kernel/net/.../NAME.ko, perhaps compressed.
func listed(h host.Host, release, list, name string) bool {
	found := false
	scan(h.Path("/lib/modules/"+release+"/"+list), func(line string) bool {
		file, _, _ := strings.Cut(line, ":")
		base, _, _ := strings.Cut(path.Base(strings.TrimSpace(file)), ".ko")
		found = strings.ReplaceAll(base, "-", "_") == strings.ReplaceAll(name, "-", "_")
		return found
	})
	return found
}

// scan calls f with each line until it returns true. A file that cannot be
// read has no lines.
func scan(file string, f func(line string) bool) {
	r, err := os.Open(file)
	if err != nil {
		return
	}
	defer r.Close()
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if f(lines.Text()) {
			return
		}
	}
}
