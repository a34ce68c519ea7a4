package fleet

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// spec is what a process that is to become a host reads from its stdin.
type spec struct {
	Host   Host
	Dir    string            // its own, empty: what it writes is kept there
	BootID string            // to be told apart from the others, which have one kernel
	Files  map[string]string // below its root, as for writeFiles
}

// becomeHost turns the calling process, which has namespaces of its own, into the
// first process of a host, sshd. It returns only an error.
func becomeHost() error {
	var s spec
	if err := json.NewDecoder(os.Stdin).Decode(&s); err != nil {
		return fmt.Errorf("cannot read what host to be: %w", err)
	}
	if err := enterRoot(s); err != nil {
		return err
	}
	if err := unix.Sethostname([]byte(s.Host.Name)); err != nil {
		return fmt.Errorf("cannot set the host's name: %w", err)
	}
	if err := connect(s.Host); err != nil {
		return err
	}
	sshd := "/usr/sbin/sshd"
	return unix.Exec(sshd, []string{sshd, "-D", "-e", "-f", "/etc/ssh/fleet_sshd_config"},
		[]string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"})
}

// enterRoot gives the process the machine's files, writable, without the machine
// seeing what becomes of them.
func enterRoot(s spec) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("cannot make the mounts private: %w", err)
	}
	upper, work, root := filepath.Join(s.Dir, "upper"), filepath.Join(s.Dir, "work"), filepath.Join(s.Dir, "root")
	for _, dir := range []string{upper, work, root} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := mount("overlay", root, "overlay", 0, fmt.Sprintf("lowerdir=/,upperdir=%s,workdir=%s", upper, work)); err != nil {
		return err
	}
	if err := os.Chdir(root); err != nil {
		return err
	}
	const quiet = unix.MS_NOSUID | unix.MS_NODEV
	for _, m := range []struct {
		source, target, kind string
		flags                uintptr
		options              string
	}{
		{"proc", "proc", "proc", quiet | unix.MS_NOEXEC, ""},
		{"sysfs", "sys", "sysfs", quiet | unix.MS_NOEXEC | unix.MS_RDONLY, ""},
		{"/dev", "dev", "", unix.MS_BIND | unix.MS_REC, ""},
		{"tmpfs", "run", "tmpfs", quiet, "mode=755"},
		{"tmpfs", "tmp", "tmpfs", quiet, "mode=1777"},
		// What the machine's root has its shell do at each login is no host's.
		{"tmpfs", "root", "tmpfs", quiet, "mode=700"},
	} {
		if err := mount(m.source, m.target, m.kind, m.flags, m.options); err != nil {
			return err
		}
	}
	if err := keepKernel(s.BootID); err != nil {
		return err
	}
	// Nothing of the machine's is to look like an earlier run's.
	for _, path := range []string{"var/lib/lvsup", "usr/local/libexec/lvsup", "etc/rc.local", "etc/network/interfaces.d", "etc/ssh/sshrc"} {
		if err := os.RemoveAll(path); err != nil {
			return err
		}
	}
	for _, dir := range []string{"run/sshd", "etc/network/interfaces.d"} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	if err := writeFiles(".", s.Files); err != nil {
		return err
	}
	if err := unix.PivotRoot(".", "."); err != nil {
		return fmt.Errorf("cannot change the root: %w", err)
	}
	if err := unix.Unmount(".", unix.MNT_DETACH); err != nil {
		return fmt.Errorf("cannot let go of the old root: %w", err)
	}
	return os.Chdir("/")
}

// keepKernel makes what all hosts share read-only: a sysctl outside net would be the
// machine's own. The boot ID is the exception, each host has one.
func keepKernel(bootID string) error {
	for _, dir := range []string{"proc/sys/kernel", "proc/sys/vm", "proc/sys/fs"} {
		if err := mount(dir, dir, "", unix.MS_BIND, ""); err != nil {
			return err
		}
		if err := mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
			return err
		}
	}
	if err := os.WriteFile("run/boot_id", []byte(bootID+"\n"), 0o444); err != nil {
		return err
	}
	return mount("run/boot_id", "proc/sys/kernel/random/boot_id", "", unix.MS_BIND, "")
}

// connect brings up what the host has of interfaces, and makes EthData, whose other
// end goes nowhere. The coordinator's MAC is told: a thousand hosts that ask for it
// would fill its table (gc_thresh3 of arp(7)).
func connect(h Host) error {
	// Routers and duplicates are not looked for where there are none.
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/default/accept_dad", []byte("0"), 0); err != nil {
		return fmt.Errorf("cannot set up IPv6: %w", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("cannot find lo: %w", err)
	}
	eth, err := netlink.LinkByName(EthSSH)
	if err != nil {
		return fmt.Errorf("cannot find %s: %w", EthSSH, err)
	}
	address := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(h.Address(), sshNet.Bits()))}
	if err := netlink.AddrAdd(eth, address); err != nil {
		return fmt.Errorf("cannot give %s its address: %w", EthSSH, err)
	}
	if err := setUp(lo, eth); err != nil {
		return err
	}
	if err := addNeighbour(eth, coordinator(), mac(0)); err != nil {
		return err
	}
	data := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: "wire1"}
	data.Name = EthData
	if err := netlink.LinkAdd(data); err != nil {
		return fmt.Errorf("cannot make %s: %w", EthData, err)
	}
	wire, err := netlink.LinkByName("wire1")
	if err != nil {
		return fmt.Errorf("cannot find the end of %s: %w", EthData, err)
	}
	// It would answer for the address that its own other end gets.
	if err := netlink.LinkSetARPOff(wire); err != nil {
		return fmt.Errorf("cannot silence the end of %s: %w", EthData, err)
	}
	return setUp(wire)
}

func setUp(links ...netlink.Link) error {
	for _, l := range links {
		if err := netlink.LinkSetUp(l); err != nil {
			return fmt.Errorf("cannot bring %s up: %w", l.Attrs().Name, err)
		}
	}
	return nil
}

func addNeighbour(on netlink.Link, a netip.Addr, at net.HardwareAddr) error {
	err := netlink.NeighSet(&netlink.Neigh{LinkIndex: on.Attrs().Index, State: netlink.NUD_PERMANENT, IP: a.AsSlice(), HardwareAddr: at})
	if err != nil {
		return fmt.Errorf("cannot tell %s where %s is: %w", on.Attrs().Name, a, err)
	}
	return nil
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}
