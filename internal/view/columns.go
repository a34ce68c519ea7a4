package view

import (
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/lvsup/lvsup/internal/report"
)

// minColumns is the narrowest terminal that lists of hosts are broken for.
const minColumns = 40

// columnsOf gives what asks for a terminal's width; nil if f is none.
func columnsOf(f *os.File) func() int {
	if !term.IsTerminal(int(f.Fd())) {
		return nil
	}
	return func() int {
		columns, _, err := term.GetSize(int(f.Fd()))
		if err != nil {
			return 0
		}
		return columns
	}
}

// hostList writes the names of hosts, over several lines where a terminal has no room
// for them in one: it would break a name. lead is how many columns stand before the
// list, and tail how many follow it in the same line, if they have room in one.
func hostList(columns func() int, lead, tail int, hosts []string) string {
	list := report.HostList(hosts)
	width := 0
	if columns != nil {
		width = columns()
	}
	if width < minColumns || lead+cells(list)+tail <= width {
		return list
	}
	if lead+tail >= width {
		tail = 0
	}
	parts := strings.Split(list, ", ")
	var b strings.Builder
	at := lead
	for i, part := range parts {
		need := cells(part) + 1 // with its comma
		if i == len(parts)-1 {
			need += max(tail-1, 0)
		}
		switch {
		case i == 0:
		case at+1+need > width:
			b.WriteString(",\n" + strings.Repeat(" ", lead))
			at = lead
		default:
			b.WriteString(", ")
			at++
		}
		b.WriteString(part)
		at += cells(part) + 1
	}
	return b.String()
}
