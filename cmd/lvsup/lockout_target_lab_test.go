//go:build lab

package main

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"github.com/lvsup/lvsup/internal/lab"
)

// target is one host of the lockout test: the plans it goes through, and how a
// person gets at it.
type target struct {
	l       *lockout
	name    string
	lease   string
	places  []string // the addresses of its plans, with prefix length; the last is where nobody finds it
	console *os.File // what it says, from the point's begin on
	said    string
	now     place
	lost    bool // nobody gets at it any more
}

// place is where a host is and where it will be after a boot: addresses without
// prefix length, "dhcp" for the lease.
type place struct{ running, boot string }

const onDHCP = "dhcp"

func newTarget(l *lockout, n int) *target {
	name := fmt.Sprintf("h%d", n)
	g, ok := l.lab.State().Topology.Guest(name)
	if !ok {
		l.t.Fatalf("the lab has no %s", name)
	}
	h := &target{l: l, name: name, lease: g.Login.String(), now: place{onDHCP, onDHCP}, places: []string{
		fmt.Sprintf("192.168.140.%d/24", 100+n), fmt.Sprintf("192.168.140.%d/24", 200+n),
		fmt.Sprintf("10.77.0.%d/24", 100+n), fmt.Sprintf("10.99.0.%d/24", 100+n),
	}}
	for i, p := range h.places {
		gateway := map[int]string{0: "192.168.140.2", 1: "192.168.140.2", 2: "10.77.0.2"}[i]
		if gateway != "" {
			gateway = fmt.Sprintf("    gateway = %q\n", gateway)
		}
		h.write(h.plan(i), fmt.Sprintf(lockoutPlan, name, p, gateway))
	}
	harm, err := os.ReadFile(filepath.Join("testdata", "guest", "fault.pl"))
	if err != nil {
		l.t.Fatal(err)
	}
	h.must(h.lease, "cat >/root/fault.pl", string(harm))
	h.must(h.lease, "tar -C / -cf /root/before.tar etc/network etc/resolv.conf", "")
	if h.console, err = os.Open(filepath.Join(lab.DefaultStateDir, l.name, name+".log")); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() { _ = h.console.Close() })
	return h
}

func (h *target) plan(i int) string {
	return filepath.Join(h.l.dir, fmt.Sprintf("%s-%d.hcl", h.name, i))
}

func (h *target) write(file, text string) {
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		h.l.t.Fatal(err)
	}
}

// address is where a place is found.
func (h *target) address(place string) string {
	if place == onDHCP {
		return h.lease
	}
	return place
}

func bare(p string) string { return netip.MustParsePrefix(p).Addr().String() }

// prepare gets the host to where a move begins.
func (h *target) prepare(move int) {
	if lockoutMoves[move].lease == (h.now.running == onDHCP) {
		return
	}
	if !lockoutMoves[move].lease {
		h.mend(0)
		return
	}
	h.must(h.address(h.now.running), "rm -rf /var/lib/lvsup /etc/network/interfaces.d/*; tar -C / -xf /root/before.tar; sync", "")
	h.now = place{onDHCP, onDHCP}
	if h.boot(h.lease) == "" {
		h.lost = true
		h.l.t.Errorf("%s does not boot with its old files", h.name)
	}
}

// boot cuts the host's power, switches it on, and waits until it answers at one of
// the addresses.
func (h *target) boot(addresses ...string) string {
	// The lab itself waits at addresses that it knows.
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() { _ = lab.PowerCycle(ctx, lab.Options{Name: h.l.name}, h.name) }()
	h.read()
	h.said = ""
	for end := time.Now().Add(90 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if h.read(); strings.Contains(h.said, "Linux version ") {
			break
		}
	}
	return h.await(90*time.Second, addresses...)
}

// mend has lvsup bring the host to one of its plans.
func (h *target) mend(to int) {
	code, out := h.lvsup("apply", h.plan(to), "--yes")
	h.now = h.look(h.await(30*time.Second, bare(h.places[to])))
	if want := bare(h.places[to]); code != 0 || h.now != (place{want, want}) {
		h.l.t.Errorf("%s: lvsup apply ended with %d and left it at %+v, want %s\n%s", h.name, code, h.now, want, out)
	}
}

