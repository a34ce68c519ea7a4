package coordinator

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/linux/httpget"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// fetchTimeout is how long a probe waits for one page.
const fetchTimeout = 5 * time.Second

// Local names this machine as the vantage point of a probe.
const Local = "local"

// Probe asks every real server by its RIP from the director, then every
// virtual service through its VIP from the vantage point: the name of a host
// that ssh_config knows, Local, or empty for none.
func (r *Run) Probe(ctx context.Context, from string) (*report.Probe, error) {
	rep := &report.Probe{}
	directors := r.opts.Cluster.Directors()
	if len(directors) == 0 || len(r.opts.Cluster.Services) == 0 {
		rep.NotRun = "the plan has no director or no virtual service"
		return rep, nil
	}
	director := directors[0].Name
	switch {
	case r.opts.LeftOut.Host(director):
		rep.NotRun = "the director is left out of this run"
		return rep, nil
	case !r.ok(director):
		rep.NotRun = "the director could not be worked with"
		return rep, nil
	case r.unfinished:
		rep.NotRun = "what is left out of this run is not as the plan wants, and the VIP may need it"
		return rep, nil
	}
	probing := report.Event{Stage: plans.StageProbe, Quiet: true}
	over := r.begin(probing, nil)
	rep.Direct = r.probeDirect(ctx, director)
	over()
	v, err := r.vantage(ctx, from)
	if err != nil {
		return nil, err
	}
	if v == nil {
		rep.NotRun = "no vantage point: name a third host with --probe-from HOST, or this machine with --probe-from " + Local
		return rep, nil
	}
	defer v.close()
	rep.Vantage = v.name
	defer r.begin(probing, nil)()
	for i := range r.opts.Cluster.Services {
		rep.Services = append(rep.Services, r.probeService(ctx, v, director, &r.opts.Cluster.Services[i])...)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // what was not asked has not failed
	}
	return rep, nil
}

// probeDirect asks each backend by its RIP from the director: for its page
// where the plan gives its host one, else for a connection. A backend that gets
// no requests is not asked, nor one beyond a tunnel whose host is not the
// plan's: it may take packets through the tunnel alone.
func (r *Run) probeDirect(ctx context.Context, director string) []report.DirectProbe {
	var all []report.DirectProbe
	seen := map[string]bool{}
	for i := range r.opts.Cluster.Services {
		s := &r.opts.Cluster.Services[i]
		for _, port := range directPorts(r.opts.Cluster, s) {
			for _, b := range live(s) {
				addr := netip.AddrPortFrom(b.Address, portOf(b, port)).String()
				if seen[addr] || b.Host == "" && b.Forwarding == plans.ForwardTUN || r.opts.LeftOut.Host(b.Host) {
					continue
				}
				seen[addr] = true
				all = append(all, r.askDirect(ctx, director, b, addr, portOf(b, port) == pagePort))
			}
		}
	}
	return all
}

// directPorts are the ports that a service's backends are asked on. That
// needs no VIP.
func directPorts(c *plans.Cluster, s *plans.VirtualService) []uint16 {
	reachable := *s
	if !reachable.Address.IsValid() {
		reachable.Address = netip.IPv4Unspecified()
	}
	ports, _ := asks(c, &reachable)
	return ports
}

func (r *Run) askDirect(ctx context.Context, director string, b plans.Backend, addr string, page bool) report.DirectProbe {
	probe := report.DirectProbe{From: director, Host: b.Host, Address: addr}
	req := wire.FetchRequest{Address: addr, Path: "/", Count: 1, Timeout: fetchTimeout, ConnectOnly: !page}
	var res wire.FetchResponse
	err := r.session(director).ask(ctx, wire.OpFetch, req, &res)
	switch {
	case err != nil:
		probe.Error = err.Error()
	case len(res.Fetches) != 1:
		probe.Error = "the agent gave no answer"
	default:
		f := res.Fetches[0]
		probe.Status, probe.Page, probe.Error = f.Status, firstLine(f.Body), f.Error
		if probe.Error == "" && page {
			probe.Error = wrongPage(pageOf(r.opts.Cluster, b), f)
		}
	}
	return probe
}

// wrongPage says what is wrong with an answer, if anything. Where the plan has
// no page, any answer of a server that works will do.
func wrongPage(want *plans.HTTPD, f wire.Fetch) string {
	switch {
	case want == nil && f.Status < 500:
		return ""
	case want == nil:
		return fmt.Sprintf("status %d", f.Status)
	case f.Status != 200:
		return fmt.Sprintf("status %d instead of 200", f.Status)
	case !bytes.Equal(bytes.TrimRight(f.Body, "\n"), bytes.TrimRight([]byte(want.Index), "\n")):
		return fmt.Sprintf("the page is %q, not the plan's", firstLine(f.Body))
	}
	return ""
}

func firstLine(b []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(b)), "\n")
	const most = 120
	if len(line) > most {
		line = strings.ToValidUTF8(line[:most], "") + "..."
	}
	return line
}

