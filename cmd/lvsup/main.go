// Command lvsup puts up Linux Virtual Server clusters from a plan.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/internal/build"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/view"
)

func main() { os.Exit(int(run(os.Args[1:]))) }

// errInterrupted is the cause of a context that a signal ended.
var errInterrupted = errors.New("interrupted")

// cutKey is where a context has the channel that the second signal closes.
type cutKey struct{}

func run(args []string) report.Code {
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	cut := make(chan struct{})
	go func() {
		<-signals
		cancel(errInterrupted)
		<-signals
		signal.Stop(signals) // a third signal ends the process, whatever it is at
		close(cut)
	}()
	ctx = context.WithValue(ctx, cutKey{}, (<-chan struct{})(cut))
	g := newGlobals()
	root := newRoot(g)
	root.SetArgs(singleDash(root, args))
	return g.end(root.ExecuteContext(ctx))
}

// exitError carries an exit code for what was already printed.
type exitError struct{ code report.Code }

func (e *exitError) Error() string { return fmt.Sprintf("exit %d", e.code) }

// exit turns a code into what a command returns.
func exit(codes ...report.Code) error {
	if c := report.Worst(codes...); c != report.Done {
		return &exitError{c}
	}
	return nil
}

func newRoot(g *globals) *cobra.Command {
	root := &cobra.Command{
		Use:   "lvsup",
		Short: "Put up Linux Virtual Server load balancers from one plan",
		Long: `lvsup puts up Linux Virtual Server (LVS) load balancers: one plan describes the
director and the real servers, and lvsup makes every host so over SSH.

  lvsup plan cluster.hcl      show what would change
  lvsup apply cluster.hcl     change it, verify it, probe it
  lvsup drift cluster.hcl     find out whether it is still so (for cron)`,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		PersistentPreRun: func(cmd *cobra.Command, _ []string) {
			g.command = strings.TrimPrefix(cmd.CommandPath(), "lvsup ")
		},
	}
	g.register(root)
	root.AddCommand(
		newInit(g), newValidate(g), newFmt(g), newConsole(g), newPlan(g), newApply(g), newDrift(g), newGraph(g), newSchedule(g), newProbe(g),
		newDoctor(g), newStatus(g), newDestroy(g), newImport(g), newExport(g), newReport(g), newVersion(g),
		newLabCommand(g), newCompletion(g), newMan(), newExitCodes(),
	)
	explainUsage(root)
	addHelp(root)
	g.addCompletion(root)
	return root
}

func newVersion(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the build",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if g.json {
				return g.result(&view.Document{Build: build.Version()})
			}
			g.human().Say("lvsup %s", build.Version())
			return nil
		},
	}
}
