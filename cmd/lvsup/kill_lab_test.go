//go:build lab

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/lab"
)

// How many runs are killed, and for how long a soak goes on.
const (
	killsInTest = 6
	killsInSoak = 400
	soakFor     = 20 * time.Minute
)

// driftEvery rounds, lvsup is asked for its own judgement too.
const driftEvery = 3

// runTimeout bounds one lvsup; a run that hangs is a failure.
const runTimeout = 3 * time.Minute

// killAgents ends the agents of a host as the kernel's OOM killer would. The
// pattern does not match the shell that carries it.
const killAgents = `pkill -9 -f '^/usr/local/libexec/lvsup/agent-'; true`

// TestKills ends the coordinator, agents or both with SIGKILL at random moments
// of an apply or a destroy, four to six times in a row. Whatever they leave,
// the hosts must answer, no lock may stay, and one more run must reach the
// goal: the same files, addresses, sysctls and table as after an apply that
// nobody disturbed, and after a destroy those of the bare hosts. LVSUP_SEED
// repeats the choices of a run, though not its timing.
func TestKills(t *testing.T) {
	t.Parallel() // with the scripts, each in a lab of its own
	k := newKills(t)
	want, deadline := killsInTest, time.Now().Add(runTimeout*killsInTest)
	if os.Getenv("LVSUP_SOAK") != "" {
		want, deadline = killsInSoak, time.Now().Add(soakFor)
	}
	k.bare = k.inventory()
	k.must(0, "apply", k.plan)
	k.goal = k.inventory()
	applied := true
	for i := 0; k.hits < want && time.Now().Before(deadline); i++ {
		if i > 3*want {
			t.Fatalf("only %d runs of %d rounds lived long enough to be killed", k.hits, i)
		}
		applied = k.round(i, applied)
	}
	k.must(0, "destroy", k.plan)
	k.same("the bare state", k.bare, k.inventory())
	t.Logf("%d runs were killed", k.hits)
}

// kills is the lab, and what its hosts look like before lvsup and when done.
type kills struct {
	t          *testing.T
	rng        *rand.Rand
	lab        *lab.Lab
	lvsup      string
	plan       string // the goal
	other      string // the same cluster with other values
	config     string
	hosts      []string
	bare, goal map[string]string
	lines      map[string]int // how many lines of progress a command printed
	hits       int            // runs that were killed
}

func newKills(t *testing.T) *kills {
	seed := uint64(1)
	if os.Getenv("LVSUP_SOAK") != "" {
		seed = uint64(time.Now().UnixNano())
	}
	if s := os.Getenv("LVSUP_SEED"); s != "" {
		n, err := strconv.ParseUint(s, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		seed = n
	}
	t.Logf("LVSUP_SEED=%d", seed)
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	built, err := os.ReadFile(filepath.Join(root, "bin", "lvsup"))
	if err != nil {
		t.Fatalf("the test runs the real lvsup: run `make build` first (%v)", err)
	}
	// A copy: a build in between would push another agent.
	if err := os.WriteFile(filepath.Join(dir, "lvsup"), built, 0o700); err != nil {
		t.Fatal(err)
	}
	const name = "t-kills"
	k := &kills{
		t: t, rng: rand.New(rand.NewPCG(seed, 0)), lvsup: filepath.Join(dir, "lvsup"),
		plan: filepath.Join(dir, "plan.hcl"), other: filepath.Join(dir, "other.hcl"),
		config: filepath.Join(lab.DefaultStateDir, name, "ssh_config"),
		hosts:  []string{"master", "node1"}, lines: map[string]int{},
	}
	k.plans(filepath.Join("testdata", "kills.hcl"))
	_ = exec.Command(k.lvsup, "lab", "down", name).Run() // left by a run that was killed
	t.Cleanup(func() {
		if out, err := exec.Command(k.lvsup, "lab", "down", name).CombinedOutput(); err != nil {
			t.Errorf("cannot take the lab down: %v\n%s", err, out)
		}
	})
	if out, err := exec.Command(k.lvsup, "lab", "up", "--name", name, k.plan).CombinedOutput(); err != nil {
		t.Fatalf("cannot boot the lab: %v\n%s", err, out)
	}
	if k.lab, err = lab.Open("", name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.lab.Close() })
	return k
}

