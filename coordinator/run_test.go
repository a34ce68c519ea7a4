package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// fakeHost is an agent that follows a script.
type fakeHost struct {
	name    string
	facts   wire.Facts
	path    wire.Path
	arp     *wire.ARPRequest         // what the last request for facts has it ask
	changes map[string][]step.Change // by kind
	fail    map[string]string        // stage's kind -> message
	locked  string
	silent  wire.Op // never answers to it
	refuse  error   // of the dial
	log     *eventLog
	stop    chan struct{}                           // closed when the coordinator wants nothing more begun
	atWork  func(kind string, stop <-chan struct{}) // what a change takes; may be nil
	others  func(wire.Request) (any, *wire.Error)   // answers what the script has no answer to; may be nil
}

// eventLog is what all hosts were told, in order.
type eventLog struct {
	mu   sync.Mutex
	told []string
}

func (l *eventLog) add(s string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.told = append(l.told, s)
}

func (h *fakeHost) serve(in io.Reader, out io.Writer) {
	_ = wire.WriteFrame(out, wire.Hello{Protocol: wire.Version, Build: "test"})
	h.stop = make(chan struct{})
	requests := make(chan wire.Request, 1)
	go func() {
		defer close(requests)
		for {
			var req wire.Request
			if wire.ReadFrame(in, &req) != nil {
				return
			}
			switch req.Op {
			case wire.OpAlive:
			case wire.OpStop:
				close(h.stop)
			default:
				requests <- req
			}
		}
	}()
	for req := range requests {
		if req.Op == h.silent {
			continue
		}
		body, fault := h.answer(req)
		res := wire.Response{ID: req.ID, Error: fault}
		if body != nil {
			res.Body, _ = json.Marshal(body)
		}
		if wire.WriteFrame(out, res) != nil {
			return
		}
	}
}

func (h *fakeHost) answer(req wire.Request) (any, *wire.Error) {
	switch req.Op {
	case wire.OpFacts:
		var asked wire.FactsRequest
		if err := json.Unmarshal(req.Body, &asked); err != nil {
			return nil, wire.Failf(wire.CodeInvalid, "%s", err)
		}
		h.arp = asked.ARP
		return h.facts, nil
	case wire.OpClock:
		return wire.Clock{UnixNano: time.Now().UnixNano()}, nil
	case wire.OpLock:
		h.log.add("lock " + h.name)
		if h.locked != "" {
			return nil, wire.Failf(wire.CodeLocked, "held by %s", h.locked)
		}
		return nil, nil
	case wire.OpUnlock:
		h.log.add("unlock " + h.name)
		return nil, nil
	case wire.OpObserve:
		var res wire.ObserveResponse
		for _, kind := range plans.KindOrder() {
			if len(h.changes[kind]) > 0 {
				res.Kinds = append(res.Kinds, wire.KindChanges{Kind: kind, Changes: h.changes[kind]})
			}
		}
		res.Digest = fmt.Sprint(res.Kinds)
		return res, nil
	case wire.OpApply:
		return h.apply(req.Body)
	case wire.OpPath:
		return h.path, nil
	}
	if h.others != nil {
		return h.others(req)
	}
	return nil, wire.Failf(wire.CodeUnsupported, "%s", req.Op)
}

func (h *fakeHost) apply(raw json.RawMessage) (any, *wire.Error) {
	var req wire.ApplyRequest
	if err := json.Unmarshal(raw, &req); err != nil {
		return nil, wire.Failf(wire.CodeInvalid, "%s", err)
	}
	var res wire.ApplyResponse
	for _, p := range req.Planned {
		verb := "make"
		if req.Reverse {
			verb = "remove"
		}
		h.log.add(fmt.Sprintf("%s %s %s", verb, p.Kind, h.name))
		if h.atWork != nil {
			h.atWork(p.Kind, h.stop)
		}
		select {
		case <-h.stop: // between two changes: the first is done
			p.Changes = p.Changes[:1]
			res.Done = append(res.Done, p)
			res.Error = wire.Failf(wire.CodeStopped, "stopped")
			return res, nil
		default:
		}
		if message := h.fail[p.Kind]; message != "" {
			res.Error = wire.Failf(wire.CodeFailed, "%s", message)
			return res, nil
		}
		res.Done = append(res.Done, p)
	}
	for _, d := range req.Desired {
		if d.Kind == "ipvs" && strings.Contains(string(d.Want), `"hold":true`) {
			h.log.add("held " + h.name)
		}
	}
	return res, nil
}

