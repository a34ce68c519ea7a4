//go:build lab

package ipvs

import (
	"context"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs/umltest"
	"github.com/lvsup/lvsup/internal/step"
)

func TestMain(m *testing.M) { os.Exit(umltest.Main(m)) }

// guest is a director with a real kernel. The judge of what it has is ipvsadm.
type guest struct {
	t     *testing.T
	kind  step.Kind[Desired, Observed]
	owned step.Owned
}

// newGuest starts as after a boot: nothing loaded, no files of ours.
func newGuest(t *testing.T) *guest {
	g := &guest{t, New(host.Real()), step.Owned{}}
	g.reboot()
	for _, path := range []string{RulesFile, ModulesFile} {
		if err := os.RemoveAll(path); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// reboot takes from the kernel what a reboot would.
func (g *guest) reboot() {
	g.t.Helper()
	if _, err := os.Stat("/sys/module/ip_vs"); err != nil {
		return
	}
	g.run("ipvsadm", "-C")
	for _, role := range []string{"master", "backup"} {
		_ = exec.Command("ipvsadm", "--stop-daemon", role).Run() // fails where none runs
	}
	schedulers, err := os.ReadDir("/sys/module")
	if err != nil {
		g.t.Fatal(err)
	}
	for _, m := range schedulers {
		if strings.HasPrefix(m.Name(), "ip_vs_") {
			g.run("modprobe", "-r", m.Name())
		}
	}
	if _, err := os.Stat("/sys/module/ip_vs"); err == nil {
		g.run("modprobe", "-r", "ip_vs")
	}
}

func (g *guest) run(argv ...string) string {
	g.t.Helper()
	out, err := exec.Command(argv[0], argv[1:]...).CombinedOutput()
	if err != nil {
		g.t.Fatalf("%s: %v\n%s", strings.Join(argv, " "), err, out)
	}
	return string(out)
}

func (g *guest) diff(want Desired) []step.Change {
	g.t.Helper()
	have, err := g.kind.Observe(context.Background(), want, g.owned)
	if err != nil {
		g.t.Fatal(err)
	}
	return g.kind.Diff(want, g.owned, have)
}

func (g *guest) apply(want Desired) []step.Change {
	g.t.Helper()
	changes := g.diff(want)
	for _, c := range changes {
		g.owned.Begin(c)
	}
	if n, err := g.kind.Apply(context.Background(), want, changes); err != nil || n != len(changes) {
		g.t.Fatalf("%d of %d changes, %v", n, len(changes), err)
	}
	for _, c := range changes {
		g.owned.End(c)
	}
	if left := g.diff(want); len(left) > 0 {
		g.t.Fatalf("a second plan has %v", left)
	}
	return changes
}

const tutorialRules = `-A -t 192.168.146.100:80 -s rr
-a -t 192.168.146.100:80 -r 192.168.177.10:80 -m -w 1
-a -t 192.168.146.100:80 -r 192.168.177.20:80 -m -w 1
`

func TestKernelTutorial(t *testing.T) {
	g := newGuest(t)
	if _, err := os.Stat("/proc/net/ip_vs"); err == nil {
		t.Fatal("ip_vs is loaded before the test")
	}
	g.diff(tutorial())
	if _, err := os.Stat("/proc/net/ip_vs"); err == nil {
		t.Fatal("observing loaded ip_vs")
	}
	g.apply(tutorial())
	if got := g.run("ipvsadm", "-S", "-n"); got != tutorialRules {
		t.Errorf("after the apply:\n%s", got)
	}

	// Section 5: ipvsadm -E ... -p 10.
	persistent := edited(func(d *Desired) { d.Services[0].PersistenceSeconds = 10 })
	if changes := g.apply(persistent); len(changes) != 2 || changes[0].Action != step.Update || changes[0].Key != "TCP 192.168.146.100:80" {
		t.Errorf("persistence is %v", changes)
	}
	if got := g.run("ipvsadm", "-L", "-n"); !strings.Contains(got, "TCP  192.168.146.100:80 rr persistent 10\n") {
		t.Errorf("with persistence:\n%s", got)
	}

	// Section 3.13: the rules come back after a boot, beside those of others.
	want := g.run("ipvsadm", "-S", "-n")
	g.reboot()
	for range 2 {
		if err := Restore(context.Background(), host.Real()); err != nil {
			t.Fatal(err)
		}
		if got := g.run("ipvsadm", "-S", "-n"); got != want {
			t.Errorf("after a boot:\n%s", got)
		}
	}
	if left := g.diff(persistent); len(left) > 0 {
		t.Errorf("after a boot there is to do: %v", left)
	}

	// By hand, as somebody would: found and repaired.
	g.run("ipvsadm", "-d", "-t", "192.168.146.100:80", "-r", "192.168.177.20:80")
	if drift := g.apply(persistent); len(drift) != 1 || drift[0].Action != step.Create {
		t.Errorf("drift is %v", drift)
	}
	g.apply(Desired{})
	if got := g.run("ipvsadm", "-S", "-n"); got != "" {
		t.Errorf("after all is taken away:\n%s", got)
	}
	for _, path := range []string{RulesFile, ModulesFile} {
		if _, err := os.Lstat(path); err == nil {
			t.Errorf("%s is left", path)
		}
	}
}

func TestKernelAdoptsWhatWasTyped(t *testing.T) {
	g := newGuest(t)
	g.run("ipvsadm", "-A", "-t", "192.168.146.100:80", "-s", "rr")
	g.run("ipvsadm", "-a", "-t", "192.168.146.100:80", "-r", "192.168.177.10:80", "-m")
	g.run("ipvsadm", "-a", "-t", "192.168.146.100:80", "-r", "192.168.177.20:80", "-m")
	for _, c := range g.apply(tutorial()) {
		if !isFile(c.ID) && c.Action != step.Adopt {
			t.Errorf("%s %s", c.Action, c.ID)
		}
	}
	if got := g.run("ipvsadm", "-S", "-n"); got != tutorialRules {
		t.Errorf("after the apply:\n%s", got)
	}
}

func TestKernelLacksAScheduler(t *testing.T) {
	g := newGuest(t)
	want := edited(func(d *Desired) { d.Services[0].Scheduler = "twos" })
	_, err := g.kind.Observe(context.Background(), want, nil)
	if err == nil || !strings.Contains(err.Error(), `cannot use scheduler "twos": kernel 6.`) || !strings.Contains(err.Error(), " rr, sed, sh, ") {
		t.Errorf("got %v", err)
	}
}

// TestKernelBoot takes all that a plan can say through a boot.
func TestKernelBoot(t *testing.T) {
	g := newGuest(t)
	want := everything()
	for i := range want.Sync {
		want.Sync[i].Interface, want.Sync[i].Group = "lo", "224.0.0.81"
	}
	g.apply(want)
	say := func() string {
		return g.run("ipvsadm", "-S", "-n") + g.run("ipvsadm", "-L", "-n", "--thresholds") +
			g.run("ipvsadm", "-L", "--timeout") + g.run("ipvsadm", "-L", "--daemon")
	}
	before := say()
	for _, words := range []string{"--pe sip", "-b mh-port", "Timeout (tcp tcpfin udp): 600 120 60", "backup sync daemon"} {
		if !strings.Contains(before, words) {
			t.Errorf("%q is not in\n%s", words, before)
		}
	}
	g.reboot()
	for range 2 {
		if err := Restore(context.Background(), host.Real()); err != nil {
			t.Fatal(err)
		}
		if after := say(); after != before {
			t.Errorf("before the boot:\n%s\nafter it:\n%s", before, after)
		}
	}
	if left := g.diff(want); len(left) > 0 {
		t.Errorf("after a boot there is to do: %v", left)
	}
	g.apply(Desired{})
	if left := say(); strings.Contains(left, "-A") || strings.Contains(left, "sync daemon") || !strings.Contains(left, ": 900 120 300") {
		t.Errorf("after all is taken away:\n%s", left)
	}
}
