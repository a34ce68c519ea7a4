package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/coordinator"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

func newValidate(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "validate PLAN",
		Short: "Check a plan without touching any host",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, diags := g.read(args[0])
			doc := &view.Document{Command: "validate", Diagnostics: diags}
			for _, d := range diags {
				if d.Severity == plans.Error {
					doc.Exit = report.Failed
				}
			}
			switch {
			case g.json:
				if err := view.WriteJSON(os.Stdout, doc); err != nil {
					return err
				}
			case doc.Exit == report.Done:
				g.human().Say("%s is valid: cluster %q, %d hosts, %d virtual services", args[0], c.Name, len(c.Hosts), len(c.Services))
			}
			return exit(doc.Exit)
		},
	}
}

func newPlan(g *globals) *cobra.Command {
	var detailed, commands bool
	cmd := &cobra.Command{
		Use:   "plan PLAN",
		Short: "Show what an apply would change, in order",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, codes, err := g.dryRun(cmd, args[0], "plan", commands)
			if err != nil {
				return err
			}
			if detailed && !p.Empty() {
				codes = append(codes, report.Changes)
			}
			return exit(codes...)
		},
	}
	cmd.Flags().BoolVar(&detailed, "detailed-exitcode", false, "exit with 2 when there are changes")
	cmd.Flags().BoolVar(&commands, "commands", false, "show what a person would type for each change")
	return cmd
}

func newDrift(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "drift PLAN",
		Short: "Find out whether the hosts are still as the plan wants (exit 2 if not)",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			p, codes, err := g.dryRun(cmd, args[0], "drift", false)
			if err != nil {
				return err
			}
			if !p.Empty() {
				codes = append(codes, report.Changes)
			}
			return exit(codes...)
		},
	}
}

// dryRun connects, compares and prints. The codes are those of what went wrong.
func (g *globals) dryRun(cmd *cobra.Command, path, name string, commands bool) (*plans.Plan, []report.Code, error) {
	h := g.human()
	h.Commands = commands
	run, _, err := g.open(cmd.Context(), path, h.Event)
	if err != nil {
		return nil, nil, err
	}
	defer run.Close()
	p, err := run.Plan(cmd.Context(), false)
	if err != nil {
		return nil, nil, err
	}
	failures := run.Failures()
	codes := codesOf(failures, false)
	codes = append(codes, planCodes(p)...)
	if g.json {
		doc := &view.Document{Command: name, Plan: p, Failures: view.FailuresOf(failures), Exit: report.Worst(codes...)}
		if doc.Exit == report.Done && name == "drift" && !p.Empty() {
			doc.Exit = report.Changes
		}
		return p, codes, view.WriteJSON(os.Stdout, doc)
	}
	h.Failures(failures)
	h.Plan(p)
	return p, codes, nil
}

// planCodes are the exit codes of what stands in a plan's way.
func planCodes(p *plans.Plan) []report.Code {
	if coordinator.Appliable(p) != nil {
		return []report.Code{report.Failed}
	}
	return nil
}
