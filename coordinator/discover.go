package coordinator

import (
	"context"
	"fmt"

	"github.com/lvsup/lvsup/internal/discover"
	"github.com/lvsup/lvsup/plans"
)

// Discover makes a plan of the run's hosts as they are. It only reads. All of them
// must have been reached: half a cluster is none.
func (r *Run) Discover(ctx context.Context, name string) (*discover.Result, error) {
	if failed := r.Failures(); len(failed) > 0 {
		return nil, failed[0]
	}
	var hosts []discover.Host
	for _, host := range r.hostNames() {
		table, err := r.Table(ctx, host)
		if err != nil {
			return nil, fmt.Errorf("cannot read the table of %s: %w", host, err)
		}
		hosts = append(hosts, discover.Host{Name: host, Facts: r.session(host).facts, Table: table})
	}
	whole := r.opts.Cluster
	defer func() { r.opts.Cluster = whole }()
	return discover.Make(name, hosts, func(c *plans.Cluster) (*plans.Plan, error) {
		r.opts.Cluster = c
		p, err := r.Compare(ctx, false)
		if failed := r.Failures(); err == nil && len(failed) > 0 {
			return nil, failed[0]
		}
		return p, err
	})
}
