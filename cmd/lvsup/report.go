package main

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/internal/shards"
	"github.com/lvsup/lvsup/internal/view"
)

func newReport(g *globals) *cobra.Command {
	report := &cobra.Command{Use: "report", Short: "Work with the reports of runs"}
	report.AddCommand(&cobra.Command{
		Use:   "merge FILE...",
		Short: "Make one report of those of all shards",
		Long: `Make one report of those of all shards: what --json printed in each, or the file of
lvsup drift --format json. A file may hold those of several, one after the other.

The exit code is the worst of all. A shard of which there is no report, or half of
one, is an error with the exit code 4: nobody knows how its hosts are.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error { return g.merge(args) },
	})
	return report
}

// merge reads all the files and prints what they say together.
func (g *globals) merge(files []string) error {
	var all shards.Reports
	for _, name := range files {
		if err := readReport(&all, name); err != nil {
			return err
		}
	}
	clusters, total, err := all.Merge()
	if err != nil {
		return err
	}
	if !g.json {
		g.human().Merged(clusters, total)
		return exit(total.Exit)
	}
	for _, doc := range clusters {
		doc.Command = g.command
		if err := g.events().Cluster(doc); err != nil {
			return err
		}
	}
	return g.result(total)
}

func readReport(all *shards.Reports, name string) error {
	in := io.Reader(os.Stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return fmt.Errorf("cannot read a report: %w", err)
		}
		defer f.Close()
		in = f
	}
	return all.Read(view.Clean(name), in)
}
