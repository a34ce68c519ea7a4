package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/lvsup/lvsup/internal/schedule"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

func newSchedule(g *globals) *cobra.Command {
	cmd := &cobra.Command{Use: "schedule", Short: "Have a drift check run by itself, by systemd or cron"}
	cmd.AddCommand(newScheduleInstall(g), newScheduleShow(g), newScheduleRemove(g))
	return cmd
}

// scheduled is what was asked of lvsup schedule install.
type scheduled struct {
	name, user, with, format, output, ignore string
	every                                    time.Duration
}

func newScheduleInstall(g *globals) *cobra.Command {
	s := &scheduled{}
	cmd := &cobra.Command{
		Use:   "install PLAN",
		Short: "Check for drift now and then, from this machine",
		Long: `Check for drift now and then, from this machine, by a systemd timer or from cron.
Two checks of one plan never overlap. Nobody is there to type: the user's SSH key
must need no passphrase, and the hosts' keys must be in known_hosts.

Under systemd a check that finds drift is a failed unit (systemctl --failed), and
what it said is in the journal; cron mails what it says.`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return g.scheduleInstall(cmd, args[0], s) },
	}
	f := cmd.Flags()
	f.StringVar(&s.name, "name", "", "`name` of the job (default: the cluster's, or the plan file's)")
	f.DurationVar(&s.every, "every", 24*time.Hour, "`time` between two checks: 5m, 10m, 15m, 20m, 30m, 1h, 2h, 3h, 4h, 6h, 8h, 12h or 24h")
	f.StringVar(&s.user, "user", defaultUser(), "`user` that it runs as, whose SSH keys are used")
	f.StringVar(&s.with, "with", string(schedule.Found()), "`systemd` or cron")
	f.StringVar(&s.format, "format", "", "as for lvsup drift")
	f.StringVar(&s.output, "output", "", "as for lvsup drift: a `file`")
	f.StringVar(&s.ignore, "ignore", "", "as for lvsup drift: a `file`")
	g.narrowFlags(cmd)
	return cmd
}

// defaultUser is who typed sudo, or who runs this.
func defaultUser() string {
	if u := os.Getenv("SUDO_USER"); u != "" {
		return u
	}
	return userName()
}

func (g *globals) scheduleInstall(cmd *cobra.Command, plan string, s *scheduled) error {
	all, diags := g.readAll(plan)
	for _, d := range diags {
		if d.Severity == plans.Error {
			return g.mistaken(diags)
		}
	}
	// What would fail every night is said now.
	if s.format != "" && !slices.Contains(driftFormats(), s.format) {
		return wrongFormat(s.format)
	}
	if _, err := g.ignores(s.ignore); err != nil {
		return err
	}
	if err := errors.Join(g.run.check(cmd), g.run.Check(all)); err != nil {
		return err
	}
	if s.name == "" {
		s.name = jobName(plan, g.cluster, all)
	}
	args, err := g.driftCommand(plan, s)
	if err != nil {
		return err
	}
	job, runner := schedule.Job{Name: s.name, Every: s.every, User: s.user, Args: args}, schedule.Runner(s.with)
	files, err := schedule.Install(cmd.Context(), job, runner)
	if err != nil {
		return err
	}
	if g.json {
		return g.result(&view.Document{Files: filesOf(files)})
	}
	h := g.human()
	for _, f := range files {
		h.Say("wrote %s", f)
	}
	h.Say("Drift of %s is looked for %s, as user %s. See it with lvsup schedule show.", s.name, job.When(), s.user)
	if runner == schedule.Cron {
		h.Say("cron mails what it finds to that user, if this machine sends mail.")
	} else {
		h.Say("If there is any, systemctl --failed shows lvsup-drift-%s.", s.name)
	}
	return nil
}

// jobName is the name of the one cluster that is checked, or the plan file's.
func jobName(plan, cluster string, all []*plans.Cluster) string {
	switch {
	case cluster != "":
		return cluster
	case len(all) == 1:
		return all[0].Name
	}
	base := filepath.Base(plan)
	return base[:len(base)-len(filepath.Ext(base))]
}

// driftCommand is what the job runs. It stands in a file that others may read, and
// runs in another folder: values are taken from files only, paths are absolute.
func (g *globals) driftCommand(plan string, s *scheduled) ([]string, error) {
	lvsup, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("cannot tell where lvsup is: %w", err)
	}
	args := []string{lvsup, "drift"}
	add := func(flag, path string) {
		if path == "" || err != nil {
			return
		}
		if path, err = filepath.Abs(path); err == nil {
			args = append(args, flag, path)
		}
	}
	add("-F", g.sshConfig)
	for _, in := range g.inputs {
		if in.File == "" {
			return nil, errors.New("cannot schedule a check with --var: others could read the value; put it in a file and give that with --var-file")
		}
		add("--var-file", in.File)
	}
	if g.cluster != "" {
		args = append(args, "--cluster", g.cluster)
	}
	if s.format != "" {
		args = append(args, "--format", s.format)
	}
	args = append(args, g.run.words()...)
	add("--output", s.output)
	add("--ignore", s.ignore)
	if err == nil {
		plan, err = filepath.Abs(plan)
	}
	if err != nil {
		return nil, fmt.Errorf("cannot tell where the plan is: %w", err)
	}
	return append(args, plan), nil
}

func newScheduleShow(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "show",
		Short: "List the checks that run by themselves on this machine",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			jobs, err := schedule.List(cmd.Context())
			if err != nil {
				return err
			}
			if g.json {
				return g.result(&view.Document{Jobs: jobs})
			}
			h := g.human()
			if len(jobs) == 0 {
				h.Say("No check runs by itself here.")
			}
			for _, j := range jobs {
				line := fmt.Sprintf("%s  %s %s (%s)", j.Name, j.Runner, j.When, j.File)
				if j.State != "" {
					line += "; " + j.State
				}
				h.Say("%s", view.Clean(line))
			}
			return nil
		},
	}
}

func newScheduleRemove(g *globals) *cobra.Command {
	return &cobra.Command{
		Use:   "remove NAME",
		Short: "Have a check run no more",
		Args:  cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			gone, err := schedule.Remove(cmd.Context(), args[0])
			if err == nil && len(gone) == 0 {
				err = fmt.Errorf("there is no job %q; lvsup schedule show lists those that are", args[0])
			}
			if g.json {
				doc := &view.Document{Files: filesOf(gone), Exit: codeOf(err)}
				if err != nil {
					doc.Error = err.Error()
				}
				return g.result(doc)
			}
			h := g.human()
			for _, f := range gone {
				h.Say("removed %s", f)
			}
			return err
		},
	}
}

func filesOf(names []string) []view.File {
	var files []view.File
	for _, name := range names {
		files = append(files, view.File{File: name})
	}
	return files
}
