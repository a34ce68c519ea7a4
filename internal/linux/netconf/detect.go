package netconf

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
)

// Detect says which stack brings the host's interfaces up at boot, one of the
// Stack constants. It looks at files only, so it says the same whatever runs.
func Detect(h host.Host) string {
	switch {
	case exists(h, IfcfgDir) && (redHat(h) || len(glob(h, IfcfgDir+"/ifcfg-*")) > 0) && !ifcfgUnread(h):
		return StackIfcfg
	case len(glob(h, "/etc/netplan/*.yaml")) > 0:
		return StackNetplan
	case len(glob(h, "/etc/systemd/network/*.network")) > 0 &&
		exists(h, "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"):
		return StackNetworkd
	case exists(h, InterfacesTop) && (exists(h, "/sbin/ifup") || exists(h, "/usr/sbin/ifup")):
		return StackIfupdown
	case exists(h, "/usr/sbin/NetworkManager") && exists(h, "/etc/NetworkManager"):
		return StackNetworkManager
	case exists(h, "/etc/systemd/system/multi-user.target.wants/systemd-networkd.service"):
		return StackNetworkd
	}
	return StackUnknown
}

// ifcfgUnread reports whether the host has NetworkManager without its plugin for
// ifcfg files, and no network-scripts either: Fedora 36 and RHEL 10 left both
// out, but the directory may still be there.
func ifcfgUnread(h host.Host) bool {
	const plugin = "libnm-settings-plugin-ifcfg-rh.so"
	return exists(h, "/usr/sbin/NetworkManager") && !exists(h, IfcfgDir+"/ifup") &&
		len(glob(h, "/usr/lib*/NetworkManager/"+plugin))+len(glob(h, "/usr/lib*/NetworkManager/*/"+plugin)) == 0
}

// redHat reports whether os-release(5) names a system of the Red Hat family.
func redHat(h host.Host) bool {
	data, _, err := atomicfile.Read(h.Path("/etc/os-release"))
	if err != nil {
		return false
	}
	for _, l := range parseShell(string(data)) {
		if l.key != "ID" && l.key != "ID_LIKE" {
			continue
		}
		for _, w := range strings.Fields(l.value) {
			switch w {
			case "rhel", "centos", "fedora", "rocky", "almalinux", "ol":
				return true
			}
		}
	}
	return false
}

// Read takes the files that matter to the stack from the host. Editors' and
// packages' leftovers (names with '~' or ending in .bak, .orig, .rpmsave,
// .rpmnew, .dpkg-*) are passed over, as the stacks do.
func Read(h host.Host, stack string) (Files, error) {
	files := Files{Content: map[string]string{}}
	var names []string
	switch stack {
	case StackIfcfg:
		for _, kind := range []string{"ifcfg", "route", "route6"} {
			names = append(names, glob(h, IfcfgDir+"/"+kind+"-*")...)
		}
		if err := files.readKeyfiles(h); err != nil {
			return Files{}, err
		}
	case StackIfupdown:
		names = append(glob(h, InterfacesDir+"/*"), InterfacesTop)
	}
	for _, name := range names {
		if leftover(name) {
			continue
		}
		if info, err := os.Stat(h.Path(name)); err != nil || !info.Mode().IsRegular() {
			continue
		}
		if err := files.read(h, name); err != nil {
			return Files{}, err
		}
	}
	info, err := os.Lstat(h.Path(ResolvConf))
	switch {
	case os.IsNotExist(err):
		files.ResolvPlain = true
	case err != nil:
		return Files{}, fmt.Errorf("cannot look at %s: %w", ResolvConf, err)
	case info.Mode().Type()&fs.ModeSymlink == 0:
		files.ResolvPlain = true
		return files, files.read(h, ResolvConf)
	}
	return files, nil
}

func (f Files) read(h host.Host, name string) error {
	data, ok, err := atomicfile.Read(h.Path(name))
	if err == nil && ok {
		f.Content[name] = string(data)
	}
	return err
}

func leftover(name string) bool {
	base := path.Base(name)
	if strings.HasPrefix(base, ".") || strings.Contains(base, "~") {
		return true
	}
	switch ext := path.Ext(base); ext {
	case ".bak", ".orig", ".rpmsave", ".rpmnew", ".rpmorig":
		return true
	default:
		return strings.HasPrefix(ext, ".dpkg-")
	}
}

func exists(h host.Host, name string) bool {
	_, err := os.Stat(h.Path(name))
	return err == nil
}

// glob lists the host's paths that match, sorted.
func glob(h host.Host, pattern string) []string {
	found, _ := filepath.Glob(h.Path(pattern)) // the only error is a bad pattern
	for i, p := range found {
		rel, err := filepath.Rel(h.Root, p)
		if err == nil {
			found[i] = "/" + rel
		}
	}
	return found
}

// Reload tells a running NetworkManager that ifcfg files changed, so that it
// neither renews a lease that is gone nor undoes what was set. Where none runs
// there is nothing to tell: network-scripts read the files at the next boot. An
// interface that NetworkManager has up takes its new settings at once.
func Reload(ctx context.Context, h host.Host, interfaces []string) error {
	if !exists(h, "/usr/bin/nmcli") {
		return nil
	}
	res, err := h.Run(ctx, "nmcli", "-t", "-f", "RUNNING", "general")
	if err != nil {
		return err
	}
	if strings.TrimSpace(res.Stdout) != "running" {
		return nil
	}
	if err := run(ctx, h, "nmcli", "connection", "reload"); err != nil {
		return fmt.Errorf("cannot tell NetworkManager of the new files: %w", err)
	}
	for _, i := range interfaces {
		res, err := h.Run(ctx, "nmcli", "-g", "GENERAL.STATE", "device", "show", i)
		if err != nil {
			return err
		}
		// 100 is NM_DEVICE_STATE_ACTIVATED; other devices take the files up later.
		if res.Code != 0 || !strings.HasPrefix(strings.TrimSpace(res.Stdout), "100") {
			continue
		}
		if err := run(ctx, h, "nmcli", "device", "reapply", i); err != nil {
			return fmt.Errorf("cannot make NetworkManager take %s up again: %w", i, err)
		}
	}
	return nil
}

func run(ctx context.Context, h host.Host, argv ...string) error {
	res, err := h.Run(ctx, argv...)
	if err != nil {
		return err
	}
	return res.Err(argv...)
}
