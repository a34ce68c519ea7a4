package coordinator

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// askWalls asks the hosts whose firewalls drop by default, and are to be left
// alone, what of the plan they drop.
func (r *Run) askWalls(ctx context.Context, facts map[string]wire.Facts) map[string]wire.Path {
	var mu sync.Mutex
	walls := map[string]wire.Path{}
	if !unmanaged(r.opts.Cluster.Firewall) {
		return walls
	}
	var ask []string
	for _, name := range r.healthy() {
		h, _ := r.opts.Cluster.Host(name)
		if facts[name].Firewall.Drops && len(plans.Ports(r.opts.Cluster, h)) > 0 {
			ask = append(ask, name)
		}
	}
	r.each(ask, func(name string) {
		h, _ := r.opts.Cluster.Host(name)
		var path wire.Path
		if err := r.session(name).ask(ctx, wire.OpPath, wire.PathRequest{Ports: plans.Ports(r.opts.Cluster, h)}, &path); err != nil {
			r.fail(name, "path", err)
			return
		}
		mu.Lock()
		defer mu.Unlock()
		walls[name] = path
	})
	return walls
}

// checkFirewall says what of the plan a firewall drops, unless lvsup is to see to
// it and can.
func checkFirewall(c *plans.Cluster, h *plans.Host, f wire.FirewallFacts, walls wire.Path) []plans.Finding {
	var findings []plans.Finding
	add := func(summary, detail string) {
		findings = append(findings, plans.Finding{Severity: plans.Warning, Host: h.Name, Check: "firewall", Summary: summary, Detail: detail})
	}
	active := ""
	if len(f.Active) > 0 {
		active = " (" + strings.Join(f.Active, ", ") + ")"
	}
	if len(walls.Refused) > 0 && unmanaged(c.Firewall) {
		add("its firewall"+active+" drops what nothing lets in, and nothing lets in "+strings.Join(walls.Refused, ", "),
			`firewall { policy = "open" } lets the needed ports through`)
	}
	answers := strings.Join(plans.Answers(c, h), ", ")
	switch {
	case answers == "":
	case unmanaged(c.Firewall) && walls.RefusesAnswers:
		add("its firewall"+active+" drops the answers of the real servers, which it forwards to the clients: "+answers,
			`firewall { policy = "open" } lets them through`)
	case c.Firewall == plans.PolicyOpen && !plans.Tracks(c, h) && slices.Contains(f.Active, "firewalld"):
		add("firewalld drops the answers of the real servers, which it forwards to the clients: "+answers,
			`it takes them for INVALID unless net.ipv4.vs.conntrack is 1, which dr and tun services on the same director do not go with: give those a director of their own, or write firewall { policy = "disabled" }`)
	}
	return findings
}
