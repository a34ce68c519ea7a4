package coordinator

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// rounds is how often a scheduler's whole cycle is asked for.
const rounds = 3

// maxRequests bounds the requests of one probe, however large the weights.
const maxRequests = 120

// shapeRequests chooses the requests that show what the scheduler does. A
// backend with a threshold must not be filled up by a probe: what it was asked
// counts there for minutes.
func shapeRequests(s *plans.VirtualService, sources []string) wire.FetchRequest {
	req := wire.FetchRequest{Path: "/", Timeout: fetchTimeout, Count: rounds * max(1, len(live(s)))}
	if len(sources) > 0 {
		req.Sources = sources[:1] // one client, unless the scheduler looks at clients
	}
	switch {
	case limited(s):
		req.Count = 1
	case s.Persistence != nil:
	case s.Scheduler == "wrr" && longCycle(s):
	case s.Scheduler == "wrr": // whole cycles: within one, the heaviest come first
		req.Count = cycle(s) * min(rounds, maxRequests/cycle(s))
	case hashesClients(s) && len(sources) > 0:
		req.Sources = sources
		req.Count = 2 * len(sources)
	case s.Scheduler == "lc" || s.Scheduler == "wlc":
		req.Hold = true
		req.Count = max(2*len(live(s)), cycle(s))
	}
	req.Count = min(req.Count, maxRequests)
	return req
}

// limited reports whether a backend takes only so many connections.
func limited(s *plans.VirtualService) bool {
	return slices.ContainsFunc(live(s), func(b plans.Backend) bool { return b.UpperThreshold > 0 })
}

// hashesClients reports whether the address of a client, and nothing else of
// it, says which server it gets: sh and mh can look at its port too.
func hashesClients(s *plans.VirtualService) bool {
	return (s.Scheduler == "sh" || s.Scheduler == "mh") && !slices.Contains(s.SchedulerFlags, s.Scheduler+"-port")
}

// live are the backends that take new connections.
func live(s *plans.VirtualService) []plans.Backend {
	return slices.DeleteFunc(slices.Clone(s.Backends), func(b plans.Backend) bool { return b.Weight == 0 })
}

// cycle is the length of a weighted scheduler's cycle: the weights divided by
// what they have in common (net/netfilter/ipvs/ip_vs_wrr.c).
func cycle(s *plans.VirtualService) int {
	sum, common := 0, 0
	for _, b := range live(s) {
		sum += b.Weight
		common = gcd(b.Weight, common)
	}
	if common == 0 {
		return 1
	}
	return sum / common
}

// longCycle reports whether a probe is too short for one cycle.
func longCycle(s *plans.VirtualService) bool { return cycle(s) > maxRequests }

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// foreign is what a service had to do beside a probe.
type foreign struct {
	came int // connections that came meanwhile, also those that have ended since
	open int // connections that were open before
}

// judge says whether the requests went where the scheduler should have sent
// them.
func judge(p *report.ServiceProbe, s *plans.VirtualService, res wire.FetchResponse, others foreign) {
	if p.Answered < p.Requests {
		p.Verdict = fmt.Sprintf("%d of %d requests were answered", p.Answered, p.Requests)
		if refuses(s) {
			p.Verdict += fmt.Sprintf("; %[1]s without %[1]s-fallback refuses those whose server has weight 0", s.Scheduler)
		}
		return
	}
	var problem string
	switch {
	case s.Persistence != nil:
		p.Verdict, problem = judgeSticky(p)
	case limited(s):
		p.Verdict = "answered; the split is not judged where a backend has a threshold"
	case s.Scheduler == "rr":
		p.Verdict, problem = judgeRoundRobin(p, s, others.came)
	case s.Scheduler == "wrr" && longCycle(s):
		p.Verdict = fmt.Sprintf("answered; the weights take %d requests to show, so the split is not judged", cycle(s))
	case s.Scheduler == "wrr":
		p.Verdict, problem = judgeWeighted(p, s, others.came)
	case hashesClients(s):
		p.Verdict, problem = judgeSourceHash(p, res)
	case s.Scheduler == "lc" || s.Scheduler == "wlc":
		p.Verdict, problem = judgeLeastConn(p, s, others.came+others.open)
	case s.Scheduler == "fo":
		p.Verdict, problem = judgeFailover(p, s)
	default:
		p.Verdict = "answered; the split of " + strings.Join(append([]string{s.Scheduler}, s.SchedulerFlags...), " ") + " is not judged"
	}
	if problem != "" {
		p.Verdict = "wrong split"
		p.Problems = append(p.Problems, problem)
	}
}

// refuses reports whether the scheduler gives some clients no server at all:
// that of their hash has weight 0, and it may not look for another one.
func refuses(s *plans.VirtualService) bool {
	return (s.Scheduler == "sh" || s.Scheduler == "mh") && len(live(s)) < len(s.Backends) &&
		!slices.Contains(s.SchedulerFlags, s.Scheduler+"-fallback")
}

// foreignConns counts connections to the service that this probe did not make.
// They take their turns too, so a strict order cannot be expected beside them.
// fresh are the connections that came during the probe.
func foreignConns(p *report.ServiceProbe, s *plans.VirtualService, res wire.FetchResponse, fresh []wire.IPVSConn) int {
	mine := map[string]bool{}
	for _, f := range res.Fetches {
		mine[f.Local] = true
	}
	n := 0
	for _, c := range fresh {
		to, err := netip.ParseAddrPort(c.Virtual)
		ours := err == nil && (c.Virtual == p.Address || (s.FWMark != 0 || s.Port == 0) && to.Addr() == s.Address)
		if ours && !mine[c.Client] && !strings.HasSuffix(c.Client, ":0") { // port 0: a template of persistence
			n++
		}
	}
	return n
}

