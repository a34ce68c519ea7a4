package main

import (
	"context"
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/coordinator"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/internal/wire"
)

func newProbe(g *globals) *cobra.Command {
	var from string
	cmd := &cobra.Command{
		Use:   "probe PLAN",
		Short: "Ask the real servers and the VIP for the page; judge the split",
		Args:  cobra.ExactArgs(1),
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
		codes := codesOf(run.Failures(), false)
		more, err := g.probe(ctx, h, run, g.vantage(from), doc)
		codes = append(codes, more...)
		return g.finish(h, run, doc, codes, err)
	})
}

func newStatus(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "status PLAN",
		Short: "Show the directors' IPVS tables and connections",
		Args:  cobra.ExactArgs(1),
	}
	g.shardFlag(cmd)
	return g.sideBySide(cmd, func(ctx context.Context, g *globals, path string) error {
		doc := &view.Document{Status: map[string]*wire.IPVSResponse{}}
		return g.tables(ctx, path, doc, func(h *view.Human, host string, t *wire.IPVSResponse) {
			h.Status(host, t)
		})
	})
}

func newExport(g *globals) *cobra.Command {
	export := &cobra.Command{Use: "export", Short: "Print a cluster's live state in another tool's format"}
	export.AddCommand(&cobra.Command{
		Use:   "ipvsadm PLAN",
		Short: "Print the directors' rules, timeouts and sync daemons for ipvsadm -R",
		Long: `Print the directors' rules, timeouts and sync daemons for ipvsadm -R, with the
thresholds and all else that ipvsadm -S leaves out. ipvsadm -R empties the table
before it reads, and leaves a sync daemon that runs: it then says so, and goes on.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			doc := &view.Document{Status: map[string]*wire.IPVSResponse{}}
			return g.tables(cmd.Context(), args[0], doc, func(h *view.Human, host string, t *wire.IPVSResponse) {
				h.Raw(t.Saved)
				for _, lost := range t.Lost {
					h.Note("%s: ipvsadm -R cannot restore %s", view.Clean(host), view.Clean(lost))
				}
			})
		},
	})
	return export
}

// tables reads each director's table and shows it.
func (g *globals) tables(ctx context.Context, path string, doc *view.Document, show func(*view.Human, string, *wire.IPVSResponse)) error {
	h := g.human()
	run, cluster, err := g.open(ctx, path, g.progress(h, false))
	if err != nil {
		return err
	}
	defer run.Close()
	if len(cluster.Directors()) == 0 {
		return errors.New("the plan has no director")
	}
	for _, d := range cluster.Directors() {
		t, err := run.Table(ctx, d.Name)
		if err != nil {
			continue // it is among the run's failures
		}
		doc.Status[d.Name] = t
		if !g.json {
			show(h, d.Name, t)
		}
	}
	return g.finish(h, run, doc, codesOf(run.Failures(), false), nil)
}

// endedEarly reports whether a person, or --timeout, ended the run.
func endedEarly(err error) bool {
	var over *timedOut
	return errors.Is(err, errInterrupted) || errors.As(err, &over)
}

// finish prints the failures, or the document, and gives the exit.
func (g *globals) finish(h *view.Human, run *coordinator.Run, doc *view.Document, codes []report.Code, err error) error {
	g.outcome(h, run, doc, codes, err)
	if g.json {
		return g.result(doc)
	}
	return exit(doc.Exit)
}

// outcome takes down how a run ended, and prints what failed unless the document is.
func (g *globals) outcome(h *view.Human, run *coordinator.Run, doc *view.Document, codes []report.Code, err error) {
	failures := slices.DeleteFunc(run.Failures(), func(f *report.HostError) bool { return endedEarly(f) && endedEarly(err) })
	doc.Cluster = g.cluster
	doc.Failures, doc.Notes, doc.Diagnostics = view.FailuresOf(failures), run.Notes(), g.diags
	if err != nil {
		codes = append(codes, codeOf(err))
		doc.Error = err.Error()
	}
	doc.Exit, doc.Codes = report.Worst(codes...), report.Sorted(codes)
	if g.json {
		return
	}
	if err != nil {
		h.Error(err)
	}
	h.Failures(failures)
}