// vantagePoint is where requests to the VIP come from.
type vantagePoint struct {
	name    string
	fetch   func(context.Context, wire.FetchRequest) (wire.FetchResponse, error)
	arp     func(ctx context.Context, q question, wait time.Duration) wire.ARPAnswer // nil: cannot ask
	path    func(context.Context, wire.PathRequest) (wire.Path, error)               // nil: cannot tell
	sources func(vip netip.Addr) []string                                            // local addresses on the VIP's link
	close   func()
}

// whoHas asks who answers for a VIP on the vantage point's link.
func (v *vantagePoint) whoHas(ctx context.Context, vip netip.Addr) wire.ARPAnswer {
	q := question{host: v.name, address: vip, vip: true}
	answer := v.arp(ctx, q, arpWait)
	if answer.Error == "" && len(answer.MACs) == 0 {
		// A busy director is slow, which is no reason to say that it is missing.
		answer = v.arp(ctx, q, arpPatience)
	}
	return answer
}

func (r *Run) vantage(ctx context.Context, from string) (*vantagePoint, error) {
	switch {
	case from == "":
		return nil, nil
	case from == Local:
		return &vantagePoint{
			name: "this machine",
			fetch: func(ctx context.Context, q wire.FetchRequest) (wire.FetchResponse, error) {
				return httpget.Many(ctx, q), nil
			},
			sources: func(netip.Addr) []string { return nil },
			close:   func() {},
		}, nil
	}
	if h, ok := r.opts.Cluster.Host(from); ok && h.Role != plans.RoleHost {
		return nil, fmt.Errorf("cannot probe from %s: it is a %s of the cluster, and reaches the VIP in a way of its own; name a third host", from, h.Role)
	}
	s, mine := r.session(from), false
	if s == nil {
		var err error
		r.eachQuiet(plans.StageConnect, []string{from}, func(string) error {
			s, err = r.opts.Dialer.open(ctx, from, r.opts.Cluster.Connection, r.opts.Build)
			if err == nil {
				err = s.ask(ctx, wire.OpFacts, wire.FactsRequest{}, &s.facts)
			}
			return err
		})
		if err != nil {
			return nil, &report.HostError{Host: from, Stage: plans.StageProbe, Err: err}
		}
		mine = true
	}
	return &vantagePoint{
		name: from,
		fetch: func(ctx context.Context, q wire.FetchRequest) (res wire.FetchResponse, err error) {
			err = s.askFor(ctx, time.Duration(q.Count+1)*fetchTimeout, wire.OpFetch, q, &res)
			return res, err
		},
		arp: func(ctx context.Context, q question, wait time.Duration) wire.ARPAnswer {
			return s.whoHas(ctx, []question{q}, wait)[0]
		},
		path: func(ctx context.Context, q wire.PathRequest) (p wire.Path, err error) {
			err = s.ask(ctx, wire.OpPath, q, &p)
			return p, err
		},
		sources: func(vip netip.Addr) []string { return sourcesOnLink(s.facts, vip) },
		close: func() {
			if mine {
				// The host is not in the plan: leave nothing on it.
				_ = s.ask(context.WithoutCancel(ctx), wire.OpRemove, nil, nil)
				s.close()
			}
		},
	}, nil
}

// sourcesOnLink lists a host's own addresses in the VIP's network.
func sourcesOnLink(f wire.Facts, vip netip.Addr) []string {
	var all []string
	for _, i := range f.Interfaces {
		for _, s := range i.Addresses {
			p, err := netip.ParsePrefix(s)
			if err == nil && p.Addr().Is4() == vip.Is4() && p.Addr() != vip && p.Masked().Contains(vip) {
				all = append(all, p.Addr().String())
			}
		}
	}
	return all
}

// probeService asks one service through its VIP, a firewall mark on each of its
// ports.
func (r *Run) probeService(ctx context.Context, v *vantagePoint, director string, s *plans.VirtualService) []report.ServiceProbe {
	ports, notRun := asks(r.opts.Cluster, s)
	host, _ := r.opts.Cluster.Host(director)
	if notRun == "" && keptElsewhere(s, host, r.session(director).facts) {
		notRun = "the director does not have the VIP, which the plan leaves to others"
	}
	if notRun == "" {
		notRun = r.leftOutOf(s)
	}
	if notRun != "" {
		return []report.ServiceProbe{{Service: s.Name, Address: called(s), Scheduler: s.Scheduler, NotRun: notRun}}
	}
	var all []report.ServiceProbe
	for i, port := range ports {
		p := report.ServiceProbe{
			Service: s.Name, Address: netip.AddrPortFrom(s.Address, port).String(),
			Scheduler: s.Scheduler, Split: map[string]int{},
		}
		if i == 0 {
			r.askMACs(ctx, v, s, &p)
		}
		r.askPort(ctx, v, director, s, port, &p)
		all = append(all, p)
	}
	judgeAcrossPorts(s, all)
	return all
}

// leftOutOf says which backend of a service is left out: nobody knows whether it
// answers.
func (r *Run) leftOutOf(s *plans.VirtualService) string {
	for _, b := range live(s) {
		if r.opts.LeftOut.Host(b.Host) {
			return b.Host + ", one of its backends, is left out of this run"
		}
	}
	return ""
}

