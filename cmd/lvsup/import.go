package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/importer"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

func newImport(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import",
		Short: "Make a plan of another tool's configuration",
		Long: `Make a plan of another tool's configuration, on stdout. What a plan cannot say is
a comment in it, and a warning on stderr.

  ipvsadm -S -n | lvsup import ipvsadm > cluster.hcl
  lvsup import keepalived /etc/keepalived/keepalived.conf > cluster.hcl
  lvsup import ldirectord /etc/ha.d/ldirectord.cf > cluster.hcl`,
	}
	for _, f := range []struct {
		name, short string
		read        func([]byte, importer.Options) (*importer.Result, error)
	}{
		{"ipvsadm", "Make a plan of what ipvsadm -S prints, or of a script of ipvsadm commands", importer.IPVSAdm},
		{"keepalived", "Make a plan of keepalived.conf", importer.Keepalived},
		{"ldirectord", "Make a plan of ldirectord.cf", importer.Ldirectord},
	} {
		var o importer.Options
		sub := &cobra.Command{
			Use:   f.name + " [FILE]",
			Short: f.short,
			Long:  f.short + ". Without FILE, or with -, it is read from stdin.",
			Args:  cobra.MaximumNArgs(1),
			RunE: func(cmd *cobra.Command, args []string) error {
				return g.importFrom(cmd, args, o, f.read)
			},
		}
		sub.Flags().StringVar(&o.Director, "director", "director", "`name` of the director in the plan: the one ssh knows it by")
		sub.Flags().StringVar(&o.Cluster, "cluster", "imported", "`name` of the cluster")
		if f.name == "keepalived" {
			sub.Flags().StringVar(&o.ConfigID, "config-id", "", "`ID` of the host, as with keepalived -i: takes the lines that begin with @ID")
		}
		cmd.AddCommand(sub)
	}
	return cmd
}

func (g *globals) importFrom(cmd *cobra.Command, args []string, o importer.Options, read func([]byte, importer.Options) (*importer.Result, error)) error {
	src, err := importText(cmd.InOrStdin(), args, &o)
	if err != nil {
		return err
	}
	o.Resolver = systemNames{cmd.Context()}
	h := g.human()
	result, err := read(src, o)
	if err != nil && g.json {
		return err
	}
	if err != nil {
		for _, line := range strings.Split(err.Error(), "\n") {
			h.Error(fmt.Errorf("%s", view.Clean(line)))
		}
		return exit(report.Failed)
	}
	var plan strings.Builder
	if err := hcl.Write(&plan, result.Cluster, result.Comments); err != nil {
		return err
	}
	if err := loadsBack(plan.String()); err != nil {
		return err
	}
	if g.json {
		return g.result(&view.Document{Text: plan.String(), Diagnostics: warningsOf(result)})
	}
	for _, w := range result.Warnings {
		h.Note("%s", view.Clean(w.String()))
	}
	h.Raw(plan.String())
	return nil
}

// warningsOf are what an import could not carry over, each at the first place that
// it was found in.
func warningsOf(result *importer.Result) []plans.Diagnostic {
	var out []plans.Diagnostic
	for _, w := range result.Warnings {
		at := plans.Pos{Line: w.Places[0].Line, Column: 1}
		out = append(out, plans.Diagnostic{Severity: plans.Warning, Summary: w.Text, Subject: plans.Range{File: w.Places[0].File, Start: at, End: at}})
	}
	return out
}

// importText reads the configuration. Only a file can include others.
func importText(stdin io.Reader, args []string, o *importer.Options) ([]byte, error) {
	in, name := stdin, "stdin"
	if len(args) == 1 && args[0] != "-" {
		f, err := os.Open(args[0])
		if err != nil {
			return nil, fmt.Errorf("cannot read the configuration: %w", err)
		}
		defer f.Close()
		in, name = f, args[0]
		o.Include = includeFiles
	}
	o.File = name
	src, err := io.ReadAll(io.LimitReader(in, importer.MaxSize+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the configuration from %s: %w", name, err)
	}
	return src, nil
}

// loadsBack holds what import promises: that lvsup takes the plan as it stands.
func loadsBack(plan string) error {
	if len(plan) > hcl.MaxSize {
		return fmt.Errorf("cannot write the plan: it would have %d bytes, and lvsup reads %d of a file; import the configuration in parts, into files of one directory, of which one keeps the cluster and director blocks", len(plan), hcl.MaxSize)
	}
	_, diags := hcl.Parse("plan", []byte(plan), hcl.Options{})
	for _, d := range diags {
		if d.Severity == plans.Error {
			return fmt.Errorf("cannot write a plan that lvsup takes: %s: %s (%s)", d.Subject, d.Summary, d.Detail)
		}
	}
	return nil
}

// includeFiles finds what an include line means: a pattern, relative to the file
// that it stands in.
func includeFiles(from, pattern string) ([]importer.File, error) {
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(filepath.Dir(from), pattern)
	}
	names, err := filepath.Glob(pattern)
	if err != nil {
		return nil, fmt.Errorf("cannot read the pattern: %w", err)
	}
	slices.Sort(names)
	var out []importer.File
	for _, name := range names {
		text, err := readFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, importer.File{Name: name, Text: text})
	}
	return out, nil
}

func readFile(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > importer.MaxSize:
		return nil, fmt.Errorf("%s is not a regular file of at most %d bytes", name, importer.MaxSize)
	}
	return os.ReadFile(name)
}

// systemNames looks names up as every program on this machine does.
type systemNames struct{ ctx context.Context }

var _ importer.Resolver = systemNames{}

func (n systemNames) Host(name string, ipv6 bool) (netip.Addr, error) {
	network := "ip4"
	if ipv6 {
		network = "ip6"
	}
	found, err := net.DefaultResolver.LookupNetIP(n.ctx, network, name)
	if err != nil {
		return netip.Addr{}, err
	}
	return found[0].Unmap(), nil
}

func (n systemNames) Port(name, protocol string) (uint16, error) {
	if protocol == "sctp" { // which Go's resolver does not know
		protocol = "tcp"
	}
	port, err := net.DefaultResolver.LookupPort(n.ctx, protocol, name)
	return uint16(port), err
}
