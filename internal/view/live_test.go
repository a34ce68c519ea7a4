package view

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/term"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// screen is as much of a terminal as the live area needs (ECMA-48: CUU, EL, ED,
// SGR). It keeps all lines, and fails on one of the area that would wrap.
type screen struct {
	t       *testing.T
	columns int
	lines   []string
	row     int
}

func (s *screen) Write(p []byte) (int, error) {
	text := sgr.ReplaceAllString(string(p), "")
	for text != "" {
		var n int
		switch {
		case strings.HasPrefix(text, "\r"):
			text = text[1:]
		case strings.HasPrefix(text, "\n"):
			s.row++
			text = text[1:]
		case strings.HasPrefix(text, "\x1b[K"):
			text = text[3:]
		case strings.HasPrefix(text, "\x1b[J"):
			s.lines = s.lines[:min(s.row, len(s.lines))]
			text = text[3:]
		case strings.HasPrefix(text, "\x1b["):
			if _, err := fmt.Sscanf(text, "\x1b[%dA", &n); err != nil || n > s.row {
				s.t.Fatalf("the cursor goes up %d lines from line %d: %q", n, s.row, text)
			}
			s.row -= n
			text = text[strings.IndexByte(text, 'A')+1:]
		default:
			end := strings.IndexAny(text, "\r\n\x1b")
			if end < 0 {
				s.t.Fatalf("a line does not end: %q", text)
			}
			if width := cells(text[:end]); width >= s.columns && strings.HasPrefix(text[end:], "\x1b[K") {
				s.t.Errorf("a line of %d columns wraps: %q", width, text[:end])
			}
			for len(s.lines) <= s.row {
				s.lines = append(s.lines, "")
			}
			s.lines[s.row] = text[:end]
			text = text[end:]
		}
	}
	return len(p), nil
}

// resize makes the terminal narrower: it breaks the lines that are longer.
func (s *screen) resize(columns int) {
	var broken []string
	row := 0
	for i, line := range s.lines {
		if i == s.row {
			row = len(broken)
		}
		for cells(line) > columns {
			broken = append(broken, line[:columns])
			line = line[columns:]
		}
		broken = append(broken, line)
	}
	if s.row >= len(s.lines) {
		row = len(broken) + s.row - len(s.lines)
	}
	s.lines, s.row, s.columns = broken, row, columns
}

func (s *screen) String() string { return strings.Join(s.lines, "\n") + "\n" }

// liveOn makes a Live on a screen, whose clock goes by hand and which is drawn by
// hand.
func liveOn(t *testing.T, columns, lines int) (*Live, *screen, func(time.Duration)) {
	s := &screen{t: t, columns: columns}
	l := NewLive(s, &Human{Color: true}, strings.NewReplacer("hunter2", plans.Concealed).Replace, func() (int, int) { return columns, lines })
	at := time.Unix(0, 0)
	l.now = func() time.Time { return at }
	l.stop = make(chan struct{}) // nobody else draws
	return l, s, func(d time.Duration) { at = at.Add(d) }
}

// half is a stage of n hosts that has come half-way.
func half(tell func(report.Event), n int, sleep func(time.Duration)) {
	var hosts []string
	for i := range n {
		hosts = append(hosts, fmt.Sprintf("node%0*d", len(fmt.Sprint(n)), i+1))
	}
	tell(report.Event{Type: report.StageBegun, Stage: "address", Hosts: hosts})
	for i, host := range hosts {
		if i < (2*n+2)/3 {
			tell(report.Event{Type: report.HostBegun, Stage: "address", Host: host})
			sleep(10 * time.Millisecond)
		}
	}
	done := []wire.KindChanges{{Kind: "address", Changes: make([]step.Change, 4)}}
	for i, host := range hosts[:n/3] {
		tell(report.Event{Type: report.HostDone, Stage: "address", Host: host, Done: done, Took: time.Duration(270+i) * time.Millisecond})
	}
	tell(report.Event{Type: report.HostDone, Stage: "address", Host: hosts[n/3], Err: errors.New("cannot write hunter2: no space left on the device that the host keeps its files on"), Took: 2 * time.Second})
	if n > 3 {
		tell(report.Event{Type: report.HostProgress, Stage: "address", Host: hosts[n/3+1], Note: "等一下, installing apache2 \x1b[31mand all that it needs, which takes its time on an old machine"})
	}
	sleep(61 * time.Second)
}