// askMACs finds out who answers for the VIP, where the vantage point is on its
// link.
func (r *Run) askMACs(ctx context.Context, v *vantagePoint, s *plans.VirtualService, p *report.ServiceProbe) {
	if v.arp == nil || !s.Address.Is4() || len(v.sources(s.Address)) == 0 {
		return
	}
	answer := v.whoHas(ctx, s.Address)
	p.MACs = answer.MACs
	if answer.Error != "" {
		p.Problems = append(p.Problems, "cannot ask who has the VIP: "+answer.Error)
	} else if n := len(answer.MACs); n != 1 {
		p.Problems = append(p.Problems, fmt.Sprintf("%d MAC addresses answer for the VIP instead of one: %s", n, strings.Join(answer.MACs, ", ")))
	}
}

// askPort asks one port of the VIP, and follows and judges the requests.
func (r *Run) askPort(ctx context.Context, v *vantagePoint, director string, s *plans.VirtualService, port uint16, p *report.ServiceProbe) {
	req := shapeRequests(s, v.sources(s.Address))
	req.Address = p.Address
	req.ConnectOnly = !slices.ContainsFunc(live(s), func(b plans.Backend) bool { return portOf(b, port) == pagePort })
	var before, table wire.IPVSResponse
	if err := r.session(director).ask(ctx, wire.OpIPVS, nil, &before); err != nil {
		p.Problems = append(p.Problems, "cannot read the director's connections: "+err.Error())
		return
	}
	res, err := v.fetch(ctx, req)
	if err != nil {
		p.Problems = append(p.Problems, err.Error())
		return
	}
	if len(res.Fetches) != req.Count {
		p.Problems = append(p.Problems, fmt.Sprintf("%d requests were made instead of %d", len(res.Fetches), req.Count))
		return
	}
	if err := r.session(director).ask(ctx, wire.OpIPVS, nil, &table); err != nil {
		p.Problems = append(p.Problems, "cannot read the director's connections: "+err.Error())
		return
	}
	r.trace(p, s, port, res, table)
	judge(p, s, res, foreign{
		came: foreignConns(p, s, res, since(table.Conns, before.Conns)),
		open: openConns(s, before.Services),
	})
}

// since leaves out the connections that were there before.
func since(now, before []wire.IPVSConn) []wire.IPVSConn {
	type ends struct{ protocol, client, virtual string }
	old := map[ends]bool{}
	for _, c := range before {
		old[ends{c.Protocol, c.Client, c.Virtual}] = true
	}
	return slices.DeleteFunc(slices.Clone(now), func(c wire.IPVSConn) bool { return old[ends{c.Protocol, c.Client, c.Virtual}] })
}

// trace follows each request through the connection table to the host that
// served it, by its source address and port: other people's traffic does not
// count.
func (r *Run) trace(p *report.ServiceProbe, s *plans.VirtualService, port uint16, res wire.FetchResponse, table wire.IPVSResponse) {
	served := map[string]string{} // client address:port -> backend address:port
	for _, c := range table.Conns {
		if c.Virtual == p.Address && strings.EqualFold(c.Protocol, "tcp") {
			served[c.Client] = c.Destination
		}
	}
	backends := map[string]int{}
	names := labels(s)
	for i, b := range s.Backends {
		backends[netip.AddrPortFrom(b.Address, portOf(b, port)).String()] = i
	}
	p.Requests = len(res.Fetches)
	for _, f := range res.Fetches {
		dest, ok := served[f.Local]
		i, known := backends[dest]
		noPage := known && portOf(s.Backends[i], port) != pagePort
		if f.Error != "" && !(noPage && f.Local != "") {
			p.Problems = append(p.Problems, "no answer: "+f.Error)
			p.Sequence = append(p.Sequence, "?")
			continue
		}
		p.Answered++
		name := "?"
		switch {
		case !ok && table.Truncated:
			p.Problems = append(p.Problems, fmt.Sprintf("the director has more than %d connections: the requests cannot be followed through its table", wire.MaxConns))
		case !ok:
			p.Problems = append(p.Problems, fmt.Sprintf("the request from %s was answered but is not in the director's connection table", f.Local))
		case !known:
			p.Problems = append(p.Problems, fmt.Sprintf("the request from %s went to %s, which the plan does not name", f.Local, dest))
			name = dest
		default:
			name = names[i]
			if wrong := wrongPage(pageOf(r.opts.Cluster, s.Backends[i]), f); wrong != "" && !noPage {
				p.Problems = append(p.Problems, name+": "+wrong)
			}
		}
		p.Sequence = append(p.Sequence, name)
		p.Split[name]++
	}
	p.Problems = dedupe(p.Problems)
}

// dedupe folds equal problems into one with a count.
func dedupe(problems []string) []string {
	count := map[string]int{}
	var order []string
	for _, p := range problems {
		if count[p] == 0 {
			order = append(order, p)
		}
		count[p]++
	}
	for i, p := range order {
		if count[p] > 1 {
			order[i] = fmt.Sprintf("%s (%d times)", p, count[p])
		}
	}
	return order
}
