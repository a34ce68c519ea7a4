package main

import (
	"errors"
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
		out := cmd.Flag("out")
		if g.cluster != "" || savedplan.Is(args[0]) || out != nil && out.Changed {
			return one(cmd, args)
		}
		all, _, _ := hcl.LoadAll(args, g.options())
		if len(all) < 2 {
			return one(cmd, args) // and it says what is wrong with the plan
		}
		if err := g.run.Check(all); err != nil {
			return err
		}
		all = slices.DeleteFunc(all, func(c *plans.Cluster) bool { return len(g.run.Of(c).Hosts) == len(c.Hosts) })
		if len(all) == 0 {
			return errors.New("nothing is left to look at: --target and --exclude leave out every host")
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
		hcl.WriteDiagnostics(h.Err, files, diags, h.Color)
	}
	return all, diags
}
