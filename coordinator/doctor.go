package coordinator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/lvsup/lvsup/coordinator/checks"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// connectTimeout is how long doctor waits for a connection: beyond the second
// after which a lost request for one is sent again.
const connectTimeout = 2500 * time.Millisecond

// Diagnose looks at what is now, on all hosts and from the vantage point, which
// is as in Probe, and says why traffic does not get through. apply is the command
// that applies the plan, for the fixes. It changes nothing.
func (r *Run) Diagnose(ctx context.Context, from, apply string) (*report.Diagnosis, error) {
	d := &report.Diagnosis{Findings: []report.Finding{}}
	if len(r.opts.Cluster.Directors()) == 0 || len(r.opts.Cluster.Services) == 0 {
		d.NotRun = []string{"the plan has no director or no virtual service"}
		return d, nil
	}
	v, err := r.vantage(ctx, from)
	if err != nil {
		return nil, err
	}
	f := r.baseFacts(apply)
	if v != nil {
		defer v.close()
		d.Vantage = v.name
		f.Client = &checks.Client{Name: v.name}
		if v.path != nil {
			f.Client.Path, err = v.path(ctx, checks.ClientQuestions(r.opts.Cluster))
		}
		if err != nil {
			return nil, &report.HostError{Host: v.name, Stage: plans.StageProbe, Err: err}
		}
	} else {
		d.NotRun = append(d.NotRun, "the VIP was not asked: no vantage point; name a third host with --probe-from HOST, or this machine with --probe-from "+Local)
	}
	r.gatherPaths(ctx, f)
	defer r.begin(report.Event{Stage: plans.StageProbe, Quiet: true}, nil)()
	r.gatherAnswers(ctx, f)
	if v != nil {
		r.askVIPs(ctx, v, f)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // what was not asked is not well
	}
	for _, failure := range r.Failures() {
		d.NotRun = append(d.NotRun, failure.Host+" was not looked at")
	}
	d.Findings = append(d.Findings, checks.Run(checks.All(), f)...)
	return d, nil
}

// baseFacts are what is known from the start of the run.
func (r *Run) baseFacts(apply string) *checks.Facts {
	f := &checks.Facts{Cluster: r.opts.Cluster, Apply: apply, Hosts: map[string]checks.Host{}}
	for _, name := range r.healthy() {
		s := r.session(name)
		f.Hosts[name] = checks.Host{Facts: s.facts, Offset: s.offset}
	}
	return f
}

