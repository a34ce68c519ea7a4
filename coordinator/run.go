package coordinator

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// Options say what to run, where, and who listens.
type Options struct {
	Cluster *plans.Cluster
	Dialer  Dialer
	Build   string // what `lvsup version` prints; the agent must say the same
	Holder  string // who holds the locks, for those who are refused
	Report  func(report.Event)
	// Parallel bounds how many hosts are worked on at once; 0 means
	// DefaultParallel.
	Parallel int
	// Share bounds besides how many hosts are worked on at once by several runs, all
	// together; nil where there is one run. It is for runs that only look.
	Share *Share
	// LockWait is how long the hosts' locks are waited for, all together.
	LockWait time.Duration
	// LeftOut is what the run is not about. Hosts that are left out are not
	// connected to.
	LeftOut plans.LeftOut
	// AskLinks says that the run will plan: who answers for its addresses is asked from
	// the first moment, since to listen takes longer than all else.
	AskLinks bool
	// Watch says that the run only looks: what would not be safe to change is
	// told all the same.
	Watch bool
	// SkipUnreachable says that a host which cannot be reached, does not answer or
	// has no room does not keep the run from the others.
	SkipUnreachable bool
	// MaxFail is with how many failed hosts nothing more is begun.
	MaxFail MaxFail
	// Cut, when it is closed, ends the run at once, without hearing what becomes of
	// the changes in hand. It may be nil.
	Cut <-chan struct{}
	// GuardTime is how long a host waits for the confirmation of changes that
	// could cut its connection; 0 means DefaultGuardTime.
	GuardTime time.Duration
}

// DefaultParallel is how many hosts are worked on at once.
const DefaultParallel = 32

// How long the agent may take over a request. An apply may install packages, which is
// one step without a word of progress, and drain backends, of which it tells.
const (
	askTimeout = 60 * time.Second
	applyStep  = 15 * time.Minute
)

// applyDeadlines are those of an apply on one host. In all it has a step without a
// word after the longest drain of the plan, whatever the host tells meanwhile.
func applyDeadlines(c *plans.Cluster) deadlines {
	drain := max(c.IPVS.Drain, plans.DefaultDrain)
	for _, s := range c.Services {
		drain = max(drain, s.Drain)
	}
	return deadlines{silence: wire.Silence, step: applyStep, all: applyStep + drain}
}

// Run is one run over the cluster's hosts, from Open to Close.
type Run struct {
	opts   Options
	names  func() []string // the hosts that the run is about, in plan order
	arming time.Duration

	mu       sync.Mutex
	sessions map[string]*session
	failed   map[string]*report.HostError // the first failure of each host
	notes    []report.HostNote
	// unfinished says that a kind which is left out has something to do, as of the
	// last comparison.
	unfinished bool
	atWork     map[string]string             // host -> stage
	done       map[string][]wire.KindChanges // by host, in the order in which it was done
	held       map[string]bool               // get no traffic that they do not have already
}

func newRun(o Options) *Run {
	if o.Report == nil {
		o.Report = func(report.Event) {}
	}
	if o.Parallel == 0 {
		o.Parallel = DefaultParallel
	}
	if o.GuardTime == 0 {
		o.GuardTime = DefaultGuardTime
	}
	names := sync.OnceValue(func() []string {
		out := map[string]bool{}
		for _, name := range o.LeftOut.Hosts {
			out[name] = true
		}
		var in []string
		for _, h := range o.Cluster.Hosts {
			if !out[h.Name] {
				in = append(in, h.Name)
			}
		}
		return in
	})
	return &Run{opts: o, names: names, arming: armAllowance, sessions: map[string]*session{}, failed: map[string]*report.HostError{}, atWork: map[string]string{}, done: map[string][]wire.KindChanges{}}
}

