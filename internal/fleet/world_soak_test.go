//go:build linuxroot && soak

package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/vishvananda/netlink"

	"github.com/lvsup/lvsup/internal/relay"
)

const planFile = "plan.hcl"

const planText = `
variable "hosts" { type = number }
variable "keepalive" { type = number }
cluster "fleet" {}
host "node" {
  count = var.hosts
  name  = format("node%04d", count.index + 1)
  interface "eth1" {
    address = "${cidrhost("10.98.0.0/16", 257 + count.index)}/16"
  }
  sysctl = {
    "net.ipv4.tcp_keepalive_time" = var.keepalive
  }
}
`

// world is a fleet, and what a test does to it.
type world struct {
	*Fleet
	t         *testing.T
	rng       *rand.Rand
	keepalive int                   // the value of the plan's sysctl
	at        map[string]netip.Addr // where hosts are found that are not where they should be
	known     map[string]string     // host keys, as the user knows them
	stopped   chan int              // a process that is to be ended
	onLine    func(line)            // hears what lvsup prints as it prints it; may be nil
}

func newWorld(t *testing.T, dir string) *world {
	f, err := New(dir)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.Up(context.Background(), fleetSize); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Down() })
	w := &world{Fleet: f, t: t, rng: newRNG(t), keepalive: 600, at: map[string]netip.Addr{}, known: map[string]string{}, stopped: make(chan int, 1)}
	for i, h := range f.Hosts {
		w.known[h.Name] = f.hostKeys[i].public
	}
	files := map[string]string{planFile: planText, "ssh_config": "ConnectTimeout 10\n" + sshConfig(dir)}
	if err := writeFiles(dir, files); err != nil {
		t.Fatal(err)
	}
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) host(name string) Host {
	i := slices.IndexFunc(w.Hosts, func(h Host) bool { return h.Name == name })
	return w.Hosts[i]
}

func (w *world) exec(h Host, argv ...string) string {
	w.t.Helper()
	said, err := w.Exec(context.Background(), h, argv...)
	w.must(err)
	return said
}

// The faults.

func (w *world) unplug(h Host) { w.plug(h, netlink.LinkSetDown) }
func (w *world) plugIn(h Host) { w.plug(h, netlink.LinkSetUp) }

func (w *world) plug(h Host, set func(netlink.Link) error) {
	link, err := netlink.LinkByName("v" + strconv.Itoa(h.Number))
	w.must(err)
	w.must(set(link))
}

// find has a host be found somewhere else; an invalid address is its own.
func (w *world) find(h Host, at netip.Addr) {
	w.at[h.Name] = at
	w.must(w.Find(func(h Host) netip.Addr {
		if at := w.at[h.Name]; at.IsValid() {
			return at
		}
		return h.Address()
	}))
}

func (w *world) misdirect(h Host) { w.find(h, h.Far()) }
func (w *world) direct(h Host)    { w.find(h, netip.Addr{}) }

// silence has a host's port take connections and say nothing.
func (w *world) silence(h Host) {
	l, err := net.Listen("tcp", netip.AddrPortFrom(h.Far(), 22).String())
	w.must(err)
	w.t.Cleanup(func() { l.Close() })
	w.find(h, h.Far()) // the kernel takes them: nobody need accept
}

// slowDown makes the way to a host longer.
func (w *world) slowDown(h Host, trip time.Duration) {
	at := func(a netip.Addr) string { return netip.AddrPortFrom(a, 22).String() }
	r, err := relay.Start(at(h.Far()), at(h.Address()), trip)
	w.must(err)
	w.t.Cleanup(func() { _ = r.Close() })
	w.find(h, h.Far())
}

func (w *world) forgeKey(h Host) {
	other, err := newKey()
	w.must(err)
	w.know(h, other.public)
}

func (w *world) rightKey(h Host) { w.know(h, w.hostKeys[h.Number-1].public) }

