package bench

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lvsup/lvsup/internal/fleet"
)

// Options say what to measure.
type Options struct {
	Dir   string // empty, for the files
	Lvsup string // the path of lvsup
	Quick bool   // a handful of hosts and rounds
	// Only, if it is not nil, is what is measured instead.
	Only []Series
	Log  io.Writer // what is being done
}

// Series is some cases on so many hosts, with so long a way to them.
type Series struct {
	Hosts   int
	Lab     bool          // the cluster of the example dr in the lab, of 3 hosts
	Trip    time.Duration // added to the round trip
	Rounds  int
	Ansible int  // in how many of the rounds it takes part
	First   bool // whether the first apply is among the cases, and one change
	Once    bool // the first apply in the first round alone: fresh hosts take their time
}

// Lab is the whole cluster of the example dr in the lab, in so many rounds.
func Lab(rounds, ansible int) Series {
	return Series{Hosts: 3, Lab: true, Rounds: rounds, Ansible: ansible, First: true}
}

// String says which hosts they are.
func (s Series) String() string {
	if s.Lab {
		return fmt.Sprintf("%d hosts in the lab", s.Hosts)
	}
	return fmt.Sprintf("%d hosts, %v added", s.Hosts, s.Trip)
}

// full and quick are what is measured.
func full() []Series {
	return []Series{
		{Hosts: 1, Rounds: 3, Ansible: 2, First: true},
		{Hosts: 20, Rounds: 4, Ansible: 2, First: true},
		{Hosts: 20, Trip: 30 * time.Millisecond, Rounds: 2, Ansible: 1},
		{Hosts: 20, Trip: 100 * time.Millisecond, Rounds: 2, Ansible: 1},
		{Hosts: 100, Rounds: 2, Ansible: 1},
		Lab(1, 1),
		{Hosts: 1000, Rounds: 2, First: true, Once: true},
	}
}

func quick() []Series {
	return []Series{
		{Hosts: 1, Rounds: 2, Ansible: 1, First: true},
		{Hosts: 5, Rounds: 3, Ansible: 2, First: true},
		{Hosts: 5, Trip: 30 * time.Millisecond, Rounds: 2},
		{Hosts: 20, Rounds: 3},
	}
}

type bench struct {
	options Options
	begin   time.Time
	site    site
	task    task
	start   string // what an agent's start takes
}