// Open dials every host and greets its agent. Hosts that could not be reached
// are in Failures; the others can be worked with. Once too many failed, no more are
// dialled.
func Open(ctx context.Context, o Options) *Run {
	r := newRun(o)
	over := r.begin(report.Event{Stage: plans.StageConnect}, r.hostNames())
	defer over()
	r.each(r.hostNames(), func(name string) {
		if r.TooMany() != nil {
			return
		}
		start := time.Now()
		r.opts.Report(report.Event{Type: report.HostBegun, Stage: plans.StageConnect, Host: name})
		h, _ := o.Cluster.Host(name)
		s, err := o.Dialer.open(ctx, name, h.Connection, o.Build)
		if err == nil {
			err = r.learn(ctx, s, o.AskLinks)
		}
		if err == nil {
			err = s.measureClock(ctx, o.Cluster.TimeSync.MaxOffset)
		}
		if err == nil && o.SkipUnreachable {
			err = noRoom(s.facts) // else it is a finding, and stops the run
		}
		note := ""
		if s != nil {
			note = s.note
			r.mu.Lock()
			r.sessions[name] = s
			r.mu.Unlock()
		}
		if err != nil {
			r.fail(name, plans.StageConnect, err)
		}
		r.opts.Report(report.Event{Type: report.HostDone, Stage: plans.StageConnect, Host: name, Note: note, Err: err, Took: time.Since(start)})
	})
	return r
}

// learn asks for a host's facts. askLinks has it ask besides who answers for its
// addresses, and listen while it is asked other things.
func (r *Run) learn(ctx context.Context, s *session, askLinks bool) error {
	h, _ := r.opts.Cluster.Host(s.name)
	req := wire.FactsRequest{Sysctls: []string{expireNodest}}
	ahead := questionsOf(r.opts.Cluster, h)
	if askLinks && len(ahead) > 0 && len(ahead) <= wire.MaxARPQuestions {
		arp := arpRequest(ahead, arpWait)
		req.ARP = &arp
	}
	var facts wire.Facts // not into the old ones: what is left out would stay
	if err := s.ask(ctx, wire.OpFacts, req, &facts); err != nil {
		return err
	}
	s.facts = facts
	if req.ARP != nil {
		s.ahead = ahead
	}
	return nil
}

// Close ends every agent and connection, and with them the locks.
func (r *Run) Close() {
	for _, s := range r.sessions {
		s.close()
	}
}

// Failures are the hosts that failed, sorted by name, with the first failure of
// each.
func (r *Run) Failures() []*report.HostError {
	r.mu.Lock()
	defer r.mu.Unlock()
	var all []*report.HostError
	for _, name := range slices.Sorted(maps.Keys(r.failed)) {
		all = append(all, r.failed[name])
	}
	return all
}

// Notes are what the hosts had to say of what was done to them, sorted by host.
func (r *Run) Notes() []report.HostNote {
	r.mu.Lock()
	defer r.mu.Unlock()
	all := slices.Clone(r.notes)
	slices.SortStableFunc(all, func(a, b report.HostNote) int { return strings.Compare(a.Host, b.Host) })
	return all
}

func (r *Run) note(host, stage string, texts []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, text := range texts {
		r.notes = append(r.notes, report.HostNote{Host: host, Stage: stage, Text: text})
	}
}

func (r *Run) fail(host, stage string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.failed[host] == nil {
		r.failed[host] = &report.HostError{Host: host, Stage: stage, Err: err}
	}
}

func (r *Run) ok(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.failed[host] == nil && r.sessions[host] != nil
}

// session is a host's session, nil if it was never reached.
func (r *Run) session(name string) *session {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.sessions[name]
}

// LeftOut is what the run is not about.
func (r *Run) LeftOut() plans.LeftOut { return r.opts.LeftOut }

func (r *Run) failedHosts() map[string]bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	hosts := map[string]bool{}
	for name := range r.failed {
		hosts[name] = true
	}
	return hosts
}

// hostNames are the hosts that the run is about, in plan order. It is the caller's.
func (r *Run) hostNames() []string { return slices.Clone(r.names()) }

// healthy are the hosts that have not failed, in plan order.
func (r *Run) healthy() []string {
	return slices.DeleteFunc(r.hostNames(), func(n string) bool { return !r.ok(n) })
}

// each runs f for the hosts, several at once, and waits for all.
func (r *Run) each(hosts []string, f func(host string)) {
	var g errgroup.Group
	g.SetLimit(r.opts.Parallel)
	for _, h := range hosts {
		g.Go(func() error {
			defer r.opts.Share.enter()()
			f(h)
			return nil
		})
	}
	_ = g.Wait()
}

