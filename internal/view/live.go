package view

import (
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/plans"
)

// Live shows a run on a terminal while it goes on: an area of lines at the bottom
// that is drawn anew, a line a host, with its stage and the time. When a stage is
// over the area goes, and what came of it stays. Whatever else is printed meanwhile
// must go through Write.
//
// It changes no mode of the terminal and leaves the cursor alone, so that there is
// nothing to restore. A nil Live shows nothing. It may be used from several
// goroutines.
type Live struct {
	out    io.Writer // the terminal
	human  *Human    // prints what stays; its Err is not used
	redact func(string) string
	size   func() (columns, lines int)
	now    func() time.Time

	mu     sync.Mutex
	sum    string       // what is known beside the run, a line; empty: nothing
	stage  report.Event // that is going on; Stage is empty between stages
	begun  time.Time
	hosts  map[string]*liveHost
	done   []report.Event
	drawn  []string // the lines of the area that are on the screen now
	paused int
	stop   chan struct{} // nil: nobody draws
	ended  sync.WaitGroup
}

// liveHost is what is known of a host.
type liveHost struct {
	name  string
	stage string
	state hostState
	begun time.Time
	took  time.Duration
	note  string
}

type hostState int

const (
	stateFailed hostState = iota
	stateWorks
	stateWaits
	stateDone
)

// redraw is how often the area is drawn. What is over sooner is never seen, and so
// does not flicker.
const redraw = 100 * time.Millisecond

// NewLive shows runs on a terminal. human says how; redact takes out of a text what
// must not be shown; size gives the terminal's size now.
func NewLive(out io.Writer, human *Human, redact func(string) string, size func() (columns, lines int)) *Live {
	return &Live{out: out, human: human, redact: redact, size: size, now: time.Now, hosts: map[string]*liveHost{}}
}

// Event takes an event of a run.
func (l *Live) Event(e report.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if e.At.IsZero() {
		e.At = l.now()
	}
	switch e.Type {
	case report.StageBegun:
		l.begin(e)
	case report.StageDone:
		l.finish()
	case report.HostBegun:
		*l.host(e.Host) = liveHost{name: e.Host, stage: e.Stage, state: stateWorks, begun: e.At}
	case report.HostProgress, report.HostWaits:
		l.host(e.Host).note = Clean(l.redact(e.Note))
	case report.HostDone:
		l.hostDone(e)
	case report.RunEnding:
		l.erase()
		l.say(func(h *Human) { h.Event(e) })
	}
}

func (l *Live) host(name string) *liveHost {
	if l.hosts[name] == nil {
		l.hosts[name] = &liveHost{name: name, begun: l.now()}
	}
	return l.hosts[name]
}

// begin starts a stage. Hosts that failed before stay in sight.
func (l *Live) begin(e report.Event) {
	l.finish()
	failed := l.hosts
	l.hosts = map[string]*liveHost{}
	for name, h := range failed {
		if h.state == stateFailed && e.Stage != plans.StageConnect {
			l.hosts[name] = h
		}
	}
	for _, name := range e.Hosts {
		l.hosts[name] = &liveHost{name: name, stage: e.Stage, state: stateWaits, begun: e.At}
	}
	l.stage, l.begun, l.done = e, e.At, nil
	if l.stop == nil {
		l.stop = make(chan struct{})
		l.ended.Add(1)
		go l.animate(l.stop)
	}
}

func (l *Live) hostDone(e report.Event) {
	l.done = append(l.done, e)
	h := l.host(e.Host)
	h.stage, h.took, h.note, h.state = e.Stage, e.Took, Plural(e.Changes(), "change"), stateDone
	if e.Quiet || e.Stage == plans.StageConnect {
		h.note = ""
	}
	if e.Err != nil {
		h.state, h.note = stateFailed, "failed: "+notConnected.ReplaceAllString(l.redact(cause(e.Err)), "")
	}
}

// notConnected matches what a line of the area need not say: there is little room, and
// the host's name and the stage stand before it.
var notConnected = regexp.MustCompile(`^cannot connect to [^ ]+ \([^)]*\): `)

// finish ends a stage: the area goes, and what came of the stage stays.
func (l *Live) finish() {
	l.erase()
	stage, done := l.stage, l.done
	l.stage, l.done = report.Event{}, nil
	if stage.Stage == "" || stage.Quiet {
		return
	}
	slices.SortStableFunc(done, func(a, b report.Event) int {
		return slices.Index(stage.Hosts, a.Host) - slices.Index(stage.Hosts, b.Host)
	})
	l.say(func(h *Human) { h.stageOutcome(stage, done) })
}

// say prints what stays.
func (l *Live) say(print func(*Human)) {
	var text strings.Builder
	inner := *l.human
	inner.Err = &text
	inner.ErrColumns = func() int { columns, _ := l.size(); return columns }
	print(&inner)
	_, _ = io.WriteString(l.out, l.redact(text.String()))
}

// Clusters says how many clusters of a plan are done; the events are of the first one
// that is not.
func (l *Live) Clusters(done, all int) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sum = fmt.Sprintf("%d of %s done", done, Plural(all, "cluster"))
}

// Write prints something to w, which may be the same terminal: the area makes room
// for it.
func (l *Live) Write(w io.Writer, text string) error {
	if l != nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.erase()
	}
	_, err := io.WriteString(w, text)
	return err
}

// Pause clears the area and draws none until resume is called: somebody is asked
// something.
func (l *Live) Pause() (resume func()) {
	if l == nil {
		return func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.erase()
	l.paused++
	return func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.paused--
	}
}

// Close ends what is going on, and clears the area. What is printed later stands
// below what stays.
func (l *Live) Close() {
	if l == nil {
		return
	}
	l.mu.Lock()
	l.finish()
	stop := l.stop
	l.stop = nil
	l.mu.Unlock()
	if stop != nil {
		close(stop)
		l.ended.Wait()
	}
}

func (l *Live) animate(stop chan struct{}) {
	defer l.ended.Done()
	tick := time.NewTicker(redraw)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			l.mu.Lock()
			l.draw()
			l.mu.Unlock()
		}
	}
}

// erase takes the area off the screen. The cursor is in the line below it.
func (l *Live) erase() {
	if len(l.drawn) > 0 {
		columns, _ := l.size()
		fmt.Fprintf(l.out, "\r\x1b[%dA\x1b[J", l.rows(columns))
		l.drawn = nil
	}
}

// rows is how many lines of the terminal the area takes: where it has become narrower
// since, it has broken what was longer, as nearly all terminals do.
func (l *Live) rows(columns int) int {
	n := 0
	columns = max(columns, 1)
	for _, line := range l.drawn {
		n += max(1, (cells(sgr.ReplaceAllString(line, ""))+columns-1)/columns)
	}
	return n
}

// draw draws the area over the one before, in one write and without clearing what is
// the same, so that nothing flickers.
func (l *Live) draw() {
	if l.stage.Stage == "" || l.paused > 0 {
		return
	}
	columns, lines := l.size()
	area := l.area(columns, lines)
	var out strings.Builder
	before := 0
	if len(l.drawn) > 0 {
		before = l.rows(columns)
		fmt.Fprintf(&out, "\r\x1b[%dA", before)
	}
	for _, line := range area {
		out.WriteString(line + "\x1b[K\n")
	}
	if before > len(area) {
		out.WriteString("\x1b[J")
	}
	l.drawn = area
	_, _ = io.WriteString(l.out, out.String())
}
