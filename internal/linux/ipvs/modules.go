package ipvs

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Loaded reports whether the kernel's IPVS is there. The module makes a file in
// every network namespace; to ask netlink for the family instead could make
// the kernel load the module.
func Loaded(h host.Host) bool { return exists(h, "/proc/net/ip_vs") }

// Modules names the modules that services with those schedulers need: ip_vs
// first, then one a scheduler, sorted, each once.
func Modules(schedulers []string) []string {
	var names []string
	for _, s := range schedulers {
		names = append(names, modulePrefix+s)
	}
	slices.Sort(names)
	return append([]string{"ip_vs"}, slices.Compact(names)...)
}

// CheckModules reports why ip_vs or one of the schedulers' modules could not
// be loaded, without loading anything. Of a scheduler that is missing it says
// the kernel's release and the schedulers that this does have.
func CheckModules(ctx context.Context, h host.Host, schedulers []string) error {
	missing := missingModules(h, schedulers)
	if len(missing) == 0 {
		return nil
	}
	if err := modulesLocked(h); err != nil {
		return fmt.Errorf("cannot use IPVS: module %s is not loaded and %w", missing[0], err)
	}
	for _, name := range missing {
		if err := modprobe(ctx, h, "-n", name); err != nil {
			return explain(h, name, err)
		}
	}
	return nil
}

// LoadModules loads ip_vs and the schedulers' modules, those that are not
// loaded yet.
func LoadModules(ctx context.Context, h host.Host, schedulers []string) error {
	for _, name := range missingModules(h, schedulers) {
		if err := modprobe(ctx, h, name); err != nil {
			return explain(h, name, err)
		}
	}
	return nil
}

func missingModules(h host.Host, schedulers []string) []string {
	missing := slices.DeleteFunc(Modules(schedulers), func(name string) bool {
		return exists(h, "/sys/module/"+name)
	})
	if len(missing) == 0 {
		return nil
	}
	// One that is built in and has no parameters is not below /sys/module.
	has := builtIn(h)
	return slices.DeleteFunc(missing, func(name string) bool { return slices.Contains(has, name) })
}

// modulesLocked reports whether the kernel refuses any more modules until it
// is booted again (Documentation/admin-guide/sysctl/kernel.rst).
func modulesLocked(h host.Host) error {
	b, err := os.ReadFile(h.Path("/proc/sys/kernel/modules_disabled"))
	if err == nil && strings.TrimSpace(string(b)) == "1" {
		return fmt.Errorf("kernel.modules_disabled is 1: load it before that is set, and boot")
	}
	return nil
}

// modprobe runs modprobe(8) and not finit_module(2), since only it follows the
// host's aliases, options, compression and dependencies.
func modprobe(ctx context.Context, h host.Host, args ...string) error {
	argv := append([]string{"modprobe"}, args...)
	res, err := h.Run(ctx, argv...)
	if err != nil {
		return err
	}
	return res.Err(argv...)
}

// explain says what to do about a module that cannot be loaded.
func explain(h host.Host, name string, err error) error {
	kernel := "the kernel"
	if release := KernelRelease(h); release != "" {
		kernel = "kernel " + release
	}
	if name == "ip_vs" {
		return fmt.Errorf("cannot use IPVS, %s has none: %w (install the kernel's module package and kmod)", kernel, err)
	}
	if engine, ok := strings.CutPrefix(name, modulePrefix+"pe_"); ok {
		return fmt.Errorf("cannot use persistence engine %q: %s has none: %w (install the kernel's module package)", engine, kernel, err)
	}
	has := "no scheduler's module"
	if names := KernelSchedulers(h); len(names) > 0 {
		has = strings.Join(names, ", ")
	}
	return fmt.Errorf("cannot use scheduler %q: %s has %s: %w (choose one of those, or install the kernel's module package)",
		strings.TrimPrefix(name, modulePrefix), kernel, has, err)
}

func exists(h host.Host, path string) bool {
	_, err := os.Lstat(h.Path(path))
	return err == nil
}
