package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/user"
	"runtime/debug"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"
	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/coordinator"
	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/build"
	"github.com/lvsup/lvsup/internal/lab"
	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/savedplan"
	"github.com/lvsup/lvsup/internal/sshconn"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// globals are the flags that several commands share, and what a command works with. Of
// each of several clusters a command has a copy of its own, made by split.
type globals struct {
	output
	plan          *plans.Cluster         // nil: it is not read yet
	share         *coordinator.Share     // of the hosts that are worked on at once; nil: all
	ssh           *coordinator.SSHDialer // nil: nobody has been connected to yet
	live          *view.Live             // what a run looks like on a terminal; nil: nobody watches
	guard         time.Duration          // 0: the coordinator's default
	command       string                 // the words after "lvsup", as in "export ipvsadm"
	sshConfig     string
	acceptNewKeys bool
	noColor       bool
	verbose       bool
	askBecomePass bool
	askPass       bool
	asking        *sync.Mutex // one question at a time
	cluster       string      // one of several in the plan; empty: all, or the only one
	inputs        []hcl.Input // values for the plan's variables, in the order of the command line
	run           runFlags
	quiet         bool              // nothing but results and errors
	explain       bool              // show what a person would type
	stdout        io.Writer         // where results go; nil: to os.Stdout
	redacter      *strings.Replacer // takes sensitive values out; nil before a plan is read
}

func newGlobals() *globals { return &globals{asking: &sync.Mutex{}} }

func (g *globals) register(root *cobra.Command) {
	f := root.PersistentFlags()
	f.StringVarP(&g.sshConfig, "ssh-config", "F", "", "ssh_config `file`, as with ssh -F")
	f.BoolVar(&g.acceptNewKeys, "accept-new", false, "take and remember the host key of a host that known_hosts does not know")
	f.BoolVar(&g.askBecomePass, "ask-become-pass", false, "ask for the password that sudo wants on the hosts")
	f.BoolVar(&g.askPass, "ask-pass", false, "log in with a password, and ask for it")
	f.BoolVar(&g.json, "json", false, "print JSON instead of text: an event a line, the result last")
	f.BoolVar(&g.noColor, "no-color", false, "never use colour (NO_COLOR does the same)")
	f.StringVar(&g.cluster, "cluster", "", "`name` of one cluster, of a plan with several")
	f.Var(&varFlag{inputs: &g.inputs}, "var", "give a variable of the plan a value, as `NAME=VALUE`; may be repeated")
	f.Var(&varFlag{inputs: &g.inputs, file: true}, "var-file", "read values for the plan's variables from a `file`; may be repeated")
	f.BoolVarP(&g.verbose, "verbose", "v", false, "log what the agents and the SSH layer say to stderr")
}

// explains gives a command that shows changes the flag --explain.
func (g *globals) explains(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&g.explain, "explain", false, "show under each change what you would type instead, as root in a shell on that host")
}

func (g *globals) human() *view.Human {
	h := view.NewHuman()
	if g.noColor {
		h.Color = false
	}
	h.Explain = g.explain
	h.Out, h.Err = g.out(), redacting{g, h.Err}
	if g.stdout != nil {
		h.Color, h.OutColumns = false, nil
	}
	return h
}

// out is where results go.
func (g *globals) out() io.Writer {
	if g.stdout != nil {
		return redacting{g, g.stdout}
	}
	return redacting{g, os.Stdout}
}

func (g *globals) log() zerolog.Logger {
	if !g.verbose {
		return zerolog.Nop()
	}
	return zerolog.New(zerolog.ConsoleWriter{Out: redacting{g, os.Stderr}, NoColor: g.noColor}).With().Timestamp().Logger()
}

// errDiagnostics means that the plan's mistakes were printed already.
var errDiagnostics = errors.New("the plan has mistakes")

// load reads and judges a plan, unless that is done, and prints what is wrong with it.
func (g *globals) load(path string) (*plans.Cluster, error) {
	if g.plan != nil {
		return g.plan, nil
	}
	c, diags := g.read(path)
	for _, d := range diags {
		if d.Severity == plans.Error {
			return nil, g.mistaken(diags)
		}
	}
	return c, nil
}

// read is load without the judgement: it prints the diagnostics, unless the
// output is JSON, and gives them.
func (g *globals) read(path string) (*plans.Cluster, []plans.Diagnostic) {
	if savedplan.Is(path) {
		return nil, g.notSaved(path)
	}
	c, files, diags := hcl.Load([]string{path}, g.options())
	if c != nil {
		g.redacter = plans.Redacter(c)
	}
	g.diagnose(files, diags)
	return c, diags
}

// diagnose prints what was found in a plan, and keeps it for the documents.
func (g *globals) diagnose(files map[string][]byte, diags []plans.Diagnostic) {
	g.diags = diags
	wrong := slices.ContainsFunc(diags, func(d plans.Diagnostic) bool { return d.Severity == plans.Error })
	if len(diags) > 0 && !g.json && (wrong || !g.quiet) {
		h := g.human()
		hcl.WriteDiagnostics(h.Err, files, diags, h.ErrColor())
	}
}

// options are what a plan is read with.
func (g *globals) options() hcl.Options {
	return hcl.Options{Inputs: append(varsFromEnv(os.Environ()), g.inputs...), Cluster: g.cluster}
}