// run makes one move and does harm in the middle; a fault below 0 is none. It gives
// the steps that were seen, to the last if nothing was done to the host.
func (h *target) run(p point) []string {
	to, old := len(h.places)-1, h.now
	if !lockoutMoves[p.move].lost {
		h.l.mu.Lock()
		to = h.l.rng.IntN(to)
		h.l.mu.Unlock()
		if bare(h.places[to]) == h.now.running {
			to = (to + 1) % (len(h.places) - 1)
		}
	}
	target := bare(h.places[to])
	what := fmt.Sprintf("%s: %s (%s -> %s)", h.name, lockoutMoves[p.move].name, h.address(old.running), target)
	fault := "none"
	if p.fault >= 0 {
		fault = lockoutFaults[p.fault].fault
		what += fmt.Sprintf(", %s after step %d", lockoutFaults[p.fault].name, p.step)
	}
	hold := 1
	if p.fault >= 0 && lockoutFaults[p.fault].name == powerCut {
		hold = 60 // until it is dead
	}
	h.watch(p.step, fault, hold)
	guard := lockoutGuard
	if p.fault < 0 && !lockoutMoves[p.move].lost {
		guard = time.Minute // its steps are to be seen to the last
	}
	cmd := h.command("apply", h.plan(to), "--yes", "--guard", guard.String())
	var out strings.Builder
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		h.l.t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	at := h.harm(p, cmd, ended, h.address(old.running), target)
	select {
	case <-ended:
	case <-time.After(3 * time.Minute):
		_ = cmd.Process.Kill()
		h.l.t.Errorf("%s: lvsup did not end\n%s", what, out.String())
		return nil
	}
	// The coordinator may be gone long before the guard's time is over.
	time.Sleep(lockoutGuard)
	found := h.await(90*time.Second, h.address(old.running), target)
	if found == "" {
		h.read()
		h.lost = true
		h.l.t.Errorf("%s: LOCKED OUT: it answers neither at its old nor at its new address\n%s\nconsole:\n%s", what, out.String(), h.said)
		return nil
	}
	if h.now = h.settle(found); h.lost {
		return nil
	}
	steps := h.steps()
	code := cmd.ProcessState.ExitCode()
	h.judge(what, p, to, old, code, out.String())
	if at != "" {
		end := fmt.Sprintf("runs %s, boots %s", h.now.running, h.now.boot)
		h.l.record(outcome{p, at, end, code})
		h.l.t.Logf("%s (%s): %s, lvsup ended with %d", what, at, end, code)
	}
	h.recover(what, p, to)
	return steps
}

// harm waits until the guest has done its part, and does the part that comes
// from outside. It gives the step's name, empty if the run ended before.
func (h *target) harm(p point, cmd *exec.Cmd, ended chan struct{}, old ...string) string {
	if p.fault < 0 {
		return ""
	}
	line := regexp.MustCompile(fmt.Sprintf(`FAULT %d ([^\r\n]*)[\r\n]`, p.step))
	for {
		h.read()
		m := line.FindStringSubmatch(h.said)
		if m == nil {
			select {
			case <-ended:
				return ""
			case <-time.After(20 * time.Millisecond):
				continue
			}
		}
		switch lockoutFaults[p.fault].name {
		case powerCut:
			h.boot(old...)
		case coordinatorKilled:
			_ = cmd.Process.Kill()
		case cablePulled:
			h.l.cable(h.name, false)
			time.Sleep(lockoutGuard + 3*time.Second)
			h.l.cable(h.name, true)
		case cableJolted:
			h.l.cable(h.name, false)
			time.Sleep(time.Second)
			h.l.cable(h.name, true)
		}
		return m[1]
	}
}

// watch starts the guest's part of the fault.
func (h *target) watch(step int, fault string, hold int) {
	h.read()
	h.said = ""
	const dirs = "/run/lvsup/guard /var/lib/lvsup /etc /etc/network /etc/network/interfaces.d /run/network"
	h.must(h.address(h.now.running), fmt.Sprintf("mkdir -p -m 700 /run/lvsup/guard /var/lib/lvsup; setsid chrt -f 50 perl /root/fault.pl %d '%s' %d %s >/root/fault.log 2>&1 </dev/null &", step, fault, hold, dirs), "")
	for end := time.Now().Add(10 * time.Second); !strings.Contains(h.said, "READY"); time.Sleep(20 * time.Millisecond) {
		if h.read(); time.Now().After(end) {
			out, _ := h.ssh(h.address(h.now.running), "cat /root/fault.log", "", 10*time.Second)
			h.l.t.Errorf("%s: the guest's part of the test did not start: %s", h.name, out)
			return
		}
	}
}