// plans writes the goal and a second plan whose values differ in every stage.
func (k *kills) plans(example string) {
	text, err := os.ReadFile(example)
	if err != nil {
		k.t.Fatal(err)
	}
	other := strings.NewReplacer(
		"192.168.140.100", "192.168.140.101",
		`scheduler = "rr"`, `scheduler = "wlc"`,
		"<h1>This is 192.168.140.20!</h1>", "<h1>other</h1>",
		"8.8.8.8", "9.9.9.9",
	).Replace(string(text))
	if err := errors.Join(os.WriteFile(k.plan, text, 0o600), os.WriteFile(k.other, []byte(other), 0o600)); err != nil {
		k.t.Fatal(err)
	}
}

// round has runs killed and repairs. applied says that the hosts are at the
// goal, otherwise they are bare; the same is given back for the next round.
func (k *kills) round(i int, applied bool) (nowApplied bool) {
	destroyed := false
	for n := 4 + k.rng.IntN(3); n > 0; n-- {
		command, plan, start := "apply", k.plan, "bare hosts"
		if applied {
			switch n := k.rng.IntN(8); {
			case n < 3:
				start = "hosts changed by hand"
				k.damage()
			case n < 6:
				start, plan = "an applied plan, towards another", k.other
			default:
				start, command = "an applied plan", "destroy"
			}
		}
		k.killed(i, start, command, plan)
		k.answer()
		destroyed = command == "destroy"
	}
	if destroyed && k.rng.IntN(2) == 0 {
		k.must(0, "destroy", k.plan)
		k.same("the bare state", k.bare, k.inventory())
		k.unlocked()
		return false
	}
	k.must(0, "apply", k.plan)
	k.same("the goal", k.goal, k.inventory())
	k.unlocked()
	if i%driftEvery == 0 {
		k.must(0, "drift", k.plan)
	}
	return true
}

// damage changes a few things by hand: such that a destroy which meets them
// still ends in the bare state. What others set to a value of their own, a
// destroy leaves.
func (k *kills) damage() {
	const vip = "192.168.140.100/32"
	all := [][2]string{
		{"master", "ipvsadm -C"},
		{"master", "ip address delete " + vip + " dev lo"},
		{"master", "ipvsadm -d -t 192.168.140.100:80 -r 192.168.140.20"},
		{"node1", "ip address delete " + vip + " dev lo"},
		{"node1", "sed -i /192.168.140.100/d /etc/rc.local"},
		{"node1", "systemctl disable apache2"},
		{"node1", "ip address delete 192.168.140.20/24 dev ens33"},
		{"node1", "rm -f /etc/sysctl.d/*lvsup*"},
	}
	k.rng.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
	for _, d := range all[:2+k.rng.IntN(4)] {
		k.t.Logf("  on %s: %s", d[0], d[1])
		// One may undo what another needs: that is no concern of this test.
		_, _ = k.on(d[0], d[1])
	}
}

// killed starts a command and kills it, its agents or both, a random time after
// a random line of its progress. It may have ended before.
func (k *kills) killed(i int, start, command, plan string) {
	victim := []string{"coordinator", "coordinator", "agent", "both"}[k.rng.IntN(4)]
	host := k.hosts[k.rng.IntN(len(k.hosts))]
	key := command + plan + start
	line := k.rng.IntN(max(k.lines[key], 12))
	delay := time.Duration(k.rng.IntN(500)) * time.Millisecond
	k.t.Logf("round %d: %s from %s; kill %s (%s) %s after line %d", i, command, start, victim, host, delay, line)

	ctx, cancel := context.WithTimeout(k.t.Context(), runTimeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, k.lvsup, command, "--yes", "-F", k.config, plan)
	var said bytes.Buffer
	progress, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = io.Discard, writer
	cmd.WaitDelay = 5 * time.Second
	if err := cmd.Start(); err != nil {
		k.t.Fatal(err)
	}
	reached, drained := make(chan struct{}), make(chan int)
	go func() {
		n := 0
		for s := bufio.NewScanner(progress); s.Scan(); n++ {
			if n == line {
				close(reached)
			}
			fmt.Fprintln(&said, s.Text())
		}
		drained <- n
	}()
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()

	var err error
	select {
	case err = <-ended:
	case <-reached:
		select {
		case err = <-ended:
		case <-time.After(delay):
			k.hits++
			if victim != "coordinator" {
				if _, err := k.on(host, killAgents); err != nil {
					k.t.Fatalf("%s does not answer: %v", host, err)
				}
			}
			if victim != "agent" {
				_ = cmd.Process.Kill()
			}
			err = <-ended
		}
	}
	_ = writer.Close()
	k.lines[key] = max(k.lines[key], <-drained)
	if ctx.Err() != nil {
		k.t.Fatalf("lvsup %s did not end within %s\n%s", command, runTimeout, said.String())
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		k.t.Logf("  lvsup ended with %d", exit.ExitCode())
		// Before the first change a lost agent stops the run, later it is the
		// failure of its host, or of the probe.
		code := exit.ExitCode()
		told := code == 8 || strings.Contains(said.String(), "Error:")
		if !slices.Contains([]int{1, 3, 4, 8}, code) || !told {
			k.t.Errorf("exit code %d after %s of %s was killed\n%s", code, victim, host, said.String())
		}
	}
}