func TestLiveReadsWell(t *testing.T) {
	for _, size := range []struct{ columns, lines, hosts int }{{80, 24, 3}, {200, 50, 3}, {80, 24, 100}, {200, 50, 100}} {
		l, s, pass := liveOn(t, size.columns, size.lines)
		if err := l.Write(s, "$ lvsup apply\n"); err != nil {
			t.Fatal(err)
		}
		half(l.Event, size.hosts, pass)
		l.draw()
		if len(s.lines)-1 >= size.lines {
			t.Errorf("the area has %d lines", len(s.lines)-1)
		}
		golden(t, fmt.Sprintf("live-%d-%d.txt", size.columns, size.hosts), []byte(s.String()))
		pass(time.Second)
		l.draw()
		if err := l.Write(s, "something else\n"); err != nil {
			t.Fatal(err)
		}
		l.draw()
		l.Event(report.Event{Type: report.StageDone, Stage: "address"})
		l.draw()
		if err := l.Write(s, "the report\n"); err != nil {
			t.Fatal(err)
		}
		golden(t, fmt.Sprintf("live-%d-%d-done.txt", size.columns, size.hosts), []byte(s.String()))
	}
}

// TestLiveLeavesNothing: what is quiet, a pause and a small terminal.
func TestLiveLeavesNothing(t *testing.T) {
	l, s, pass := liveOn(t, 12, 4)
	half(func(e report.Event) { e.Quiet = true; l.Event(e) }, 10, pass)
	l.draw()
	if got := len(s.lines); got == 0 || got > 3 {
		t.Errorf("on 4 lines the area has %d", got)
	}
	resume := l.Pause()
	l.draw()
	if len(s.lines) > 0 {
		t.Errorf("a question is asked into the area:\n%s", s)
	}
	resume()
	l.draw()
	l.Close()
	l.draw()
	if len(s.lines) > 0 || s.row != 0 {
		t.Errorf("something is left in line %d:\n%s", s.row, s)
	}
	var none *Live
	none.Close()
	none.Pause()()
	if err := none.Write(s, "as it is\n"); err != nil || s.String() != "as it is\n" {
		t.Errorf("without a live area: %v, %q", err, s)
	}
}

// TestLiveIsResized: a terminal that becomes narrower breaks the lines of the area.
func TestLiveIsResized(t *testing.T) {
	for _, then := range []string{"draw", "erase"} {
		l, s, pass := liveOn(t, 120, 24)
		l.size = func() (int, int) { return s.columns, 24 }
		if err := l.Write(s, "$ lvsup apply\n"); err != nil {
			t.Fatal(err)
		}
		half(l.Event, 9, pass)
		l.draw()
		s.resize(50)
		if then == "draw" {
			l.draw()
			golden(t, "live-resized.txt", []byte(s.String()))
		}
		l.Close()
		if len(s.lines) == 0 || s.lines[0] != "$ lvsup apply" || len(s.lines) > 1 && s.lines[1] != "address" {
			t.Errorf("after %s the screen shows\n%s", then, s)
		}
	}
}

// TestLiveSaysWhy: the cause of a failure stands in sight.
func TestLiveSaysWhy(t *testing.T) {
	l, s, _ := liveOn(t, 80, 24)
	l.Event(report.Event{Type: report.StageBegun, Stage: plans.StageConnect, Hosts: []string{"node0003", "node0004"}})
	l.Event(report.Event{Type: report.HostDone, Stage: plans.StageConnect, Host: "node0003", Err: errors.New("cannot connect to node0003 (root@node0003:22): dial tcp 10.0.0.3:22: connect: connection refused; check that the host is up")})
	l.draw()
	if want := "    node0003  connect     0.0s  failed: dial tcp 10.0.0.3:22: connect: conne..."; s.lines[1] != want {
		t.Errorf("got  %q\nwant %q", s.lines[1], want)
	}
}

func TestCutName(t *testing.T) {
	for _, tc := range []struct {
		in, others string
		columns    int
		want       string
	}{
		{"web1", "web2", 20, "web1"},
		{"a-server-in-rack-1.the-second-data-centre", "a-server-in-rack-2.the-second-data-centre", 20, "...rver-in-rack-1..."},
		{"a-server-in-rack-1.the-second-data-centre", "a-server-in-rack-2.the-second-data-centre", 30, "a-server-in-rack-1.the-seco..."},
		{"the-second-data-centre-rack-1", "the-second-data-centre-rack-2", 20, "...ata-centre-rack-1"},
		{"the-second-data-centre-rack-1", "", 20, "...ata-centre-rack-1"},
	} {
		hosts := []*liveHost{{name: tc.in}}
		if tc.others != "" {
			hosts = append(hosts, &liveHost{name: tc.others})
		}
		got := cutName(tc.in, commonEnd(hosts), tc.columns)
		if got != tc.want || len(got) > tc.columns {
			t.Errorf("%q beside %q in %d columns is %q, want %q", tc.in, tc.others, tc.columns, got, tc.want)
		}
	}
}

