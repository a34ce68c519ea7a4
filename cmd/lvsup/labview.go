package main

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"golang.org/x/term"

	"github.com/lvsup/lvsup/internal/lab"
	"github.com/lvsup/lvsup/internal/view"
)

// labView shows the progress of lab commands: on a terminal a line that is
// redrawn while steps run, elsewhere a line for each step that has ended.
type labView struct {
	out      io.Writer
	terminal bool
	stream   *view.Stream // instead of text; nil: none

	mu      sync.Mutex
	running []runningStep
	stop    chan struct{}
	stopped sync.WaitGroup
}

type runningStep struct {
	name  string
	begin time.Time
}

func newLabView(out io.Writer) *labView {
	v := &labView{out: out, stop: make(chan struct{})}
	if file, ok := out.(*os.File); ok && term.IsTerminal(int(file.Fd())) {
		v.terminal = true
		v.stopped.Add(1)
		go v.animate()
	}
	return v
}

// labView shows the progress of a command, in the way that was asked for.
func (g *globals) labView(out io.Writer) *labView {
	g.begin()
	if g.json {
		return &labView{out: io.Discard, stream: g.events()}
	}
	return newLabView(out)
}

// labEnds is the end of a command that has only to be done.
func (g *globals) labEnds(err error) error {
	if err != nil || !g.json {
		return err
	}
	return g.result(&view.Document{})
}

// labResult tells programs of labs.
func (g *globals) labResult(already bool, labs ...*lab.State) error {
	doc := &view.Document{Labs: []view.Lab{}}
	for _, l := range labs {
		one := view.Lab{Name: l.Name, Stack: string(l.Stack), SSHConfig: l.SSHConfig(), Already: already, Guests: []view.LabGuest{}}
		off := l.Dead()
		for _, guest := range l.Topology.Guests {
			one.Guests = append(one.Guests, view.LabGuest{
				Host: guest.Name, On: !slices.Contains(off, guest.Name), Login: guest.Login.String(), Interfaces: nicsOf(guest),
			})
		}
		doc.Labs = append(doc.Labs, one)
	}
	return g.result(doc)
}

// nicsOf gives NAME:BRIDGE of each card.
func nicsOf(guest lab.Guest) []string {
	nics := []string{}
	for _, n := range guest.NICs {
		nics = append(nics, n.Name+":"+n.Bridge)
	}
	return nics
}

// close wipes the line that is redrawn. The view may be asked to print after.
func (v *labView) close() {
	if v.terminal {
		close(v.stop)
		v.stopped.Wait()
		v.terminal = false
	}
}

// event is an Events callback.
func (v *labView) event(e lab.Event) {
	if v.stream != nil {
		v.stream.Step(e.Step, e.Done, e.Err, e.Elapsed)
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if !e.Done {
		v.running = append(v.running, runningStep{e.Step, time.Now()})
		return
	}
	for i, r := range v.running {
		if r.name == e.Step {
			v.running = append(v.running[:i], v.running[i+1:]...)
			break
		}
	}
	mark := ""
	if e.Err != nil {
		mark = "  failed"
	}
	v.wipe()
	fmt.Fprintf(v.out, "%7.1fs  %s%s\n", e.Elapsed.Seconds(), e.Step, mark)
}

// wipe clears the line that is redrawn.
func (v *labView) wipe() {
	if v.terminal {
		fmt.Fprint(v.out, "\r\x1b[K")
	}
}

func (v *labView) animate() {
	defer v.stopped.Done()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case <-v.stop:
			v.mu.Lock()
			v.wipe()
			v.mu.Unlock()
			return
		case <-tick.C:
			v.mu.Lock()
			v.draw()
			v.mu.Unlock()
		}
	}
}

// draw shows the oldest running step with its time, and how many more run.
func (v *labView) draw() {
	if len(v.running) == 0 {
		return
	}
	line := fmt.Sprintf("%7.1fs  %s ...", time.Since(v.running[0].begin).Seconds(), v.running[0].name)
	if more := len(v.running) - 1; more > 0 {
		line += fmt.Sprintf(" (and %d more)", more)
	}
	v.wipe()
	fmt.Fprint(v.out, line)
}

// up says that a lab is up and how to get at it.
func (v *labView) up(s *lab.State, already bool, took time.Duration) {
	if already {
		fmt.Fprintf(v.out, "lab %s is up already\n", s.Name)
	} else {
		fmt.Fprintf(v.out, "lab %s is up: %d hosts and %s, in %.1fs\n", s.Name, len(s.Topology.Guests)-1, s.Topology.Client, took.Seconds())
	}
	fmt.Fprintf(v.out, "ssh_config: %s\n", s.SSHConfig())
}

// printLabs shows labs as a table, a line for each guest.
func printLabs(out io.Writer, labs []*lab.State) error {
	if len(labs) == 0 {
		_, err := fmt.Fprintln(out, "no lab is up")
		return err
	}
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "LAB\tHOST\tPOWER\tSSH\tINTERFACES")
	for _, l := range labs {
		name := l.Name
		if l.Stack != lab.Ifupdown {
			name += " (" + string(l.Stack) + ")"
		}
		off := map[string]bool{}
		for _, guest := range l.Dead() {
			off[guest] = true
		}
		for _, g := range l.Topology.Guests {
			power := "on"
			if off[g.Name] {
				power = "off"
			}
			fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", name, g.Name, power, g.Login, strings.Join(nicsOf(g), " "))
		}
	}
	return table.Flush()
}
