package hcl

import (
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"golang.org/x/text/width"

	"github.com/lvsup/lvsup/plans"
)

// The escape sequences of WriteDiagnostics (ECMA-48, SGR).
const (
	sgrBold   = "\x1b[1m"
	sgrRed    = "\x1b[1;31m"
	sgrYellow = "\x1b[1;33m"
	sgrReset  = "\x1b[0m"
)

// detailWidth is where the text below the source line wraps, in columns.
const detailWidth = 78

// WriteDiagnostics shows diagnostics to a person: what is wrong, the line of the
// plan with the offending span underlined, and what to write instead. files
// holds the plan's text by file name, as Load returns it; without it the line is
// left out. Control characters are escaped wherever they come from.
func WriteDiagnostics(w io.Writer, files map[string][]byte, diags []plans.Diagnostic, color bool) error {
	p := printer{color: color, files: files, parsed: map[string]*hcl2.File{}}
	for i, d := range diags {
		if i > 0 {
			p.out.WriteByte('\n')
		}
		p.diagnostic(d)
	}
	_, err := w.Write(p.out.Bytes())
	return err
}

type printer struct {
	out    bytes.Buffer
	color  bool
	files  map[string][]byte
	parsed map[string]*hcl2.File
}

func (p *printer) paint(sgr, text string) string {
	if !p.color {
		return text
	}
	return sgr + text + sgrReset
}

func (p *printer) diagnostic(d plans.Diagnostic) {
	word, sgr := "Error", sgrRed
	if d.Severity == plans.Warning {
		word, sgr = "Warning", sgrYellow
	}
	fmt.Fprintf(&p.out, "%s %s\n", p.paint(sgr, word+":"), p.paint(sgrBold, escape(d.Summary)))
	if d.Subject.File != "" {
		p.snippet(d.Subject, sgr)
	}
	if d.Values != "" {
		for _, line := range strings.Split(d.Values, "\n") {
			fmt.Fprintf(&p.out, "     %s\n", escape(line))
		}
	}
	if d.Detail != "" {
		p.out.WriteByte('\n')
		for _, line := range strings.Split(d.Detail, "\n") {
			for _, part := range wrap(escape(line), detailWidth) {
				fmt.Fprintf(&p.out, "  %s\n", part)
			}
		}
	}
}

func (p *printer) snippet(r plans.Range, sgr string) {
	src, known := p.files[r.File]
	where := ""
	if known && r.End.Byte > r.Start.Byte {
		where = p.within(r, src)
	}
	line, before, span, ok := cut(src, r)
	if !known && r.End.Byte == r.Start.Byte && r.Start.Line == 1 {
		return // a file that was not read: the text names it
	}
	if !ok {
		fmt.Fprintf(&p.out, "\n  on %s line %d%s\n", escape(r.File), r.Start.Line, where)
		return
	}
	line, before, span = window(line, before, span)
	number := strconv.Itoa(r.Start.Line)
	fmt.Fprintf(&p.out, "\n  on %s line %d%s:\n", escape(r.File), r.Start.Line, where)
	fmt.Fprintf(&p.out, "  %s: %s\n", number, expandTabs(line))
	indent := columns(expandTabs(before))
	long := max(1, columns(expandTabs(before+span))-indent)
	fmt.Fprintf(&p.out, "  %s  %s%s\n", strings.Repeat(" ", len(number)), strings.Repeat(" ", indent), p.paint(sgr, strings.Repeat("^", long)))
}

// cut finds the line that a range starts on, the part of it before the range,
// and the part in the range.
func cut(src []byte, r plans.Range) (line, before, span string, ok bool) {
	start := r.Start.Byte
	if start < 0 || start > len(src) || len(src) == 0 {
		return "", "", "", false
	}
	from := bytes.LastIndexByte(src[:start], '\n') + 1
	to := len(src)
	if n := bytes.IndexByte(src[start:], '\n'); n >= 0 {
		to = start + n
	}
	to = max(start, from+len(bytes.TrimRight(src[from:to], "\r")))
	end := min(max(r.End.Byte, start), to)
	return string(src[from:to]), string(src[from:start]), string(src[start:end]), true
}

// lineWidth is how much of a very long line is shown, in characters.
const lineWidth = 160

// window cuts a very long line down to what is around the span.
func window(line, before, span string) (string, string, string) {
	if utf8.RuneCountInString(line) <= lineWidth {
		return line, before, span
	}
	head, tail := []rune(before), []rune(line[len(before):])
	marked := utf8.RuneCountInString(span)
	if most := lineWidth / 2; len(head) > most {
		head = append([]rune("..."), head[len(head)-most:]...)
	}
	if most := lineWidth - len(head); len(tail) > most {
		tail, marked = append(tail[:most:most], []rune("...")...), min(marked, most)
	}
	return string(head) + string(tail), string(head), string(tail[:marked])
}

// within names the blocks that a range is in: `, in director "master"`.
func (p *printer) within(r plans.Range, src []byte) string {
	file, done := p.parsed[r.File]
	if !done {
		if _, what := tooDeep(r.File, src); what == "" && len(src) <= MaxSize && utf8.Valid(src) {
			file, _ = hclsyntax.ParseConfig(src, r.File, hcl2.InitialPos)
		}
		p.parsed[r.File] = file
	}
	if file == nil {
		return ""
	}
	body, _ := file.Body.(*hclsyntax.Body)
	var names []string
	for body != nil {
		var inside *hclsyntax.Body
		for _, b := range body.Blocks {
			whole := b.Range()
			if r.Start.Byte < whole.Start.Byte || r.Start.Byte >= b.CloseBraceRange.End.Byte {
				continue
			}
			name := b.Type
			for _, label := range b.Labels {
				name += " " + strconv.Quote(label)
			}
			names, inside = append(names, name), b.Body
			break
		}
		body = inside
	}
	if len(names) == 0 {
		return ""
	}
	return ", in " + escape(strings.Join(names, ", "))
}

// escape makes control and formatting characters visible (a newline too: the
// callers have split lines), and bytes that are not UTF-8.
func escape(s string) string {
	var b strings.Builder
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case r == '\t':
			b.WriteByte('\t')
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return b.String()
}

// expandTabs escapes a piece of a line that begins where the line does and puts
// spaces for its tabs, so that a line and its underline agree.
func expandTabs(s string) string { return strings.ReplaceAll(escape(s), "\t", "    ") }

// columns is how many columns of a terminal a text takes: East Asian wide
// characters take two (Unicode Standard Annex 11), combining marks none.
func columns(s string) int {
	n := 0
	for _, r := range s {
		switch {
		case unicode.In(r, unicode.Mn, unicode.Me):
		case width.LookupRune(r).Kind() == width.EastAsianWide, width.LookupRune(r).Kind() == width.EastAsianFullwidth:
			n += 2
		default:
			n++
		}
	}
	return n
}

// wrap breaks a line at spaces. A line that begins with spaces is an example and
// stays as it is.
func wrap(line string, limit int) []string {
	if strings.HasPrefix(line, " ") || columns(line) <= limit {
		return []string{line}
	}
	var lines []string
	current := ""
	for _, word := range strings.Fields(line) {
		switch {
		case current == "":
			current = word
		case columns(current)+1+columns(word) > limit:
			lines = append(lines, current)
			current = word
		default:
			current += " " + word
		}
	}
	return append(lines, current)
}
