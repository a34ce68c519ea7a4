package main

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/coordinator"
	"github.com/lvsup/lvsup/plans"
)

// runFlags narrow and bound a run over many hosts.
type runFlags struct {
	plans.Narrowing
	parallel    int
	timeout     time.Duration
	wait        time.Duration // for hosts that cannot be reached yet
	unreachable unreachable
	maxFail     maxFail
	lockTimeout time.Duration
	resume      bool
}

// narrowFlags are for commands that look at hosts.
func (g *globals) narrowFlags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&g.run.Target, "target", nil, "only hosts of this `name`, or with kind=NAME only this kind of things (* is any text); may be repeated")
	f.StringArrayVar(&g.run.Exclude, "exclude", nil, "all but these: a `name` or kind=NAME, as with --target; may be repeated")
	g.shardFlag(cmd)
	f.IntVar(&g.run.parallel, "parallelism", coordinator.DefaultParallel, "work on so `many` hosts at once, at most")
	f.DurationVar(&g.run.wait, "wait", 0, "try hosts that cannot be reached, as while they boot, again for so much `time`: 90s, 5m")
	f.DurationVar(&g.run.timeout, "timeout", 0, "end the whole run after this `time`, as one Ctrl-C does: 90s, 10m (default no limit)")
}

// shardFlag is for all commands that connect to hosts for one of several coordinators.
func (g *globals) shardFlag(cmd *cobra.Command) {
	cmd.Flags().Var(&shard{&g.run.Shard}, "shard", "only the hosts of one of several coordinators: `I/N`, from 1/N to N/N")
}

// skipFlag is for commands that go on without a host only if they are told to.
func (g *globals) skipFlag(cmd *cobra.Command) {
	cmd.Flags().Var(&g.run.unreachable, "on-unreachable", "whether a host that cannot be reached or worked with stops the run, or is skipped: `stop|skip`")
}

// changeFlags are for commands that change hosts.
func (g *globals) changeFlags(cmd *cobra.Command) {
	g.narrowFlags(cmd)
	g.skipFlag(cmd)
	cmd.Flags().BoolVar(&g.run.resume, "resume", false, "leave out the hosts that the last run finished, if it did not finish all")
	cmd.Flags().DurationVar(&g.run.lockTimeout, "lock-timeout", coordinator.DefaultLockWait, "wait so `long` for another run that holds a host: 0s, 90s, 1h")
	cmd.Flags().Var(&g.run.maxFail, "max-fail", "begin nothing more once so many hosts failed: `N` or N% (default no limit)")
}

// bounded is the context of the whole run.
func (g *globals) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	if g.run.timeout == 0 {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(ctx, g.run.timeout, &timedOut{g.run.timeout})
}

// timedOut says that the run's own time is over.
type timedOut struct{ after time.Duration }

func (e *timedOut) Error() string { return fmt.Sprintf("the time is over (--timeout %s)", e.after) }

// check refuses what no run can be bounded by.
func (r *runFlags) check(cmd *cobra.Command) error {
	switch {
	case cmd.Flag("parallelism") == nil:
		return nil
	case r.parallel < 1:
		return fmt.Errorf("cannot work on %d hosts at once: --parallelism wants 1 or more", r.parallel)
	case r.wait < 0:
		return fmt.Errorf("cannot wait %s for hosts: --wait wants more", r.wait)
	case r.timeout < 0 || r.timeout == 0 && cmd.Flag("timeout").Changed:
		return fmt.Errorf("cannot end the run after %s: --timeout wants more", r.timeout)
	case r.lockTimeout < 0:
		return fmt.Errorf("cannot wait %s for another run: --lock-timeout wants 0s or more", r.lockTimeout)
	}
	return nil
}

// words are the flags that narrow and bound a check like this one.
func (r *runFlags) words() []string {
	var words []string
	for _, p := range r.Target {
		words = append(words, "--target", p)
	}
	for _, p := range r.Exclude {
		words = append(words, "--exclude", p)
	}
	if r.Shard.N > 0 {
		words = append(words, "--shard", r.Shard.String())
	}
	if r.parallel != coordinator.DefaultParallel {
		words = append(words, "--parallelism", strconv.Itoa(r.parallel))
	}
	if r.wait != 0 {
		words = append(words, "--wait", r.wait.String())
	}
	if r.timeout != 0 {
		words = append(words, "--timeout", r.timeout.String())
	}
	return words
}

// unreachable is the value of --on-unreachable.
type unreachable struct{ skip bool }

// Set implements pflag.Value.
func (u *unreachable) Set(text string) error {
	if text != "stop" && text != "skip" {
		return fmt.Errorf("it is stop or skip")
	}
	u.skip = text == "skip"
	return nil
}

// String implements pflag.Value.
func (u *unreachable) String() string {
	if u.skip {
		return "skip"
	}
	return "stop"
}

// Type implements pflag.Value.
func (u *unreachable) Type() string { return "text" }

// maxFail is the value of --max-fail.
type maxFail struct{ coordinator.MaxFail }

// Set implements pflag.Value.
func (m *maxFail) Set(text string) (err error) {
	m.MaxFail, err = coordinator.ParseMaxFail(text)
	return err
}

// Type implements pflag.Value.
func (m *maxFail) Type() string { return "number" }

// shard is the value of --shard.
type shard struct{ *plans.Shard }

// Set implements pflag.Value.
func (s *shard) Set(text string) (err error) {
	*s.Shard, err = plans.ParseShard(text)
	return err
}

// Type implements pflag.Value.
func (s *shard) Type() string { return "text" }
