// Package drift is what becomes of a drift check: which differences a rule says
// nothing of, when each was first seen, and how they are written for other
// programs and for those who were not there.
//
// None of the formats takes a host that could not be looked at for one without
// drift.
package drift

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// Report is one drift check of one or more clusters.
type Report struct {
	At       time.Time // when it ended, in UTC
	Clusters []Cluster
}

// Cluster is what was found in one cluster.
type Cluster struct {
	Name  string
	Took  time.Duration
	Exit  report.Code
	Hosts []Host // all that the check was about, in the order of the plan
	// Errors are of the cluster as a whole: findings that stop a run, and why
	// the check itself ended early.
	Errors []string
	// LeftOut is what the check was not about, in words.
	LeftOut string
}

// Host is one host's part. With Errors, what is known of it may not be all.
type Host struct {
	Name    string
	Looked  bool // its agent answered
	Kinds   []Kind
	Errors  []string
	Ignored int // differences that a rule says nothing of
}

// Kind holds the differences of one kind: "sysctl", "ipvs", ...
type Kind struct {
	Name    string
	Changes []Difference
}

// Difference is a change that an apply would make: From was found, To is wanted.
type Difference struct {
	step.Change
	Since time.Time // when it was first seen, in UTC; zero where nobody wrote it down
}

// String says it in one line.
func (d Difference) String() string {
	text := view.Difference(d.Change)
	if !d.Since.IsZero() {
		text += "; since " + d.Since.Format(view.Minute)
	}
	return text
}

// Whole reports whether all of the host was looked at.
func (h *Host) Whole() bool { return h.Looked && len(h.Errors) == 0 }

// Differences is how many were found on the host.
func (h *Host) Differences() int {
	n := 0
	for _, k := range h.Kinds {
		n += len(k.Changes)
	}
	return n
}

// Of makes one cluster's part out of what a check gave. A nil plan is a check
// that came to nothing.
func Of(c *plans.Cluster, p *plans.Plan, failures []*report.HostError, err error, since func(ID) time.Time) Cluster {
	part := Cluster{Name: c.Name}
	if err != nil {
		part.Errors = append(part.Errors, view.Clean(err.Error()))
	}
	for _, h := range c.Hosts {
		host := Host{Name: h.Name}
		for _, f := range failures {
			if f.Host == h.Name {
				host.Errors = append(host.Errors, view.Clean(fmt.Sprintf("%s: %v", f.Stage, f.Err)))
			}
		}
		if p != nil {
			host.found(p, since)
		}
		part.Hosts = append(part.Hosts, host)
	}
	if p == nil {
		return part
	}
	part.LeftOut = p.Narrowed().String()
	for _, f := range p.Errors() {
		i := slices.IndexFunc(part.Hosts, func(h Host) bool { return h.Name == f.Host })
		if i < 0 {
			part.Errors = append(part.Errors, view.Clean(f.Summary))
			continue
		}
		part.Hosts[i].Errors = append(part.Hosts[i].Errors, view.Clean(f.Summary))
	}
	return part
}

// found takes over what the plan says of the host.
func (h *Host) found(p *plans.Plan, since func(ID) time.Time) {
	i := slices.IndexFunc(p.Hosts, func(x plans.HostPlan) bool { return x.Host == h.Name })
	if i < 0 {
		return
	}
	h.Looked = len(h.Errors) == 0
	for _, k := range p.Hosts[i].Kinds {
		if k.Error != "" {
			h.Errors = append(h.Errors, view.Clean(k.Kind+": "+k.Error))
			continue
		}
		kind := Kind{Name: k.Kind}
		for _, c := range k.Changes {
			kind.Changes = append(kind.Changes, Difference{c, since(ID{h.Name, k.Kind, c.ID})})
		}
		h.Kinds = append(h.Kinds, kind)
	}
}

// Ignore notes on each host how many differences a rule says nothing of.
func (c *Cluster) Ignore(ignored map[string]int) {
	for i := range c.Hosts {
		c.Hosts[i].Ignored = ignored[c.Hosts[i].Name]
	}
}

// Since tells when each difference was first seen, as far as that is known.
func (c *Cluster) Since() []view.Since {
	var all []view.Since
	for _, h := range c.Hosts {
		for _, k := range h.Kinds {
			for _, d := range k.Changes {
				if !d.Since.IsZero() {
					all = append(all, view.Since{Host: h.Name, Kind: k.Name, ID: d.ID, Since: d.Since})
				}
			}
		}
	}
	return all
}

// Format is a way to write a report.
type Format string

// The formats.
const (
	Prometheus Format = "prometheus" // the text format 0.0.4, for node_exporter's textfile collector
	JUnit      Format = "junit"      // XML as CI systems read it
	Markdown   Format = "markdown"   // for a chat, a ticket or a job's summary
	HTML       Format = "html"       // one page that needs no other file
)

// Formats are all of them.
func Formats() []Format { return []Format{Prometheus, JUnit, Markdown, HTML} }

// Write writes the report.
func (r *Report) Write(w io.Writer, f Format) error {
	switch f {
	case Prometheus:
		return r.prometheus(w)
	case JUnit:
		return r.junit(w)
	case Markdown:
		return r.markdown(w)
	case HTML:
		return r.html(w)
	}
	return fmt.Errorf("cannot write a report as %q: no such format", string(f))
}

// summary is the report in one line.
func (r *Report) summary() string {
	hosts, drifted, unknown, differences, ignored := 0, 0, 0, 0, 0
	var out []string
	for _, c := range r.Clusters {
		if c.LeftOut != "" {
			out = append(out, c.LeftOut)
		}
		for i := range c.Hosts {
			h := &c.Hosts[i]
			hosts++
			differences += h.Differences()
			ignored += h.Ignored
			if h.Differences() > 0 {
				drifted++
			}
			if !h.Whole() {
				unknown++
			}
		}
	}
	text := "no drift"
	if differences > 0 {
		text = fmt.Sprintf("%s on %d of %s", view.Plural(differences, "difference"), drifted, view.Plural(hosts, "host"))
	} else if unknown > 0 {
		text = "no drift was seen"
	}
	if unknown > 0 {
		text += fmt.Sprintf(", %s could not be looked at whole", view.Plural(unknown, "host"))
	}
	if ignored > 0 {
		text += fmt.Sprintf(", %d ignored", ignored)
	}
	if len(out) > 0 {
		text += ", left out: " + strings.Join(slices.Compact(out), "; ")
	}
	return text
}
