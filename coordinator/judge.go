package coordinator

import (
	"fmt"
	"maps"
	"net"
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

// shapeRequests chooses the requests that show what the scheduler does.
func shapeRequests(s *plans.VirtualService, sources []string) wire.FetchRequest {
	req := wire.FetchRequest{Path: "/", Timeout: fetchTimeout, Count: rounds * max(1, len(live(s)))}
	if len(sources) > 0 {
		req.Sources = sources[:1] // one client, unless the scheduler looks at clients
	}
	switch {
	case s.Persistence != nil:
	case s.Scheduler == "wrr":
		req.Count = rounds * cycle(s)
	case s.Scheduler == "sh" && len(sources) > 0:
		req.Sources = sources
		req.Count = 2 * len(sources)
	case s.Scheduler == "lc" || s.Scheduler == "wlc":
		req.Hold = true
		req.Count = max(2*len(live(s)), cycle(s))
	}
	req.Count = min(req.Count, maxRequests)
	return req
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

func gcd(a, b int) int {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// judge says whether the requests went where the scheduler should have sent
// them. fresh are the director's connections that came during the probe.
func judge(p *report.ServiceProbe, s *plans.VirtualService, res wire.FetchResponse, fresh []wire.IPVSConn) {
	if p.Answered < p.Requests {
		p.Verdict = fmt.Sprintf("%d of %d requests were answered", p.Answered, p.Requests)
		return
	}
	foreign := foreignConns(p, res, fresh)
	var problem string
	switch {
	case s.Persistence != nil:
		p.Verdict, problem = judgeSticky(p)
	case s.Scheduler == "rr":
		p.Verdict, problem = judgeRoundRobin(p, s, foreign)
	case s.Scheduler == "wrr":
		p.Verdict, problem = judgeWeighted(p, s, foreign)
	case s.Scheduler == "sh":
		p.Verdict, problem = judgeSourceHash(p, res)
	case s.Scheduler == "lc" || s.Scheduler == "wlc":
		p.Verdict, problem = judgeLeastConn(p, s, foreign)
	default:
		p.Verdict = "answered; the split of " + s.Scheduler + " is not judged"
	}
	if problem != "" {
		p.Verdict = "wrong split"
		p.Problems = append(p.Problems, problem)
	}
}

// foreignConns counts connections to the service that this probe did not make,
// also those that have ended since. They take their turns too, so a strict order
// cannot be expected beside them.
func foreignConns(p *report.ServiceProbe, res wire.FetchResponse, fresh []wire.IPVSConn) int {
	mine := map[string]bool{}
	for _, f := range res.Fetches {
		mine[f.Local] = true
	}
	n := 0
	for _, c := range fresh {
		if c.Virtual == p.Address && !mine[c.Client] {
			n++
		}
	}
	return n
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
	for _, b := range s.Backends {
		want := 0.0
		if b.Weight > 0 {
			want = float64(p.Requests) * float64(share(b)) / float64(sum)
		}
		if diff := float64(p.Split[b.Host]) - want; diff > 1+float64(slack) || diff < -1-float64(slack) {
			return "", fmt.Sprintf("%s took %d of %d requests, its share is %.1f (%s)", b.Host, p.Split[b.Host], p.Requests, want, splitText(p.Split))
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

func splitText(split map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(split)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, split[name]))
	}
	return strings.Join(parts, ", ")
}
