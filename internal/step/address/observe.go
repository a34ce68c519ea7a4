package address

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/linux/atomicfile"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/linux/sshenv"
	"github.com/lvsup/lvsup/internal/step"
)

// system is a host and its kernel.
type system struct {
	host     host.Host
	kernel   kernel
	patience time.Duration // for a daemon to act by its new files
}

func newKind(h host.Host, k kernel, patience time.Duration) step.Kind[Desired, Observed] {
	s := system{h, k, patience}
	return step.Kind[Desired, Observed]{
		Name: Name, Validate: Validate, Observe: s.observe, Diff: Diff, Apply: s.apply, Commands: Commands,
		Guard: s.guard(),
	}
}

// observe reads interfaces, routes, boot files and DHCP clients. An interface
// of the plan that does not exist is an error, and so is a stack whose files
// lvsup cannot write.
func (s system) observe(ctx context.Context, want Desired, owned step.Owned) (Observed, error) {
	settings, err := parse(want)
	if err != nil {
		return Observed{}, err
	}
	names := netconf.WithLinks(settings)
	have := Observed{Stack: netconf.Detect(s.host, want.Network, names)}
	if have.Interfaces, err = s.kernel.Interfaces(); err != nil {
		return have, err
	}
	for _, name := range names {
		if _, ok := rtnl.Find(have.Interfaces, name); !ok && !isMade(settings, name) {
			return have, rtnl.Missing(name, have.Interfaces)
		}
	}
	if have.Routes, err = s.kernel.Routes(); err != nil {
		return have, err
	}
	if have.Files, err = netconf.Read(s.host, have.Stack, names); err != nil {
		return have, err
	}
	if err := s.readOwned(owned, have.Files); err != nil {
		return have, err
	}
	if _, err := wantFiles(settings, owned, have); err != nil {
		return have, err
	}
	state, _, err := atomicfile.Read(s.host.Path(netconf.IfState))
	if err != nil {
		return have, err
	}
	have.IfState = string(state)
	have.DHCP = s.dhcpClients()
	have.Session = sessionFrom(sshenv.Connection(s.host), have.Interfaces, have.Routes)
	return have, ctx.Err()
}

// readOwned adds files that lvsup wrote earlier and the stack of today would
// not show.
func (s system) readOwned(owned step.Owned, files netconf.Files) error {
	for id := range owned {
		if _, known := files.Content[id.Key]; known || id.Field != step.ContentField {
			continue
		}
		if info, err := os.Lstat(s.host.Path(id.Key)); err != nil || !info.Mode().IsRegular() {
			continue
		}
		data, ok, err := atomicfile.Read(s.host.Path(id.Key))
		if err != nil {
			return err
		}
		if ok {
			files.Content[id.Key] = string(data)
		}
	}
	return nil
}

// dhcpClients looks through /proc. A process that ends meanwhile is no client.
func (s system) dhcpClients() []Client {
	var all []Client
	dirs, _ := filepath.Glob(s.host.Path("/proc/[0-9]*")) // the only error is a bad pattern
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err != nil {
			continue
		}
		cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
		if err != nil {
			continue
		}
		argv := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
		if c, ok := dhcpClient(argv); ok {
			c.PID = pid
			all = append(all, c)
		}
	}
	return all
}

// commandOf reads how a process was started.
func (s system) commandOf(pid int) (command, error) {
	dir := s.host.Path("/proc/" + strconv.Itoa(pid))
	cmdline, err := os.ReadFile(filepath.Join(dir, "cmdline"))
	if err != nil {
		return command{}, err
	}
	exe, err := os.Readlink(filepath.Join(dir, "exe"))
	if err != nil {
		return command{}, err
	}
	argv := strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00")
	return command{Path: strings.TrimSuffix(exe, " (deleted)"), Argv: withoutTitle(argv)}, nil
}

// withoutTitle makes arguments again of what dhcpcd wrote over its own, as in
// "dhcpcd: [privileged proxy] ens33 [ip4]": as it stands it would start a client
// for all interfaces.
func withoutTitle(argv []string) []string {
	c, ok := dhcpClient(argv)
	if len(argv) != 1 || !ok || !strings.HasPrefix(argv[0], c.Program+": ") {
		return argv
	}
	fresh := []string{c.Program}
	if strings.Contains(argv[0], "[ip4]") && !strings.Contains(argv[0], "[ip6]") {
		fresh = append(fresh, "-4")
	}
	for _, name := range c.Interfaces {
		_, err := netip.ParseAddr(name)
		if err != nil && !strings.HasSuffix(name, "]") {
			fresh = append(fresh, name)
		}
	}
	return fresh
}