func (h *target) read() {
	buf := make([]byte, 64<<10)
	for {
		n, _ := h.console.Read(buf)
		h.said += string(buf[:n])
		if n == 0 {
			return
		}
	}
}

// steps are those that the guest has told of since the watch began.
func (h *target) steps() []string {
	h.read()
	var all []string
	for _, m := range regexp.MustCompile(`STEP \d+ ([^\r\n]*)[\r\n]`).FindAllStringSubmatch(h.said, -1) {
		all = append(all, m[1])
	}
	return all
}

// await waits until the host answers at one of the addresses.
func (h *target) await(limit time.Duration, addresses ...string) string {
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		if a := h.find(addresses...); a != "" {
			return a
		}
	}
	return ""
}

// find gives the first of the addresses at which the host lets a person in.
func (h *target) find(addresses ...string) string {
	for _, a := range addresses {
		if out, err := h.ssh(a, "hostname", "", 8*time.Second); err == nil && strings.TrimSpace(out) == h.name {
			return a
		}
	}
	return ""
}

// settle ends the guest's part of the test, waits until no guard and no agent runs
// and nobody has the lock, and looks.
func (h *target) settle(at string) place {
	all := []string{at, h.lease}
	for _, p := range h.places {
		all = append(all, bare(p))
	}
	const quiet = `pkill -f '^perl /root/fault.pl'; ps ax -o pid,args | grep '[/]libexec/lvsup/agent-' && exit 1
	[ ! -e /run/lvsup/lock ] || flock -n /run/lvsup/lock true`
	var out string
	var err error
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(500 * time.Millisecond) {
		if out, err = h.ssh(at, quiet, "", 20*time.Second); err == nil {
			return h.look(at)
		}
		at = h.await(30*time.Second, all...)
	}
	h.l.t.Errorf("%s: a guard, an agent or a lock is left: %v %s", h.name, err, out)
	return h.look(at)
}

// look reads where the host is and what its boot files say.
func (h *target) look(at string) place {
	const script = `ip -4 -o address show dev ens33 | awk '{print $4}' | sort | xargs echo
	pgrep -x dhclient >/dev/null && echo dhcp || echo static
	cat /etc/network/interfaces /etc/network/interfaces.d/* 2>/dev/null | grep -E '^iface ens33|^ +address' | xargs echo`
	out, err := h.ssh(at, script, "", 20*time.Second)
	if err != nil { // a busy machine, once
		out, err = h.ssh(h.await(time.Minute, at), script, "", 20*time.Second)
	}
	lines := strings.Split(out, "\n")
	if err != nil || len(lines) < 3 {
		h.lost = true // what it did next would be told as lvsup's
		h.l.t.Errorf("%s: cannot look around at %s: %v %s", h.name, at, err, out)
		return place{}
	}
	p := place{strings.ReplaceAll(strings.Join(strings.Fields(lines[0]), "+"), "/24", ""), lines[2]}
	if p.running == h.lease && lines[1] == "dhcp" {
		p.running = onDHCP
	}
	switch f := strings.Fields(p.boot); {
	case p.boot == "iface ens33 inet dhcp":
		p.boot = onDHCP
	case len(f) == 6 && f[3] == "static":
		p.boot = f[5]
	}
	return p
}

// judge holds what must be so whatever was done.
func (h *target) judge(what string, p point, to int, old place, code int, out string) {
	fail := func(format string, args ...any) {
		h.l.t.Errorf("%s: it is at %+v: %s\n%s", what, h.now, fmt.Sprintf(format, args...), out)
	}
	target := bare(h.places[to])
	if code == 0 && h.now != (place{target, target}) {
		fail("lvsup ended with 0")
	}
	killed := p.fault >= 0 && lockoutFaults[p.fault].name == coordinatorKilled
	if !slices.Contains([]int{0, 1, 3, 4, 5}, code) && !(killed && code == -1) {
		fail("lvsup ended with %d", code)
	}
	if lockoutMoves[p.move].lost && h.now.boot != old.boot {
		fail("the boot files were changed, to %s", h.now.boot)
	}
	if h.now.running == h.now.boot {
		return
	}
	plans := []int{to}
	for i, a := range h.places {
		if bare(a) == old.running {
			plans = append(plans, i)
		}
	}
	for _, i := range plans {
		if got, said := h.lvsup("drift", h.plan(i)); got != 2 {
			fail("running and boot state disagree, and drift with %s ends with %d\n%s", h.places[i], got, said)
		}
	}
}

