package netconf

import (
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
)

// Detect says which stack brings the interfaces of a plan up at boot, one of the
// Stack constants: what the plan says, else the one that has files for them,
// else the host's main one. It looks at files only, so it says the same whatever
// runs.
func Detect(h host.Host, chosen string, interfaces []string) string {
	if chosen != "" {
		return chosen
	}
	main := mainStack(h)
	if len(owners(h, main, interfaces)) > 0 {
		return main
	}
	found := main
	for _, stack := range Stacks() {
		if stack == main || !present(h, stack) || len(owners(h, stack, interfaces)) == 0 {
			continue
		}
		if found != main {
			return main // several: Plan says which file is in the way
		}
		found = stack
	}
	return found
}

// mainStack is what an interface without any file would be given to.
func mainStack(h host.Host) string {
	switch {
	case present(h, StackIfcfg) && !keyfilesByDefault(h):
		return StackIfcfg
	case present(h, StackNetplan):
		return StackNetplan
	case present(h, StackNetworkd) && len(glob(h, NetworkdDir+"/*.network")) > 0:
		return StackNetworkd
	case present(h, StackIfupdown) && !(enabled(h, "NetworkManager.service") && exists(h, nmBinary) && nothingDeclared(h)):
		return StackIfupdown
	case exists(h, nmBinary) && exists(h, "/etc/NetworkManager"):
		return StackNetworkManager
	case present(h, StackNetworkd):
		return StackNetworkd
	}
	return StackUnknown
}

const nmBinary = "/usr/sbin/NetworkManager"

// present reports whether a stack is at work on the host.
func present(h host.Host, stack string) bool {
	switch stack {
	case StackIfcfg:
		return exists(h, IfcfgDir) && (redHat(h) || len(glob(h, IfcfgDir+"/ifcfg-*")) > 0) && !ifcfgUnread(h)
	case StackNetplan:
		return len(glob(h, NetplanDir+"/*.yaml")) > 0
	case StackNetworkd:
		return enabled(h, "systemd-networkd.service")
	case StackIfupdown:
		return exists(h, InterfacesTop) && (exists(h, "/sbin/ifup") || exists(h, "/usr/sbin/ifup"))
	case StackNetworkManager:
		return exists(h, nmBinary) && enabled(h, "NetworkManager.service")
	}
	return false
}

// enabled reports whether systemd starts a unit at boot.
func enabled(h host.Host, unit string) bool {
	return len(glob(h, "/etc/systemd/system/*.wants/"+unit))+len(glob(h, "/usr/lib/systemd/system/*.wants/"+unit)) > 0
}

// keyfilesByDefault reports whether NetworkManager keeps new profiles in its own
// format although it reads ifcfg files too, as from RHEL 9 on: a file there says
// so, and there are no ifcfg files but for lo.
func keyfilesByDefault(h host.Host) bool {
	for _, p := range glob(h, IfcfgDir+"/ifcfg-*") {
		if !leftover(p) && path.Base(p) != "ifcfg-lo" {
			return false
		}
	}
	return exists(h, nmBinary) && exists(h, IfcfgDir+"/readme-ifcfg-rh.txt")
}

// nothingDeclared reports whether interfaces(5) names no interface but lo.
// NetworkManager leaves alone what stands there, and has the rest.
func nothingDeclared(h host.Host) bool {
	files, err := readStack(h, StackIfupdown, nil)
	if err != nil {
		return false
	}
	for _, content := range files.Content {
		for _, st := range parseInterfaces(content) {
			if st.head[0] == "iface" && len(st.head) > 1 && st.head[1] != "lo" {
				return false
			}
		}
	}
	return true
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

// Read takes the files that matter to the stack from the host, and looks for
// files by which other stacks bring the interfaces up. Editors' and packages'
// leftovers (names with '~' or ending in .bak, .orig, .rpmsave, .rpmnew,
// .dpkg-*) are passed over, as the stacks do.
func Read(h host.Host, stack string, interfaces []string) (Files, error) {
	files, err := readStack(h, stack, interfaces)
	if err != nil {
		return Files{}, err
	}
	for _, other := range Stacks() {
		// Of ifcfg files the reader may be NetworkManager, whatever is enabled.
		if other == stack || !present(h, other) && !(other == StackNetworkManager && stack == StackIfcfg) {
			continue
		}
		for name, file := range owners(h, other, interfaces) {
			if files.owner(stack, name) != "" && stack == StackIfupdown && other == StackNetworkManager {
				continue // it leaves alone what interfaces(5) names
			}
			if files.Foreign == nil {
				files.Foreign = map[string]string{}
			}
			files.Foreign[name] = file
		}
	}
	if writesResolv(h, stack, files) {
		return files, nil
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
