package main

import (
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/savedplan"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// perCluster has a command do for every cluster of a plan, one after the other,
// what it does for one. The worst exit code is that of all.
func (g *globals) perCluster(cmd *cobra.Command) *cobra.Command {
	one := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if err := g.run.check(cmd); err != nil {
			return err
		}
		ctx, cancel := g.bounded(cmd.Context())
		defer cancel()
		cmd.SetContext(ctx)
		if savedplan.Is(args[0]) {
			return one(cmd, args)
		}
		all, _, _ := hcl.LoadAll(args, g.options())
		if g.cluster != "" {
			all = slices.DeleteFunc(all, func(c *plans.Cluster) bool { return c.Name != g.cluster })
		}
		if len(all) == 0 {
			return one(cmd, args) // and it says what is wrong with the plan
		}
		if err := g.run.Check(all); err != nil {
			return err
		}
		several := len(all) > 1
		all, err := g.narrowed(args[0], all)
		if err != nil || len(all) == 0 {
			return err
		}
		if out := cmd.Flag("out"); !several || out != nil && out.Changed {
			return one(cmd, args)
		}
		g.several = []string{}
		for _, c := range all {
			g.several = append(g.several, c.Name)
		}
		defer func() { g.cluster, g.several = "", nil }()
		h := g.human()
		var codes []report.Code
		for i, c := range all {
			g.cluster = c.Name
			if !g.json && !g.quiet {
				h.Heading("Cluster "+c.Name, i > 0)
			}
			err := one(cmd, args)
			var coded *exitError
			switch {
			case errors.As(err, &coded):
				codes = append(codes, coded.code)
			case err != nil && g.json:
				_ = g.result(&view.Document{Cluster: c.Name, Error: err.Error(), Exit: codeOf(err)})
				codes = append(codes, codeOf(err))
			case err != nil:
				h.Error(err)
				codes = append(codes, codeOf(err))
			}
			if cmd.Context().Err() != nil {
				break
			}
		}
		if g.json {
			return g.result(&view.Document{Clusters: g.several, Exit: report.Worst(codes...), Codes: report.Sorted(codes)})
		}
		return exit(codes...)
	}
	return cmd
}

func errNoHost(c *plans.Cluster) error {
	return fmt.Errorf("nothing is left to look at: --target and --exclude leave out every host of cluster %q", c.Name)
}

// narrowed gives the clusters that the run is about. Where they are none because all
// are in other shards it says so, and nothing is wrong.
func (g *globals) narrowed(path string, all []*plans.Cluster) ([]*plans.Cluster, error) {
	left := func(n plans.Narrowing) []*plans.Cluster {
		return slices.DeleteFunc(slices.Clone(all), func(c *plans.Cluster) bool { return len(n.Of(c).Hosts) == len(c.Hosts) })
	}
	unsharded := g.run.Narrowing
	unsharded.Shard = plans.Shard{}
	switch {
	case len(left(unsharded)) > 0:
	case len(all) == 1:
		return nil, errNoHost(all[0])
	default:
		return nil, errors.New("nothing is left to look at: --target and --exclude leave out every host")
	}
	if g.run.Shard.N > 0 {
		print, err := plans.Fingerprint(all, false)
		if err != nil {
			return nil, err
		}
		g.shard = &view.Shard{Index: g.run.Shard.Index, Of: g.run.Shard.N, Plan: print, Clusters: []string{}}
	}
	mine := left(g.run.Narrowing)
	if g.shard != nil {
		for _, c := range mine {
			g.shard.Clusters = append(g.shard.Clusters, c.Name)
		}
	}
	if len(mine) == 0 {
		if g.json {
			return nil, g.result(&view.Document{})
		}
		if !g.quiet {
			g.human().Say("Nothing to do: shard %s has no host of this plan.", g.run.Shard)
		}
		return nil, nil
	}
	if g.run.resume {
		return g.goOn(path, mine)
	}
	return mine, nil
}

// readAll is read for all clusters of a plan, or the one that was chosen.
func (g *globals) readAll(path string) ([]*plans.Cluster, []plans.Diagnostic) {
	if g.cluster != "" || savedplan.Is(path) {
		c, diags := g.read(path)
		return []*plans.Cluster{c}, diags
	}
	all, files, diags := hcl.LoadAll([]string{path}, g.options())
	g.diags = diags
	if len(diags) > 0 && !g.json {
		h := g.human()
		hcl.WriteDiagnostics(h.Err, files, diags, h.ErrColor())
	}
	return all, diags
}
