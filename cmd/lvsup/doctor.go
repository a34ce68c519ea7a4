package main

import (
	"context"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/shell"
	"github.com/lvsup/lvsup/internal/view"
)

func newDoctor(g *globals) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "doctor PLAN",
		Short: "Say why traffic does not get through, and what mends it",
		Long: `Look at what is now on all hosts of a plan - links, routes, ARP, sysctls, sockets,
firewalls, the IPVS table - and ask the VIP; then name each cause once, with what was
seen, the mistake it stands for, the fix, and what follows from it. Nothing is
changed.

It exits with 8 if traffic suffers, with 2 if there are only doubts, with 0 if all is well.`,
		Args: cobra.ExactArgs(1),
	}
	g.shardFlag(cmd)
	cmd.Flags().StringVar(&from, "probe-from", "", "`host` to ask the VIP from, or \"local\" for this machine")
	return g.oneByOne(cmd, func(ctx context.Context, g *globals, path string) error {
		h := g.human()
		run, _, err := g.open(ctx, path, g.progress(h, false))
		if err != nil {
			return err
		}
		defer run.Close()
		doc := &view.Document{}
		doc.Diagnosis, err = run.Diagnose(ctx, g.vantage(from), g.applyCommand(path))
		codes := codesOf(run.Failures(), false)
		if err == nil {
			codes = append(codes, diagnosisCode(doc.Diagnosis))
			if !g.json {
				h.Diagnosis(doc.Diagnosis)
			}
		}
		return g.finish(h, run, doc, codes, err)
	})
}

// diagnosisCode is what a diagnosis ends with.
func diagnosisCode(d *report.Diagnosis) report.Code {
	switch {
	case d.Failed():
		return report.ProbeFailed
	case len(d.Findings) > 0:
		return report.Changes
	}
	return report.Done
}

// applyCommand is what a person types to apply the plan, with the ssh_config, the
// cluster and the variables of this run.
func (g *globals) applyCommand(path string) string {
	words := "lvsup apply"
	if g.sshConfig != "" {
		words += " -F " + shell.Quote(g.sshConfig)
	}
	if g.cluster != "" {
		words += " --cluster " + shell.Quote(g.cluster)
	}
	for _, i := range g.inputs {
		if i.File != "" {
			words += " --var-file " + shell.Quote(i.File)
		} else {
			words += " --var " + shell.Quote(i.Name+"="+i.Value)
		}
	}
	return words + " " + shell.Quote(path)
}
