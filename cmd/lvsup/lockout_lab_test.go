//go:build lab

package main

import (
	"context"
	"errors"
	"fmt"
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

// How many fault points there are at least, and the guests they are spread over.
const (
	pointsInTest = 6
	pointsInSoak = 240
)

// lockoutPlan is a host's name, its address and its gateway. The clock of a guest
// on a busy machine is late, and is not what is tested here.
const lockoutPlan = `cluster "lockout" {
  forwarding = "dr"
}
time_sync {
  max_offset = "1m"
}
host %q {
  interface "ens33" {
    address = %q
%s  }
}
`

// lockoutGuard is the guard's time in these runs.
const lockoutGuard = 6 * time.Second

// lockoutFaults are what is done to a host in the middle of a change. What begins
// with "STOP" holds the host's processes while the test does it from outside.
var lockoutFaults = []struct{ name, fault string }{
	{"agent killed", "KILL serve"},
	{"guard killed", "KILL guard"},
	{"agent and guard killed", "KILL serve|guard"},
	{"guard terminated", "TERM guard"},
	{"guard stopped by systemd", "unit"},
	{powerCut, "STOP serve|guard"},
	{coordinatorKilled, "STOP serve|guard"},
	{cablePulled, "STOP serve|guard"},
	{cableJolted, "STOP serve|guard"},
}

const (
	powerCut          = "power cut"
	coordinatorKilled = "coordinator killed"
	cablePulled       = "cable pulled until the timer has run out"
	cableJolted       = "cable pulled for a second"
)

// lockoutMoves are the changes that are disturbed, by where they end. "lease" in
// from means that the host is put back on DHCP first.
var lockoutMoves = []struct {
	name  string
	lease bool
	lost  bool // nobody finds the host there: it must come back
}{
	{"from DHCP to static", true, false},
	{"from DHCP to where nobody finds it", true, true},
	{"from static to static", false, false},
	{"from static to where nobody finds it", false, true},
}

// point is one fault at one step of one move.
type point struct{ move, fault, step int }

// TestLockout does harm at every step of a guarded change, of its rollback and of
// the writing of its boot files. Whatever it is, once the guard's time has run
// out the host must let a person in at its old or its new address, as seen from
// the network and not by what lvsup says, also after a power cut; where the
// running and the boot state disagree lvsup must say so; and no guard or lock may
// be left. LVSUP_SEED repeats the choices of a run.
func TestLockout(t *testing.T) {
	t.Parallel()
	soak := os.Getenv("LVSUP_SOAK") != ""
	hosts := 3
	if soak {
		hosts = 6
	}
	l := newLockout(t, hosts)
	var points []point
	if soak {
		points = l.everyStep(pointsInSoak)
	} else {
		for range pointsInTest {
			points = append(points, point{l.rng.IntN(len(lockoutMoves)), l.rng.IntN(len(lockoutFaults)), 1 + l.rng.IntN(24)})
		}
	}
	l.disturb(points)
	l.report()
	if want := pointsInSoak; soak && len(l.outcomes) < want {
		t.Errorf("only %d fault points were hit, want %d", len(l.outcomes), want)
	}
}

// lockout is the lab and what came of the faults so far.
type lockout struct {
	t     *testing.T
	rng   *rand.Rand
	lab   *lab.Lab
	name  string
	lvsup string
	dir   string
	hosts []*target

	mu       sync.Mutex
	outcomes []outcome
}

// outcome is what came of one fault.
type outcome struct {
	point
	at, end string // the step's name; where the host was found
	exit    int
}

func newLockout(t *testing.T, hosts int) *lockout {
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
	built, err := os.ReadFile(filepath.Join("..", "..", "bin", "lvsup"))
	if err != nil {
		t.Fatalf("the test runs the real lvsup: run `make build` first (%v)", err)
	}
	l := &lockout{t: t, rng: rand.New(rand.NewPCG(seed, 0)), name: "t-lockout", dir: t.TempDir()}
	l.lvsup = filepath.Join(l.dir, "lvsup")
	// A copy: a build in between would push another agent.
	if err := os.WriteFile(l.lvsup, built, 0o700); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join("testdata", "lockout.hcl"))
	if err != nil {
		t.Fatal(err)
	}
	text = []byte(strings.Join(strings.SplitAfter(string(text), "\n}\n")[:1+hosts], ""))
	plan := filepath.Join(l.dir, "lab.hcl")
	if err := os.WriteFile(plan, text, 0o600); err != nil {
		t.Fatal(err)
	}
	_ = exec.Command(l.lvsup, "lab", "down", l.name).Run() // left by a run that was killed
	t.Cleanup(func() {
		if out, err := exec.Command(l.lvsup, "lab", "down", l.name).CombinedOutput(); err != nil {
			t.Errorf("cannot take the lab down: %v\n%s", err, out)
		}
	})
	if out, err := exec.Command(l.lvsup, "lab", "up", "--inband", "--name", l.name, plan).CombinedOutput(); err != nil {
		t.Fatalf("cannot boot the lab: %v\n%s", err, out)
	}
	if l.lab, err = lab.Open("", l.name); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.lab.Close() })
	// The other network of the moves is on the same wire.
	if out, err := exec.Command("ip", "-n", "lvsup-"+l.name, "address", "add", "10.77.0.2/24", "dev", "br0").CombinedOutput(); err != nil {
		t.Fatalf("cannot add a network: %v %s", err, out)
	}
	for n := range hosts {
		l.hosts = append(l.hosts, newTarget(l, n+1))
	}
	return l
}

