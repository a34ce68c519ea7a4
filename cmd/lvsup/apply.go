package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/coordinator"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/savedplan"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

func newApply(g *globals) *cobra.Command {
	var yes bool
	var from string
	cmd := &cobra.Command{
		Use:   "apply PLAN",
		Short: "Make the hosts as the plan wants, verify and probe",
		Long: `Make the hosts as the plan wants, verify and probe.

PLAN is a plan file or a folder of them, or a file that lvsup plan --out wrote:
that is carried out without a question, if the hosts are still what it showed.`,
		Args: cobra.ExactArgs(1),
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	g.explains(cmd)
	cmd.Flags().StringVar(&from, "probe-from", "", "`host` to ask the VIP from, or \"local\" for this machine")
	cmd.Flags().DurationVar(&g.guard, "guard", coordinator.DefaultGuardTime, "how `long` a host waits for a new connection before it takes back what cut the old one")
	g.changeFlags(cmd)
	return g.oneByOne(cmd, func(ctx context.Context, g *globals, path string) error {
		c := change{name: "apply", path: path, yes: yes, from: g.vantage(from)}
		if savedplan.Is(c.path) {
			saved, err := savedplan.Read(c.path)
			if err != nil {
				return err
			}
			switch {
			case !g.run.None():
				return fmt.Errorf("cannot narrow %s: a saved plan is carried out as it was shown; say --target, --exclude and --shard to lvsup plan --out", c.path)
			case g.run.resume:
				return fmt.Errorf("cannot go on with %s: lvsup apply --resume wants the plan that it was made from", c.path)
			case g.run.unreachable.skip:
				return fmt.Errorf("cannot skip hosts of %s: a saved plan is carried out as it was shown, or not at all", c.path)
			}
			c.saved, c.yes, c.destroy = saved, true, saved.Plan.Destroy
		}
		return g.change(ctx, c)
	})
}

func newDestroy(g *globals) *cobra.Command {
	var yes bool
	cmd := &cobra.Command{
		Use:   "destroy PLAN",
		Short: "Take away what lvsup made and put back what it changed",
		Args:  cobra.ExactArgs(1),
	}
	cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask")
	g.changeFlags(cmd)
	g.explains(cmd)
	return g.oneByOne(cmd, func(ctx context.Context, g *globals, path string) error {
		return g.change(ctx, change{name: "destroy", path: path, yes: yes, destroy: true})
	})
}

// change is an apply or a destroy.
type change struct {
	name    string
	path    string
	yes     bool
	destroy bool
	from    string           // vantage point of the probe
	saved   *savedplan.Saved // nil: the plan is made now
}

func (g *globals) change(ctx context.Context, c change) error {
	switch {
	case !c.yes && g.json:
		return fmt.Errorf("nothing was changed: with --json nobody sees the plan before it is carried out; %s --yes goes on without asking", c.name)
	case !c.yes && !canAsk():
		return fmt.Errorf("nothing was changed: %w, so nobody can be asked; %s --yes goes on without asking", errNoTerminal, c.name)
	}
	h := g.human()
	run, cluster, err := g.start(ctx, c, h)
	if err != nil {
		return err
	}
	defer run.Close()
	doc := &view.Document{}
	codes, err := g.carryOut(ctx, h, run, cluster, c, doc)
	return g.finish(h, run, doc, codes, err)
}

// start connects to the hosts of the plan.
func (g *globals) start(ctx context.Context, c change, h *view.Human) (*coordinator.Run, *plans.Cluster, error) {
	if c.saved == nil {
		return g.open(ctx, c.path, g.progress(h, true))
	}
	g.redacter = plans.Redacter(c.saved.Cluster)
	out := c.saved.Plan.Narrowed()
	out.Held = nil // that is judged anew
	return g.connect(ctx, c.saved.Cluster, out, g.progress(h, true)), c.saved.Cluster, nil
}

// carryOut plans, asks, applies and probes. It fills in the document on its
// way, and gives the exit codes of what it met.
func (g *globals) carryOut(ctx context.Context, h *view.Human, run *coordinator.Run, cluster *plans.Cluster, c change, doc *view.Document) ([]report.Code, error) {
	if err := context.Cause(ctx); err != nil {
		return nil, fmt.Errorf("nothing was changed: %w", err)
	}
	if err := run.TooMany(); err != nil { // before errNotAll: not all were asked
		return codesOf(run.Failures(), false), fmt.Errorf("nothing was changed: %w", err)
	}
	if failures := run.Failures(); g.stops(failures) {
		return codesOf(failures, false), errNotAll
	}
	if err := run.Lock(ctx); err != nil {
		return nil, fmt.Errorf("nothing was changed: %w", err)
	}
	p, err := run.Plan(ctx, c.destroy)
	if err != nil {
		return nil, fmt.Errorf("nothing was changed: %w", err)
	}
	doc.Plan = plans.Conceal(cluster, p)
	if failures := run.Failures(); g.stops(failures) || len(p.Hosts) == 0 {
		return codesOf(failures, false), errNotAll
	}
	if c.saved != nil {
		if err := g.stale(h, cluster, c.saved.Plan, p, doc); err != nil {
			return nil, err
		}
	}
	if err := coordinator.Appliable(p); err != nil {
		return nil, err // it says all that matters now; lvsup plan shows the rest
	}
	if g.json {
		g.events().Plan(doc.Plan)
	} else {
		h.Plan(doc.Plan)
	}
	if !p.Empty() {
		if err := g.agree(ctx, h, run, c, cluster, doc); err != nil {
			return codesOf(run.Failures(), false), err
		}
		if err := run.Apply(ctx, p); err != nil {
			g.noteDone(h, c, cluster, run, p, false)
			g.tellRest(h, run, p, c, err, doc)
			return codesOf(run.Failures(), true), err
		}
	}
	if failures := run.Failures(); len(failures) > 0 {
		doc.Rest, _ = run.Rest(p)
		g.unfinished(ctx, h, run, c, failures)
		g.noteDone(h, c, cluster, run, p, true)
		return codesOf(run.Failures(), true), nil
	}
	if !p.Empty() {
		if err := g.verify(ctx, h, run, cluster, c.destroy); err != nil {
			g.tellRest(h, run, p, c, err, doc)
			return codesOf(run.Failures(), true), err
		}
	}
	doc.Applied = true
	g.noteDone(h, c, cluster, run, p, true)
	if c.destroy {
		g.farewell(ctx, h, run)
		return codesOf(run.Failures(), true), nil
	}
	if !g.json && !p.Empty() {
		h.Say("Applied and verified: %s.", view.Plural(p.Count().Changes(), "change"))
	}
	return g.probe(ctx, h, run, c.from, doc)
}

// tellRest says of a run that ended early what it has made of the plan and what
// not.
func (g *globals) tellRest(h *view.Human, run *coordinator.Run, p *plans.Plan, c change, err error, doc *view.Document) {
	var many *coordinator.TooManyFailed
	if !endedEarly(err) && !errors.As(err, &many) {
		return
	}
	var made int
	doc.Rest, made = run.Rest(p)
	if !g.json {
		known := !slices.ContainsFunc(run.Failures(), func(f *report.HostError) bool { return errors.Is(f, coordinator.ErrCut) })
		h.Rest(doc.Rest, made, known, "lvsup "+c.name)
	}
}

// unfinished says what became of a run in which hosts failed. A destroy that only
// went round hosts which it could not reach is over for the others.
func (g *globals) unfinished(ctx context.Context, h *view.Human, run *coordinator.Run, c change, failures []*report.HostError) {
	text, names := "Not finished: what did not depend on %s is done. Put the cause right and run lvsup %s again.", failedNames(failures)
	if !slices.ContainsFunc(failures, func(f *report.HostError) bool { return f.Stage != plans.StageConnect }) {
		text = "Done, but for what depends on %s, which could not be reached: run lvsup %s again when that is put right."
		if c.destroy && len(run.LeftOut().Kinds) == 0 {
			run.Remove(ctx)
		}
	}
	if !g.json {
		h.Say(text, names, c.name)
	}
}

// farewell takes lvsup's own files off the hosts, unless some kinds of things are
// still there.
func (g *globals) farewell(ctx context.Context, h *view.Human, run *coordinator.Run) {
	text := "Destroyed: the hosts are as they were before lvsup."
	switch out := run.LeftOut(); {
	case len(out.Kinds) > 0:
		text = "Taken back: lvsup stays on the hosts for what was left out."
	case len(out.Hosts) > 0:
		text = "Destroyed: the hosts that were not left out are as they were before lvsup."
		fallthrough
	default:
		run.Remove(ctx)
	}
	if !g.json && len(run.Failures()) == 0 {
		h.Say("%s", text)
	}
}

// stops reports whether failures before the first change keep the run from
// changing anything.
func (g *globals) stops(failures []*report.HostError) bool {
	return len(failures) > 0 && !g.run.unreachable.skip
}

// failedNames names the hosts that failed, or counts them.
func failedNames(failures []*report.HostError) string {
	const many = 4
	if len(failures) > many {
		return view.Plural(len(failures), "failed host")
	}
	var names []string
	for _, f := range failures {
		names = append(names, f.Host)
	}
	return strings.Join(names, ", ")
}

// verify compares once more, over all stages: a later one may have undone what
// an earlier one did.
func (g *globals) verify(ctx context.Context, h *view.Human, run *coordinator.Run, cluster *plans.Cluster, destroy bool) error {
	left, err := run.Compare(ctx, destroy)
	if err != nil {
		return err
	}
	if left.Empty() && left.Count().Errors == 0 && len(run.Failures()) == 0 {
		return nil
	}
	if !g.json {
		h.Drift(plans.Conceal(cluster, left), view.DriftNotes{})
	}
	return errors.New("everything was carried out, but the hosts are not as they should be")
}

// errNotAll adds to the failures of hosts what they mean for the others. It has
// no exit code of its own.
var errNotAll = errors.New("nothing was changed: not every host could be worked with")

// agree asks the person, and then makes sure that the hosts are still what was
// shown.
func (g *globals) agree(ctx context.Context, h *view.Human, run *coordinator.Run, c change, cluster *plans.Cluster, doc *view.Document) error {
	if c.yes {
		return nil
	}
	hosts := view.Plural(len(doc.Plan.Hosts), "host")
	if n := len(cluster.Hosts); n > len(doc.Plan.Hosts) {
		hosts = fmt.Sprintf("%d of %d hosts", len(doc.Plan.Hosts), n)
	}
	question := fmt.Sprintf("Apply this to %s of cluster %q?", hosts, cluster.Name)
	if c.destroy {
		question = fmt.Sprintf("Take cluster %q down on %s?", cluster.Name, hosts)
	}
	yes, err := confirm(ctx, question)
	if err != nil {
		return err
	}
	if !yes {
		return errors.New("nothing was changed: you did not say yes")
	}
	now, err := run.Plan(ctx, c.destroy)
	if err != nil {
		return err
	}
	if g.stops(run.Failures()) {
		return errNotAll
	}
	if err := g.stale(h, cluster, doc.Plan, now, doc); err != nil {
		return err
	}
	return coordinator.Appliable(now) // another machine may answer for the VIP by now
}

// stale is an error if the hosts are no longer what was shown, and says in what.
func (g *globals) stale(h *view.Human, cluster *plans.Cluster, shown, now *plans.Plan, doc *view.Document) error {
	if coordinator.SamePlan(shown, now) {
		return nil
	}
	doc.Stale = plans.Diverged(plans.Conceal(cluster, shown), plans.Conceal(cluster, now))
	if !g.json {
		h.Stale(doc.Stale)
	}
	return coordinator.ErrStale
}

func (g *globals) probe(ctx context.Context, h *view.Human, run *coordinator.Run, from string, doc *view.Document) ([]report.Code, error) {
	seen, err := run.Probe(ctx, from)
	if err != nil {
		return []report.Code{report.ProbeFailed}, err
	}
	doc.Probe = seen
	if !g.json {
		h.Probe(seen)
	}
	if seen.Failed() {
		return []report.Code{report.ProbeFailed}, nil
	}
	return nil, nil
}