// openConns counts the established connections of the service's backends.
func openConns(s *plans.VirtualService, table []wire.IPVSService) int {
	n := 0
	for _, t := range table {
		if t.FWMark != s.FWMark || s.FWMark == 0 && (t.Protocol != s.Protocol || t.Address != s.Address.String() || t.Port != s.Port) {
			continue
		}
		for _, b := range t.Backends {
			n += int(b.ActiveConns)
		}
	}
	return n
}

// judgeAcrossPorts holds that persistence of a firewall mark keeps a client on
// one server whatever port it asks: that is what people use it for.
func judgeAcrossPorts(s *plans.VirtualService, ports []report.ServiceProbe) {
	if s.Persistence == nil || len(ports) < 2 {
		return
	}
	split := map[string]int{}
	for _, p := range ports {
		if len(p.Problems) > 0 {
			return // told already
		}
		for name, n := range p.Split {
			split[name] += n
		}
	}
	last := &ports[len(ports)-1]
	if len(split) > 1 {
		last.Verdict = "wrong split"
		last.Problems = append(last.Problems, "one client reached several servers on the ports of one mark although the service is persistent: "+splitText(split))
		return
	}
	last.Verdict += ", on every port"
}

func judgeSticky(p *report.ServiceProbe) (verdict, problem string) {
	if len(p.Split) != 1 {
		return "", "one client reached several servers although the service is persistent: " + splitText(p.Split)
	}
	return "one client stays on one server", ""
}

func judgeRoundRobin(p *report.ServiceProbe, s *plans.VirtualService, foreign int) (verdict, problem string) {
	if foreign > 0 {
		return evenSplit(p, s, func(plans.Backend) int { return 1 }, fmt.Sprintf("even split beside %d other connections", foreign), foreign)
	}
	n := len(live(s))
	for i := range p.Sequence {
		if i >= n && p.Sequence[i] != p.Sequence[i-n] || i >= 1 && n > 1 && p.Sequence[i] == p.Sequence[i-1] {
			return "", "the servers do not take strict turns: " + strings.Join(p.Sequence, " ")
		}
	}
	return "strict turns", ""
}

func judgeWeighted(p *report.ServiceProbe, s *plans.VirtualService, foreign int) (verdict, problem string) {
	return evenSplit(p, s, func(b plans.Backend) int { return b.Weight }, "split as the weights", foreign)
}

// evenSplit holds the split against the share of each backend. Whole cycles
// give it exactly; slack allows for other people's connections between ours.
func evenSplit(p *report.ServiceProbe, s *plans.VirtualService, share func(plans.Backend) int, verdict string, slack int) (string, string) {
	sum := 0
	for _, b := range live(s) {
		sum += share(b)
	}
	names := labels(s)
	for i, b := range s.Backends {
		want := 0.0
		if b.Weight > 0 {
			want = float64(p.Requests) * float64(share(b)) / float64(sum)
		}
		if diff := float64(p.Split[names[i]]) - want; diff > 1+float64(slack) || diff < -1-float64(slack) {
			return "", fmt.Sprintf("%s took %d of %d requests, its share is %.1f (%s)", names[i], p.Split[names[i]], p.Requests, want, splitText(p.Split))
		}
	}
	return verdict, ""
}

func judgeSourceHash(p *report.ServiceProbe, res wire.FetchResponse) (verdict, problem string) {
	server := map[string]string{}
	for i, f := range res.Fetches {
		client, _, err := net.SplitHostPort(f.Local)
		if err != nil {
			return "", fmt.Sprintf("a request came from %q, which is no address and port", f.Local)
		}
		if first, ok := server[client]; ok && first != p.Sequence[i] {
			return "", fmt.Sprintf("client %s reached %s and then %s", client, first, p.Sequence[i])
		}
		server[client] = p.Sequence[i]
	}
	if len(server) < 2 {
		return "one client stays on one server (one client address is too few to see the spread)", ""
	}
	return fmt.Sprintf("each of %d clients stays on one server; %d servers took part", len(server), len(p.Split)), ""
}

// judgeLeastConn expects open connections in proportion to the weights, as
// ip_vs_wlc.c does: the next one goes where connections divided by weight are
// fewest. Plain lc ignores weights.
func judgeLeastConn(p *report.ServiceProbe, s *plans.VirtualService, foreign int) (verdict, problem string) {
	share := func(b plans.Backend) int { return b.Weight }
	if s.Scheduler == "lc" {
		share = func(plans.Backend) int { return 1 }
	}
	return evenSplit(p, s, share, "each connection went to the least loaded server", foreign)
}

// judgeFailover expects every request at the server with the largest weight, as
// ip_vs_fo.c has it.
func judgeFailover(p *report.ServiceProbe, s *plans.VirtualService) (verdict, problem string) {
	most := 0
	for _, b := range s.Backends {
		most = max(most, b.Weight)
	}
	for i, name := range labels(s) {
		if p.Split[name] > 0 && s.Backends[i].Weight < most {
			return "", fmt.Sprintf("%s, of weight %d, was reached although another has weight %d (%s)", name, s.Backends[i].Weight, most, splitText(p.Split))
		}
	}
	return "every request went to the server with the largest weight", ""
}

func splitText(split map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(split)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, split[name]))
	}
	return strings.Join(parts, ", ")
}