func (w *world) know(h Host, key string) {
	w.known[h.Name] = key
	text := ""
	for _, h := range w.Hosts {
		text += h.Name + " " + w.known[h.Name]
	}
	w.must(writeFiles(w.dir, map[string]string{"known_hosts": text}))
}

// killAtWork kills a host's agent, soon, in the middle of an apply: its record is there.
func (w *world) killAtWork(h Host) {
	record := filepath.Join(w.hostDir(h), "upper/var/lib/lvsup/owned.json")
	w.signalAgent(h, syscall.SIGKILL, func() bool { _, err := os.Stat(record); return err == nil })
}

// stopAgent has a host's agent say nothing, as soon as there is one.
func (w *world) stopAgent(h Host) {
	w.signalAgent(h, syscall.SIGSTOP, func() bool { return true })
}

// endStopped ends what stopAgent has stopped.
func (w *world) endStopped() {
	select {
	case pid := <-w.stopped:
		_ = syscall.Kill(pid, syscall.SIGKILL)
	default:
		w.t.Error("no agent was stopped")
	}
}

// signalAgent sends a host's agent a signal, at once when a condition holds: the agent is
// looked for before, since that takes longer than some of its work.
func (w *world) signalAgent(h Host, s syscall.Signal, when func() bool) {
	ctx, cancel := context.WithCancel(context.Background())
	w.t.Cleanup(cancel)
	go func() {
		for pid := 0; ctx.Err() == nil; time.Sleep(time.Millisecond) {
			switch {
			case pid == 0:
				pid = w.agent(h)
			case when():
				if syscall.Kill(pid, s) != nil {
					pid = 0 // it was another's, and is over
					continue
				}
				if s == syscall.SIGSTOP {
					w.stopped <- pid
				}
				return
			}
		}
	}()
}

// agent is the process that serves a host; 0: there is none.
func (w *world) agent(h Host) int {
	space := func(pid string) string {
		name, _ := os.Readlink(filepath.Join("/proc", pid, "ns/pid"))
		return name
	}
	mine := space(strconv.Itoa(w.running[h.Number-1].Process.Pid))
	all, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, path := range all {
		argv, _ := os.ReadFile(path)
		name := filepath.Base(filepath.Dir(path))
		if bytes.HasPrefix(argv, []byte("/usr/local/libexec/lvsup/")) && bytes.Contains(argv, []byte("serve")) && space(name) == mine {
			pid, _ := strconv.Atoi(name)
			return pid
		}
	}
	return 0
}

// What lvsup says.

// line is one of what --json prints.
type line struct {
	Type  string
	Time  time.Time
	Stage string
	Host  string
	Error string

	Failures []struct{ Host, Error string }
	NotMade  []json.RawMessage `json:"not_made"`
	Exit     int
	Codes    []int
	Plan     struct {
		Hosts []struct {
			Host  string
			Kinds []struct{ Changes []json.RawMessage }
		}
	}
}

type ran struct {
	code     int
	out, err string
	took     time.Duration
	lines    []line
	result   line
}

// lvsup runs the real one.
func (w *world) lvsup(args ...string) ran {
	w.t.Helper()
	cmd := exec.Command(os.Getenv("LVSUP_PROGRAM"), append([]string{"-F", w.SSHConfig}, args...)...)
	cmd.Dir = w.dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + w.dir, "LANG=C.UTF-8",
		fmt.Sprintf("LVSUP_VAR_hosts=%d", fleetSize), fmt.Sprintf("LVSUP_VAR_keepalive=%d", w.keepalive)}
	var out, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = io.MultiWriter(&out, &lines{to: w.onLine}), &stderr
	begin := time.Now()
	err := cmd.Run()
	r := ran{code: cmd.ProcessState.ExitCode(), out: out.String(), err: stderr.String(), took: time.Since(begin).Round(10 * time.Millisecond)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		w.t.Fatal(err)
	}
	if !slices.Contains(args, "--json") {
		return r
	}
	for d := json.NewDecoder(&out); d.More(); {
		var l line
		w.must(d.Decode(&l))
		r.lines = append(r.lines, l)
		r.result = l
	}
	if r.result.Type != "result" || r.err != "" {
		w.t.Fatalf("lvsup %v: the last line is %q; stderr: %s", args, r.result.Type, r.err)
	}
	return r
}

