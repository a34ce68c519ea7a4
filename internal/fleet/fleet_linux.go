package fleet

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sync/errgroup"
	"golang.org/x/sys/unix"
)

// bridge joins the hosts, and is where the coordinator has its address.
const bridge = "br0"

// startsAtOnce is how many hosts are started at the same time.
const startsAtOnce = 16

// patience is how long a host may take until its sshd answers.
const patience = time.Minute

// Fleet is the hosts that are up. Its methods must not be used from several
// goroutines, Exec excepted.
type Fleet struct {
	Hosts []Host
	// SSHConfig is the path of an ssh_config by which the hosts are reached.
	SSHConfig string

	dir      string
	bridge   *netlink.Bridge
	login    keyPair
	hostKeys []keyPair
	running  []*exec.Cmd // by host
}

// New sets up the coordinator's side, in a process that Enter started. dir is an
// empty directory for the files of the fleet, which are kept in memory.
func New(dir string) (*Fleet, error) {
	if err := private(); err != nil {
		return nil, err
	}
	if err := mount("tmpfs", dir, "tmpfs", unix.MS_NOSUID, "size=75%,mode=755"); err != nil {
		return nil, err
	}
	f := &Fleet{dir: dir, SSHConfig: filepath.Join(dir, "ssh_config")}
	var err error
	if f.login, err = newKey(); err != nil {
		return nil, err
	}
	files := map[string]string{"id*": string(f.login.private), "ssh_config": sshConfig(dir), "hosts": "", "known_hosts": ""}
	if err := writeFiles(dir, files); err != nil {
		return nil, err
	}
	if err := mount(filepath.Join(dir, "hosts"), "/etc/hosts", "", unix.MS_BIND, ""); err != nil {
		return nil, err
	}
	return f, f.connect()
}

// connect makes the bridge, and has the addresses of relays be the coordinator's own.
func (f *Fleet) connect() error {
	f.bridge = &netlink.Bridge{LinkAttrs: netlink.NewLinkAttrs()}
	f.bridge.Name, f.bridge.HardwareAddr = bridge, mac(0)
	if err := netlink.LinkAdd(f.bridge); err != nil {
		return fmt.Errorf("cannot make a bridge: %w", err)
	}
	lo, err := netlink.LinkByName("lo")
	if err != nil {
		return fmt.Errorf("cannot find lo: %w", err)
	}
	address := &netlink.Addr{IPNet: ipNet(netip.PrefixFrom(coordinator(), sshNet.Bits()))}
	if err := netlink.AddrAdd(f.bridge, address); err != nil {
		return fmt.Errorf("cannot give the bridge an address: %w", err)
	}
	if err := setUp(lo, f.bridge); err != nil {
		return err
	}
	far := &netlink.Route{LinkIndex: lo.Attrs().Index, Dst: ipNet(farNet), Type: unix.RTN_LOCAL, Table: unix.RT_TABLE_LOCAL, Scope: netlink.SCOPE_HOST}
	if err := netlink.RouteAdd(far); err != nil {
		return fmt.Errorf("cannot make the addresses of relays: %w", err)
	}
	return nil
}

// Up starts so many hosts, in place of those that there were, and waits until they
// answer.
func (f *Fleet) Up(ctx context.Context, n int) error {
	if n < 1 || n > MaxHosts {
		return fmt.Errorf("cannot bring up %d hosts: from 1 to %d go on one bridge", n, MaxHosts)
	}
	if err := f.Down(); err != nil {
		return err
	}
	f.Hosts = Hosts(n)
	known := ""
	for i, h := range f.Hosts {
		if i == len(f.hostKeys) {
			key, err := newKey()
			if err != nil {
				return err
			}
			f.hostKeys = append(f.hostKeys, key)
		}
		known += h.Name + " " + f.hostKeys[i].public
	}
	if err := writeFiles(f.dir, map[string]string{"known_hosts": known}); err != nil {
		return err
	}
	if err := f.Find(Host.Address); err != nil {
		return err
	}
	f.running = make([]*exec.Cmd, n)
	var g errgroup.Group
	g.SetLimit(startsAtOnce)
	for i := range f.Hosts {
		g.Go(func() error {
			if err := f.start(ctx, i); err != nil {
				return fmt.Errorf("cannot start %s: %w", f.Hosts[i].Name, err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return errors.Join(err, f.Down())
	}
	return nil
}

// Find has the names of the hosts lead to other addresses from now on.
func (f *Fleet) Find(where func(Host) netip.Addr) error {
	// Written in place: what is mounted on /etc/hosts is this very file.
	return writeFiles(f.dir, map[string]string{"hosts": hostsFile(f.Hosts, where)})
}

// Dir is the directory of a fleet's files, for those of its user.
func (f *Fleet) Dir() string { return f.dir }

func (f *Fleet) hostDir(h Host) string { return filepath.Join(f.dir, "host", h.Name) }

func (f *Fleet) start(ctx context.Context, i int) error {
	h := f.Hosts[i]
	dir := f.hostDir(h)
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	log, err := os.Create(filepath.Join(dir, "sshd.log"))
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command("/proc/self/exe", argHost)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Setsid: true}
	cmd.Stderr = log
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	f.running[i] = cmd
	if err := f.plug(h, cmd.Process.Pid); err != nil {
		return err
	}
	id := make([]byte, 16)
	_, _ = rand.Read(id) // never fails (crypto/rand)
	s := spec{Host: h, Dir: dir, BootID: fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:]), Files: map[string]string{
		"etc/hostname":                  h.Name + "\n",
		"etc/hosts":                     "127.0.0.1 localhost " + h.Name + "\n",
		"etc/network/interfaces":        "source /etc/network/interfaces.d/*\n\nauto lo\niface lo inet loopback\n",
		"etc/ssh/fleet_sshd_config":     sshdConfig,
		"etc/ssh/fleet_host_key*":       string(f.hostKeys[i].private),
		"etc/ssh/fleet_authorized_keys": f.login.public,
	}}
	if err := json.NewEncoder(stdin).Encode(s); err != nil {
		return err
	}
	if err := stdin.Close(); err != nil {
		return err
	}
	if err := answers(ctx, h); err != nil {
		said, _ := os.ReadFile(log.Name())
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said))
	}
	return nil
}

