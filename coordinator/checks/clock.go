package checks

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/plans"
)

// Offset is how far a host's clock is from the coordinator's, and how far that
// may be wrong: half the round trip.
type Offset struct {
	Value       time.Duration
	Uncertainty time.Duration
	Source      bool // the kernel says that it follows a time source
}

// Clocks finds hosts whose clock is further than MaxOffset from the median of
// all clocks, the coordinator's included. The median is what most agree on, so
// the one that is off is the one that is named.
func Clocks(ts plans.TimeSync, offsets map[string]Offset) []plans.Finding {
	values := []time.Duration{0} // the coordinator's own
	for _, o := range offsets {
		values = append(values, o.Value)
	}
	slices.Sort(values)
	median := values[len(values)/2]
	if len(values)%2 == 0 {
		// Of the two in the middle, the one nearer to the coordinator.
		if low := values[len(values)/2-1]; low.Abs() < median.Abs() {
			median = low
		}
	}
	var findings []plans.Finding
	for _, host := range slices.Sorted(maps.Keys(offsets)) {
		o := offsets[host]
		off := o.Value - median
		if off.Abs()-o.Uncertainty > ts.MaxOffset {
			findings = append(findings, plans.Finding{
				Severity: plans.Error, Host: host, Check: plans.StageTimeSync,
				Summary: fmt.Sprintf("its clock is off by %s (at most %s is allowed)", signed(off), ts.MaxOffset),
				Detail:  "set the host's clock and keep it set (chronyd, systemd-timesyncd), or raise time_sync.max_offset in the plan",
			})
		}
		if !o.Source {
			severity := plans.Warning
			if ts.RequireSource {
				severity = plans.Error
			}
			findings = append(findings, plans.Finding{
				Severity: severity, Host: host, Check: plans.StageTimeSync,
				Summary: "no time source sets the clock",
				Detail:  "enable chrony or systemd-timesyncd, or clocks drift apart",
			})
		}
	}
	return findings
}

func signed(d time.Duration) string {
	d = d.Round(time.Millisecond)
	if d > 0 {
		return "+" + d.String()
	}
	return d.String()
}

func clockSkew() Check {
	return Check{
		Code: "clock-skew", Title: "clocks disagree",
		Mistake: "all hosts keep the same time, or a split brain and logs that contradict each other follow",
		Find: func(f *Facts) []Found {
			offsets := map[string]Offset{}
			for name, h := range f.Hosts {
				offsets[name] = h.Offset
			}
			var found []Found
			for _, c := range Clocks(f.Cluster.TimeSync, offsets) {
				if c.Severity == plans.Error {
					found = append(found, Found{Host: c.Host, Seen: c.Summary, Fixes: []report.Fix{advice(c.Host, c.Detail)}})
				}
			}
			return found
		},
	}
}