// lines passes lines of JSON on.
type lines struct {
	to   func(line)
	rest []byte
}

func (l *lines) Write(p []byte) (int, error) {
	l.rest = append(l.rest, p...)
	for {
		one, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			return len(p), nil
		}
		l.rest = rest
		var said line
		if l.to != nil && json.Unmarshal(one, &said) == nil {
			l.to(said)
		}
	}
}

// changed are the hosts that a change was made on, or tried, in their order.
func (r ran) changed() []string {
	var all []string
	for _, h := range r.result.Plan.Hosts {
		for _, k := range h.Kinds {
			if len(k.Changes) > 0 && !slices.Contains(all, h.Host) {
				all = append(all, h.Host)
			}
		}
	}
	return all
}

func (w *world) wantExit(r ran, code int, codes ...int) {
	w.t.Helper()
	got := slices.Sorted(slices.Values(r.result.Codes))
	if r.code != code || r.result.Exit != code || !slices.Equal(got, codes) {
		w.t.Errorf("exit code %d, codes %v, want %d and %v: %s", r.code, got, code, codes, tail(r.out))
	}
}

// wantFailures holds a report to those that cannot be worked with: each once, with why.
func (w *world) wantFailures(r ran, bad map[string]fault) {
	w.t.Helper()
	named := map[string]int{}
	for _, f := range r.result.Failures {
		named[f.Host]++
		if want := bad[f.Host]; want.says == "" || !strings.Contains(f.Error, want.says) {
			w.t.Errorf("%s (%s) fails with %q", f.Host, want.name, f.Error)
		}
	}
	for host, f := range bad {
		if named[host] != 1 {
			w.t.Errorf("%s (%s) is named %d times", host, f.name, named[host])
		}
	}
}

var hostNames = regexp.MustCompile(`node\[(\d+)-(\d+)\]|node(\d+)`)

// wantNamedOnce holds what people read to the same: the errors are at the end of stderr.
func (w *world) wantNamedOnce(r ran, bad map[string]fault) {
	w.t.Helper()
	if r.code != 4 {
		w.t.Errorf("exit code %d: %s", r.code, tail(r.err))
	}
	if strings.ContainsAny(r.out+r.err, "\x1b\r") {
		w.t.Error("what is no terminal has control characters")
	}
	from := strings.Index(r.err, "Error:")
	if from < 0 {
		w.t.Fatalf("no errors: %s", r.err)
	}
	named, causes := map[string]int{}, 0
	for l := range strings.Lines(r.err[from:]) {
		causes += strings.Count(l, "Error:")
		cause := strings.HasPrefix(l, "Error:")
		for _, m := range hostNames.FindAllStringSubmatch(l, -1) {
			if m[3] != "" {
				if !cause || strings.HasPrefix(l, "Error: "+m[0]+":") && named[m[0]] == 0 {
					named[m[0]]++
				}
				continue
			}
			first, _ := strconv.Atoi(m[1])
			last, _ := strconv.Atoi(m[2])
			for _, h := range w.Hosts[first-1 : last] {
				named[h.Name]++
			}
		}
	}
	w.t.Logf("the errors, for people:\n%s", r.err[from:])
	for _, h := range w.Hosts {
		want := 0
		if bad[h.Name].name != "" {
			want = 1
		}
		if named[h.Name] != want {
			w.t.Errorf("%s (%s) is named %d times", h.Name, bad[h.Name].name, named[h.Name])
		}
	}
	if len(bad) > 9 && causes >= len(bad) {
		w.t.Errorf("%d hosts with %d errors are not grouped", len(bad), causes)
	}
}

func tail(text string) string {
	if len(text) > 2000 {
		return "..." + text[len(text)-2000:]
	}
	return text
}