// plug connects a host's EthSSH to the bridge.
func (f *Fleet) plug(h Host, pid int) error {
	v := &netlink.Veth{LinkAttrs: netlink.NewLinkAttrs(), PeerName: EthSSH, PeerHardwareAddr: mac(h.Number), PeerNamespace: netlink.NsPid(pid)}
	v.Name, v.MasterIndex = "v"+strconv.Itoa(h.Number), f.bridge.Index
	if err := netlink.LinkAdd(v); err != nil {
		return fmt.Errorf("cannot make %s: %w", EthSSH, err)
	}
	if err := setUp(v); err != nil {
		return err
	}
	return addNeighbour(f.bridge, h.Address(), mac(h.Number))
}

// answers waits until a host's sshd greets.
func answers(ctx context.Context, h Host) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		err := greeting(ctx, h)
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("its sshd does not answer: %w", err)
		case <-time.After(30 * time.Millisecond):
		}
	}
}

// greeting asks once. A request that comes before the host has its address is lost,
// and the kernel would repeat it only after a second.
func greeting(ctx context.Context, h Host) error {
	c, err := (&net.Dialer{Timeout: 300 * time.Millisecond}).DialContext(ctx, "tcp", netip.AddrPortFrom(h.Address(), 22).String())
	if err != nil {
		return err
	}
	defer c.Close()
	_ = c.SetReadDeadline(time.Now().Add(3 * time.Second))
	word := make([]byte, 4)
	if _, err := c.Read(word); err != nil {
		return err
	}
	if string(word) != "SSH-" {
		return fmt.Errorf("it says %q", word)
	}
	return nil
}

// Down ends all hosts, and drops what they wrote.
func (f *Fleet) Down() error {
	for _, cmd := range f.running {
		if cmd != nil {
			_ = cmd.Process.Kill() // the first of its PID namespace: all others end with it
		}
	}
	for i, cmd := range f.running {
		if cmd == nil {
			continue
		}
		_ = cmd.Wait()
		if err := f.unplug(f.Hosts[i]); err != nil {
			return err
		}
	}
	f.running, f.Hosts = nil, nil
	return os.RemoveAll(filepath.Join(f.dir, "host"))
}

// unplug waits until the interface is gone: the kernel takes a dead host's network
// namespace apart in its own time, and the next host of that name would be refused.
func (f *Fleet) unplug(h Host) error {
	name := "v" + strconv.Itoa(h.Number)
	link, err := netlink.LinkByName(name)
	if err == nil {
		err = netlink.LinkDel(link)
	}
	var missing netlink.LinkNotFoundError
	if err == nil || errors.As(err, &missing) || errors.Is(err, unix.ENODEV) {
		return nil
	}
	return fmt.Errorf("cannot remove %s: %w", name, err)
}

// Exec runs a command in a host, by no way that a network is part of, and gives what it
// prints.
func (f *Fleet) Exec(ctx context.Context, h Host, argv ...string) (string, error) {
	pid := strconv.Itoa(f.running[h.Number-1].Process.Pid)
	cmd := exec.CommandContext(ctx, "nsenter", append([]string{"-t", pid, "-a", "--"}, argv...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("cannot run %s in %s: %w: %s", argv[0], h.Name, err, bytes.TrimSpace(out))
	}
	return string(out), nil
}

// Traffic is how many bytes went between the coordinator and the hosts since they are
// up, both ways, with the headers of Ethernet, IP and TCP.
func (f *Fleet) Traffic() (int64, error) {
	link, err := netlink.LinkByName(bridge)
	if err != nil {
		return 0, fmt.Errorf("cannot read the bridge's counters: %w", err)
	}
	s := link.Attrs().Statistics
	return int64(s.RxBytes + s.TxBytes), nil
}

// Log is what a host's sshd said.
func (f *Fleet) Log(h Host) string {
	text, err := os.ReadFile(filepath.Join(f.hostDir(h), "sshd.log"))
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(text))
}
