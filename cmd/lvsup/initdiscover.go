package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/discover"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// discovered makes a plan of hosts that work already, and says what it could not
// take over and what its first apply would do.
func (g *globals) discovered(ctx context.Context, name string, hosts []string) ([]byte, error) {
	all := &plans.Cluster{Name: name, TimeSync: plans.TimeSync{MaxOffset: plans.DefaultMaxOffset}, Firewall: plans.PolicyUnmanaged, SELinux: plans.PolicyUnmanaged, IPVS: plans.IPVS{Drain: plans.DefaultDrain}}
	for _, host := range hosts {
		all.Hosts = append(all.Hosts, plans.Host{Name: strings.TrimSpace(host), Role: plans.RoleHost})
	}
	for _, d := range plans.Validate(all) {
		if d.Severity == plans.Error {
			return nil, fmt.Errorf("cannot look at these hosts: %s; %s", d.Summary, d.Detail)
		}
	}
	h := g.human()
	run := g.connect(ctx, all, plans.LeftOut{}, g.progress(h, false))
	defer run.Close()
	if failed := run.Failures(); len(failed) > 0 {
		return nil, g.finish(h, run, &view.Document{}, codesOf(failed, false), nil)
	}
	found, err := run.Discover(ctx, name)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	if err := hcl.Write(&text, found.Cluster, found.Comments); err != nil {
		return nil, err
	}
	if err := loadsBack(text.String()); err != nil {
		return nil, err
	}
	for _, w := range found.Warnings {
		g.notice(h, w)
	}
	g.firstDiff(h, found)
	return []byte(text.String()), nil
}

// firstDiff says what an apply of the plan would do.
func (g *globals) firstDiff(h *view.Human, found *discover.Result) {
	var more []string
	for _, host := range found.First.Hosts {
		for _, k := range host.Kinds {
			if k.Error != "" {
				more = append(more, host.Host+": "+k.Error)
			}
			for _, c := range k.Changes {
				if c.Action != step.Adopt {
					more = append(more, host.Host+": "+view.Difference(c))
				}
			}
		}
	}
	if len(more) == 0 {
		g.notice(h, "The first apply changes nothing on the hosts: all is there, and lvsup takes it into its care.")
		return
	}
	const most = 20
	g.notice(h, fmt.Sprintf("The first apply is not empty: %s; lvsup plan shows all of it.", view.Plural(len(more), "change")))
	for _, line := range more[:min(len(more), most)] {
		g.notice(h, "  "+line)
	}
}

// startFrom refuses flags that exclude each other.
func startFrom(from string, hosts []string) error {
	if from != "" && len(hosts) > 0 {
		return errors.New("cannot start from an example and from hosts at the same time: leave --from or --discover out")
	}
	if slices.Contains(hosts, "") {
		return errors.New("cannot look at a host without a name: write --discover NAME,NAME")
	}
	return nil
}