// everyStep watches one undisturbed run of each move and lays out points: each
// step of each with a fault, and then with another, until there are enough.
func (l *lockout) everyStep(enough int) []point {
	steps := make([]int, len(lockoutMoves))
	var wg sync.WaitGroup
	for move := range lockoutMoves {
		wg.Go(func() {
			h := l.hosts[move]
			h.prepare(move)
			seen := h.run(point{move: move, fault: -1})
			if steps[move] = len(seen); len(seen) == 0 {
				l.t.Errorf("%s: no step was seen", lockoutMoves[move].name)
			}
			l.t.Logf("%s, in steps:\n  %s", lockoutMoves[move].name, strings.Join(seen, "\n  "))
		})
	}
	wg.Wait()
	var all []point
	first := l.rng.Perm(len(lockoutFaults))
	for round := 0; round < len(lockoutFaults) && len(all) < enough*11/10; round++ {
		for move, n := range steps {
			for step := 1; step <= n; step++ {
				all = append(all, point{move, first[(step+round)%len(first)], step})
			}
		}
	}
	l.rng.Shuffle(len(all), func(a, b int) { all[a], all[b] = all[b], all[a] })
	return all
}

// disturb has the hosts take the points, each host one after the other.
func (l *lockout) disturb(points []point) {
	queue := make(chan point, len(points))
	for _, p := range points {
		queue <- p
	}
	close(queue)
	begin := time.Now()
	var wg sync.WaitGroup
	for _, h := range l.hosts {
		wg.Go(func() {
			for p := range queue {
				if h.lost {
					return
				}
				h.prepare(p.move)
				h.run(p)
			}
		})
	}
	wg.Wait()
	l.t.Logf("%d fault points in %s", len(l.outcomes), time.Since(begin).Round(time.Second))
}

// report prints what came of each fault at each step.
func (l *lockout) report() {
	var table strings.Builder
	slices.SortFunc(l.outcomes, func(a, b outcome) int {
		if a.move != b.move {
			return a.move - b.move
		}
		if a.step != b.step {
			return a.step - b.step
		}
		return a.fault - b.fault
	})
	fmt.Fprintf(&table, "%d fault points\n", len(l.outcomes))
	move := -1
	for _, o := range l.outcomes {
		if o.move != move {
			move = o.move
			fmt.Fprintf(&table, "%s\n", lockoutMoves[move].name)
		}
		fmt.Fprintf(&table, "  %-42s after step %2d (%s): %s, lvsup ended with %d\n", lockoutFaults[o.fault].name, o.step, o.at, o.end, o.exit)
	}
	l.t.Log(table.String())
}

func (l *lockout) record(o outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.outcomes = append(l.outcomes, o)
}

// cable pulls a host's cable, or plugs it in again.
func (l *lockout) cable(host string, in bool) {
	bridge := ""
	if in {
		bridge = "br0"
	}
	if err := lab.Cable(context.Background(), lab.Options{Name: l.name}, host, "ens33", bridge); err != nil {
		l.t.Error(err)
	}
}

var errNobody = errors.New("no SSH server answers")
