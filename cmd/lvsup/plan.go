package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/coordinator"
	"github.com/lvsup/lvsup/internal/build"
	"github.com/lvsup/lvsup/internal/byhand"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/savedplan"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

func newValidate(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "validate PLAN",
		Short: "Check a plan without touching any host",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			all, diags := g.readAll(args[0])
			doc := &view.Document{Diagnostics: diags}
			for _, d := range diags {
				if d.Severity == plans.Error {
					doc.Exit = report.Failed
				}
			}
			switch {
			case g.json:
				return g.result(doc)
			case doc.Exit == report.Done:
				g.human().Say("%s is valid: %s", args[0], summary(all))
			}
			return exit(doc.Exit)
		},
	}
}

// summary says what a plan holds.
func summary(all []*plans.Cluster) string {
	hosts, services := 0, 0
	for _, c := range all {
		hosts, services = hosts+len(c.Hosts), services+len(c.Services)
	}
	what := view.Plural(len(all), "cluster")
	if len(all) == 1 {
		what = fmt.Sprintf("cluster %q", all[0].Name)
	}
	return fmt.Sprintf("%s, %s, %s", what, view.Plural(hosts, "host"), view.Plural(services, "virtual service"))
}

func newPlan(g *globals) *cobra.Command {
	var d dryRun
	cmd := &cobra.Command{
		Use:   "plan PLAN",
		Short: "Show what an apply would change, in order",
		Args:  cobra.ExactArgs(1),
	}
	cmd.Flags().BoolVar(&d.changesExit, "detailed-exitcode", false, "exit with 2 when there are changes")
	g.explains(cmd)
	cmd.Flags().StringVar(&d.out, "out", "", "save the plan to a `file`, for lvsup apply to carry out just that")
	cmd.Flags().StringVar(&d.script, "script", "", "write what you would type as shell scripts, one a host, into a `folder`")
	cmd.Flags().BoolVar(&d.destroy, "destroy", false, "show what a destroy would take away and put back")
	g.narrowFlags(cmd)
	g.skipFlag(cmd)
	return g.sideBySide(cmd, func(ctx context.Context, g *globals, path string) error { return g.compare(ctx, path, d) })
}

// dryRun is what was asked of a plan.
type dryRun struct {
	changesExit bool // changes are an exit code of their own
	destroy     bool
	out         string // where to save the plan; empty: nowhere
	script      string // folder for shell scripts; empty: none
}

// compare connects, compares and prints.
func (g *globals) compare(ctx context.Context, path string, d dryRun) error {
	h := g.human()
	run, cluster, err := g.open(ctx, path, g.progress(h, true))
	if err != nil {
		return err
	}
	defer run.Close()
	doc := &view.Document{}
	p, err := run.Plan(ctx, d.destroy)
	if err != nil {
		return g.finish(h, run, doc, nil, err)
	}
	doc.Plan = plans.Conceal(cluster, p)
	if !g.json {
		h.Plan(doc.Plan)
	}
	codes := append(codesOf(run.Failures(), false), d.codes(p)...)
	if len(run.Failures()) > 0 && !p.Empty() && !g.run.unreachable.skip {
		g.notice(h, "An apply would change nothing while a host cannot be worked with; with --on-unreachable skip it goes on with the others.")
	}
	if d.out != "" || d.script != "" {
		if len(run.Failures()) > 0 || coordinator.Appliable(p) != nil {
			err = errors.New("nothing was written: the plan could not be carried out")
		}
	}
	if err == nil && d.out != "" {
		err = g.save(h, doc, d.out, savedplan.Saved{Build: build.Version(), Made: time.Now().UTC(), From: path, Cluster: cluster, Plan: p})
	}
	if err == nil && d.script != "" {
		err = g.writeScripts(h, doc, d.script)
	}
	return g.finish(h, run, doc, codes, err)
}

// save writes the plan to a file, for an apply.
func (g *globals) save(h *view.Human, doc *view.Document, path string, saved savedplan.Saved) error {
	if err := savedplan.Write(path, saved); err != nil {
		return err
	}
	doc.Files = append(doc.Files, view.File{File: path})
	if !g.json {
		h.Say("Saved: \"lvsup apply %s\" does just that, or says what has changed meanwhile.", path)
	}
	return nil
}

// writeScripts writes what a person would type, one script a host; with several
// clusters in a plan, one folder a cluster.
func (g *globals) writeScripts(h *view.Human, doc *view.Document, dir string) error {
	if g.several != nil {
		dir = filepath.Join(dir, doc.Plan.Cluster)
	}
	paths, err := byhand.Write(dir, doc.Plan, time.Now())
	if err != nil {
		return err
	}
	for _, path := range paths {
		doc.Files = append(doc.Files, view.File{File: path})
	}
	if !g.json {
		h.Say("Written, to be read and then run as root on their hosts, in this order:\n  %s", strings.Join(paths, "\n  "))
	}
	return nil
}

// codes are the exit codes that a plan calls for.
func (d dryRun) codes(p *plans.Plan) []report.Code {
	var codes []report.Code
	if coordinator.Appliable(p) != nil {
		codes = append(codes, report.Failed)
	}
	if d.changesExit && !p.Empty() {
		codes = append(codes, report.Changes)
	}
	return codes
}
