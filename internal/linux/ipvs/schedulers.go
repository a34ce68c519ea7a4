package ipvs

import (
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Schedulers lists those that a kernel can have, sorted: the modules of
// net/netfilter/ipvs up to Linux 6.12. Twos came with 5.12, mh with 4.18, ovf
// and fo with 4.3 and 3.18.
func Schedulers() []string {
	return []string{"dh", "fo", "lblc", "lblcr", "lc", "mh", "nq", "ovf", "rr", "sed", "sh", "twos", "wlc", "wrr"}
}

// notSchedulers are modules whose name begins like a scheduler's.
var notSchedulers = []string{"ftp", "pe_sip"}

const modulePrefix = "ip_vs_"

// KernelSchedulers lists those that the running kernel has, sorted: as a module
// on disk, loaded, or built in. It loads nothing. Where the kernel's modules
// are not below /lib/modules, as in some containers, only those that are
// loaded show.
func KernelSchedulers(h host.Host) []string {
	found := builtIn(h)
	tree := filepath.Join("/lib/modules", KernelRelease(h), "kernel/net/netfilter/ipvs")
	for _, pattern := range []string{
		filepath.Join("/sys/module", modulePrefix+"*"),
		filepath.Join(tree, modulePrefix+"*.ko"),
		filepath.Join(tree, modulePrefix+"*.ko.*"), // .gz, .xz, .zst
	} {
		// The pattern is ours, so it is never a bad one.
		files, _ := filepath.Glob(h.Path(pattern))
		for _, file := range files {
			found = append(found, moduleName(file))
		}
	}
	var names []string
	for _, module := range found {
		name, ok := strings.CutPrefix(module, modulePrefix)
		if ok && !slices.Contains(notSchedulers, name) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// builtIn names the modules that are part of the running kernel's image.
func builtIn(h host.Host) []string {
	b, err := os.ReadFile(h.Path(filepath.Join("/lib/modules", KernelRelease(h), "modules.builtin")))
	if err != nil {
		return nil
	}
	var names []string
	for line := range strings.Lines(string(b)) {
		names = append(names, moduleName(strings.TrimSpace(line)))
	}
	return names
}

// moduleName gives the name of the module in a file; the kernel takes - and _
// for the same.
func moduleName(file string) string {
	name, _, _ := strings.Cut(path.Base(file), ".")
	return strings.ReplaceAll(name, "-", "_")
}

// KernelRelease is what `uname -r` says on the host, empty without /proc.
func KernelRelease(h host.Host) string {
	b, err := os.ReadFile(h.Path("/proc/sys/kernel/osrelease"))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}
