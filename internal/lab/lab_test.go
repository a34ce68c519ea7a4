//go:build lab

package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/plans"
)

// TestMain lets the test binary be the lvsup that a lab's ssh_config calls.
func TestMain(m *testing.M) {
	if len(os.Args) == 7 && os.Args[1] == "lab" && os.Args[2] == "connect" {
		if err := Connect("", os.Args[4], os.Args[5], os.Args[6], os.Stdin, os.Stdout); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// guests is a lab under test.
type guests struct {
	t *testing.T
	o Options
	*Lab
}

func bootLab(t *testing.T, c *plans.Cluster, inband bool) guests {
	t.Helper()
	return bootStack(t, c, inband, Ifupdown)
}

func bootStack(t *testing.T, c *plans.Cluster, inband bool, stack Stack) guests {
	t.Helper()
	o := Options{Cluster: c, Name: fmt.Sprintf("test%d-%s", os.Getpid(), c.Name), Inband: inband, Stack: stack, Events: func(e Event) {
		if e.Done {
			t.Logf("%6.2fs %s", e.Elapsed.Seconds(), e.Step)
		}
	}}
	begin := time.Now()
	if _, already, err := Up(t.Context(), o); err != nil || already {
		t.Fatalf("lab up: already %t, error %v", already, err)
	}
	t.Logf("%6.2fs all", time.Since(begin).Seconds())
	t.Cleanup(func() {
		if err := Down(context.Background(), o); err != nil && !errors.Is(err, ErrNoLab) {
			t.Error(err)
		}
	})
	l, err := Open("", o.Name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return guests{t: t, o: o, Lab: l}
}

// in runs a shell command in a guest, which must succeed.
func (g guests) in(t *testing.T, host, command string) string {
	t.Helper()
	out, err := g.Output(t.Context(), host, "sh", "-c", command)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// fails runs a shell command in a guest, which must not succeed.
func (g guests) fails(t *testing.T, host, command string) {
	t.Helper()
	code, err := g.Exec(t.Context(), host, []string{"sh", "-c", command}, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if code == 0 {
		t.Errorf("%s succeeds in %s", command, host)
	}
}

func equal(t *testing.T, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %q, want %q", what, got, want)
	}
}

func TestNATLab(t *testing.T) {
	g := bootLab(t, natCluster(), false)

	t.Run("the plan's interfaces are there, and not set up", func(t *testing.T) {
		equal(t, "master's interfaces", g.in(t, "master", "ls /sys/class/net | xargs"), "ens33 ens36 lo mgmt")
		equal(t, "node1's interfaces", g.in(t, "node1", "ls /sys/class/net | xargs"), "ens33 lo mgmt")
		equal(t, "ens33", g.in(t, "master", "cat /sys/class/net/ens33/operstate; ip addr show dev ens33 | grep -c inet || true"), "down\n0")
		equal(t, "the lab's part of the boot configuration", g.in(t, "node1", "grep -c mgmt /etc/network/interfaces || true"), "0")
		equal(t, "host name", g.in(t, "node2", "hostname"), "node2")
		equal(t, "services left to the plan", g.in(t, "node1", "systemctl is-enabled apache2 chrony | xargs; systemctl is-active apache2 chrony | xargs"), "disabled disabled\ninactive inactive")
	})
	t.Run("the guest has booted without a failed unit", func(t *testing.T) {
		equal(t, "state", g.in(t, "node1", "systemctl is-system-running --wait"), "running")
	})
	t.Run("exec keeps words, exit codes and stdin apart", func(t *testing.T) {
		var out strings.Builder
		code, err := g.Exec(t.Context(), "client", []string{"sh", "-c", `cat; printf '[%s]' "$@"; exit 7`, "x", "a b", "it's", ""}, strings.NewReader("in "), &out, nil)
		if err != nil || code != 7 || out.String() != "in [a b][it's][]" {
			t.Errorf("got %q, code %d, error %v", out.String(), code, err)
		}
	})
	t.Run("IPVS", func(t *testing.T) {
		g.in(t, "master", "modprobe ip_vs && ipvsadm -A -t 192.168.146.100:80 -s rr && ipvsadm -a -t 192.168.146.100:80 -r 192.168.177.10:80 -m")
		equal(t, "table", g.in(t, "master", "ipvsadm -S -n | tail -n 1"), "-a -t 192.168.146.100:80 -r 192.168.177.10:80 -m -w 1")
		g.in(t, "master", "ipvsadm -C")
	})
	t.Run("the networks of the plan", func(t *testing.T) {
		equal(t, "client's addresses", g.in(t, "client", "ip -4 -o addr show dev eth0 | awk '{print $4}' | xargs"),
			"192.168.146.1/24 192.168.146.2/24 192.168.146.3/24 192.168.146.4/24 192.168.146.5/24 192.168.146.6/24 192.168.146.7/24 192.168.146.8/24 192.168.146.9/24")
		g.in(t, "master", "ip addr add 192.168.146.100/24 dev ens33; ip link set ens33 up; ip addr add 192.168.177.254/24 dev ens36; ip link set ens36 up")
		g.in(t, "node1", "ip addr add 192.168.177.10/24 dev ens33; ip link set ens33 up")
		g.in(t, "client", "ping -c 1 -W 3 192.168.146.100")
		g.in(t, "node1", "ping -c 1 -W 3 192.168.177.254")
	})
	t.Run("a cable", func(t *testing.T) {
		if err := Cable(t.Context(), g.o, "master", "ens33", ""); err != nil {
			t.Fatal(err)
		}
		g.fails(t, "client", "ping -c 1 -W 1 192.168.146.100")
		if err := Cable(t.Context(), g.o, "master", "ens33", "br0"); err != nil {
			t.Fatal(err)
		}
		g.in(t, "client", "ping -c 1 -W 3 192.168.146.100")
	})
	t.Run("time", func(t *testing.T) {
		server := g.State().Topology.Guests[0].NTP
		offset := g.in(t, "node1", fmt.Sprintf("chronyd -Q -t 10 'server %s iburst maxsamples 1' 2>&1", server))
		if !strings.Contains(offset, "System clock wrong by") {
			t.Errorf("no answer from %s: %s", server, offset)
		}
		g.in(t, "node1", "systemctl start chrony && chronyc waitsync 20 0.5 0 1")
	})
	t.Run("time that a boot lost", func(t *testing.T) {
		for _, lie := range []string{"-2.5 seconds", "+70 seconds"} {
			g.in(t, "node2", "date --set '"+lie+"'")
			if err := WaitForSSH(t.Context(), g.o, "node2"); err != nil {
				t.Fatal(err)
			}
			asked := time.Now()
			now := g.in(t, "node2", "date +%s%3N")
			ms, err := strconv.ParseInt(now, 10, 64)
			if off := time.Until(time.UnixMilli(ms)); err != nil || off.Abs() > time.Since(asked)+2*clockLag {
				t.Errorf("after %s the clock is still off by %s, %v", lie, off, err)
			}
		}
	})
	t.Run("packages without a network", func(t *testing.T) {
		g.in(t, "node2", "apt-get update")
		g.in(t, "node2", "apt-get -y purge ipvsadm")
		g.fails(t, "node2", "test -e /usr/sbin/ipvsadm")
		g.in(t, "node2", "DEBIAN_FRONTEND=noninteractive apt-get -y install ipvsadm && ipvsadm -L -n")
		// All of Apache is there, too; unpacking it is left to who needs it.
		g.in(t, "node2", "apt-get -y --no-download --reinstall -d install apache2 apache2-bin apache2-data")
		equal(t, "what a purge of Apache would take and the repository lacks", g.in(t, "node2",
			"apt-get -s purge --autoremove apache2 | awk '$1 == \"Purg\" {print $2}' | while read p; do test -e /opt/lvsup-repo/$p.deb || echo $p; done"), "")
	})
	t.Run("ssh and sftp by ssh_config", func(t *testing.T) {
		config := g.State().SSHConfig()
		out, err := exec.Command("ssh", "-F", config, "node1", "hostname; cat").Output()
		if err != nil || string(out) != "node1\n" {
			t.Errorf("ssh: %q, %v", out, err)
		}
		sftp := exec.Command("sftp", "-b", "-", "-F", config, "ops@node1")
		sftp.Stdin = strings.NewReader("put " + config + " /tmp/pushed\n")
		if out, err := sftp.CombinedOutput(); err != nil {
			t.Errorf("sftp: %s, %v", out, err)
		}
		equal(t, "pushed file", g.in(t, "node1", "head -n 2 /tmp/pushed; stat -c %U /tmp/pushed"),
			"# lvsup lab "+g.o.Name+"\n# lvsup-lab-client: client\nops")
		equal(t, "sudo", g.in(t, "node1", "su ops -c 'echo lab | sudo -S -p \"\" id -un'"), "root")
		if client, ok := ClientFromSSHConfig(config); !ok || client != "client" {
			t.Errorf("client of the ssh_config: %q, %t", client, ok)
		}
	})
	t.Run("many sessions at once", func(t *testing.T) {
		var done []chan error
		for range 20 {
			c := make(chan error, 1)
			done = append(done, c)
			go func() {
				_, err := g.Output(t.Context(), "node1", "sleep", "0.5")
				c <- err
			}()
		}
		for _, c := range done {
			if err := <-c; err != nil {
				t.Error(err)
			}
		}
	})
	t.Run("up again", func(t *testing.T) {
		s, already, err := Up(t.Context(), g.o)
		if err != nil || !already || s.Processes[0] != g.State().Processes[0] {
			t.Errorf("already %t, error %v", already, err)
		}
		other := g.o
		other.Cluster = drCluster()
		if _, _, err := Up(t.Context(), other); err == nil || !strings.Contains(err.Error(), "with other hosts or interfaces") {
			t.Errorf("another plan under the same name: error %v", err)
		}
	})
	t.Run("power cut", func(t *testing.T) {
		before := g.in(t, "node1", "echo kept >/root/kept && sync /root/kept /root && cat /proc/sys/kernel/random/boot_id")
		if err := PowerCycle(t.Context(), g.o, "node1"); err != nil {
			t.Fatal(err)
		}
		after := g.in(t, "node1", "cat /proc/sys/kernel/random/boot_id")
		if before == after {
			t.Error("the guest has not booted anew")
		}
		equal(t, "synced file", g.in(t, "node1", "cat /root/kept"), "kept")
	})
	t.Run("reboot from inside", func(t *testing.T) {
		before := g.in(t, "node2", "cat /proc/sys/kernel/random/boot_id")
		_, _ = g.Exec(t.Context(), "node2", []string{"systemctl", "reboot"}, nil, nil, nil)
		for deadline := time.Now().Add(time.Minute); ; {
			g.Forget("node2")
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			after, err := g.Output(ctx, "node2", "cat", "/proc/sys/kernel/random/boot_id")
			cancel()
			if err == nil && strings.TrimSpace(after) != before {
				break
			}
			if time.Now().After(deadline) {
				t.Fatalf("node2 is not back: %v\n%s", err, g.State().consoleTail("node2"))
			}
			time.Sleep(100 * time.Millisecond)
		}
	})
	t.Run("speed", func(t *testing.T) {
		const runs = 50
		g.in(t, "node1", "true")
		begin := time.Now()
		for range runs {
			if _, err := g.Output(t.Context(), "node1", "true"); err != nil {
				t.Fatal(err)
			}
		}
		t.Logf("one command over a kept connection: %s", time.Since(begin)/runs)
	})
	t.Run("a guest that died", func(t *testing.T) {
		if err := PowerOff(t.Context(), g.o, "node2"); err != nil {
			t.Fatal(err)
		}
		s, err := Find("", g.o.Name)
		if err != nil || s.Running() || strings.Join(s.Dead(), " ") != "node2" {
			t.Errorf("running %t, dead %s, error %v", s.Running(), s.Dead(), err)
		}
		if _, already, err := Up(t.Context(), g.o); err != nil || !already {
			t.Errorf("up with a guest off: already %t, error %v", already, err)
		}
		if s, err = Find("", g.o.Name); err != nil || !s.Running() {
			t.Errorf("dead after up: %s, error %v", s.Dead(), err)
		}
		equal(t, "node1's file", g.in(t, "node1", "cat /root/kept"), "kept")
	})
	t.Run("down", func(t *testing.T) {
		state := g.State()
		if err := Down(t.Context(), g.o); err != nil {
			t.Fatal(err)
		}
		gone(t, state)
		if err := Down(t.Context(), g.o); !errors.Is(err, ErrNoLab) {
			t.Errorf("down again: error %v", err)
		}
	})
}

// gone checks that nothing of a lab is left.
func gone(t *testing.T, s *State) {
	t.Helper()
	for _, path := range []string{netnsPath(s.Netns), s.dir, s.dir + ".lock", s.DiskDir} {
		if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is left (%v)", path, err)
		}
	}
	left, err := processIDs(func(pid int) bool {
		line, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid))
		st, serr := readStat(pid)
		return err == nil && serr == nil && st.state != 'Z' && strings.Contains(string(line), s.dir+"/")
	})
	if err != nil || len(left) > 0 {
		t.Errorf("processes %v are left (%v)", left, err)
	}
}

func TestInbandLab(t *testing.T) {
	c := drCluster()
	c.Hosts = c.Hosts[:2]
	g := bootLab(t, c, true)
	equal(t, "interfaces", g.in(t, "master", "ls /sys/class/net | xargs"), "ens33 lo")
	equal(t, "address", g.in(t, "master", "ip -4 -o addr show dev ens33 | awk '{print $4}'"), "192.168.140.12/24")
	equal(t, "boot configuration", g.in(t, "node1", "grep -A1 ens33 /etc/network/interfaces | xargs"), "auto ens33 iface ens33 inet dhcp")
	g.in(t, "master", "ping -c 1 -W 3 192.168.140.2")
	g.in(t, "client", "ping -c 1 -W 3 192.168.140.13")
	g.in(t, "node1", fmt.Sprintf("chronyd -Q -t 10 'server %s iburst maxsamples 1'", g.State().Topology.Guests[1].NTP))

	// The address that SSH uses changes, as lvsup will do it: the new one is
	// reached by the same way in.
	g.in(t, "node1", "ip addr add 192.168.140.20/24 dev ens33")
	config := g.State().SSHConfig()
	out, err := exec.Command("ssh", "-F", config, "-o", "HostName=192.168.140.20", "node1", "hostname").CombinedOutput()
	equal(t, "ssh to the new address", string(out), "node1\n")
	if err != nil {
		t.Error(err)
	}
	if err := PowerCycle(t.Context(), g.o, "node1"); err != nil {
		t.Fatal(err)
	}
	equal(t, "boot configuration after a boot", g.in(t, "node1", "grep -c 'iface ens33' /etc/network/interfaces"), "1")

	// Whoever kills a lab's processes, or restarts the machine, gets it again.
	if err := killNetns(g.State().Netns); err != nil {
		t.Fatal(err)
	}
	if _, already, err := Up(t.Context(), g.o); err != nil || already {
		t.Fatalf("up after all was killed: already %t, error %v", already, err)
	}
	state := g.State()
	if err := Down(t.Context(), g.o); err != nil {
		t.Fatal(err)
	}
	gone(t, state)
}

func TestInterruptedUpLeavesNothing(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupted := errors.New("interrupted")
	o := Options{Cluster: drCluster(), Name: fmt.Sprintf("test%d-cut", os.Getpid()), Events: func(e Event) {
		if e.Step == "boot master" && !e.Done {
			time.AfterFunc(300*time.Millisecond, func() { cancel(interrupted) })
		}
	}}
	_, _, err := Up(ctx, o)
	if !errors.Is(err, interrupted) {
		t.Errorf("error %v", err)
	}
	dir, err := DefaultCacheDir()
	if err != nil {
		t.Fatal(err)
	}
	gone(t, &State{Netns: netnsName(o.Name), dir: filepath.Join(DefaultStateDir, o.Name), DiskDir: filepath.Join(dir, "disks", o.Name)})
}

func TestGuestThatDoesNotBoot(t *testing.T) {
	cache := t.TempDir()
	path, err := Image{Stack: Ifupdown, Dir: cache}.Path(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Cluster: drCluster(), Name: fmt.Sprintf("test%d-broken", os.Getpid()), CacheDir: cache}
	o.Cluster.Hosts = o.Cluster.Hosts[:1]
	_, _, err = Up(t.Context(), o)
	if err == nil || !strings.Contains(err.Error(), "stopped while it booted") || !strings.Contains(err.Error(), "VFS: Unable to mount root fs") {
		t.Errorf("error %v, want one that names the guest and quotes its console", err)
	}
	gone(t, &State{Netns: netnsName(o.Name), dir: filepath.Join(DefaultStateDir, o.Name), DiskDir: filepath.Join(cache, "disks", o.Name)})
}