type fakeDialer map[string]*fakeHost

func (d fakeDialer) open(_ context.Context, name string, _ plans.Connection, build string) (*session, error) {
	h, ok := d[name]
	if !ok {
		return nil, errors.New("no such host")
	}
	if h.refuse != nil {
		return nil, h.refuse
	}
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	go func() {
		h.serve(inR, outW)
		outW.Close()
	}()
	conn, err := newAgentConn(inW, outR, build, func(err error) error { return err })
	if err != nil {
		return nil, err
	}
	return &session{name: name, agent: conn}, nil
}

// threeHosts is a NAT cluster whose hosts all have something to make.
func threeHosts() (*plans.Cluster, fakeDialer, *eventLog) {
	c := &plans.Cluster{Name: "test", Forwarding: plans.ForwardNAT, TimeSync: plans.TimeSync{MaxOffset: time.Minute}}
	log := &eventLog{}
	hosts := fakeDialer{}
	for i, name := range []string{"director", "a", "b"} {
		role := plans.RoleRealServer
		if i == 0 {
			role = plans.RoleDirector
		}
		c.Hosts = append(c.Hosts, plans.Host{Name: name, Role: role})
		hosts[name] = &fakeHost{
			name: name, log: log, changes: map[string][]step.Change{}, fail: map[string]string{},
			facts: wire.Facts{Root: true, FreeBytes: 1 << 30, BootID: name, Synchronised: true, IPVS: wire.IPVSFacts{Available: true}},
		}
	}
	c.Services = []plans.VirtualService{{
		Name: "web", Address: netip.MustParseAddr("192.0.2.1"), Port: 80, Protocol: "tcp", Scheduler: "rr", Forwarding: plans.ForwardNAT, KeepVIP: true,
		Backends: []plans.Backend{
			{Host: "a", Address: netip.MustParseAddr("198.51.100.1"), Port: 80, Weight: 1, Forwarding: plans.ForwardNAT},
			{Host: "b", Address: netip.MustParseAddr("198.51.100.2"), Port: 80, Weight: 1, Forwarding: plans.ForwardNAT},
		},
	}}
	for _, name := range []string{"a", "b"} {
		hosts[name].makes("sysctl", "vip", "httpd")
	}
	hosts["director"].makes("sysctl", "ipvs")
	return c, hosts, log
}

func (h *fakeHost) makes(kinds ...string) {
	for _, k := range kinds {
		h.changes[k] = append(h.changes[k], step.Change{Action: step.Create, ID: step.ID{Key: "new " + k}, To: "1"})
	}
}

func (h *fakeHost) removes(kinds ...string) {
	for _, k := range kinds {
		h.changes[k] = append(h.changes[k], step.Change{Action: step.Delete, ID: step.ID{Key: "old " + k}, From: "1"})
	}
}

