package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/coordinator"
	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/savedplan"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// forCluster is what a command does for one cluster: the one that g is about, of the plan
// at path.
type forCluster func(ctx context.Context, g *globals, path string) error

// pace calls work for each of several clusters, for one after the other or for some at
// once, until ctx ends.
type pace func(ctx context.Context, all []*globals, work func(*globals))

// oneByOne has a command work on the clusters of a plan one after the other, so that a
// mistake is seen at the first. The worst exit code is that of all.
func (g *globals) oneByOne(cmd *cobra.Command, do forCluster) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return g.perCluster(cmd, args[0], do, func(ctx context.Context, all []*globals, work func(*globals)) {
			for _, one := range all {
				if ctx.Err() != nil {
					return
				}
				work(one)
			}
		})
	}
	return cmd
}

// sideBySide is oneByOne for a command that only looks: at so many clusters at once that
// --parallelism hosts are worked on.
func (g *globals) sideBySide(cmd *cobra.Command, do forCluster) *cobra.Command {
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return g.perCluster(cmd, args[0], do, func(ctx context.Context, all []*globals, work func(*globals)) {
			slots := coordinator.NewSlots(cmp.Or(g.run.parallel, coordinator.DefaultParallel))
			var begun sync.WaitGroup
			defer begun.Wait()
			for _, one := range all {
				var err error
				if one.share, err = slots.Admit(ctx, one.looksAt()); err != nil {
					return
				}
				begun.Go(func() {
					defer one.share.Close()
					work(one)
				})
			}
		})
	}
	return cmd
}

// perCluster reads a plan and has a command do for every cluster of it what it does for
// one.
func (g *globals) perCluster(cmd *cobra.Command, path string, do forCluster, each pace) error {
	if err := g.run.check(cmd); err != nil {
		return err
	}
	ctx, cancel := g.bounded(cmd.Context())
	defer cancel()
	if savedplan.Is(path) {
		return do(ctx, g, path)
	}
	all, files, diags := hcl.LoadAll([]string{path}, g.options())
	if g.cluster != "" {
		all = slices.DeleteFunc(all, func(c *plans.Cluster) bool { return c.Name != g.cluster })
	}
	if len(all) == 0 {
		return do(ctx, g, path) // and it says what is wrong with the plan
	}
	if err := g.run.Check(all); err != nil {
		return err
	}
	several := len(all) > 1
	all, err := g.narrowed(path, all)
	if err != nil || len(all) == 0 {
		return err
	}
	if out := cmd.Flag("out"); several && out != nil && out.Changed {
		return do(ctx, g, path) // and it says that a file has room for one
	}
	g.redacter = plans.Redacter(all...)
	g.diagnose(files, diags)
	if !several {
		g.plan = all[0]
		return do(ctx, g, path)
	}
	return g.inTurn(ctx, g.split(ctx, all), each, func(one *globals) error { return do(ctx, one, path) })
}

// inTurn has each of several clusters worked on, and tells how it ended. What they tell
// comes in their order.
func (g *globals) inTurn(ctx context.Context, parts []*globals, each pace, do func(*globals) error) error {
	codes, done := make([]report.Code, len(parts)), 0
	var mu sync.Mutex
	each(ctx, parts, func(one *globals) {
		defer one.turn.End()
		one.heading()
		code := one.told(do(one))
		mu.Lock()
		defer mu.Unlock()
		codes[slices.Index(parts, one)] = code
		done++
		g.live.Clusters(done, len(parts))
	})
	var ended error
	if left := len(parts) - done; left > 0 {
		ended = fmt.Errorf("nothing was begun with %d of %s: %w", left, view.Plural(len(parts), "cluster"), context.Cause(ctx))
		codes = append(codes, codeOf(ended))
	}
	if g.json {
		doc := &view.Document{Clusters: parts[0].several, Exit: report.Worst(codes...), Codes: report.Sorted(codes)}
		if ended != nil {
			doc.Error = ended.Error()
		}
		return g.result(doc)
	}
	if ended != nil {
		g.human().Error(ended)
	}
	return exit(codes...)
}

// split gives what a command works with for each of several clusters: copies, which share
// what is made here, and tell what they have to tell in the order of the plan.
func (g *globals) split(ctx context.Context, all []*plans.Cluster) []*globals {
	if g.json {
		g.events()
	} else if watched() {
		g.watch(g.human()).Clusters(0, len(all))
	}
	g.dialer(ctx)
	hosts, names, turns := 0, []string{}, view.NewTurns(len(all))
	parts := make([]*globals, len(all))
	for i, c := range all {
		one := *g
		one.cluster, one.plan, one.turn, one.stream = c.Name, c, turns[i], nil
		parts[i], names = &one, append(names, c.Name)
		hosts += one.looksAt()
	}
	for _, one := range parts {
		one.several = names
	}
	spareMemory(hosts)
	return parts
}

// looksAt is how many hosts of its cluster the run is about.
func (g *globals) looksAt() int { return len(g.plan.Hosts) - len(g.run.Of(g.plan).Hosts) }

// heading is what the text about one of several clusters begins with.
func (g *globals) heading() {
	if !g.json && !g.quiet {
		g.human().Heading("Cluster "+g.cluster, g.cluster != g.several[0])
	}
}

// told tells why a command failed for one of several clusters, if it has not done so, and
// gives the exit code.
func (g *globals) told(err error) report.Code {
	var coded *exitError
	switch {
	case errors.As(err, &coded):
		return coded.code
	case err != nil && g.json:
		_ = g.result(&view.Document{Cluster: g.cluster, Error: err.Error(), Exit: codeOf(err)})
	case err != nil:
		g.human().Error(err)
	}
	return codeOf(err)
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
