package coordinator

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
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
	if !r.ok(director) {
		rep.NotRun = "the director could not be worked with"
		return rep, nil
	}
	rep.Direct = r.probeDirect(ctx, director)
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
	for i := range r.opts.Cluster.Services {
		rep.Services = append(rep.Services, r.probeService(ctx, v, director, &r.opts.Cluster.Services[i]))
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx) // what was not asked has not failed
	}
	return rep, nil
}

// probeDirect fetches each backend's page from the director.
func (r *Run) probeDirect(ctx context.Context, director string) []report.DirectProbe {
	var all []report.DirectProbe
	seen := map[string]bool{}
	for _, s := range r.opts.Cluster.Services {
		for _, b := range s.Backends {
			addr := netip.AddrPortFrom(b.Address, b.Port).String()
			if s.Protocol != "tcp" || seen[addr] {
				continue
			}
			seen[addr] = true
			probe := report.DirectProbe{From: director, Host: b.Host, Address: addr}
			var res wire.FetchResponse
			err := r.sessions[director].ask(ctx, wire.OpFetch, wire.FetchRequest{Address: addr, Path: "/", Count: 1, Timeout: fetchTimeout}, &res)
			switch {
			case err != nil:
				probe.Error = err.Error()
			case len(res.Fetches) != 1:
				probe.Error = "the agent gave no answer"
			default:
				f := res.Fetches[0]
				probe.Status, probe.Page, probe.Error = f.Status, firstLine(f.Body), f.Error
				h, _ := r.opts.Cluster.Host(b.Host)
				if probe.Error == "" {
					probe.Error = wrongPage(h, f)
				}
			}
			all = append(all, probe)
		}
	}
	return all
}

// wrongPage says what is wrong with the page of a host, if anything.
func wrongPage(h *plans.Host, f wire.Fetch) string {
	if f.Status != 200 {
		return fmt.Sprintf("status %d instead of 200", f.Status)
	}
	if h == nil || h.HTTPD == nil {
		return ""
	}
	if !bytes.Equal(bytes.TrimRight(f.Body, "\n"), bytes.TrimRight([]byte(h.HTTPD.Index), "\n")) {
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
	arp     func(context.Context, wire.ARPRequest) (wire.ARPResponse, error) // nil: cannot ask
	sources func(vip netip.Addr) []string                                    // local addresses on the VIP's link
	close   func()
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
	s, mine := r.sessions[from], false
	if s == nil {
		var err error
		s, err = r.opts.Dialer.open(ctx, from, r.opts.Cluster.Connection, r.opts.Build)
		if err == nil {
			err = s.ask(ctx, wire.OpFacts, wire.FactsRequest{}, &s.facts)
		}
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
		arp: func(ctx context.Context, q wire.ARPRequest) (res wire.ARPResponse, err error) {
			err = s.ask(ctx, wire.OpARP, q, &res)
			return res, err
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

// probeService asks one service through its VIP.
func (r *Run) probeService(ctx context.Context, v *vantagePoint, director string, s *plans.VirtualService) report.ServiceProbe {
	vip := net.JoinHostPort(s.Address.String(), strconv.Itoa(int(s.Port)))
	p := report.ServiceProbe{Service: s.Name, Address: vip, Scheduler: s.Scheduler, Split: map[string]int{}}
	if s.Protocol != "tcp" {
		p.Verdict = "not run: only tcp services can be asked for a page"
		return p
	}
	if v.arp != nil && s.Address.Is4() && len(v.sources(s.Address)) > 0 {
		res, err := v.arp(ctx, wire.ARPRequest{Address: s.Address.String(), Wait: arpWait})
		p.MACs = res.MACs
		if err != nil {
			p.Problems = append(p.Problems, "cannot ask who has the VIP: "+err.Error())
		} else if len(res.MACs) != 1 {
			p.Problems = append(p.Problems, fmt.Sprintf("%d MAC addresses answer for the VIP instead of one: %s", len(res.MACs), strings.Join(res.MACs, ", ")))
		}
	}
	req := shapeRequests(s, v.sources(s.Address))
	req.Address = vip
	var before, table wire.IPVSResponse
	if err := r.sessions[director].ask(ctx, wire.OpIPVS, nil, &before); err != nil {
		p.Problems = append(p.Problems, "cannot read the director's connections: "+err.Error())
		return p
	}
	res, err := v.fetch(ctx, req)
	if err != nil {
		p.Problems = append(p.Problems, err.Error())
		return p
	}
	if len(res.Fetches) != req.Count {
		p.Problems = append(p.Problems, fmt.Sprintf("%d requests were made instead of %d", len(res.Fetches), req.Count))
		return p
	}
	if err := r.sessions[director].ask(ctx, wire.OpIPVS, nil, &table); err != nil {
		p.Problems = append(p.Problems, "cannot read the director's connections: "+err.Error())
		return p
	}
	r.trace(&p, s, res, table)
	judge(&p, s, res, since(table.Conns, before.Conns))
	return p
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
func (r *Run) trace(p *report.ServiceProbe, s *plans.VirtualService, res wire.FetchResponse, table wire.IPVSResponse) {
	served := map[string]string{} // client address:port -> backend address:port
	for _, c := range table.Conns {
		if c.Virtual == p.Address && strings.EqualFold(c.Protocol, s.Protocol) {
			served[c.Client] = c.Destination
		}
	}
	names := map[string]string{}
	for _, b := range s.Backends {
		names[netip.AddrPortFrom(b.Address, b.Port).String()] = b.Host
	}
	p.Requests = len(res.Fetches)
	for _, f := range res.Fetches {
		if f.Error != "" {
			p.Problems = append(p.Problems, "no answer: "+f.Error)
			p.Sequence = append(p.Sequence, "?")
			continue
		}
		p.Answered++
		dest, ok := served[f.Local]
		name := names[dest]
		switch {
		case !ok && table.Truncated:
			p.Problems = append(p.Problems, fmt.Sprintf("the director has more than %d connections: the requests cannot be followed through its table", wire.MaxConns))
			name = "?"
		case !ok:
			p.Problems = append(p.Problems, fmt.Sprintf("the request from %s was answered but is not in the director's connection table", f.Local))
			name = "?"
		case name == "":
			p.Problems = append(p.Problems, fmt.Sprintf("the request from %s went to %s, which the plan does not name", f.Local, dest))
			name = dest
		default:
			h, _ := r.opts.Cluster.Host(name)
			if wrong := wrongPage(h, f); wrong != "" {
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