// Plan observes every host, compares, and checks. With destroy it plans to take
// away what lvsup made and to put back what it changed.
func (r *Run) Plan(ctx context.Context, destroy bool) (*plans.Plan, error) {
	p, err := r.Compare(ctx, destroy)
	if err == nil && !destroy {
		over := r.begin(report.Event{Stage: report.StageCheck, Quiet: true}, nil)
		p.Findings = r.check(ctx, p)
		over()
		leaveOutSaid(p)
	}
	return p, err
}

// Compare is Plan without the checks. After an apply it must find nothing.
func (r *Run) Compare(ctx context.Context, destroy bool) (*plans.Plan, error) {
	desired, err := r.desired(destroy, nil)
	if err != nil {
		return nil, err
	}
	var mu sync.Mutex
	found := map[string]wire.ObserveResponse{}
	r.eachQuiet(report.StageObserve, r.healthy(), func(name string) error {
		var res wire.ObserveResponse
		req := wire.ObserveRequest{Desired: desired[name], Destroy: destroy}
		if err := r.session(name).ask(ctx, wire.OpObserve, req, &res); err != nil {
			r.fail(name, report.StageObserve, err)
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		found[name] = res
		return nil
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // the hosts that did not answer are not at fault
	}
	p := &plans.Plan{Cluster: r.opts.Cluster.Name, Destroy: destroy}
	for _, h := range r.opts.Cluster.Hosts {
		if res, ok := found[h.Name]; ok {
			p.Hosts = append(p.Hosts, plans.HostPlan{Host: h.Name, Role: h.Role, Kinds: res.Kinds, Digest: res.Digest})
		}
	}
	return p, r.narrow(ctx, p)
}

// leaveOutSaid drops what a kind says of a host's lack that a finding names
// already, with the line of the plan or the way out.
func leaveOutSaid(p *plans.Plan) {
	same := map[string]string{checkInterface: "address", checkIPVS: "ipvs"}
	for _, f := range p.Errors() {
		for i := range p.Hosts {
			if p.Hosts[i].Host != f.Host || same[f.Check] == "" {
				continue
			}
			p.Hosts[i].Kinds = slices.DeleteFunc(p.Hosts[i].Kinds, func(k wire.KindChanges) bool {
				return k.Kind == same[f.Check] && k.Error != ""
			})
		}
	}
}

// desired is what each host must have; for a destroy nothing, and how to let go.
func (r *Run) desired(destroy bool, hold map[string]bool) (map[string][]wire.Desired, error) {
	if destroy {
		return plans.ExpandDestroy(r.opts.Cluster)
	}
	return plans.Expand(r.opts.Cluster, hold)
}

// SamePlan reports whether two plans would do the same on every host.
func SamePlan(a, b *plans.Plan) bool {
	return slices.EqualFunc(a.Hosts, b.Hosts, func(x, y plans.HostPlan) bool {
		return x.Host == y.Host && x.Digest == y.Digest
	})
}

// planned picks the changes of some kinds and one pass.
func planned(p *plans.Plan, host string, kinds []string, reverse bool) []wire.KindChanges {
	var picked []wire.KindChanges
	for _, h := range p.Hosts {
		if h.Host != host {
			continue
		}
		for _, kind := range kinds {
			kc, ok := h.Kind(kind)
			if !ok {
				continue
			}
			kc.Commands = nil
			kc.Changes = slices.DeleteFunc(slices.Clone(kc.Changes), func(c step.Change) bool { return c.Reverse() != reverse })
			if len(kc.Changes) > 0 {
				picked = append(picked, kc)
			}
		}
	}
	return picked
}

// Table reads a director's IPVS table and connections.
func (r *Run) Table(ctx context.Context, host string) (*wire.IPVSResponse, error) {
	if !r.ok(host) {
		return nil, fmt.Errorf("%s cannot be worked with", host)
	}
	var t wire.IPVSResponse
	if err := r.session(host).ask(ctx, wire.OpIPVS, nil, &t); err != nil {
		r.fail(host, "status", err)
		return nil, err
	}
	return &t, nil
}
