// Package schedule has a drift check run by itself: as a systemd timer, or from
// cron where there is no systemd. Two runs of one check never overlap.
package schedule

import (
	"errors"
	"fmt"
	"hash/fnv"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Job is a command that is run now and then.
type Job struct {
	Name  string        // "web": part of the files' names
	Every time.Duration // one of Intervals
	User  string        // whose SSH keys are used
	Args  []string      // the command and its arguments, its path absolute
}

// Intervals are the times between two runs that both cron and systemd keep to the
// clock: parts of an hour, parts of a day, a day.
func Intervals() []time.Duration {
	all := []time.Duration{}
	for _, minutes := range []time.Duration{5, 10, 15, 20, 30} {
		all = append(all, minutes*time.Minute)
	}
	for _, hours := range []time.Duration{1, 2, 3, 4, 6, 8, 12, 24} {
		all = append(all, hours*time.Hour)
	}
	return all
}

// safeName is a name that stands in a unit name and a shell word. cron reads no file
// with a dot in its name.
var safeName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}$`)

// safeUser is what useradd(8) accepts.
var safeUser = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}\$?$`)

// check says what is wrong with the job.
func (j Job) check() error {
	switch {
	case !safeName.MatchString(j.Name):
		return fmt.Errorf("cannot name a job %q: letters, digits, - and _ make a name", j.Name)
	case !safeUser.MatchString(j.User):
		return fmt.Errorf("cannot run a job as %q: that is no user name", j.User)
	case !slices.Contains(Intervals(), j.Every):
		var all []string
		for _, i := range Intervals() {
			all = append(all, short(i))
		}
		return fmt.Errorf("cannot run a job every %s: the clock takes %s", j.Every, strings.Join(all, ", "))
	case len(j.Args) == 0 || !filepath.IsAbs(j.Args[0]):
		return errors.New("cannot run a job without an absolute path")
	}
	for _, a := range j.Args {
		if strings.ContainsAny(a, "\n\r\x00") {
			return fmt.Errorf("cannot put %q on one line", a)
		}
	}
	return nil
}

// short is a duration without the zeros that time.Duration prints.
func short(d time.Duration) string {
	if d < time.Hour {
		return fmt.Sprintf("%dm", int(d.Minutes()))
	}
	return fmt.Sprintf("%dh", int(d.Hours()))
}

// minute is when in an hour the job runs: the same for one name, and not the same
// for all, so that many machines do not all ask at once.
func (j Job) minute() int {
	h := fnv.New32a()
	_, _ = h.Write([]byte(j.Name))
	return int(h.Sum32() % 60)
}

// night is the hour of a daily job.
const night = 3

// When is how a person says when the job runs.
func (j Job) When() string {
	if j.Every == 24*time.Hour {
		return fmt.Sprintf("every night at %02d:%02d", night, j.minute())
	}
	return fmt.Sprintf("every %s", short(j.Every))
}

// unit is the name of the job's systemd units, without their suffix.
func (j Job) unit() string { return "lvsup-drift-" + j.Name }

// Service is the systemd unit that runs the job once (systemd.service(5)). A unit
// that runs is not started again: runs do not overlap.
func (j Job) Service() string {
	var command []string
	for _, a := range j.Args {
		command = append(command, unitWord(a))
	}
	return fmt.Sprintf(`# Made by lvsup schedule install; lvsup schedule remove takes it away.
[Unit]
Description=lvsup: drift of %s
Wants=network-online.target
After=network-online.target

[Service]
Type=oneshot
User=%s
ExecStart=%s
`, j.Name, j.User, strings.Join(command, " "))
}

// Timer is the unit that says when (systemd.timer(5)). What was missed while the
// machine was off is made up for.
func (j Job) Timer() string {
	return fmt.Sprintf(`# Made by lvsup schedule install; lvsup schedule remove takes it away.
[Unit]
Description=lvsup: drift of %s, every %s

[Timer]
OnCalendar=%s
Persistent=true

[Install]
WantedBy=timers.target
`, j.Name, short(j.Every), j.calendar())
}

// calendar is systemd.time(7)'s way to say when.
func (j Job) calendar() string {
	switch {
	case j.Every < time.Hour:
		every := int(j.Every.Minutes())
		return fmt.Sprintf("*:%d/%d", j.minute()%every, every)
	case j.Every == 24*time.Hour:
		return fmt.Sprintf("*-*-* %02d:%02d:00", night, j.minute())
	default:
		return fmt.Sprintf("0/%d:%02d", int(j.Every.Hours()), j.minute())
	}
}

// unitWord quotes an argument as systemd.syntax(7) wants it; % and $ mean
// something in ExecStart.
func unitWord(word string) string {
	word = strings.NewReplacer(`%`, `%%`, `$`, `$$`, `\`, `\\`, `"`, `\"`).Replace(word)
	if word == "" || strings.ContainsAny(word, " \t'\"\\;") {
		return `"` + word + `"`
	}
	return word
}

// Crontab is a file for /etc/cron.d (crontab(5)). flock(1), which locks that very
// file, has a run that begins while another goes on end at once, in silence.
func (j Job) Crontab() string {
	words := []string{"flock", "-n", "-E", "0", j.cronFile()}
	for _, a := range j.Args {
		words = append(words, cronWord(a))
	}
	return fmt.Sprintf(`# Made by lvsup schedule install; lvsup schedule remove takes it away.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
%s %s %s
`, j.cronTime(), j.User, strings.Join(words, " "))
}

func (j Job) cronTime() string {
	switch {
	case j.Every < time.Hour:
		every := int(j.Every.Minutes())
		return fmt.Sprintf("%d-59/%d * * * *", j.minute()%every, every)
	case j.Every == 24*time.Hour:
		return fmt.Sprintf("%d %d * * *", j.minute(), night)
	default:
		return fmt.Sprintf("%d */%d * * *", j.minute(), int(j.Every.Hours()))
	}
}

var plainWord = regexp.MustCompile(`^[A-Za-z0-9_@%+=:,./-]+$`)

// cronWord quotes an argument for the shell; a % ends the command in a crontab.
func cronWord(word string) string {
	if !plainWord.MatchString(word) {
		word = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
	}
	return strings.ReplaceAll(word, "%", `\%`)
}