// answer holds that every host lets a person in.
func (k *kills) answer() {
	for _, h := range k.hosts {
		if _, err := k.on(h, "true"); err != nil {
			k.t.Fatalf("%s does not answer: %v", h, err)
		}
	}
}

// unlocked holds that nobody has a lock, and that no agent runs on.
func (k *kills) unlocked() {
	for _, h := range k.hosts {
		const ask = `if [ -e /run/lvsup/lock ]; then flock -w 5 /run/lvsup/lock true; fi && ! pgrep -f '^/usr/local/libexec/lvsup/agent-'`
		if out, err := k.on(h, ask); err != nil {
			k.t.Errorf("%s is still locked, or an agent is left: %v %s", h, err, out)
		}
	}
}

func (k *kills) on(host, script string) (string, error) {
	ctx, cancel := context.WithTimeout(k.t.Context(), time.Minute)
	defer cancel()
	return k.lab.Output(ctx, host, "sh", "-c", script)
}

// must runs a command to its end.
func (k *kills) must(code int, command, plan string) {
	k.t.Helper()
	args := []string{command, "-F", k.config, plan}
	if command != "drift" {
		args = append(args, "--yes")
	}
	ctx, cancel := context.WithTimeout(k.t.Context(), runTimeout)
	defer cancel()
	begin := time.Now()
	cmd := exec.CommandContext(ctx, k.lvsup, args...)
	out, err := cmd.CombinedOutput()
	if got := cmd.ProcessState.ExitCode(); got != code {
		k.t.Fatalf("lvsup %s: exit code %d, want %d (%v)\n%s", command, got, code, err, out)
	}
	k.t.Logf("  %s: %s", command, time.Since(begin).Round(100*time.Millisecond))
}

// inventory is what each host looks like; see there.
func (k *kills) inventory() map[string]string {
	all := map[string]string{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for _, h := range k.hosts {
		wg.Go(func() {
			out, err := k.on(h, inventory)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				k.t.Errorf("%s: %v", h, err)
			}
			all[h] = out
		})
	}
	wg.Wait()
	return all
}

// same compares inventories, apart from the record, which also tells how lvsup
// came to where it is, and from what a killed upload left, which goes an hour
// later.
func (k *kills) same(what string, want, got map[string]string) {
	k.t.Helper()
	for _, h := range k.hosts {
		if want[h] == got[h] {
			continue
		}
		if d := lineDiff(want[h], got[h]); d != "" {
			k.t.Fatalf("%s is not at %s:\n%s", h, what, d)
		}
	}
}

// lineDiff lists the lines that only one of the texts has.
func lineDiff(want, got string) string {
	in := func(text string) map[string]bool {
		lines := map[string]bool{}
		for _, l := range strings.Split(text, "\n") {
			lines[l] = !strings.HasSuffix(l, "/owned.json") && !strings.Contains(l, "/.lvsup-upload-")
		}
		return lines
	}
	w, g := in(want), in(got)
	var d strings.Builder
	for _, l := range strings.Split(want, "\n") {
		if w[l] && !g[l] {
			fmt.Fprintf(&d, "- %s\n", l)
		}
	}
	for _, l := range strings.Split(got, "\n") {
		if g[l] && !w[l] {
			fmt.Fprintf(&d, "+ %s\n", l)
		}
	}
	return d.String()
}
