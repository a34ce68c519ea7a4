package plans

import (
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// Plan is the difference between a cluster and what its hosts are now: what an
// apply would do.
type Plan struct {
	Cluster  string     `json:"cluster"`
	Destroy  bool       `json:"destroy,omitempty"`
	Hosts    []HostPlan `json:"hosts"` // in the order of the plan file
	Findings []Finding  `json:"findings,omitempty"`
	LeftOut  *LeftOut   `json:"left_out,omitempty"` // nil: it is about the whole cluster
}

// Narrowed is what the plan is not about; the zero value if it is about all.
func (p *Plan) Narrowed() LeftOut {
	if p.LeftOut == nil {
		return LeftOut{}
	}
	return *p.LeftOut
}

// HostPlan is one host's part of a Plan.
type HostPlan struct {
	Host   string             `json:"host"`
	Role   Role               `json:"role"`
	Kinds  []wire.KindChanges `json:"kinds"`
	Digest string             `json:"digest"`
}

// Finding is what a check says about hosts: an Error stops a run before any
// change.
type Finding struct {
	Severity Severity `json:"severity"`
	Host     string   `json:"host,omitempty"` // empty: the cluster as a whole
	Check    string   `json:"check"`          // "timesync", "ipvs", ...
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail,omitempty"` // the way out
}

// Count is how many changes of each sort a plan holds, without those that only
// follow another.
type Count struct {
	Create  int `json:"create"`
	Update  int `json:"update"`
	Delete  int `json:"delete"` // with restores
	Adopt   int `json:"adopt"`
	Forget  int `json:"forget"`
	Blocked int `json:"blocked"`
	Errors  int `json:"errors"` // kinds that could not be observed
}

// Changes is the number of changes, of the record included.
func (c Count) Changes() int { return c.Create + c.Update + c.Delete + c.Adopt + c.Forget }

// Count counts the plan's changes.
func (p *Plan) Count() Count {
	var n Count
	for _, h := range p.Hosts {
		for _, k := range h.Kinds {
			if k.Error != "" {
				n.Errors++
			}
			for _, c := range k.Changes {
				n.add(c)
			}
		}
	}
	return n
}

func (n *Count) add(c step.Change) {
	if c.Follows {
		return
	}
	switch c.Action {
	case step.Create:
		n.Create++
	case step.Update:
		n.Update++
	case step.Delete, step.Restore:
		n.Delete++
	case step.Adopt:
		n.Adopt++
	case step.Forget:
		n.Forget++
	}
	if c.Blocked != "" {
		n.Blocked++
	}
}

// Empty reports whether there is nothing to do.
func (p *Plan) Empty() bool { return p.Count().Changes() == 0 }

// Errors gives the findings that stop a run.
func (p *Plan) Errors() []Finding {
	var errs []Finding
	for _, f := range p.Findings {
		if f.Severity == Error {
			errs = append(errs, f)
		}
	}
	return errs
}

// Kind gives the host's changes of one kind.
func (h *HostPlan) Kind(name string) (wire.KindChanges, bool) {
	for _, k := range h.Kinds {
		if k.Kind == name {
			return k, true
		}
	}
	return wire.KindChanges{}, false
}