func TestCut(t *testing.T) {
	for _, tc := range []struct {
		in      string
		columns int
		want    string
	}{{"abc", 3, "abc"}, {"abcdef", 5, "ab..."}, {"你好你好", 7, "你好..."}, {"abc", 2, ".."}, {"abc", -1, ""}} {
		if got := cut(tc.in, tc.columns); got != tc.want {
			t.Errorf("cut(%q, %d) = %q, want %q", tc.in, tc.columns, got, tc.want)
		}
	}
}

var watch = flag.Int("watch", 0, "let TestALiveRun show a run over so many hosts on stderr, to be looked at")

// TestALiveRun has many hosts talk at once, to a real clock.
func TestALiveRun(t *testing.T) {
	var out bytes.Buffer
	hosts, pace := 50, time.Millisecond
	l := NewLive(&out, &Human{Color: true}, strings.NewReplacer().Replace, func() (int, int) { return 80, 24 })
	if *watch > 0 {
		hosts, pace = *watch, time.Second
		l = NewLive(os.Stderr, &Human{Color: true}, strings.NewReplacer().Replace, func() (int, int) {
			columns, lines, _ := term.GetSize(int(os.Stderr.Fd()))
			return columns, lines
		})
	}
	var names []string
	for i := range hosts {
		names = append(names, fmt.Sprintf("node%03d", i+1))
	}
	for _, stage := range []string{plans.StageConnect, "packages", "address", "httpd"} {
		l.Event(report.Event{Type: report.StageBegun, Stage: stage, Hosts: names})
		var all sync.WaitGroup
		slots := make(chan struct{}, 32)
		for i, name := range names {
			all.Go(func() {
				slots <- struct{}{}
				defer func() { <-slots }()
				begin := time.Now()
				l.Event(report.Event{Type: report.HostBegun, Stage: stage, Host: name})
				time.Sleep(time.Duration(rand.Float64() * float64(pace)))
				l.Event(report.Event{Type: report.HostProgress, Stage: stage, Host: name, Note: "half of it"})
				time.Sleep(time.Duration(rand.Float64() * float64(pace)))
				done := report.Event{Type: report.HostDone, Stage: stage, Host: name, Took: time.Since(begin)}
				if stage == "address" && i%17 == 3 {
					done.Err = errors.New("connection refused")
				}
				l.Event(done)
			})
		}
		all.Wait()
		l.Event(report.Event{Type: report.StageDone, Stage: stage})
	}
	l.Close()
	if *watch == 0 && !strings.HasSuffix(out.String(), "\n") {
		t.Error("the last line does not end")
	}
}

// TestLiveTellsOfTheEnd: what a person did to the run is said at once, and stays.
func TestLiveTellsOfTheEnd(t *testing.T) {
	l, s, pass := liveOn(t, 80, 24)
	half(l.Event, 3, pass)
	l.draw()
	l.Event(report.Event{Type: report.RunEnding, Note: "waiting for node1"})
	l.draw()
	if s.lines[0] != "Ending: waiting for node1" || !strings.HasPrefix(s.lines[1], "  address: ") {
		t.Errorf("the screen shows\n%s", s)
	}
}

// TestLiveTellsLater has what happened to a later cluster told when its turn comes: the
// times are those of what happened, and the area says how many clusters are done.
func TestLiveTellsLater(t *testing.T) {
	for _, lines := range []int{24, 8, 4, 3} {
		l, s, pass := liveOn(t, 80, lines)
		at := l.now()
		pass(20 * time.Second)
		l.Clusters(3, 250)
		hosts := []string{"node1", "node2", "node3", "node4", "node5", "node6", "node7"}
		l.Event(report.Event{Type: report.StageBegun, Stage: "connect", Hosts: hosts, At: at})
		l.Event(report.Event{Type: report.HostBegun, Stage: "connect", Host: "node1", At: at.Add(5 * time.Second)})
		l.draw()
		if len(s.lines)-1 >= lines {
			t.Errorf("of %d lines the area has %d:\n%s", lines, len(s.lines)-1, s)
		}
		if lines > 3 && s.lines[0] != "  3 of 250 clusters done" {
			t.Errorf("the first line is %q", s.lines[0])
		}
		if !strings.Contains(s.String(), "connect: 1 at work, 6 to go  20.0s\n") || lines == 24 && !strings.Contains(s.String(), "node1  connect    15.0s\n") {
			t.Errorf("on %d lines:\n%s", lines, s)
		}
	}
}
