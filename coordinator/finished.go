package coordinator

import (
	"slices"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/plans"
)

// Finished are the hosts of a plan that a later run need not look at: nothing failed
// there, and nothing of the plan is left. through says that the apply came to its end.
// A director's part is done then: what its table lacks belongs to other hosts, which
// failed.
func (r *Run) Finished(p *plans.Plan, through bool) []string {
	rest, _ := r.Rest(p)
	var done []string
	for _, h := range p.Hosts {
		left := slices.ContainsFunc(rest, func(s report.Rest) bool { return slices.Contains(s.Hosts, h.Host) })
		if r.ok(h.Host) && (!left || through && h.Role == plans.RoleDirector) {
			done = append(done, h.Host)
		}
	}
	return done
}

// About are the hosts that the run is about, those that failed among them.
func (r *Run) About() []string { return r.hostNames() }
