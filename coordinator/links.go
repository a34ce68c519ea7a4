package coordinator

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// arpWait is how long answers to an ARP request are waited for.
const arpWait = 300 * time.Millisecond

// arpPatience is how long, where an answer must come.
const arpPatience = 3 * time.Second

// checkLinks looks at the links again once the addresses are up: what could not
// be asked before the first change is asked before any VIP exists.
func (r *Run) checkLinks(ctx context.Context, p *plans.Plan) error {
	if p.Destroy || len(r.failedHosts()) > 0 || !changesAddresses(p) {
		return nil
	}
	r.each(r.healthy(), func(name string) {
		if err := r.learn(ctx, r.session(name), true); err != nil {
			r.fail(name, "facts", err)
		}
	})
	all := &reasons{hosts: map[string][]string{}}
	for _, f := range r.linkFindings(ctx) {
		if f.Severity == plans.Error {
			all.add(f.Host, reason(f))
		}
	}
	if lines := all.lines(); len(lines) > 0 {
		return &Stopped{Before: "any virtual address was set up", Reasons: lines}
	}
	return nil
}

// Stopped says why a run ended between two stages.
type Stopped struct {
	Before  string // what was not done any more
	Reasons []string
}

// Error lists the reasons, one a line.
func (e *Stopped) Error() string {
	s := "stopped before " + e.Before + ":"
	for _, r := range e.Reasons {
		s += "\n  " + strings.ReplaceAll(r, "\n", "\n    ")
	}
	return s + "\nwhat came before stays; put it right and apply again"
}

func changesAddresses(p *plans.Plan) bool {
	return slices.ContainsFunc(p.Hosts, func(h plans.HostPlan) bool {
		_, ok := h.Kind("address")
		return ok
	})
}

// linkFindings asks, on every link that is up, who answers for the addresses of
// the plan. An answer from a machine that should not have the address means a
// cluster whose packets go astray.
func (r *Run) linkFindings(ctx context.Context) []plans.Finding {
	owners := map[string]string{} // MAC -> host of the plan
	for _, name := range r.healthy() {
		for _, i := range r.session(name).facts.Interfaces {
			if i.MAC != "" {
				owners[i.MAC] = name
			}
		}
	}
	var mu sync.Mutex
	var findings []plans.Finding
	// All hosts at once, however many: they only listen, and nobody works meanwhile.
	var all sync.WaitGroup
	for _, name := range r.healthy() {
		s := r.session(name)
		h, _ := r.opts.Cluster.Host(name)
		questions := questionsFor(r.opts.Cluster, h, s.facts)
		if len(questions) == 0 {
			continue
		}
		all.Go(func() {
			answers := s.answersTo(ctx, questions)
			mu.Lock()
			defer mu.Unlock()
			for i, q := range questions {
				if f, bad := r.heard(q, answers[i], owners); bad {
					findings = append(findings, f)
				}
			}
		})
	}
	all.Wait()
	slices.SortFunc(findings, func(a, b plans.Finding) int { return strings.Compare(a.Host+a.Summary, b.Host+b.Summary) })
	return findings
}

// question is one address to ask for on one link of one host.
type question struct {
	host    string
	iface   string // empty: the one whose network holds the address
	address netip.Addr
	vip     bool
}

// arpRequest has an agent ask.
func arpRequest(questions []question, wait time.Duration) wire.ARPRequest {
	req := wire.ARPRequest{Wait: wait}
	for _, q := range questions {
		req.Questions = append(req.Questions, wire.ARPQuestion{Interface: q.iface, Address: q.address.String()})
	}
	return req
}

// questionsOf lists what is asked of a host, if it has the links: its own planned
// addresses, and on a director the VIPs, except those that the plan leaves to
// others: another director may have them, as with keepalived.
func questionsOf(c *plans.Cluster, h *plans.Host) []question {
	var all []question
	for _, i := range h.Interfaces {
		if i.Address.Addr().Is4() {
			all = append(all, question{h.Name, i.Name, i.Address.Addr(), false})
		}
	}
	if h.Role != plans.RoleDirector {
		return all
	}
	known := map[netip.Addr]bool{}
	for _, q := range all {
		known[q.address] = true
	}
	for _, s := range c.Services {
		if s.KeepVIP && s.Address.Is4() && !known[s.Address] {
			known[s.Address] = true
			all = append(all, question{h.Name, "", s.Address, true})
		}
	}
	return all
}

// questionsFor lists what can be asked from a host with the links it has now.
func questionsFor(c *plans.Cluster, h *plans.Host, f wire.Facts) []question {
	return slices.DeleteFunc(questionsOf(c, h), func(q question) bool {
		if q.vip {
			_, ok := onLink(f, q.address)
			return !ok
		}
		return !slices.ContainsFunc(f.Interfaces, func(l wire.Interface) bool { return l.Name == q.iface && l.Up })
	})
}

// heard judges what was answered to a question.
func (r *Run) heard(q question, answer wire.ARPAnswer, owners map[string]string) (plans.Finding, bool) {
	if answer.Error != "" {
		return plans.Finding{
			Severity: plans.Warning, Host: q.host, Check: "arp",
			Summary: fmt.Sprintf("cannot ask who has %s: %s", q.address, answer.Error),
		}, true
	}
	var members, strangers []string
	for _, mac := range answer.MACs {
		switch owner := owners[mac]; owner {
		case q.host:
		case "":
			if len(r.opts.LeftOut.Hosts) > 0 && q.vip {
				members = append(members, "a machine outside the plan, or one that is left out ("+mac+")")
				continue
			}
			strangers = append(strangers, "a machine outside the plan ("+mac+")")
		default:
			name := owner + " (" + mac + ")"
			if q.vip && !hushes(r.opts.Cluster, owner, q.address) {
				strangers = append(strangers, name)
				continue
			}
			members = append(members, name)
		}
	}
	return q.judge(members, strangers)
}

// hushes reports whether the plan has the host keep the VIP without answering
// for it: dr and tun backends do. Under nat a real server has no use for it.
func hushes(c *plans.Cluster, host string, vip netip.Addr) bool {
	return slices.ContainsFunc(c.Services, func(s plans.VirtualService) bool {
		return s.Address == vip &&
			slices.ContainsFunc(s.Backends, func(b plans.Backend) bool { return b.Host == host && b.Forwarding != plans.ForwardNAT })
	})
}

// judge makes a finding of who answered besides the host itself. A real server
// that hushes about the VIP is what the plan mends: a warning. Anything else
// stops the run.
func (q question) judge(members, strangers []string) (plans.Finding, bool) {
	all := strings.Join(append(members, strangers...), " and ")
	f := plans.Finding{Severity: plans.Error, Host: q.host, Check: "arp"}
	switch {
	case all == "":
		return f, false
	case q.vip && len(strangers) == 0:
		f.Severity = plans.Warning
		f.Summary = fmt.Sprintf("the VIP %s is answered for by %s", q.address, all)
		f.Detail = "clients may bypass the director until arp_ignore and arp_announce are as the plan wants"
	case q.vip:
		f.Summary = fmt.Sprintf("the VIP %s is answered for by %s", q.address, all)
		f.Detail = "take the address away from there, or choose another VIP"
	default:
		f.Summary = fmt.Sprintf("its address %s is also answered for by %s", q.address, all)
		f.Detail = "two machines with one address lose packets at random: give one of them another"
	}
	return f, true
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
