//go:build linuxroot && soak

package fleet

import (
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// fleetSize is how many hosts the faults are spread over.
const fleetSize = 100

// TestFaults has the real lvsup work on a hundred hosts, some of which, chosen at random,
// cannot be worked with, each in one of the ways below. What the hosts have is judged by
// looking at them. LVSUP_SEED repeats the choices of a run.
func TestFaults(t *testing.T) {
	if *within != "" {
		faults(t, *within)
		return
	}
	seed := os.Getenv("LVSUP_SEED")
	if seed == "" {
		seed = strconv.FormatInt(time.Now().UnixNano(), 10)
	}
	t.Logf("LVSUP_SEED=%s", seed)
	t.Setenv("LVSUP_SEED", seed)
	inside(t)
}

// fault is a way in which a host cannot be worked with.
type fault struct {
	name string
	says string // part of what lvsup says of it
	// skipped faults are found before the first change: the host is left as it is. The
	// others strike in the middle.
	skipped bool
	strike  func(*world, Host)
	mend    func(*world, Host)
}

var (
	unplugged = fault{"unplugged", "i/o timeout", true, (*world).unplug, (*world).plugIn}
	noSSHD    = fault{"no sshd", "connection refused", true, (*world).misdirect, (*world).direct}
	silent    = fault{"silent port", "no SSH session within 10s", true, (*world).silence, (*world).direct}
	otherKey  = fault{"another host key", "changed", true, (*world).forgeKey, (*world).rightKey}
	noLogin   = fault{"no login", "refused to log in", true,
		func(w *world, h Host) { w.exec(h, "mv", "/etc/ssh/fleet_authorized_keys", "/etc/ssh/keys.away") },
		func(w *world, h Host) { w.exec(h, "mv", "/etc/ssh/keys.away", "/etc/ssh/fleet_authorized_keys") }}
	fullRecord = fault{"full /var/lib", "no space left", true, filled("/var/lib/lvsup"), emptied("/var/lib/lvsup")}
	fullAgent  = fault{"full /usr/local/libexec", "no space left", true, filled("/usr/local/libexec"), emptied("/usr/local/libexec")}
	fullLater  = fault{"full /etc/sysctl.d", "no space left", false, filled("/etc/sysctl.d"), emptied("/etc/sysctl.d")}
	killed     = fault{"killed agent", "the agent ended before it ", false, (*world).killAtWork, func(*world, Host) {}}
)

// filled mounts a full file system over a directory of a host.
func filled(dir string) func(*world, Host) {
	return func(w *world, h Host) {
		w.exec(h, "sh", "-euc", "mkdir -p "+dir+"; mount -t tmpfs -o size=64k fleet "+dir+"; head -c 65536 /dev/zero >"+dir+"/fill")
	}
}

func emptied(dir string) func(*world, Host) {
	return func(w *world, h Host) { w.exec(h, "umount", dir) }
}

func faults(t *testing.T, dir string) {
	w := newWorld(t, dir)
	bad := w.strikeAtRandom(unplugged, noSSHD, silent, otherKey, noLogin, fullRecord, fullAgent, fullLater, killed)
	slow := w.healthyHost(bad)
	w.slowDown(slow, 300*time.Millisecond)

	// The others are done, and the report names those that are not, each once.
	r := w.lvsup("apply", "--yes", "--json", "--on-unreachable", "skip", planFile)
	w.wantFailures(r, bad)
	w.wantExit(r, 4, 3, 4)
	w.wantState(bad, 600)
	took := r.took
	before := w.stamps()

	// The same for people. Those whose agent was killed are done by now.
	w.drop(bad, killed)
	r = w.lvsup("apply", "--yes", "--on-unreachable", "skip", planFile)
	w.wantNamedOnce(r, bad)
	w.wantState(bad, 600)

	// What was left, without a connection to what is done.
	w.mend(bad, otherKey, noLogin, fullRecord, fullLater)
	logins := w.logins()
	r = w.lvsup("apply", "--yes", "--json", "--on-unreachable", "skip", "--resume", planFile)
	w.wantFailures(r, bad)
	w.wantState(bad, 600)
	for i, n := range w.logins() {
		h := w.Hosts[i]
		if again := n > logins[i]; again && slices.Contains(before.done, h.Name) {
			t.Errorf("--resume logged in to %s, which was done", h.Name)
		}
	}

	// All are mended: only what was left is changed.
	w.mend(bad, unplugged, noSSHD, silent, fullAgent)
	left := w.undone()
	r = w.lvsup("apply", "--yes", "--json", planFile)
	w.wantExit(r, 0)
	if got := r.changed(); !slices.Equal(got, left) {
		t.Errorf("the last run changed %v, and %v were left", got, left)
	}
	w.wantState(nil, 600)
	for host, stamp := range w.stamps().of {
		if was := before.of[host]; slices.Contains(before.done, host) && was != stamp {
			t.Errorf("%s was done, and was written again:\n%s\n%s", host, was, stamp)
		}
	}
	t.Logf("with faults %v; without %v", took, r.took)
	w.maxFail()
	w.hanging()
	w.standingStill()
}

// maxFail changes all hosts, and enough of them cannot be changed. Those whose turn has
// not come are spared, and it is said how many changes are not made.
func (w *world) maxFail() {
	bad := map[string]fault{}
	for _, i := range w.rng.Perm(fleetSize)[:fleetSize/3] {
		bad[w.Hosts[i].Name] = fullLater
		fullLater.strike(w, w.Hosts[i])
	}
	const parallel, limit = 4, 3
	w.keepalive = 700
	r := w.lvsup("apply", "--yes", "--json", "--max-fail", strconv.Itoa(limit), "--parallelism", strconv.Itoa(parallel), planFile)
	w.wantExit(r, 3, 3)
	if !strings.Contains(r.result.Error, "nothing more was begun: ") || !strings.Contains(r.result.Error, "the limit is 3 (--max-fail)") || len(r.result.NotMade) == 0 {
		w.t.Errorf("--max-fail: %q, not made: %s", r.result.Error, r.result.NotMade)
	}
	if n := len(r.result.Failures); n < limit || n >= limit+parallel {
		w.t.Errorf("%d hosts failed with %d at once and a limit of %d", n, parallel, limit)
	}
	var begun []string
	late, failed := 0, 0 // begun once the limit was reached
	for _, e := range r.lines {
		switch {
		case e.Stage != "sysctl":
		case e.Type == "host_begun":
			begun = append(begun, e.Host)
			if failed >= limit {
				late++
			}
		case e.Type == "host_done" && e.Error != "":
			failed++
		}
	}
	if late >= parallel { // those that had begun when the limit was reached, and said so later
		w.t.Errorf("%d hosts were begun after %d had failed", late, limit)
	}
	for _, h := range w.Hosts {
		value := w.exec(h, "sysctl", "-n", "net.ipv4.tcp_keepalive_time")
		if !slices.Contains(begun, h.Name) && value != "600\n" {
			w.t.Errorf("%s was not begun, and has %s", h.Name, value)
		}
	}
	w.t.Logf("--max-fail %d: %d failed, %d of %d were begun", limit, failed, len(begun), fleetSize)
	for name := range bad {
		fullLater.mend(w, w.host(name))
	}
	w.wantExit(w.lvsup("apply", "--yes", "--json", planFile), 0)
	w.wantState(nil, 700)
}

// hanging has one host hang, before the login and after it. The run takes that host's own
// deadline longer and no more, and in each stage all others are through before.
func (w *world) hanging() {
	r := w.lvsup("drift", "--json", planFile)
	w.wantExit(r, 0)
	without := r.took
	h := w.Hosts[w.rng.IntN(fleetSize)]
	for _, tc := range []struct {
		name     string
		deadline time.Duration
		strike   func()
		says     string
		mend     func()
	}{
		{"a port that says nothing", 10 * time.Second, func() { silent.strike(w, h) }, silent.says, func() { silent.mend(w, h) }},
		{"an agent that does not answer", time.Minute, func() { w.stopAgent(h) }, "no answer within 1m0s", w.endStopped},
	} {
		tc.strike()
		r := w.lvsup("drift", "--json", planFile)
		tc.mend()
		bad := map[string]fault{h.Name: {says: tc.says}}
		w.wantFailures(r, bad)
		w.t.Logf("%s: %v, and without it %v", tc.name, r.took, without)
		// A machine that stalls may make everything take twice as long.
		if limit := tc.deadline + 2*without + 5*time.Second; r.took > limit {
			w.t.Errorf("%s: the run took %v, want %v", tc.name, r.took, limit)
		}
		gaveUp := map[string]time.Time{}
		for _, e := range r.lines {
			if e.Type == "host_done" && e.Host == h.Name && e.Error != "" {
				gaveUp[e.Stage] = e.Time
			}
		}
		for _, e := range r.lines {
			if at, hung := gaveUp[e.Stage]; hung && e.Type == "host_done" && e.Time.After(at) {
				w.t.Errorf("%s: %s was through %s after the host that hangs", tc.name, e.Host, e.Stage)
			}
		}
		if len(gaveUp) != 1 {
			w.t.Errorf("%s: given up in %v", tc.name, gaveUp)
		}
	}
}

// strikeAtRandom gives each fault hosts of its own, up to 5% of all.
func (w *world) strikeAtRandom(all ...fault) map[string]fault {
	bad := map[string]fault{}
	order := w.rng.Perm(fleetSize)
	for _, f := range all {
		n := 1 + w.rng.IntN(fleetSize/20)
		for _, i := range order[:n] {
			f.strike(w, w.Hosts[i])
			bad[w.Hosts[i].Name] = f
		}
		order = order[n:]
	}
	return bad
}

// drop forgets the hosts that have a fault.
func (w *world) drop(bad map[string]fault, f fault) {
	for name, has := range bad {
		if has.name == f.name {
			delete(bad, name)
		}
	}
}

// mend takes faults away.
func (w *world) mend(bad map[string]fault, all ...fault) {
	for _, f := range all {
		for name, has := range bad {
			if has.name == f.name {
				f.mend(w, w.host(name))
			}
		}
		w.drop(bad, f)
	}
}

// healthyHost is one without a fault, at random.
func (w *world) healthyHost(bad map[string]fault) Host {
	for {
		if h := w.Hosts[w.rng.IntN(fleetSize)]; bad[h.Name].name == "" {
			return h
		}
	}
}

func newRNG(t *testing.T) *rand.Rand {
	seed, err := strconv.ParseUint(os.Getenv("LVSUP_SEED"), 10, 64)
	if err != nil {
		t.Fatal(fmt.Errorf("cannot read LVSUP_SEED: %w", err))
	}
	return rand.New(rand.NewPCG(seed, 0))
}
