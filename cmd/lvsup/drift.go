package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/drift"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// The formats of a drift check that are not package drift's.
const (
	formatText = "text"
	formatJSON = "json"
)

// driftCheck is what was asked of lvsup drift, and what was found so far.
type driftCheck struct {
	format, output, rulesFile string

	rules    []hcl.Ignore
	findings drift.Report
}

func newDrift(g *globals) *cobra.Command {
	d := &driftCheck{}
	cmd := &cobra.Command{
		Use:   "drift PLAN",
		Short: "Find out whether the hosts are still as the plan wants",
		Long: `Find out whether the hosts are still as the plan wants. Nothing is changed on them.

The exit code is 0 if they are, 2 if not, and 4 if a host could not be looked at,
which is never taken for "no drift". Without a terminal nothing is printed when
there is no drift, so that cron sends mail only when there is something to do.

A file of rules says nothing of some differences for a while (* is any text):

  ignore {
    host   = "node1*"
    kind   = "sysctl"
    key    = "net.ipv4.*"
    reason = "the kernel team tries something"
    until  = "2026-12-31"
  }`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().StringVar(&d.format, "format", formatText, "`one` of "+strings.Join(driftFormats(), ", "))
	cmd.Flags().StringVar(&d.output, "output", "", "write to a `file` instead, which is replaced whole or not at all")
	cmd.Flags().StringVar(&d.rulesFile, "ignore", "", "`file` of rules for what need not be told")
	g.narrowFlags(cmd)
	g.explains(cmd)
	each := g.sideBySide(cmd, func(ctx context.Context, g *globals, path string) error { return g.drift(ctx, path, d) }).RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error { return g.driftOfAll(cmd, args, d, each) }
	return cmd
}

func driftFormats() []string {
	all := []string{formatText, formatJSON}
	for _, f := range drift.Formats() {
		all = append(all, string(f))
	}
	return all
}

// driftOfAll checks each cluster of a plan and writes what was found.
func (g *globals) driftOfAll(cmd *cobra.Command, args []string, d *driftCheck, each func(*cobra.Command, []string) error) error {
	if g.json && d.format == formatText {
		d.format = formatJSON
	}
	if !slices.Contains(driftFormats(), d.format) {
		return wrongFormat(d.format)
	}
	if g.json && d.format != formatJSON && d.output == "" {
		return fmt.Errorf("cannot write events and a report in the format %s to one place: give --output a file for the report", d.format)
	}
	g.quiet = d.output != "" || d.format != formatText || !term.IsTerminal(int(os.Stdout.Fd()))
	var err error
	if d.rules, err = g.ignores(d.rulesFile); err != nil {
		return err
	}
	var file bytes.Buffer
	if d.output != "" {
		g.stdout = &file
	}
	if d.format == formatJSON && (d.output != "" || !g.json) {
		g.report = true
	}
	if d.format == formatJSON && !g.json {
		g.json, g.bare = true, true
	}
	err = each(cmd, args)
	if len(d.findings.Clusters) > 0 && d.format != formatText && d.format != formatJSON {
		d.findings.At = time.Now().UTC()
		if err := d.findings.Write(g.out(), drift.Format(d.format)); err != nil {
			return err
		}
	}
	var coded *exitError
	if file.Len() == 0 || err != nil && !errors.As(err, &coded) {
		return err // nothing was found out, and the last report stays
	}
	// Others read it: node_exporter, a web server.
	if werr := renameio.WriteFile(d.output, file.Bytes(), 0o644); werr != nil {
		return fmt.Errorf("cannot write the report: %w", werr)
	}
	return err
}

func wrongFormat(format string) error {
	return fmt.Errorf("cannot write drift as %q: the formats are %s", format, strings.Join(driftFormats(), ", "))
}

// ignores reads a file of rules, and prints what is wrong with it.
func (g *globals) ignores(path string) ([]hcl.Ignore, error) {
	if path == "" {
		return nil, nil
	}
	rules, files, diags := hcl.LoadIgnores(path)
	if len(diags) == 0 {
		return rules, nil
	}
	if !g.json {
		h := g.human()
		hcl.WriteDiagnostics(h.Err, files, diags, h.ErrColor())
	}
	return nil, g.mistaken(diags)
}

// drift connects to one cluster, compares and tells.
func (g *globals) drift(ctx context.Context, path string, d *driftCheck) error {
	h := g.human()
	begin := time.Now()
	run, cluster, err := g.open(ctx, path, g.progress(h, !g.quiet || term.IsTerminal(int(os.Stderr.Fd()))))
	if err != nil {
		return err
	}
	defer run.Close()
	doc := &view.Document{}
	p, err := run.Plan(ctx, false)
	failures := run.Failures()
	codes := codesOf(failures, false)
	history, ignored := &drift.History{}, map[string]int{}
	if err == nil {
		p = plans.Conceal(cluster, p)
		history = g.remember(h, path, cluster, p, failures)
		p, ignored = drift.Without(p, d.rules, time.Now())
		codes = append(codes, driftCodes(p)...)
	}
	found := drift.Of(run.LeftOut().Rest(cluster), p, failures, err, history.Since)
	found.Took, found.Exit = time.Since(begin), report.Worst(append(codes, codeOf(err))...)
	found.Ignore(ignored)
	_ = g.turn.Tell(func() error {
		d.findings.Clusters = append(d.findings.Clusters, found)
		return nil
	})
	doc.Plan, doc.Ignored, doc.Since = p, ignored, found.Since()
	if d.format == formatText && err == nil && (!g.quiet || len(codes) > 0 || d.output != "") {
		if g.quiet && g.cluster != "" {
			h.Heading("Cluster "+cluster.Name, false)
		}
		h.Drift(p, view.DriftNotes{Since: before(begin, doc.Since), Ignored: ignored, Unseen: unseen(p, failures)})
	}
	return g.finish(h, run, doc, codes, err)
}

// unseen is how many hosts failed before they could be compared.
func unseen(p *plans.Plan, failures []*report.HostError) int {
	var hosts []string
	for _, f := range failures {
		if !slices.Contains(hosts, f.Host) && !slices.ContainsFunc(p.Hosts, func(h plans.HostPlan) bool { return h.Host == f.Host }) {
			hosts = append(hosts, f.Host)
		}
	}
	return len(hosts)
}

// before leaves out what was first seen in this very check: it is new, and nobody
// needs to read that at every line.
func before(begin time.Time, all []view.Since) []view.Since {
	return slices.DeleteFunc(slices.Clone(all), func(s view.Since) bool { return !s.Since.Before(begin) })
}

// driftCodes are the exit codes that a check calls for. A change that lvsup
// refuses to make is a difference like any other.
func driftCodes(p *plans.Plan) []report.Code {
	var codes []report.Code
	if len(p.Errors()) > 0 || p.Count().Errors > 0 {
		codes = append(codes, report.Failed)
	}
	if !p.Empty() {
		codes = append(codes, report.Changes)
	}
	return codes
}

// remember takes down when each difference was first seen. A check does not fail
// for want of that.
func (g *globals) remember(h *view.Human, path string, cluster *plans.Cluster, p *plans.Plan, failures []*report.HostError) *drift.History {
	var unknown []string
	for _, f := range failures {
		unknown = append(unknown, f.Host)
	}
	dir, err := drift.HistoryDir()
	var history *drift.History
	if err == nil {
		history, err = drift.OpenHistory(dir, path, cluster.Name)
	}
	if history == nil {
		history = &drift.History{}
	}
	history.Note(p, unknown, time.Now())
	err = errors.Join(err, history.Save(path, cluster.Name)) // a damaged one is replaced
	if err != nil && (!g.quiet || !p.Empty()) {
		g.notice(h, err.Error())
	}
	return history
}