// recover boots some hosts to see that they answer, and mends what needs it.
func (h *target) recover(what string, p point, to int) {
	h.l.mu.Lock()
	boot := h.l.rng.IntN(6) == 0
	h.l.mu.Unlock()
	if boot || h.now.running != h.now.boot && p.step%2 == 0 {
		before := h.now
		if h.boot(h.address(before.boot)) == "" {
			h.read()
			h.lost = true
			h.l.t.Errorf("%s: LOCKED OUT after a boot: it was at %+v\n%s", what, before, h.said)
			return
		}
		h.now = h.look(h.address(before.boot))
		if want := (place{before.boot, before.boot}); h.now != want {
			h.l.t.Errorf("%s: after a boot it is at %+v, and was at %+v", what, h.now, before)
		}
	}
	if h.now.running != h.now.boot || h.now.running == onDHCP && !lockoutMoves[p.move].lease {
		h.mend(min(to, len(h.places)-2))
	}
}

// lvsup runs it with an ssh_config that has the host where it is now.
func (h *target) lvsup(args ...string) (int, string) {
	cmd := h.command(args...)
	out, _ := cmd.CombinedOutput()
	return cmd.ProcessState.ExitCode(), string(out)
}

func (h *target) command(args ...string) *exec.Cmd {
	state := filepath.Join(lab.DefaultStateDir, h.l.name)
	config := filepath.Join(h.l.dir, h.name+".conf")
	at := strings.Split(h.address(h.now.running), "+")[0]
	h.write(config, fmt.Sprintf("Host %s\n\tHostName %s\n\tHostKeyAlias %s\n\tUser root\n\tIdentityFile %s/id_ed25519\n\tIdentitiesOnly yes\n\tIdentityAgent none\n"+
		"\tUserKnownHostsFile %s/known_hosts\n\tGlobalKnownHostsFile none\n\tStrictHostKeyChecking yes\n\tProxyCommand %s lab connect --lab %s %%h %%p\n",
		h.name, at, h.name, state, state, h.l.lvsup, h.l.name))
	ctx, cancel := context.WithTimeout(context.Background(), 4*time.Minute)
	h.l.t.Cleanup(cancel)
	return exec.CommandContext(ctx, h.l.lvsup, append([]string{args[0], "-F", config}, args[1:]...)...)
}

func (h *target) must(address, script, stdin string) {
	if out, err := h.ssh(address, script, stdin, 30*time.Second); err != nil {
		h.l.t.Errorf("%s at %s: %s: %v %s", h.name, address, script, err, out)
	}
}

// ssh logs in from the lab's network, at that address and no other.
func (h *target) ssh(address, script, stdin string, limit time.Duration) (string, error) {
	a, err := netip.ParseAddr(address)
	if err != nil {
		return "", errNobody
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	conn, err := h.l.lab.State().Dial(ctx, netip.AddrPortFrom(a, 22))
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	end, _ := ctx.Deadline()
	_ = conn.SetDeadline(end)
	text, err := os.ReadFile(filepath.Join(lab.DefaultStateDir, h.l.name, "id_ed25519"))
	if err != nil {
		return "", err
	}
	key, err := ssh.ParsePrivateKey(text)
	if err != nil {
		return "", err
	}
	c, channels, requests, err := ssh.NewClientConn(conn, address, &ssh.ClientConfig{
		User: "root", Auth: []ssh.AuthMethod{ssh.PublicKeys(key)},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), // the host says its name
	})
	if err != nil {
		return "", err
	}
	client := ssh.NewClient(c, channels, requests)
	defer func() { _ = client.Close() }()
	session, err := client.NewSession()
	if err != nil {
		return "", err
	}
	session.Stdin = strings.NewReader(stdin)
	out, err := session.CombinedOutput(script)
	return string(out), err
}