// applied runs an apply and gives what the hosts were told, locks left out.
func applied(t *testing.T, c *plans.Cluster, hosts fakeDialer, log *eventLog) (told []string, r *Run) {
	t.Helper()
	ctx := context.Background()
	r = Open(ctx, Options{Cluster: c, Dialer: hosts, Build: "test"})
	t.Cleanup(r.Close)
	if err := r.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := r.Plan(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	log.told = nil
	if err := r.Apply(ctx, p); err != nil {
		t.Fatal(err)
	}
	return log.told, r
}

func position(t *testing.T, told []string, what string) int {
	t.Helper()
	i := slices.Index(told, what)
	if i < 0 {
		t.Fatalf("%q did not happen; what did: %q", what, told)
	}
	return i
}

// before fails unless one event came before another.
func before(t *testing.T, told []string, first, second string) {
	t.Helper()
	if position(t, told, first) > position(t, told, second) {
		t.Errorf("%q came after %q: %q", first, second, told)
	}
}

func TestStagesAndBarriers(t *testing.T) {
	c, hosts, log := threeHosts()
	hosts["a"].removes("vip", "sysctl")
	hosts["director"].removes("ipvs")
	told, r := applied(t, c, hosts, log)
	for _, a := range []string{"a", "b"} {
		for _, b := range []string{"a", "b"} {
			before(t, told, "make sysctl "+a, "make vip "+b)
			before(t, told, "make vip "+a, "make httpd "+b)
			before(t, told, "make httpd "+b, "make ipvs director")
		}
	}
	before(t, told, "make ipvs director", "remove ipvs director")
	before(t, told, "remove ipvs director", "remove vip a")
	before(t, told, "remove vip a", "remove sysctl a")
	if f := r.Failures(); len(f) > 0 {
		t.Errorf("failures: %v", f)
	}
}

// TestMarksComeAfterTheirService holds that no packet has a mark that no service
// takes, while a real server's segment sizes come before what is sent to it.
func TestMarksComeAfterTheirService(t *testing.T) {
	c, hosts, log := threeHosts()
	hosts["director"].makes("mangle")
	hosts["director"].removes("mangle", "ipvs")
	hosts["a"].makes("mangle")
	hosts["a"].removes("mangle")
	told, _ := applied(t, c, hosts, log)
	for _, order := range [][]string{
		{"make mangle a", "make ipvs director", "make mangle director"},
		{"remove mangle director", "remove ipvs director", "remove mangle a"},
	} {
		for i := range order[1:] {
			before(t, told, order[i], order[i+1])
		}
	}
	for i, what := range told {
		if slices.Contains(told[i+1:], what) {
			t.Errorf("%q happened twice", what)
		}
	}
}

func TestFailedRealServerIsHeld(t *testing.T) {
	c, hosts, log := threeHosts()
	hosts["a"].fail["vip"] = "the disk is full"
	told, r := applied(t, c, hosts, log)
	if slices.Contains(told, "make httpd a") {
		t.Error("a host that failed went on")
	}
	position(t, told, "make httpd b")
	position(t, told, "held director")
	f := r.Failures()
	if len(f) != 1 || f[0].Host != "a" || f[0].Stage != "vip" || !strings.Contains(f[0].Error(), "disk is full") {
		t.Errorf("failures: %v", f)
	}
}

func TestNothingIsRemovedAfterTheDirectorFailed(t *testing.T) {
	c, hosts, log := threeHosts()
	hosts["director"].fail["ipvs"] = "no"
	hosts["a"].removes("vip")
	told, _ := applied(t, c, hosts, log)
	if slices.Contains(told, "remove vip a") {
		t.Errorf("removed what the director may still send traffic to: %q", told)
	}
}

// A real server that is to replace another fails: the other stays.
func TestNothingIsRemovedWhileABackendIsMissing(t *testing.T) {
	c, hosts, log := threeHosts()
	hosts["a"].fail["vip"] = "the disk is full"
	hosts["director"].removes("ipvs")
	hosts["b"].removes("vip")
	told, _ := applied(t, c, hosts, log)
	for _, what := range told {
		if strings.HasPrefix(what, "remove") {
			t.Errorf("removed what nothing replaces yet: %q", told)
		}
	}
	position(t, told, "make ipvs director")
}

// The director fails in the reverse pass itself: its table still names the
// real server, whose VIP must stay.
func TestNothingIsRemovedAfterTheDirectorFailedToRemove(t *testing.T) {
	c, hosts, log := threeHosts()
	hosts["director"].changes["ipvs"] = nil
	hosts["director"].removes("ipvs")
	hosts["director"].fail["ipvs"] = "no"
	hosts["a"].removes("vip")
	told, _ := applied(t, c, hosts, log)
	position(t, told, "remove ipvs director")
	if slices.Contains(told, "remove vip a") {
		t.Errorf("removed what the director still sends traffic to: %q", told)
	}
}

func TestPackagesAreTriedAgain(t *testing.T) {
	c, hosts, log := threeHosts()
	hosts["a"].makes("packages")
	hosts["a"].fail["packages"] = "no repository answers"
	told, r := applied(t, c, hosts, log)
	n := 0
	for _, s := range told {
		if s == "make packages a" {
			n++
		}
	}
	if n != 2 {
		t.Errorf("packages were tried %d times, want 2", n)
	}
	if f := r.Failures(); len(f) != 1 || f[0].Host != "a" {
		t.Errorf("failures: %v", f)
	}
}

func TestLocksDirectorsFirstAllOrNone(t *testing.T) {
	c, hosts, log := threeHosts()
	slices.Reverse(c.Hosts)
	hosts["b"].locked = "somebody"
	ctx := context.Background()
	r := Open(ctx, Options{Cluster: c, Dialer: hosts, Build: "test"})
	defer r.Close()
	err := r.Lock(ctx)
	if !IsLocked(err) || !strings.Contains(err.Error(), "somebody") {
		t.Errorf("got %v", err)
	}
	before(t, log.told, "lock director", "lock a")
	before(t, log.told, "lock director", "lock b")
	if slices.Contains(log.told, "unlock a") {
		t.Errorf("what comes before the host that is waited for was given back: %q", log.told)
	}
}

// What comes after a host that is waited for is given back meanwhile: two runs may
// have begun with different hosts.
func TestWhatComesAfterAWaitIsGivenBack(t *testing.T) {
	c, hosts, log := threeHosts()
	hosts["a"].locked = "somebody"
	r := narrowRun(t, c, hosts, plans.Narrowing{}, func(o *Options) { o.LockWait = time.Millisecond })
	err := r.Lock(context.Background())
	if !IsLocked(err) || !strings.HasPrefix(err.Error(), "a: lock: held by somebody; waited 1ms (--lock-timeout)") {
		t.Errorf("got %v", err)
	}
	before(t, log.told, "lock b", "unlock b")
	if slices.Contains(log.told, "unlock director") || log.told[len(log.told)-1] != "lock a" {
		t.Errorf("told %q", log.told)
	}
}

func TestUnreachableHostIsNamed(t *testing.T) {
	c, hosts, _ := threeHosts()
	hosts["b"].refuse = errors.New("connection refused")
	r := Open(context.Background(), Options{Cluster: c, Dialer: hosts, Build: "test"})
	defer r.Close()
	f := r.Failures()
	if len(f) != 1 || f[0].Host != "b" || f[0].Stage != plans.StageConnect {
		t.Fatalf("failures: %v", f)
	}
}

func TestWhatStopsAnApplyBeforeItBegins(t *testing.T) {
	for _, tc := range []struct {
		name string
		edit func(fakeDialer, *plans.Cluster)
		says string
	}{
		{"no ipvs", func(h fakeDialer, _ *plans.Cluster) {
			h["director"].facts.IPVS = wire.IPVSFacts{Reason: "modprobe: not found"}
		}, "no IPVS: modprobe"},
		{"full disk", func(h fakeDialer, _ *plans.Cluster) { h["a"].facts.FreeBytes = 1 << 20 }, "no space left: 1024 KiB are free"},
		{"not root", func(h fakeDialer, _ *plans.Cluster) { h["b"].facts.Root = false }, "does not run as root"},
		{"wrong interface", func(h fakeDialer, c *plans.Cluster) {
			c.Hosts[1].Interfaces = []plans.Interface{{Name: "ens99", Address: netip.MustParsePrefix("198.51.100.1/24")}}
		}, "no interface ens99"},
		{"blocked", func(h fakeDialer, _ *plans.Cluster) { h["a"].changes["vip"][0].Blocked = "carries SSH" }, "carries SSH"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			c, hosts, log := threeHosts()
			tc.edit(hosts, c)
			ctx := context.Background()
			r := Open(ctx, Options{Cluster: c, Dialer: hosts, Build: "test"})
			defer r.Close()
			p, err := r.Plan(ctx, false)
			if err != nil {
				t.Fatal(err)
			}
			err = r.Apply(ctx, p)
			var refused *Refused
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tc.says) {
				t.Errorf("got %v, want a refusal saying %q", err, tc.says)
			}
			if len(log.told) > 0 {
				t.Errorf("hosts were told %q", log.told)
			}
		})
	}
}

func TestOtherBuildIsRefused(t *testing.T) {
	c, hosts, _ := threeHosts()
	r := Open(context.Background(), Options{Cluster: c, Dialer: hosts, Build: "another"})
	defer r.Close()
	if f := r.Failures(); len(f) != 3 || !strings.Contains(f[0].Error(), `is build "test"`) {
		t.Errorf("failures: %v", f)
	}
}

func TestEventsReachTheReporter(t *testing.T) {
	c, hosts, _ := threeHosts()
	var mu sync.Mutex
	seen := map[string]bool{}
	r := Open(context.Background(), Options{Cluster: c, Dialer: hosts, Build: "test", Report: func(e report.Event) {
		mu.Lock()
		defer mu.Unlock()
		seen[e.Host] = true
	}})
	defer r.Close()
	for _, h := range []string{"", "director", "a", "b"} {
		if !seen[h] {
			t.Errorf("no event for host %q", h)
		}
	}
}
