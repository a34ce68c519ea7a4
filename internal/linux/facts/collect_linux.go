package facts

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/kmod"
	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/netfilter"
	"github.com/lvsup/lvsup/internal/linux/sshenv"
	"github.com/lvsup/lvsup/internal/wire"
)

// patience bounds each command that Collect runs.
const patience = 10 * time.Second

// Collect reads the facts of the host. It fails only if the kernel does not
// tell its interfaces or routes; whatever else cannot be read stays empty.
// Files are read below the host's root; uname(2), adjtimex(2) and netlink are
// those of the running kernel.
func Collect(ctx context.Context, h host.Host, req wire.FactsRequest) (wire.Facts, error) {
	ctx, cancel := context.WithTimeout(ctx, 6*patience)
	defer cancel()
	h.Run = bounded(h.Run)

	var uname unix.Utsname
	if err := unix.Uname(&uname); err != nil {
		return wire.Facts{}, fmt.Errorf("cannot read the kernel's name: %w", err)
	}
	release := unix.ByteSliceToString(uname.Release[:])
	f := wire.Facts{
		Hostname:     clip(unix.ByteSliceToString(uname.Nodename[:])),
		Machine:      clip(unix.ByteSliceToString(uname.Machine[:])),
		Kernel:       clip(release),
		BootID:       read(h, "/proc/sys/kernel/random/boot_id"),
		OS:           osRelease(h),
		Root:         os.Geteuid() == 0,
		NetStack:     netconf.Detect(h, "", nil),
		DNS:          nameservers(read(h, "/etc/resolv.conf")),
		Systemd:      systemd(ctx, h),
		IPVS:         ipvs(ctx, h, release),
		Synchronised: synchronised(),
		SELinux:      SELinux(h),
		HTTPPorts:    httpPorts(h),
		FreeBytes:    room(h),
		Sysctls:      sysctls(h, req.Sysctls),
		Apache:       exists(h, "/usr/sbin/apache2") || exists(h, "/usr/sbin/httpd"),
	}
	f.Firewall = firewall(ctx, h, f.Systemd > 0)
	if err := network(&f, sshenv.Connection(h)); err != nil {
		return wire.Facts{}, err
	}
	return f, nil
}

// bounded gives each command its own deadline.
func bounded(run func(context.Context, ...string) (host.Result, error)) func(context.Context, ...string) (host.Result, error) {
	return func(ctx context.Context, argv ...string) (host.Result, error) {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		return run(ctx, argv...)
	}
}

// read returns the trimmed start of a file, empty if it cannot be read.
func read(h host.Host, file string) string {
	f, err := os.Open(h.Path(file))
	if err != nil {
		return ""
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, 64<<10))
	if err != nil {
		return ""
	}
	return strings.TrimSpace(string(b))
}

func exists(h host.Host, file string) bool {
	_, err := os.Stat(h.Path(file))
	return err == nil
}

func osRelease(h host.Host) wire.OS {
	text := read(h, "/etc/os-release")
	if text == "" {
		text = read(h, "/usr/lib/os-release")
	}
	return parseOS(text)
}

// systemd is the major version of the systemd that runs the host. That it runs
// is sd_booted(3): a container may have systemctl and no systemd.
func systemd(ctx context.Context, h host.Host) int {
	if !exists(h, "/run/systemd/system") {
		return 0
	}
	res, err := h.Run(ctx, "systemctl", "--version")
	if err != nil || res.Code != 0 {
		return 0
	}
	return parseSystemd(res.Stdout)
}

// ipvs asks the kernel for its generic netlink families. Asking for the family
// by its name would make the kernel load the module, the list does not.
func ipvs(ctx context.Context, h host.Host, release string) wire.IPVSFacts {
	if families, err := netlink.GenlFamilyList(); err == nil {
		for _, family := range families {
			if family.Name == "IPVS" {
				return wire.IPVSFacts{Available: true}
			}
		}
	}
	if err := kmod.Loadable(ctx, h, release, "ip_vs"); err != nil {
		return wire.IPVSFacts{Reason: clip(err.Error())}
	}
	return wire.IPVSFacts{Available: true}
}

// synchronised reads the kernel's clock state without setting anything
// (adjtimex(2)).
func synchronised() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}

// SELinux is what SELinux does now: "enforcing", "permissive", "disabled", or
// "" where neither the kernel nor the configuration knows of it (selinux(8)).
func SELinux(h host.Host) string {
	switch read(h, "/sys/fs/selinux/enforce") {
	case "1":
		return "enforcing"
	case "0":
		return "permissive"
	}
	if exists(h, "/etc/selinux/config") {
		return "disabled"
	}
	return ""
}

// httpPorts reads what `semanage port -a -t http_port_t -p tcp` has written, in
// any of the places where libsemanage has kept it.
func httpPorts(h host.Host) []string {
	const most = 64
	var ports []string
	for _, pattern := range []string{"/etc/selinux/*/modules/active/ports.local", "/etc/selinux/*/active/ports.local", "/var/lib/selinux/*/active/ports.local"} {
		files, err := filepath.Glob(h.Path(pattern))
		if err != nil {
			continue // never: the patterns are well-formed
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				continue
			}
			for _, line := range strings.Split(string(data), "\n") {
				f := strings.Fields(line) // portcon tcp 8081 system_u:object_r:http_port_t:s0
				if len(f) >= 4 && f[0] == "portcon" && f[1] == "tcp" && strings.Contains(f[3], ":http_port_t") && len(ports) < most {
					ports = append(ports, clip(f[2]))
				}
			}
		}
	}
	return ports
}

func firewall(ctx context.Context, h host.Host, systemd bool) wire.FirewallFacts {
	var f wire.FirewallFacts
	if systemd {
		active, err := netfilter.Active(ctx, h)
		if err == nil {
			for _, a := range active {
				f.Active = append(f.Active, a.Name)
			}
			f.Active = slices.Compact(f.Active)
		}
	}
	// firewalld rejects what its zone does not list, whatever its chains'
	// policies say.
	f.Drops = slices.Contains(f.Active, "firewalld") || netfilter.Drops(ctx, h)
	return f
}

// room is how much may be written where there is least of it: lvsup's own directory may
// be a file system by itself, once it is there.
func room(h host.Host) uint64 {
	const own = "/var/lib/lvsup"
	least := min(free(h, "/var/lib"), free(h, "/etc"))
	if exists(h, own) {
		least = min(least, free(h, own))
	}
	return least
}

// free is what an unprivileged writer may still use there, in bytes.
func free(h host.Host, dir string) uint64 {
	var st unix.Statfs_t
	if err := unix.Statfs(h.Path(dir), &st); err != nil {
		return 0
	}
	return st.Bavail * uint64(st.Frsize)
}

// sysctls reads live values. Names are dotted; where a component holds a dot
// itself, as VLAN interfaces do, sysctl(8) writes it as a slash. What does not
// exist is left out.
func sysctls(h host.Host, names []string) map[string]string {
	if len(names) == 0 {
		return nil
	}
	values := make(map[string]string)
	for _, name := range names[:min(len(names), maxSysctls)] {
		file := strings.Map(func(r rune) rune {
			switch r {
			case '.':
				return '/'
			case '/':
				return '.'
			}
			return r
		}, name)
		// Cleaning below a root keeps ".." from leaving /proc/sys.
		file = "/proc/sys" + path.Clean("/"+file)
		if exists(h, file) {
			values[name] = clip(read(h, file))
		}
	}
	return values
}
