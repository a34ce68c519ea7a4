package schedule

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// Runner is what runs jobs.
type Runner string

// The runners.
const (
	Systemd Runner = "systemd"
	Cron    Runner = "cron"
)

// Where the runners' files are.
const (
	unitDir = "/etc/systemd/system"
	cronDir = "/etc/cron.d"
	prefix  = "lvsup-drift-"
)

// Found is the runner of this machine: systemd if it is the init (sd_booted(3)).
func Found() Runner {
	if _, err := os.Stat("/run/systemd/system"); err == nil {
		return Systemd
	}
	return Cron
}

// hasCron reports whether there is a program that reads cronDir: Debian's cron, or
// cronie's crond.
func hasCron() bool {
	return slices.ContainsFunc([]string{"cron", "crond"}, func(name string) bool {
		for _, dir := range append(filepath.SplitList(os.Getenv("PATH")), "/usr/sbin", "/sbin") {
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() {
				return true
			}
		}
		return false
	})
}

func (j Job) cronFile() string { return filepath.Join(cronDir, j.unit()) }

func (j Job) unitFiles() (service, timer string) {
	base := filepath.Join(unitDir, j.unit())
	return base + ".service", base + ".timer"
}

// Install makes or replaces a job, and gives the files that it wrote. A job of
// that name under the other runner goes.
func Install(ctx context.Context, j Job, r Runner) ([]string, error) {
	if err := j.check(); err != nil {
		return nil, err
	}
	service, timer := j.unitFiles()
	switch r {
	case Cron:
		if _, err := exec.LookPath("flock"); err != nil {
			return nil, errors.New("cannot keep two runs apart: flock is missing (util-linux)")
		}
		if !hasCron() {
			return nil, errors.New("cannot have cron run it: there is no cron on this machine; install one (cron, on Red Hat cronie)")
		}
		if err := write(j.cronFile(), j.Crontab()); err != nil {
			return nil, err
		}
		_, err := removeUnits(ctx, j)
		return []string{j.cronFile()}, err
	case Systemd:
		if Found() != Systemd {
			return nil, errors.New("cannot have systemd run it: it does not run here; cron does it with --with cron")
		}
		_, before := os.Lstat(timer)
		err := errors.Join(write(service, j.Service()), write(timer, j.Timer()))
		if err == nil {
			err = errors.Join(systemctl(ctx, "daemon-reload"), systemctl(ctx, "enable", "--now", j.unit()+".timer"))
		}
		if err != nil && before != nil { // there was none: half of one is worse
			_, undo := removeUnits(ctx, j)
			return nil, errors.Join(err, undo)
		}
		if err != nil {
			return nil, err
		}
		_, err = remove(j.cronFile())
		return []string{service, timer}, err
	}
	return nil, fmt.Errorf("cannot run a job with %q: there are %s and %s", string(r), Systemd, Cron)
}

// Remove takes a job away, and gives the files that are gone: none if there was
// no such job.
func Remove(ctx context.Context, name string) ([]string, error) {
	j := Job{Name: name}
	if !safeName.MatchString(name) {
		return nil, fmt.Errorf("cannot remove a job %q: no job has such a name", name)
	}
	gone, err := removeUnits(ctx, j)
	more, cronErr := remove(j.cronFile())
	return append(gone, more...), errors.Join(err, cronErr)
}

func removeUnits(ctx context.Context, j Job) ([]string, error) {
	service, timer := j.unitFiles()
	_, missing := os.Lstat(timer)
	running := Found() == Systemd
	var stopped error
	if missing == nil && running {
		stopped = systemctl(ctx, "disable", "--now", j.unit()+".timer")
	}
	// The link by which systemd enabled it goes without systemd, too.
	gone, err := remove(timer, service)
	_, linkErr := remove(filepath.Join(unitDir, "timers.target.wants", j.unit()+".timer"))
	if err = errors.Join(stopped, err, linkErr); len(gone) > 0 && running {
		err = errors.Join(err, systemctl(ctx, "daemon-reload"))
	}
	return gone, err
}

// Installed is a job that is there.
type Installed struct {
	Name   string `json:"name"`
	Runner Runner `json:"runner"`
	File   string `json:"file"` // the one that says when
	When   string `json:"when"` // as the runner writes it
	State  string `json:"state,omitempty"`
}

// List gives the jobs of this machine, by name.
func List(ctx context.Context) ([]Installed, error) {
	var all []Installed
	timers, _ := filepath.Glob(filepath.Join(unitDir, prefix+"*.timer"))
	crons, _ := filepath.Glob(filepath.Join(cronDir, prefix+"*"))
	for _, file := range append(timers, crons...) {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, fmt.Errorf("cannot read a job: %w", err)
		}
		one := Installed{Name: strings.TrimPrefix(strings.TrimSuffix(filepath.Base(file), ".timer"), prefix), Runner: Cron, File: file}
		if strings.HasSuffix(file, ".timer") {
			one.Runner = Systemd
			one.State = lastResult(ctx, one.Name)
		}
		for _, line := range strings.Split(string(text), "\n") {
			if calendar, ok := strings.CutPrefix(line, "OnCalendar="); ok {
				one.When = calendar
			}
			if fields := strings.Fields(line); one.Runner == Cron && len(fields) > 6 && fields[0] != "#" {
				one.When = strings.Join(fields[:5], " ")
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b Installed) int { return strings.Compare(a.Name, b.Name) })
	return all, nil
}

// lastResult is what systemd says of the last run.
func lastResult(ctx context.Context, name string) string {
	out, err := exec.CommandContext(ctx, "systemctl", "show", prefix+name+".service", "--property=ExecMainStatus,ExecMainExitTimestamp").Output()
	if err != nil {
		return ""
	}
	values := map[string]string{}
	for _, line := range strings.Split(string(out), "\n") {
		key, value, _ := strings.Cut(line, "=")
		values[key] = value
	}
	if values["ExecMainExitTimestamp"] == "" {
		return "has not run yet"
	}
	return fmt.Sprintf("ended with %s on %s", values["ExecMainStatus"], values["ExecMainExitTimestamp"])
}

func write(path, text string) error {
	if err := renameio.WriteFile(path, []byte(text), 0o644); err != nil {
		return fmt.Errorf("cannot write the job: %w", err)
	}
	return nil
}

// remove gives those files that were there.
func remove(paths ...string) ([]string, error) {
	var gone []string
	for _, path := range paths {
		err := os.Remove(path)
		switch {
		case err == nil:
			gone = append(gone, path)
		case !errors.Is(err, fs.ErrNotExist):
			return gone, fmt.Errorf("cannot remove the job: %w", err)
		}
	}
	return gone, nil
}

func systemctl(ctx context.Context, args ...string) error {
	out, err := exec.CommandContext(ctx, "systemctl", args...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("cannot run systemctl %s: %w: %s", strings.Join(args, " "), err, strings.TrimSpace(string(out)))
	}
	return nil
}
