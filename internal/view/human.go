package view

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"golang.org/x/term"
)

// Human writes for people: results to Out, progress to Err.
type Human struct {
	Out   io.Writer
	Err   io.Writer
	Color bool
	// PlainErr keeps colour from Err: it is no terminal, though Out is one.
	PlainErr bool
	// OutColumns and ErrColumns give the widths of the terminals that Out and Err are;
	// nil where they are none.
	OutColumns, ErrColumns func() int
	// Explain shows what a person would type for each change.
	Explain bool
}

// NewHuman writes to the process's own streams. Colour needs a terminal, and
// is off where NO_COLOR is set (no-color.org) or TERM is dumb.
func NewHuman() *Human {
	return &Human{
		Out: os.Stdout, Err: os.Stderr, Color: wantsColor(os.Stdout), PlainErr: !wantsColor(os.Stderr),
		OutColumns: columnsOf(os.Stdout), ErrColumns: columnsOf(os.Stderr),
	}
}

// ErrColor reports whether Err takes colour.
func (h *Human) ErrColor() bool { return h.Color && !h.PlainErr }

func wantsColor(f *os.File) bool {
	return term.IsTerminal(int(f.Fd())) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
}

// style is an SGR sequence (ECMA-48).
type style string

const (
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// sgr matches what paint adds.
var sgr = regexp.MustCompile(`\x1b\[[0-9]+m`)

func (h *Human) paint(s style, text string) string {
	if !h.Color {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}

func (h *Human) printf(format string, args ...any) { fmt.Fprintf(h.Out, format, args...) }

func (h *Human) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	if h.PlainErr {
		text = sgr.ReplaceAllString(text, "")
	}
	_, _ = io.WriteString(h.Err, text)
}

// Say prints one line of result.
func (h *Human) Say(format string, args ...any) { h.printf(format+"\n", args...) }

// Heading prints a line above what belongs together.
func (h *Human) Heading(text string, gap bool) {
	if gap {
		h.printf("\n")
	}
	h.printf("%s\n", h.paint(bold, "== "+Clean(text)))
}

// Note prints one line of progress.
func (h *Human) Note(format string, args ...any) { h.note(format+"\n", args...) }

// Error prints a failure. Further lines of a message are indented under it.
func (h *Human) Error(err error) {
	lines := cleanLines(err.Error())
	h.note("%s %s\n", h.paint(red, "Error:"), strings.Join(lines, "\n"))
}

// Plural gives "1 host" and "2 hosts".
func Plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// Raw prints lines of another tool's format, cleaned line by line.
func (h *Human) Raw(text string) {
	if text == "" {
		return
	}
	for _, line := range cleanLines(text) {
		h.printf("%s\n", line)
	}
}
