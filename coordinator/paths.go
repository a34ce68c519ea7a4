package coordinator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/coordinator/checks"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/plans"
)

// getsTraffic reports whether the run may send a host traffic that it does not
// have already.
func (r *Run) getsTraffic(host string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return !r.held[host] && !r.opts.LeftOut.Host(host)
}

// checkPaths looks, before the director is told to send traffic, whether packets
// would get through and answers come back. A real server they cannot pass fails,
// so that it gets none; a fault of the director's own, or of a machine outside the
// plan, stops the run. What is only likely is noted.
func (r *Run) checkPaths(ctx context.Context, p *plans.Plan) error {
	directors := r.opts.Cluster.Directors()
	if p.Destroy || len(directors) == 0 || !r.ok(directors[0].Name) {
		return nil
	}
	director := directors[0].Name
	if len(planned(p, director, []string{plans.StageIPVS}, false)) == 0 {
		return nil // nothing new is sent
	}
	start := time.Now()
	f := r.baseFacts("lvsup apply")
	r.gatherPaths(ctx, f)
	r.gatherARP(ctx, f)
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	var stop []string
	notes, faults := map[string][]string{}, map[string][]string{}
	for _, one := range checks.Early(f) {
		switch {
		case !one.Holds:
			notes[one.Host] = append(notes[one.Host], one.Text())
		case len(one.Backends) > 0:
			for _, host := range one.Backends {
				if r.getsTraffic(host) {
					faults[host] = append(faults[host], one.Text())
				} else {
					notes[host] = append(notes[host], one.Text())
				}
			}
		default:
			stop = append(stop, prefixed(one.Host, one.Text()))
		}
	}
	if told := slices.DeleteFunc(r.hostNames(), func(h string) bool { return len(notes[h])+len(faults[h]) == 0 }); len(told) > 0 {
		defer r.begin(report.Event{Stage: plans.StagePath}, told)()
	}
	for _, host := range r.hostNames() {
		if len(notes[host])+len(faults[host]) == 0 {
			continue
		}
		r.note(host, plans.StagePath, notes[host])
		ev := report.Event{Type: report.HostDone, Stage: plans.StagePath, Host: host, Note: strings.Join(notes[host], "\n"), Took: time.Since(start)}
		if all := faults[host]; len(all) > 0 {
			ev.Err = errors.New("no traffic is sent there: " + strings.Join(all, "; "))
			r.fail(host, plans.StagePath, ev.Err)
		}
		r.opts.Report(ev)
	}
	if len(stop) > 0 {
		return &Stopped{Before: "the director sent any traffic", Reasons: stop}
	}
	return nil
}
