package lab

import (
	"embed"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/shell"
)

// Stack is the program that brings the interfaces of a lab's guests up at boot,
// and for one of them SELinux. Each has an image of its own, without the others.
type Stack string

// The stacks that Debian has.
const (
	Ifupdown       Stack = "ifupdown" // interfaces(5); the default
	Networkd       Stack = "networkd"
	NetworkManager Stack = "networkmanager"
	Netplan        Stack = "netplan" // netplan.io, which writes for networkd
	SELinux        Stack = "selinux" // ifupdown, and Debian's SELinux policy, enforced
)

// Stacks are all that a lab can have, the default first.
func Stacks() []Stack { return []Stack{Ifupdown, Networkd, NetworkManager, Netplan, SELinux} }

// check refuses the name of no stack.
func (s Stack) check() error {
	if slices.Contains(Stacks(), s) {
		return nil
	}
	names := make([]string, len(Stacks()))
	for i, known := range Stacks() {
		names[i] = string(known)
	}
	return fmt.Errorf("cannot make guests with the network stack %q: there are %s", string(s), strings.Join(names, ", "))
}

// udev reports whether the stack waits for udev before it touches an interface.
func (s Stack) udev() bool { return s != Ifupdown && s != SELinux }

// packages are installed in the guests, the distribution's required packages
// aside.
func (s Stack) packages() []string {
	packages := imagePackages()
	switch s {
	case Ifupdown:
		return packages
	case SELinux:
		return append(packages, "selinux-policy-default", "policycoreutils")
	}
	packages = slices.DeleteFunc(packages, func(p string) bool { return p == "ifupdown" || p == "isc-dhcp-client" })
	packages = append(packages, "udev")
	switch s {
	case NetworkManager:
		packages = append(packages, "network-manager")
	case Netplan:
		packages = append(packages, "netplan.io")
	}
	return packages
}

// masked are the systemd units that the guests can do without.
func (s Stack) masked() []string {
	if !s.udev() {
		return maskedUnits()
	}
	return slices.DeleteFunc(maskedUnits(), func(unit string) bool {
		return strings.HasPrefix(unit, "systemd-udev") && unit != "systemd-udev-settle.service"
	})
}

// enabled are the units that are enabled besides those of the packages.
func (s Stack) enabled() []string {
	switch s {
	case Networkd, Netplan: // as in Debian's cloud images
		return []string{"systemd-networkd.service"}
	}
	return nil
}

//go:embed overlay overlay-udev overlay-networkmanager overlay-selinux
var overlays embed.FS

// file is one file that an image has beyond its packages.
type file struct {
	source  string // its path in overlays
	at      string // its path in the guest
	content []byte
}

// files are the recipe's own files, in order.
func (s Stack) files() ([]file, error) {
	dirs := []string{"overlay"}
	if s.udev() {
		dirs = append(dirs, "overlay-udev")
	}
	if s == NetworkManager {
		dirs = append(dirs, "overlay-networkmanager")
	}
	if s == SELinux {
		dirs = append(dirs, "overlay-selinux")
	}
	var files []file
	for _, dir := range dirs {
		err := fs.WalkDir(overlays, dir, func(source string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			at := strings.TrimPrefix(source, dir)
			if s.leavesOut(at) {
				return nil
			}
			content, err := overlays.ReadFile(source)
			files = append(files, file{source, at, content})
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// leavesOut tells the files of the overlay that are not for this stack.
func (s Stack) leavesOut(at string) bool {
	switch {
	case !s.udev():
		return false
	case path.Dir(at) == "/etc/network":
		return true
	}
	// NetworkManager, which SSH waits for, waits for D-Bus itself.
	return s == NetworkManager && at == "/etc/systemd/system/dbus.service.d/lab.conf"
}

// firstBoot are the lines of a guest's first boot that write the stack's files
// as the distributions' installers do: DHCP on the interfaces that have a lease.
func (s Stack) firstBoot(g Guest) string {
	var b strings.Builder
	ethernets := ""
	for _, n := range g.NICs {
		if !n.Lease.IsValid() {
			continue
		}
		switch s {
		case Ifupdown, SELinux:
			fmt.Fprintf(&b, "\techo '\nauto %s\niface %s inet dhcp' >>/etc/network/interfaces\n", n.Name, n.Name)
		case Networkd:
			b.WriteString(writeFile("/etc/systemd/network/20-"+n.Name+".network", 0o644,
				"[Match]\nName="+n.Name+"\n\n[Network]\nDHCP=yes"))
		case NetworkManager: // Anaconda's, with a made-up UUID
			b.WriteString(writeFile("/etc/NetworkManager/system-connections/"+n.Name+".nmconnection", 0o600,
				"[connection]\nid="+n.Name+"\nuuid=7f1a63b2-5c0e-4d0a-9c3b-"+strings.ReplaceAll(n.MAC, ":", "")+
					"\ntype=ethernet\nautoconnect-priority=-999\ninterface-name="+n.Name+
					"\n\n[ethernet]\n\n[ipv4]\nmethod=auto\n\n[ipv6]\naddr-gen-mode=eui64\nmethod=auto\n\n[proxy]"))
		case Netplan:
			ethernets += "    " + n.Name + ":\n      dhcp4: true\n"
		}
	}
	if s == Netplan { // Subiquity's; without any, nothing shows that netplan owns the interfaces
		if ethernets != "" {
			ethernets = "  ethernets:\n" + ethernets
		}
		b.WriteString(writeFile("/etc/netplan/00-installer-config.yaml", 0o600,
			"# This is the network config written by 'subiquity'\nnetwork:\n"+ethernets+"  version: 2"))
		// Its generator (systemd.generator(7)) ran before this script, without the
		// file; `netplan generate` takes seconds in a guest.
		b.WriteString("\tmkdir /run/lab/units\n\t/lib/systemd/system-generators/netplan /run/lab/units /run/lab/units /run/lab/units\n")
	}
	return b.String()
}

// writeFile is the shell's way to write a file that ends in a line.
func writeFile(name string, mode os.FileMode, text string) string {
	return fmt.Sprintf("\techo %s >%s\n\tchmod %o %s\n", shell.Quote(text), name, mode, name)
}

// everyBoot are the lines that keep the stack off the interfaces that are the
// lab's own, which all but NetworkManager do by themselves: they leave alone what no
// file names. Under SELinux they let sshd have its keys.
func (s Stack) everyBoot(g Guest) string {
	if s == SELinux {
		return "chcon -R -t etc_t /run/lab\n"
	}
	if s != NetworkManager {
		return ""
	}
	own := ""
	for _, n := range g.NICs {
		if len(n.Addresses) > 0 {
			own += "interface-name:" + n.Name + ";"
		}
	}
	if own == "" {
		return ""
	}
	return "mkdir -p /run/NetworkManager/conf.d\n" +
		"echo '[keyfile]\nunmanaged-devices=" + own + "' >/run/NetworkManager/conf.d/lab.conf\n"
}
