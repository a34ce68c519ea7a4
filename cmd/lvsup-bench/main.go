// Command lvsup-bench measures lvsup against Ansible and OpenSSH, on hosts that it
// brings up itself and takes down again. See docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/lvsup/lvsup/internal/bench"
	"github.com/lvsup/lvsup/internal/fleet"
)

func main() {
	inside, args := fleet.Main()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	err := run(ctx, inside, args)
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		os.Exit(1) // it has said why
	case err != nil:
		fmt.Fprintln(os.Stderr, "lvsup-bench:", err)
		os.Exit(1)
	}
}

// run measures, in namespaces: the first process starts another in there.
func run(ctx context.Context, inside bool, args []string) error {
	if !inside {
		args = os.Args[1:]
	}
	o := bench.Options{Log: os.Stderr}
	f := flag.NewFlagSet("lvsup-bench", flag.ContinueOnError)
	f.StringVar(&o.Lvsup, "lvsup", "bin/lvsup", "the `file` of lvsup")
	f.BoolVar(&o.Quick, "quick", false, "few hosts, few rounds: a few minutes")
	f.StringVar(&o.Dir, "dir", "", "an empty `directory` (for a process inside)")
	var one bench.Series
	f.IntVar(&one.Hosts, "hosts", 0, "measure with so `many` hosts only")
	f.DurationVar(&one.Trip, "trip", 0, "with -hosts: so `long` a round trip more")
	f.IntVar(&one.Rounds, "rounds", 3, "with -hosts or -lab: so `many` rounds")
	f.IntVar(&one.Ansible, "ansible", 0, "with -hosts or -lab: in so `many` rounds Ansible takes part")
	f.BoolVar(&one.First, "first", false, "with -hosts: the first apply too")
	lab := f.Bool("lab", false, "measure with the cluster in the lab only: 3 hosts, see -rounds and -ansible")
	if err := f.Parse(args); err != nil {
		return nil // it has said what is wrong
	}
	if one.Hosts > 0 {
		o.Only = []bench.Series{one}
	}
	if *lab {
		o.Only = []bench.Series{bench.Lab(one.Rounds, one.Ansible)}
	}
	var err error
	if o.Lvsup, err = filepath.Abs(o.Lvsup); err != nil {
		return err
	}
	if inside {
		return bench.Run(ctx, o, os.Stdout)
	}
	dir, err := os.MkdirTemp("", "lvsup-bench-")
	if err != nil {
		return err
	}
	defer os.Remove(dir)
	begin := time.Now()
	err = fleet.Enter(ctx, append([]string{"-dir", dir}, args...)...)
	fmt.Fprintf(os.Stderr, "%5.0fs  over\n", time.Since(begin).Seconds())
	return err
}
