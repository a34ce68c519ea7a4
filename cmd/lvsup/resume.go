package main

import (
	"slices"
	"time"

	"github.com/lvsup/lvsup/coordinator"
	"github.com/lvsup/lvsup/internal/lastrun"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// goOn leaves out of the run what earlier ones have finished, and gives the clusters
// that are left. Where all were finished, or none was begun, it is about everything.
func (g *globals) goOn(path string, all []*plans.Cluster) ([]*plans.Cluster, error) {
	done, left := map[string][]string{}, []*plans.Cluster{}
	var last time.Time
	for _, c := range all {
		r, err := lastrun.Open(path, c, g.command, g.run.Shard.String())
		if err != nil {
			return nil, err
		}
		if r.At.After(last) {
			last = r.At
		}
		if !r.Whole {
			left = append(left, c)
			done[c.Name] = r.LeaveOut(c)
		}
	}
	h := g.human()
	switch {
	case last.IsZero():
		g.notice(h, "There is no run of this plan to go on from: all hosts are looked at.")
		return all, nil
	case len(left) == 0:
		g.notice(h, "The run that ended at "+last.Format(view.Minute)+" left nothing to do: all hosts are looked at.")
		return all, nil
	}
	g.run.Done = done
	g.notice(h, "Going on from the run that ended at "+last.Format(view.Minute)+".")
	return left, nil
}

// noteDone takes down which hosts a run has finished. A run does not fail for want of
// that.
func (g *globals) noteDone(h *view.Human, c change, cluster *plans.Cluster, run *coordinator.Run, p *plans.Plan, through bool) {
	if len(run.LeftOut().Kinds) > 0 {
		return // its hosts are done in part only
	}
	path, command := c.path, "apply"
	if c.saved != nil {
		path = c.saved.From
	}
	if c.destroy {
		command = "destroy"
	}
	r, err := lastrun.Open(path, cluster, command, g.run.Shard.String())
	if err == nil {
		mine := g.run.Shard.Of(cluster)
		var all []string
		for _, host := range cluster.Hosts {
			if mine(host.Name) {
				all = append(all, host.Name)
			}
		}
		r.Note(run.About(), run.Finished(p, through), slices.Clip(all), time.Now())
		err = r.Save()
	}
	if err != nil {
		g.notice(h, err.Error())
	}
}
