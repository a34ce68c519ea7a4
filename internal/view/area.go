package view

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"golang.org/x/text/width"

	"github.com/lvsup/lvsup/internal/report"
)

// area gives the lines of the live area for a terminal of that size. None is wider
// than the terminal, and they are fewer than it has lines.
func (l *Live) area(columns, lines int) []string {
	hosts := make([]*liveHost, 0, len(l.hosts))
	names, stages := 0, 0
	for _, h := range l.hosts {
		hosts = append(hosts, h)
		names, stages = max(names, cells(h.name)), max(stages, cells(h.stage))
	}
	slices.SortFunc(hosts, func(a, b *liveHost) int { return report.CompareHosts(a.name, b.name) })
	names = min(names, columns/3)
	same := commonEnd(hosts)
	var out []string
	if l.sum != "" && lines > 3 {
		out = append(out, cut("  "+l.sum, columns-1))
		lines--
	}
	out = append(out, l.human.paint(bold, cut("  "+l.headline(hosts), columns-1)))
	shown, rest := hosts, 0
	if len(hosts) > lines-2 { // the headline and the cursor's line
		shown = worthSeeing(hosts, max(lines/2-2, 0)) // half of what was there before stays in sight
		rest = len(hosts) - len(shown)
	}
	for _, h := range shown {
		out = append(out, l.hostLine(h, same, names, stages, columns))
	}
	if rest > 0 && lines > 3 {
		out = append(out, l.human.paint(dim, cut(fmt.Sprintf("    ... and %s", Plural(rest, "host")), columns-1)))
	}
	return out
}

// headline says how far the stage is.
func (l *Live) headline(hosts []*liveHost) string {
	n := map[hostState]int{}
	for _, h := range hosts {
		n[h.state]++
	}
	text := stageTitle(l.stage)
	var parts []string
	for _, part := range []struct {
		state hostState
		words string
	}{{stateWorks, "at work"}, {stateWaits, "to go"}, {stateDone, "done"}, {stateFailed, "failed"}} {
		if n[part.state] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n[part.state], part.words))
		}
	}
	if len(parts) > 0 {
		text += ": " + strings.Join(parts, ", ")
	}
	return text + "  " + clock(l.now().Sub(l.begun))
}

// worthSeeing picks hosts where not all have room: those that failed, up to half of
// the lines, and those at work, the slowest first.
func worthSeeing(hosts []*liveHost, room int) []*liveHost {
	var failed, working []*liveHost
	for _, h := range hosts {
		switch h.state {
		case stateFailed:
			failed = append(failed, h)
		case stateWorks:
			working = append(working, h)
		}
	}
	// By name, of those whose times look the same: they would stand in no order.
	slices.SortStableFunc(working, func(a, b *liveHost) int { return a.begun.Truncate(redraw).Compare(b.begun.Truncate(redraw)) })
	failed = failed[:min(len(failed), max(room/2, room-len(working)))]
	return append(failed, working[:min(len(working), room-len(failed))]...)
}

// commonEnd is with how many bytes all names end alike.
func commonEnd(hosts []*liveHost) int {
	if len(hosts) < 2 {
		return 0
	}
	n := len(hosts[0].name)
	for _, h := range hosts[1:] {
		n = min(n, len(h.name))
		for i := 1; i <= n; i++ {
			if h.name[len(h.name)-i] != hosts[0].name[len(hosts[0].name)-i] {
				n = i - 1
			}
		}
	}
	return n
}

// cutName shortens a name, of which the last bytes are the same for all, so that what
// is its own stays in sight.
func cutName(name string, same, columns int) string {
	const dots = "..."
	end := len(name) - same
	if len(name) <= columns || columns <= 2*len(dots) || end+len(dots) <= columns {
		return cut(name, columns)
	}
	if same <= len(dots) {
		return dots + name[len(name)-columns+len(dots):]
	}
	return dots + name[end-columns+2*len(dots):end] + dots
}

// hostLine is one host's line. same is with how many bytes all names end alike.
func (l *Live) hostLine(h *liveHost, same, names, stages, columns int) string {
	took, note := h.took, h.note
	s := style("")
	switch h.state {
	case stateFailed:
		s = red
	case stateWorks:
		took = l.now().Sub(h.begun)
	case stateWaits:
		s, note = dim, "waits for its turn"
	case stateDone:
		s = dim
		note = strings.TrimSuffix("done, "+note, ", ")
	}
	elapsed := ""
	if h.state != stateWaits {
		elapsed = clock(took)
	}
	line := cut(fmt.Sprintf("    %s  %s  %7s  %s", pad(cutName(h.name, same, names), names), pad(h.stage, stages), elapsed, note), columns-1)
	line = strings.TrimRight(line, " ")
	if s == "" {
		return line
	}
	return l.human.paint(s, line)
}

// clock writes a time that goes by.
func clock(d time.Duration) string {
	if d < time.Minute {
		return fmt.Sprintf("%.1fs", d.Seconds())
	}
	return fmt.Sprintf("%dm%02ds", int(d.Minutes()), int(d.Seconds())%60)
}

// cells is how many columns of a terminal a text takes.
func cells(s string) int {
	n := 0
	for _, r := range s {
		n += cellsOf(r)
	}
	return n
}

func cellsOf(r rune) int {
	switch {
	case unicode.In(r, unicode.Mn, unicode.Me):
		return 0
	case width.LookupRune(r).Kind() == width.EastAsianWide || width.LookupRune(r).Kind() == width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens a text to a number of columns.
func cut(s string, columns int) string {
	if cells(s) <= columns {
		return s
	}
	const dots = "..."
	if columns < len(dots) {
		return dots[:max(columns, 0)]
	}
	room := columns - len(dots)
	for i, r := range s {
		if room -= cellsOf(r); room < 0 {
			return s[:i] + dots
		}
	}
	return s
}

// pad fills a text up to a number of columns.
func pad(s string, columns int) string { return s + strings.Repeat(" ", max(columns-cells(s), 0)) }