// notSaved says that a saved plan is for apply alone.
func (g *globals) notSaved(path string) []plans.Diagnostic {
	d := plans.Diagnostic{
		Severity: plans.Error, Summary: fmt.Sprintf("%s is a saved plan", path),
		Detail: fmt.Sprintf("lvsup apply %s carries it out; lvsup %s wants the plan that it was made from", path, g.command),
	}
	if !g.json {
		h := g.human()
		hcl.WriteDiagnostics(h.Err, nil, []plans.Diagnostic{d}, h.ErrColor())
	}
	return []plans.Diagnostic{d}
}

// open reads the plan and connects to its hosts.
func (g *globals) open(ctx context.Context, path string, progress func(report.Event)) (*coordinator.Run, *plans.Cluster, error) {
	c, err := g.load(path)
	if err != nil {
		return nil, nil, err
	}
	if err := g.run.Check([]*plans.Cluster{c}); err != nil && g.several == nil {
		return nil, nil, err
	}
	out := g.run.Of(c)
	if len(out.Hosts) == len(c.Hosts) {
		return nil, nil, errNoHost(c)
	}
	if len(out.Kinds) == len(plans.KindOrder()) {
		return nil, nil, errors.New("nothing is left to look at: --target and --exclude leave out every kind")
	}
	return g.connect(ctx, c, out, progress), c, nil
}

// manyHosts is from how many hosts on memory is dearer than the time to collect it:
// most of a run's memory is its open connections, which stay to the end.
const manyHosts = 100

// spareMemory has it collected more often, if a run is about many hosts.
func spareMemory(hosts int) {
	if hosts >= manyHosts && os.Getenv("GOGC") == "" {
		debug.SetGCPercent(10)
	}
}

// connect begins a run on the cluster's hosts that are not left out.
func (g *globals) connect(ctx context.Context, c *plans.Cluster, out plans.LeftOut, progress func(report.Event)) *coordinator.Run {
	g.begin()
	spareMemory(len(c.Hosts) - len(out.Hosts))
	cut, _ := ctx.Value(cutKey{}).(<-chan struct{})
	return coordinator.Open(ctx, coordinator.Options{
		Cluster:  c,
		Dialer:   g.dialer(ctx),
		Build:    build.Version(),
		Holder:   holder(),
		Report:   progress,
		LockWait: g.run.lockTimeout, GuardTime: g.guard,
		Cut: cut, LeftOut: out, Watch: g.command == "drift", AskLinks: slices.Contains([]string{"plan", "apply", "drift"}, g.command),
		Parallel: g.run.parallel, Share: g.share, SkipUnreachable: g.run.unreachable.skip, MaxFail: g.run.maxFail.MaxFail,
	})
}

// dialer is one for a whole run, of all clusters: it asks once for a password, and spares
// jump hosts.
func (g *globals) dialer(ctx context.Context) *coordinator.SSHDialer {
	if g.ssh != nil {
		return g.ssh
	}
	h := g.human()
	o := sshconn.Options{
		Resolver:          sshconn.Resolver{File: g.sshConfig},
		AcceptNewHostKeys: g.acceptNewKeys,
		Wait:              g.run.wait,
		Passphrase: func(_ context.Context, file string) (string, error) {
			return g.secret(ctx, "passphrase of "+file)
		},
		Notice: func(text string) {
			if !g.quiet {
				g.notice(h, text)
			}
		},
	}
	if g.askPass {
		o.Password, o.Answer = g.loginPassword(ctx), g.answer
	}
	g.ssh = coordinator.NewSSHDialer(o, g.becomePassword(ctx), g.log())
	return g.ssh
}

// vantage is where a probe asks from: what the person said, else the lab's
// client when the ssh_config is a lab's.
func (g *globals) vantage(from string) string {
	if from != "" || g.sshConfig == "" {
		return from
	}
	if client, ok := lab.ClientFromSSHConfig(g.sshConfig); ok {
		return client
	}
	return ""
}

// holder says who runs this, for those who find a host locked.
func holder() string {
	machine, err := os.Hostname()
	if err != nil {
		machine = "unknown"
	}
	return fmt.Sprintf("%s@%s, process %d, since %s", userName(), machine, os.Getpid(), time.Now().UTC().Format(time.RFC3339))
}

func userName() string {
	u, err := user.Current()
	if err != nil {
		return "unknown"
	}
	return u.Username
}

// codeOf gives the exit code that an error calls for.
func codeOf(err error) report.Code {
	var rolledBack *coordinator.RolledBackError
	var many *coordinator.TooManyFailed
	switch {
	case err == nil, errors.Is(err, errNotAll):
		return report.Done
	case errors.Is(err, errInterrupted), errors.Is(err, context.Canceled):
		return report.Interrupted
	case errors.As(err, &many):
		return report.Partial
	case errors.As(err, &rolledBack):
		return report.RolledBack
	case coordinator.IsStale(err):
		return report.Stale
	case coordinator.IsLocked(err):
		return report.Locked
	case noWayIn(err):
		return report.Unreachable
	}
	return report.Failed
}

// noWayIn reports whether no session with a host came about, or it was lost.
func noWayIn(err error) bool {
	var (
		unreachable *sshconn.UnreachableError
		lost        *sshconn.LostError
		auth        *sshconn.AuthError
		key         *sshconn.HostKeyError
	)
	return errors.As(err, &unreachable) || errors.As(err, &lost) || errors.As(err, &auth) || errors.As(err, &key)
}

// codesOf gives the exit codes of hosts that failed during a run. began says
// that hosts were being changed, so that a failure is a partial one.
func codesOf(failures []*report.HostError, began bool) []report.Code {
	var codes []report.Code
	for _, f := range failures {
		code := codeOf(f)
		if began && (code == report.Failed || code == report.Stale) {
			code = report.Partial // other hosts may have been changed already
		}
		codes = append(codes, code)
	}
	return codes
}
