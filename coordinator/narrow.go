package coordinator

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// A run may be narrowed to some hosts and kinds. Then it must not send traffic
// to a host that is not ready for it, nor take away what traffic still comes to.
// That is judged here, over what was observed of all kinds, before the kinds that
// are left out go from the plan.

// narrow makes the plan one of what the run is about. It holds back what would
// otherwise be done too early, and refuses what cannot be done alone.
func (r *Run) narrow(ctx context.Context, p *plans.Plan) error {
	out := r.opts.LeftOut
	if !r.opts.Watch && !p.Destroy {
		out.Held = r.tooEarly(p)
		if err := r.lookAgain(ctx, p, out.Held); err != nil {
			return err
		}
	}
	if !out.None() || len(out.Held) > 0 {
		p.LeftOut = &out
	}
	if !r.opts.Watch {
		r.refuseAlone(p, out)
		r.refuseReplacing(p, out)
	}
	r.unfinished = slices.ContainsFunc(p.Hosts, func(h plans.HostPlan) bool {
		return slices.ContainsFunc(out.Kinds, func(kind string) bool { return pends(h, kind, false) || pends(h, kind, true) })
	})
	return leaveKindsOut(p, out)
}

// tooEarly are the hosts of backends that the plan would add to a table although
// nobody knows whether they are ready: they are left out, or could not be reached,
// or something of theirs is to be done by a kind that is left out.
func (r *Run) tooEarly(p *plans.Plan) []string {
	out, failed := r.opts.LeftOut, r.failedHosts()
	unready := func(host string) bool {
		if out.Host(host) || r.opts.SkipUnreachable && failed[host] {
			return true
		}
		i := slices.IndexFunc(p.Hosts, func(h plans.HostPlan) bool { return h.Host == host })
		return i >= 0 && slices.ContainsFunc(out.Kinds, func(kind string) bool {
			return kind != plans.StageIPVS && pends(p.Hosts[i], kind, false)
		})
	}
	var held []string
	for _, h := range p.Hosts {
		table, _ := h.Kind(plans.StageIPVS)
		for _, c := range table.Changes {
			_, to, backend := strings.Cut(c.Key, " -> ")
			at, err := netip.ParseAddrPort(to)
			if c.Action != step.Create || !backend || err != nil {
				continue
			}
			for _, name := range hostsAt(r.opts.Cluster, at.Addr()) {
				if unready(name) && !slices.Contains(held, name) {
					held = append(held, name)
				}
			}
		}
	}
	slices.Sort(held)
	return held
}

// hostsAt are the hosts of the backends with an address.
func hostsAt(c *plans.Cluster, a netip.Addr) []string {
	var names []string
	for _, s := range c.Services {
		for _, b := range s.Backends {
			if b.Address == a && b.Host != "" && !slices.Contains(names, b.Host) {
				names = append(names, b.Host)
			}
		}
	}
	return names
}

// lookAgain compares the directors once more, with the backends on those hosts
// left as they are.
func (r *Run) lookAgain(ctx context.Context, p *plans.Plan, held []string) error {
	if len(held) == 0 {
		return nil
	}
	hold := map[string]bool{}
	for _, name := range held {
		hold[name] = true
	}
	desired, err := r.desired(false, hold)
	if err != nil {
		return err
	}
	for i, h := range p.Hosts {
		if h.Role != plans.RoleDirector {
			continue
		}
		var res wire.ObserveResponse
		if err := r.session(h.Host).ask(ctx, wire.OpObserve, wire.ObserveRequest{Desired: desired[h.Host]}, &res); err != nil {
			r.fail(h.Host, "observe", err)
			continue
		}
		p.Hosts[i].Kinds, p.Hosts[i].Digest = res.Kinds, res.Digest
	}
	p.Hosts = slices.DeleteFunc(p.Hosts, func(h plans.HostPlan) bool { return !r.ok(h.Host) })
	return nil
}

// pends reports whether a kind has something to make on a host, or in the
// reverse pass something to take away.
func pends(h plans.HostPlan, kind string, reverse bool) bool {
	kc, _ := h.Kind(kind)
	return slices.ContainsFunc(kc.Changes, func(c step.Change) bool {
		return c.Reverse() == reverse && c.Action.Mutates() && !c.Follows
	})
}

// needs says that changes of some kinds are safe only after those of another.
type needs struct {
	kinds   []string
	reverse bool
	first   string // the kind that comes before
	why     string
	arp     bool // of sysctl only arp_ignore and arp_announce matter, and not on directors
	// onDirectors: it is the directors' changes of first that come before, and the
	// kinds' are those of the other hosts.
	onDirectors bool
}

// pends reports whether the host has changes that come before.
func (n needs) pends(h plans.HostPlan) bool {
	if n.arp {
		kc, _ := h.Kind(n.first)
		return slices.ContainsFunc(kc.Changes, func(c step.Change) bool {
			return c.Reverse() == n.reverse && c.Action.Mutates() && n.concerns(n.first, c)
		})
	}
	return pends(h, n.first, n.reverse)
}

