package main

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/renameio/v2"
	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/internal/drift"
	"github.com/lvsup/lvsup/internal/graph"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

func newGraph(g *globals) *cobra.Command {
	var (
		format, output string
		live           bool
	)
	cmd := &cobra.Command{
		Use:   "graph PLAN",
		Short: "Draw the cluster: who asks, who answers, and which way",
		Long: `Draw the cluster: clients, virtual addresses, director, real servers, networks, and
the ways of requests and answers. The plan alone is drawn, and no host is asked,
unless --live says so: then what differs from the plan, or could not be reached, is
marked.

  lvsup graph cluster.hcl --output cluster.svg
  lvsup graph cluster.hcl --live --output cluster.svg
  lvsup graph cluster.hcl --format dot | dot -Tpdf > cluster.pdf`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f := graph.Format(format)
			if !slices.Contains(graph.Formats(), f) {
				return fmt.Errorf("cannot draw as %q: the formats are %s", format, graphFormats())
			}
			picture, doc, err := g.picture(cmd.Context(), args[0], live)
			if err != nil {
				return err
			}
			var text bytes.Buffer
			if err := picture.Write(&text, f); err != nil {
				return err
			}
			switch {
			case output != "":
				if err := renameio.WriteFile(output, text.Bytes(), 0o644); err != nil {
					return fmt.Errorf("cannot write the picture: %w", err)
				}
				doc.Files = []view.File{{File: output}}
			case g.json:
				doc.Text = text.String()
			default:
				if _, err := g.out().Write(text.Bytes()); err != nil {
					return err
				}
			}
			if g.json {
				return g.result(doc)
			}
			return exit(doc.Exit)
		},
	}
	cmd.Flags().StringVar(&format, "format", string(graph.SVG), "`one` of "+graphFormats())
	cmd.Flags().StringVar(&output, "output", "", "write to a `file` instead, which is replaced whole or not at all")
	cmd.Flags().BoolVar(&live, "live", false, "look at the hosts, and mark what is not as planned")
	return cmd
}

func graphFormats() string {
	var all []string
	for _, f := range graph.Formats() {
		all = append(all, string(f))
	}
	return strings.Join(all, ", ")
}

// picture reads the plan, and looks at its hosts if it is told to. A host that
// could not be looked at is in the picture, and in the document with its exit code.
func (g *globals) picture(ctx context.Context, path string, live bool) (*graph.Picture, *view.Document, error) {
	doc := &view.Document{Cluster: g.cluster}
	if !live {
		c, err := g.load(path)
		if err != nil {
			return nil, nil, err
		}
		doc.Diagnostics = g.diags
		return graph.Of(c), doc, nil
	}
	h := g.human()
	run, c, err := g.open(ctx, path, g.progress(h, false))
	if err != nil {
		return nil, nil, err
	}
	defer run.Close()
	p, err := run.Plan(ctx, false)
	if ctx.Err() != nil {
		return nil, nil, context.Cause(ctx)
	}
	if err == nil {
		p = plans.Conceal(c, p)
	}
	picture := graph.Of(c)
	picture.Show(c, drift.Of(c, p, run.Failures(), err, func(drift.ID) time.Time { return time.Time{} }), time.Now())
	g.outcome(h, run, doc, codesOf(run.Failures(), false), err)
	return picture, doc, nil
}