// gatherPaths asks every host how packets go through it now: first for its links,
// which say what else to ask.
func (r *Run) gatherPaths(ctx context.Context, f *checks.Facts) {
	var mu sync.Mutex
	for range 2 {
		found := map[string]wire.Path{}
		r.eachQuiet(report.StageLook, r.healthy(), func(name string) error {
			h, _ := f.Cluster.Host(name)
			var path wire.Path
			if err := r.session(name).ask(ctx, wire.OpPath, checks.Questions(f, h), &path); err != nil {
				r.fail(name, "path", err)
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			found[name] = path
			return nil
		})
		for name, path := range found {
			h := f.Hosts[name]
			h.Path = path
			f.Hosts[name] = h
		}
	}
}

// gatherAnswers asks the director's table, the backends by their RIP, and on the
// links who has the addresses.
func (r *Run) gatherAnswers(ctx context.Context, f *checks.Facts) {
	director := f.Cluster.Directors()[0].Name
	if r.ok(director) {
		var table wire.IPVSResponse
		if err := r.session(director).ask(ctx, wire.OpIPVS, nil, &table); err != nil {
			r.fail(director, "status", err)
		} else {
			f.Table = &table
		}
	}
	if r.ok(director) {
		f.Direct = r.connectDirect(ctx, director)
	}
	r.gatherARP(ctx, f)
}

// gatherARP has each host ask for its own addresses, which nobody else may have,
// and the director for the VIPs and for the backends on its links that did not
// answer.
func (r *Run) gatherARP(ctx context.Context, f *checks.Facts) {
	var mu sync.Mutex
	r.each(r.healthy(), func(name string) {
		questions := arpQuestions(f, name)
		answers := r.session(name).whoHas(ctx, questions, arpWait)
		mu.Lock()
		defer mu.Unlock()
		for i, q := range questions {
			if answers[i].Error != "" {
				continue // the link went down meanwhile; its state says so
			}
			f.ARP = append(f.ARP, checks.ARP{Host: name, Address: q.address, MACs: answers[i].MACs})
		}
	})
	slices.SortStableFunc(f.ARP, func(a, b checks.ARP) int {
		return slices.Compare([]string{a.Host, a.Address.String()}, []string{b.Host, b.Address.String()})
	})
}

// arpQuestions are those of one host.
func arpQuestions(f *checks.Facts, name string) []question {
	h, _ := f.Cluster.Host(name)
	now := wire.Facts{} // the links as they are now, not as at the start
	for _, l := range f.Hosts[name].Path.Links {
		now.Interfaces = append(now.Interfaces, wire.Interface{Name: l.Name, MAC: l.MAC, Up: l.Up, Addresses: l.Addresses})
	}
	all := questionsFor(f.Cluster, h, now)
	if h.Role != plans.RoleDirector {
		return all
	}
	for _, d := range f.Direct {
		a := d.Address.Addr()
		iface, ok := onLink(now, a)
		if ok && a.Is4() && d.Error != "" && !slices.ContainsFunc(all, func(q question) bool { return q.address == a }) {
			all = append(all, question{host: name, iface: iface, address: a})
		}
	}
	return all
}

// connectDirect has the director connect to each backend by its RIP, except to
// one beyond a tunnel whose host is not the plan's: it may take packets through
// the tunnel alone.
func (r *Run) connectDirect(ctx context.Context, director string) []checks.Direct {
	var all []checks.Direct
	seen := map[netip.AddrPort]bool{}
	for i := range r.opts.Cluster.Services {
		s := &r.opts.Cluster.Services[i]
		for _, port := range directPorts(r.opts.Cluster, s) {
			for _, b := range live(s) {
				at := netip.AddrPortFrom(b.Address, portOf(b, port))
				if seen[at] || b.Host == "" && b.Forwarding == plans.ForwardTUN {
					continue
				}
				seen[at] = true
				req := wire.FetchRequest{Address: at.String(), Path: "/", Count: 1, Timeout: connectTimeout, ConnectOnly: true}
				var res wire.FetchResponse
				one := checks.Direct{Host: b.Host, Address: at}
				switch err := r.session(director).ask(ctx, wire.OpFetch, req, &res); {
				case err != nil:
					one.Error = err.Error()
				case len(res.Fetches) != 1:
					one.Error = "the agent gave no answer"
				default:
					one.Error = res.Fetches[0].Error
				}
				all = append(all, one)
			}
		}
	}
	return all
}

// maxVIPRequests bounds the requests to one port of a service.
const maxVIPRequests = 8

// askVIPs sends some connections through each VIP, so that every backend of a
// small service gets one, and asks who has it.
func (r *Run) askVIPs(ctx context.Context, v *vantagePoint, f *checks.Facts) {
	director, _ := r.opts.Cluster.Host(r.opts.Cluster.Directors()[0].Name)
	told := map[netip.Addr]bool{}
	for i := range r.opts.Cluster.Services {
		s := &r.opts.Cluster.Services[i]
		if r.ok(director.Name) && keptElsewhere(s, director, r.session(director.Name).facts) {
			continue
		}
		if s.Address.Is4() && !told[s.Address] && v.arp != nil && len(v.sources(s.Address)) > 0 {
			told[s.Address] = true
			if answer := v.whoHas(ctx, s.Address); answer.Error == "" {
				f.ARP = append(f.ARP, checks.ARP{Host: v.name, Address: s.Address, MACs: answer.MACs})
			}
		}
		ports, _ := asks(r.opts.Cluster, s)
		for _, port := range ports {
			f.Client.Asked = append(f.Client.Asked, askVIP(ctx, v, s, port))
		}
	}
}

func askVIP(ctx context.Context, v *vantagePoint, s *plans.VirtualService, port uint16) checks.Asked {
	at := netip.AddrPortFrom(s.Address, port)
	req := wire.FetchRequest{
		Address: at.String(), Path: "/", Timeout: connectTimeout, ConnectOnly: true,
		Count: min(2*len(live(s)), maxVIPRequests),
	}
	one := checks.Asked{Service: s.Name, Address: at, Requests: req.Count}
	res, err := v.fetch(ctx, req)
	if err != nil {
		one.Error = err.Error()
		return one
	}
	for _, x := range res.Fetches {
		if x.Error == "" {
			one.Answered++
		} else {
			one.Error = x.Error
		}
	}
	if len(res.Fetches) != req.Count {
		one.Error = fmt.Sprintf("%d requests were made", len(res.Fetches))
	}
	return one
}