// concerns reports whether a change of the kind is one that n is about.
func (n needs) concerns(kind string, c step.Change) bool {
	return !n.arp || kind != "sysctl" || strings.Contains(c.Key, ".arp_")
}

func allNeeds() []needs {
	carries := []string{"vip", "tunnel", "httpd", "address"}
	return []needs{
		{kinds: []string{"vip"}, first: "sysctl", why: "the host would answer ARP for the VIP", arp: true},
		{kinds: []string{"mangle"}, first: "ipvs", why: "packets would get a mark that no service takes"},
		{kinds: carries, reverse: true, first: "ipvs", why: "the director still sends traffic there", onDirectors: true},
		{kinds: []string{"ipvs"}, reverse: true, first: "mangle", why: "packets would keep a mark that no service takes"},
		{kinds: []string{"sysctl"}, reverse: true, first: "vip", why: "the host would answer ARP for the VIP", arp: true},
		{kinds: []string{"packages"}, reverse: true, first: "httpd", why: "the web server is still in use"},
	}
}

// refuseAlone blocks the changes that are not safe without others which are left
// out.
func (r *Run) refuseAlone(p *plans.Plan, out plans.LeftOut) {
	directorPends := slices.ContainsFunc(p.Hosts, func(h plans.HostPlan) bool {
		return h.Role == plans.RoleDirector && pends(h, plans.StageIPVS, true)
	})
	for _, n := range allNeeds() {
		for i, h := range p.Hosts {
			director := h.Role == plans.RoleDirector
			switch {
			case n.arp && director:
			case !n.onDirectors && out.Kind(n.first) && n.pends(h):
				block(&p.Hosts[i], n, "kind "+n.first+" is left out: "+n.why)
			case n.onDirectors && !director && out.Kind(n.first) && directorPends:
				block(&p.Hosts[i], n, "kind "+n.first+" is left out: "+n.why)
			case n.onDirectors && !director:
				if why := r.mayStillSend(p, h.Host, out); why != "" {
					block(&p.Hosts[i], n, why)
				}
			}
		}
	}
}

// mayStillSend says which director nobody can tell of that it sends no traffic to
// a host any more. In a destroy that matters for the plan's backends, and only
// while others go on serving.
func (r *Run) mayStillSend(p *plans.Plan, host string, out plans.LeftOut) string {
	c, failed := r.opts.Cluster, r.failedHosts()
	backend := slices.ContainsFunc(c.Services, func(s plans.VirtualService) bool {
		return slices.ContainsFunc(s.Backends, func(b plans.Backend) bool { return b.Host == host })
	})
	h, _ := c.Host(host)
	if h.Role != plans.RoleRealServer || p.Destroy && !backend {
		return ""
	}
	for _, d := range c.Directors() {
		switch {
		case out.Host(d.Name) && (!p.Destroy || someServerStays(c, out)):
			return fmt.Sprintf("%s is left out, and may still send traffic there: take it in", d.Name)
		case failed[d.Name] && p.Destroy:
			return fmt.Sprintf("%[1]s cannot be worked with, and may still send traffic there: if it is gone for good, say --exclude %[1]s", d.Name)
		}
	}
	return ""
}

func someServerStays(c *plans.Cluster, out plans.LeftOut) bool {
	return slices.ContainsFunc(c.Hosts, func(h plans.Host) bool { return h.Role == plans.RoleRealServer && out.Host(h.Name) })
}

func block(h *plans.HostPlan, n needs, why string) {
	for i, k := range h.Kinds {
		if !slices.Contains(n.kinds, k.Kind) {
			continue
		}
		h.Kinds[i].Changes = slices.Clone(k.Changes)
		for j, c := range k.Changes {
			if c.Reverse() == n.reverse && c.Action.Mutates() && c.Blocked == "" && n.concerns(k.Kind, c) {
				h.Kinds[i].Changes[j].Blocked = why
			}
		}
	}
}

// refuseReplacing blocks the removal of backends while one that may be there to
// replace them is not added.
func (r *Run) refuseReplacing(p *plans.Plan, out plans.LeftOut) {
	failed := r.failedHosts() // Apply itself takes nothing away for those
	missing := slices.DeleteFunc(slices.Clone(out.Held), func(name string) bool { return failed[name] })
	if len(missing) == 0 {
		return
	}
	why := strings.Join(missing, ", ") + " may be there to replace it, and gets no traffic in this run"
	for i := range p.Hosts {
		if p.Hosts[i].Role == plans.RoleDirector {
			block(&p.Hosts[i], needs{kinds: []string{plans.StageIPVS}, reverse: true}, why)
		}
	}
}

// leaveKindsOut drops the kinds that are left out, and with them what only they
// would make stale.
func leaveKindsOut(p *plans.Plan, out plans.LeftOut) error {
	if len(out.Kinds) == 0 {
		return nil
	}
	for i := range p.Hosts {
		h := &p.Hosts[i]
		h.Kinds = slices.DeleteFunc(slices.Clone(h.Kinds), func(k wire.KindChanges) bool { return out.Kind(k.Kind) })
		var err error
		if h.Digest, err = wire.Digest(h.Kinds); err != nil {
			return err
		}
	}
	return nil
}
