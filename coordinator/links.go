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
		s := r.session(name)
		var now wire.Facts // not into the old ones: what is left out would stay
		if err := s.ask(ctx, wire.OpFacts, wire.FactsRequest{}, &now); err != nil {
			r.fail(name, "facts", err)
			return
		}
		s.facts = now
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
	var questions []question
	for _, name := range r.healthy() {
		h, _ := r.opts.Cluster.Host(name)
		questions = append(questions, questionsFor(r.opts.Cluster, h, r.session(name).facts)...)
	}
	byHost := map[string][]question{}
	for _, q := range questions {
		byHost[q.host] = append(byHost[q.host], q)
	}
	found := make(chan plans.Finding, len(questions))
	// All hosts at once, however many: they only listen, and nobody works meanwhile.
	var all sync.WaitGroup
	for _, asked := range byHost {
		all.Go(func() {
			for _, q := range asked {
				if f, bad := r.ask(ctx, q, owners); bad {
					found <- f
				}
			}
		})
	}
	all.Wait()
	close(found)
	var findings []plans.Finding
	for f := range found {
		findings = append(findings, f)
	}
	slices.SortFunc(findings, func(a, b plans.Finding) int { return strings.Compare(a.Host+a.Summary, b.Host+b.Summary) })
	return findings
}

// question is one address to ask for on one link of one host.
type question struct {
	host    string
	iface   string
	address netip.Addr
	vip     bool
}

// questionsFor lists what can be asked from a host with the links it has now:
// its own planned addresses, and on a director the VIPs, except those that the
// plan leaves to others: another director may have them, as with keepalived.
func questionsFor(c *plans.Cluster, h *plans.Host, f wire.Facts) []question {
	var all []question
	for _, i := range h.Interfaces {
		up := slices.ContainsFunc(f.Interfaces, func(l wire.Interface) bool { return l.Name == i.Name && l.Up })
		if up && i.Address.Addr().Is4() {
			all = append(all, question{h.Name, i.Name, i.Address.Addr(), false})
		}
	}
	if h.Role != plans.RoleDirector {
		return all
	}
	for _, s := range c.Services {
		iface, ok := onLink(f, s.Address)
		known := slices.ContainsFunc(all, func(q question) bool { return q.address == s.Address })
		if ok && s.KeepVIP && s.Address.Is4() && !known {
			all = append(all, question{h.Name, iface, s.Address, true})
		}
	}
	return all
}

func (r *Run) ask(ctx context.Context, q question, owners map[string]string) (plans.Finding, bool) {
	var res wire.ARPResponse
	req := wire.ARPRequest{Interface: q.iface, Address: q.address.String(), Wait: arpWait}
	if err := r.session(q.host).ask(ctx, wire.OpARP, req, &res); err != nil {
		return plans.Finding{
			Severity: plans.Warning, Host: q.host, Check: "arp",
			Summary: fmt.Sprintf("cannot ask who has %s: %v", q.address, err),
		}, true
	}
	var members, strangers []string
	for _, mac := range res.MACs {
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
