// Package lastrun remembers which hosts the runs of a plan have finished, so that the
// next one can go on with the others.
package lastrun

import (
	"fmt"
	"slices"
	"time"

	"github.com/lvsup/lvsup/internal/statedir"
	"github.com/lvsup/lvsup/plans"
)

// version is that of the file. One of another version is as good as none.
const version = 1

// Record is what is known of a cluster.
type Record struct {
	Version     int       `json:"version"`
	Plan        string    `json:"plan"` // as it was named
	Cluster     string    `json:"cluster"`
	Command     string    `json:"command"`     // apply or destroy
	Fingerprint string    `json:"fingerprint"` // of the cluster then, with its secrets
	At          time.Time `json:"at"`          // when the last run ended, in UTC
	Done        []string  `json:"done"`        // hosts that need not be looked at again
	Whole       bool      `json:"whole"`       // all of them are done

	file string
}

// Open reads what is known of a cluster. shard tells its parts from each other. There
// is a record in any case, which knows nothing where there is no file, or where that
// is about another plan or command.
func Open(plan string, c *plans.Cluster, command, shard string) (*Record, error) {
	r := &Record{Version: version, Plan: plan, Cluster: c.Name, Command: command}
	var err error
	if r.Fingerprint, err = plans.Fingerprint([]*plans.Cluster{c}, true); err != nil {
		return nil, err
	}
	dir, err := statedir.Dir("runs")
	if err == nil {
		r.file, err = statedir.File(dir, plan, c.Name, shard)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot tell where to remember what is done: %w", err)
	}
	var read Record
	if err := statedir.Read(r.file, &read); err != nil {
		return nil, fmt.Errorf("cannot read what is done: %w; remove %s, and all hosts are looked at", err, r.file)
	}
	if read.Version == version && read.Fingerprint == r.Fingerprint && read.Command == command {
		read.file = r.file
		return &read, nil
	}
	return r, nil
}

// LeaveOut gives the hosts of the cluster that the next run may leave out. The directors
// are always part of it, since they get the traffic to the others right; and where one
// of them is not done, so is the whole cluster: nobody knows which real servers its
// table is to have.
func (r *Record) LeaveOut(c *plans.Cluster) []string {
	var out []string
	for _, h := range c.Hosts {
		done := slices.Contains(r.Done, h.Name)
		switch {
		case h.Role == plans.RoleDirector && !done:
			return nil
		case h.Role != plans.RoleDirector && done:
			out = append(out, h.Name)
		}
	}
	return out
}

// Note takes down a run that ends: of the hosts that it was about, those that it has
// finished, of all that there are.
func (r *Record) Note(about, finished, all []string, now time.Time) {
	done := slices.DeleteFunc(r.Done, func(h string) bool { return slices.Contains(about, h) })
	r.Done = slices.Compact(slices.Sorted(slices.Values(append(done, finished...))))
	r.Whole = !slices.ContainsFunc(all, func(h string) bool { return !slices.Contains(r.Done, h) })
	r.At = now.UTC().Truncate(time.Second)
}

// Save writes the record, readable by its owner.
func (r *Record) Save() error {
	if err := statedir.Write(r.file, r); err != nil {
		return fmt.Errorf("cannot write down what is done: %w", err)
	}
	return nil
}
