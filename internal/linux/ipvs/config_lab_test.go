//go:build lab

package ipvs

import (
	"context"
	"errors"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestKernelTimeouts(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	must(t, c.SetTimeouts(ctx, Timeouts{TCP: 900, TCPFin: 120, UDP: 300}))
	t.Cleanup(func() { must(t, c.SetTimeouts(ctx, Timeouts{TCP: 900, TCPFin: 120, UDP: 300})) })
	for _, step := range []struct{ set, want Timeouts }{
		{Timeouts{}, Timeouts{900, 120, 300}},
		{Timeouts{TCPFin: 60}, Timeouts{900, 60, 300}},
		{Timeouts{TCP: MaxTimeout, UDP: 1}, Timeouts{MaxTimeout, 60, 1}},
	} {
		must(t, c.SetTimeouts(ctx, step.set))
		if got, err := c.Timeouts(ctx); err != nil || got != step.want {
			t.Errorf("after setting %v: %v, %v; want %v", step.set, got, err, step.want)
		}
	}
	if got := run(t, "ipvsadm", "-L", "--timeout"); got != "Timeout (tcp tcpfin udp): 2147483 60 1\n" {
		t.Errorf("ipvsadm says %q", got)
	}
	wantErrno(t, c.SetTimeouts(ctx, Timeouts{TCP: 5, UDP: 1 << 31}), syscall.EINVAL)
	if got, err := c.Timeouts(ctx); err != nil || got.TCP != MaxTimeout {
		t.Errorf("a refused setting was taken in part: %v, %v", got, err)
	}
}

// dialWithoutDaemons also ends the daemons that other tests left.
func dialWithoutDaemons(t *testing.T) *Client {
	t.Helper()
	c := dial(t)
	stop := func() {
		daemons, err := c.Daemons(context.Background())
		must(t, err)
		for _, d := range daemons {
			must(t, c.StopDaemon(context.Background(), d.Role, d.ID))
		}
	}
	stop()
	t.Cleanup(stop)
	return c
}

func TestKernelDaemons(t *testing.T) {
	c := dialWithoutDaemons(t)
	ctx := context.Background()
	master := Daemon{Role: Master, Interface: "lo", ID: 255}
	backup := Daemon{Role: Backup, Interface: "lo", Group: netip.MustParseAddr("ff02::81"), Port: 9000, TTL: 7, MaxLength: 3}
	wantErrno(t, c.StopDaemon(ctx, Master, 255), syscall.ESRCH)
	must(t, c.StartDaemon(ctx, master))
	wantErrno(t, c.StartDaemon(ctx, master), syscall.EEXIST)
	must(t, c.StartDaemon(ctx, backup))
	wantErrno(t, c.StartDaemon(ctx, Daemon{Role: Backup, Interface: "nope"}), syscall.ENODEV)
	wantErrno(t, c.StartDaemon(ctx, Daemon{Role: Backup, Interface: "lo", Group: netip.MustParseAddr("192.0.2.1")}), syscall.EINVAL)

	master.Group, master.Port, master.TTL, master.MaxLength = DefaultDaemonGroup(), DefaultDaemonPort, DefaultDaemonTTL, 1472
	backup.MaxLength = 1024
	got, err := c.Daemons(ctx)
	if diff := cmp.Diff([]Daemon{master, backup}, got, compareAddrs); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	want := "master sync daemon (mcast=lo, syncid=255, maxlen=1472, group=224.0.0.81, port=8848, ttl=1)\n" +
		"backup sync daemon (mcast=lo, syncid=0, maxlen=1024, group=ff02::81, port=9000, ttl=7)\n"
	if got := run(t, "ipvsadm", "-L", "--daemon"); got != want {
		t.Errorf("ipvsadm says\n%s", got)
	}
	must(t, c.StopDaemon(ctx, Master, 0))
	must(t, c.StopDaemon(ctx, Backup, 0))
}

// TestKernelStopsADaemonWithoutAnAnswer stops daemons so soon that their
// threads have not run: the kernel does it and says nothing.
func TestKernelStopsADaemonWithoutAnAnswer(t *testing.T) {
	c := dialWithoutDaemons(t)
	ctx := context.Background()
	start := time.Now()
	for range 10 {
		for _, role := range []DaemonRole{Master, Backup} {
			must(t, c.StartDaemon(ctx, Daemon{Role: role, Interface: "lo"}))
			must(t, c.StopDaemon(ctx, role, 0))
		}
	}
	if took := time.Since(start); took > RequestTimeout {
		t.Errorf("it took %s", took)
	}
	if left, err := c.Daemons(ctx); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// TestKernelDaemonsAndMixedFamiliesExclude holds it in either order.
func TestKernelDaemonsAndMixedFamiliesExclude(t *testing.T) {
	c := dialWithoutDaemons(t)
	ctx := context.Background()
	k := key("TCP 192.0.2.1:80")
	mixed := dest("[2001:db8::2]:80", Tunnel, 1)
	d := Daemon{Role: Master, Interface: "lo", ID: 1}
	must(t, c.AddService(ctx, Service{Key: k, Scheduler: "rr"}))

	must(t, c.StartDaemon(ctx, d))
	wantErrno(t, c.AddDest(ctx, k, mixed), syscall.EINVAL)
	must(t, c.StopDaemon(ctx, Master, 1))

	must(t, c.AddDest(ctx, k, mixed))
	wantErrno(t, c.StartDaemon(ctx, d), syscall.EINVAL)
	must(t, c.DelDest(ctx, k, mixed))
	must(t, c.StartDaemon(ctx, d))
}

// restorable draws what ipvsadm -R can be told, so that nothing is lost.
func restorable(t *rapid.T, mixed bool) []Command {
	var cmds []Command
	seen := map[ServiceKey]bool{}
	for range rapid.IntRange(1, 6).Draw(t, "services") {
		s := genKernelService(t)
		if s.Flags&FlagPersistent != 0 {
			s.Timeout = max(s.Timeout, 1)
		} else {
			// ipvsadm takes these only with persistence.
			s.Timeout, s.Netmask = 0, FullMask(s.Key.Address)
			if s.Key.FWMark == 0 {
				s.Key.Port = max(s.Key.Port, 1)
			}
		}
		if s.Key.FWMark == 0 && s.Key.Protocol != UDP {
			s.Flags &^= FlagOnePacket
		}
		if seen[s.Key] {
			continue
		}
		seen[s.Key] = true
		cmds = append(cmds, AddService(s))
		dests := map[netip.AddrPort]bool{}
		for range rapid.IntRange(0, 4).Draw(t, "destinations") {
			d := genKernelDestination(t, s.Key).Normalize(s.Key)
			if d.UpperThreshold > 1<<31-1 || d.LowerThreshold > 1<<31-1 {
				d.UpperThreshold, d.LowerThreshold = d.UpperThreshold/2, d.LowerThreshold/2
			}
			if d.Tunnel.Type != TunnelGUE {
				d.Tunnel.Port = 0
			}
			if d.Forwarding == Local {
				d.Forwarding = Route
			}
			if d.Tunnel.Type == TunnelIPIP || d.Tunnel.Type == TunnelGRE && d.Tunnel.Flags == TunnelRemoteChecksum {
				d.Tunnel.Flags = TunnelNoChecksum
			}
			if d.Address.Is4() != s.Key.Address.Is4() && !mixed || dests[d.Addr()] {
				continue
			}
			dests[d.Addr()] = true
			cmds = append(cmds, AddDestination(s.Key, d))
		}
	}
	return cmds
}

// TestKernelRestoresWhatIsWritten gives random tables to ipvsadm -R as
// WriteRestore writes them and compares all that the kernel then has.
func TestKernelRestoresWhatIsWritten(t *testing.T) {
	c := dialWithoutDaemons(t)
	ctx := context.Background()
	rapid.Check(t, func(rt *rapid.T) {
		must(rt, exec.Command("ipvsadm", "-C").Run())
		withDaemons := rapid.Bool().Draw(rt, "daemons")
		if _, err := c.Do(ctx, restorable(rt, !withDaemons)); err != nil {
			rt.Fatal(err)
		}
		seconds := rapid.Uint32Range(1, maxIpvsadmSeconds)
		timeouts := Timeouts{seconds.Draw(rt, "tcp"), seconds.Draw(rt, "tcp fin"), seconds.Draw(rt, "udp")}
		must(rt, c.SetTimeouts(ctx, timeouts))
		if withDaemons {
			must(rt, c.StartDaemon(ctx, Daemon{Role: Master, Interface: "lo", ID: rapid.Byte().Draw(rt, "id")}))
			must(rt, c.StartDaemon(ctx, Daemon{Role: Backup, Interface: "lo", Group: netip.MustParseAddr("ff02::99"), Port: 9000,
				TTL: rapid.ByteMin(1).Draw(rt, "ttl"), MaxLength: rapid.Uint16Range(1024, 2048).Draw(rt, "length")}))
		}
		want, err := c.Dump(ctx)
		must(rt, err)
		daemons, err := c.Daemons(ctx)
		must(rt, err)
		var lines strings.Builder
		must(rt, WriteRestore(&lines, want, timeouts, daemons))

		for _, d := range daemons {
			must(rt, c.StopDaemon(ctx, d.Role, d.ID))
		}
		must(rt, c.SetTimeouts(ctx, Timeouts{900, 120, 300}))
		must(rt, exec.Command("ipvsadm", "-C").Run())
		restore := exec.Command("ipvsadm", "-R")
		restore.Stdin = strings.NewReader(lines.String())
		if out, err := restore.CombinedOutput(); err != nil {
			rt.Fatalf("ipvsadm -R: %v %s\n%s", err, out, &lines)
		}
		got, err := c.Dump(ctx)
		must(rt, err)
		gotTimeouts, err := c.Timeouts(ctx)
		must(rt, err)
		gotDaemons, err := c.Daemons(ctx)
		must(rt, err)
		if diff := cmp.Diff(sortedByName(want), sortedByName(got), countersAside); diff != "" {
			rt.Errorf("the table differs:\n%s\n%s", diff, &lines)
		}
		if diff := cmp.Diff(daemons, gotDaemons, compareAddrs); diff != "" || timeouts != gotTimeouts {
			rt.Errorf("timeouts %v and %v; daemons:\n%s", timeouts, gotTimeouts, diff)
		}
		for _, d := range gotDaemons {
			must(rt, c.StopDaemon(ctx, d.Role, d.ID))
		}
	})
	must(t, c.SetTimeouts(ctx, Timeouts{900, 120, 300}))
}

// TestKernelHoldsWhatIpvsadmCannotRestore puts in what WriteRestore must say
// that it loses, and has ipvsadm take the rest.
func TestKernelHoldsWhatIpvsadmCannotRestore(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	long := Service{Key: key("TCP 192.0.2.1:80"), Scheduler: "rr", Flags: FlagPersistent, Timeout: maxIpvsadmSeconds + 1}
	limited := dest("10.0.0.1:80", NAT, 1)
	limited.UpperThreshold = 1 << 31
	if _, err := c.Do(ctx, []Command{
		AddService(Service{Key: key("TCP 192.0.2.1:0"), Scheduler: "rr"}),
		AddService(long), AddDestination(long.Key, limited), AddDestination(long.Key, dest("10.0.0.2:8080", Route, 1)),
	}); err != nil {
		t.Fatal(err)
	}
	table, err := c.Dump(ctx)
	must(t, err)
	var lines strings.Builder
	var loss *LossError
	if err := WriteRestore(&lines, table, Timeouts{UDP: maxIpvsadmSeconds + 1}, nil); !errors.As(err, &loss) || len(loss.Lost) != 5 {
		t.Errorf("it lost %v", err)
	}
	run(t, "ipvsadm", "-C")
	restore := exec.Command("ipvsadm", "-R")
	restore.Stdin = strings.NewReader(lines.String())
	if out, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("ipvsadm -R: %v %s\n%s", err, out, &lines)
	}
	must(t, c.SetTimeouts(ctx, Timeouts{900, 120, 300}))
}