// Run measures, in a process that fleet.Enter started, and prints a table in Markdown.
// If a series fails, the others are measured all the same, and the table has what
// there is of it.
func Run(ctx context.Context, o Options, out io.Writer) error {
	f, err := fleet.New(o.Dir)
	if err != nil {
		return err
	}
	hosts := &fleetSite{Fleet: f}
	b := &bench{options: o, begin: time.Now(), site: hosts}
	series := full()
	if o.Quick {
		series = quick()
	}
	if o.Only != nil {
		series = o.Only
	}
	about, err := b.about(ctx)
	if err != nil {
		return err
	}
	var rows []row
	var errs []error
	for _, s := range series {
		if b.site, err = hosts, nil; s.Lab {
			b.site, err = newLabSite(filepath.Join(o.Dir, "lab"), o.Lvsup)
		}
		var more []row
		if err == nil {
			more, err = b.measure(ctx, s)
			rows = append(rows, begun(more)...)
			if err == nil && b.start == "" && !s.Lab {
				b.start, err = b.agentStart(ctx)
			}
			err = errors.Join(err, b.site.down())
		}
		if err != nil {
			b.say("%v: %v", s, err)
			errs = append(errs, fmt.Errorf("%v: %w", s, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	_, err = fmt.Fprintf(out, "%s\n%s\n%s%s\n", about, table(rows), growth(rows), b.start)
	return errors.Join(append(errs, err)...)
}

// say tells how far the run is.
func (b *bench) say(format string, args ...any) {
	fmt.Fprintf(b.options.Log, "%5.0fs  "+format+"\n", append([]any{time.Since(b.begin).Seconds()}, args...)...)
}

// measure does one series: round by round all cases, and in each case all tools, so
// that what slows the machine down slows them all. With an error it gives what was
// measured before.
func (b *bench) measure(ctx context.Context, s Series) ([]row, error) {
	cases := []string{noChange, drift}
	if s.First {
		cases = []string{firstApply, noChange, drift, oneChange}
	}
	rows := make([]row, len(cases))
	for i, name := range cases {
		rows[i] = row{name: name, hosts: s.Hosts, lab: s.Lab, trip: s.Trip, samples: map[string][]sample{}}
	}
	for round := range s.Rounds {
		// The hosts stay as they are from one case to the next, whichever tool
		// made them so: each finds nothing to do where the other was.
		with := []string{lvsup, openSSH, curve25519}
		if round < s.Ansible {
			with = append(with, ansible)
		}
		if round%2 == 1 {
			slices.Reverse(with)
		}
		if round == 0 || s.First && !s.Once {
			if err := b.fresh(ctx, s, round, with, rows); err != nil {
				return rows, err
			}
		}
		for i, name := range cases {
			if name == firstApply {
				continue
			}
			for _, tool := range with {
				if err := b.one(ctx, &rows[i], tool); err != nil {
					return rows, err
				}
			}
		}
	}
	return rows, nil
}

// fresh brings the hosts up anew and has them set up, by lvsup last. Where the first
// apply is measured Ansible has its own hosts before, and both must come to the same.
func (b *bench) fresh(ctx context.Context, s Series, round int, with []string, rows []row) error {
	var before []string
	tools := []string{lvsup}
	if s.First && slices.Contains(with, ansible) {
		tools = []string{ansible, lvsup}
	}
	for _, tool := range tools {
		b.say("%v: bringing them up, round %d of %d", s, round+1, s.Rounds)
		if err := b.up(ctx, s); err != nil {
			return err
		}
		if s.First {
			if tool == lvsup { // before anything else has logged in, as the others find the hosts
				for _, floor := range []string{openSSH, curve25519} {
					if err := b.one(ctx, &rows[0], floor); err != nil {
						return err
					}
				}
			}
			if err := b.one(ctx, &rows[0], tool); err != nil {
				return err
			}
		} else if _, err := b.lvsup(ctx, firstApply); err != nil {
			return err
		}
		state, err := b.state(ctx)
		if err != nil {
			return err
		}
		for i, was := range before {
			if was != state[i] {
				return fmt.Errorf("%s is not the same after Ansible and after lvsup:\n%s\n%s", b.compared()[i], was, state[i])
			}
		}
		if before != nil {
			b.say("after Ansible as after lvsup, all hosts: sha256 %.8x", sha256.Sum256([]byte(strings.Join(state, "\n"))))
		}
		if tool == lvsup && before != nil {
			if _, err := b.ansible(ctx, settling); err != nil {
				return err
			}
		}
		before = state
		if tool == ansible && round == 0 {
			if err := b.adopts(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

// one measures one case with one tool.
func (b *bench) one(ctx context.Context, r *row, tool string) error {
	if r.name == oneChange {
		if tool == openSSH || tool == curve25519 {
			return nil // they change nothing
		}
		hosts := b.site.hosts()
		if _, err := b.site.exec(ctx, hosts[len(hosts)/2], "sysctl", "-w", "net.ipv4.conf.all.arp_ignore=0"); err != nil {
			return err
		}
	}
	s, err := b.measured(func() (sample, error) {
		switch tool {
		case lvsup:
			return b.lvsup(ctx, r.name)
		case ansible:
			return b.ansible(ctx, r.name)
		case curve25519:
			return b.openSSH(ctx, "-o", "KexAlgorithms=curve25519-sha256")
		}
		return b.openSSH(ctx)
	})
	if err != nil {
		return err
	}
	r.samples[tool] = append(r.samples[tool], s)
	b.say("%v: %s: %s %s", Series{Hosts: r.hosts, Lab: r.lab, Trip: r.trip}, r.name, tool, short(s.wall))
	return nil
}

// compared are the hosts that state is of.
func (b *bench) compared() []string {
	if b.task.witness == "" {
		return b.site.hosts()
	}
	return append(b.site.hosts(), b.task.witness)
}

// state is what the tools are to bring about, of each host, and what the witness sees
// of it.
func (b *bench) state(ctx context.Context) ([]string, error) {
	hosts := b.compared()
	said := make([]string, len(hosts))
	var g errgroup.Group
	g.SetLimit(4)
	for i, host := range hosts {
		name := "state.sh"
		if host == b.task.witness {
			name = "witness.sh"
		}
		script, err := b.task.file(name)
		if err != nil {
			return nil, err
		}
		g.Go(func() (err error) {
			said[i], err = b.site.exec(ctx, host, "sh", "-euc", string(script))
			return err
		})
	}
	return said, g.Wait()
}
