package view

import (
	"fmt"
	"strings"
	"unicode"
)

// Clean makes control and other invisible characters of one line visible, as
// \x1b, so that they cannot steer a terminal.
func Clean(s string) string {
	if strings.IndexFunc(s, unsafe) < 0 {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unsafe(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case unsafe(r) && r < 0x10000:
			fmt.Fprintf(&b, `\u%04x`, r)
		case unsafe(r):
			fmt.Fprintf(&b, `\U%08x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// unsafe reports control characters and the formatting ones (Cf), which can
// reorder or hide text.
func unsafe(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

// cleanLines splits a text into lines and cleans each.
func cleanLines(s string) []string {
	lines := strings.Split(strings.TrimSuffix(s, "\n"), "\n")
	for i := range lines {
		lines[i] = strings.ReplaceAll(lines[i], "\t", "    ")
		lines[i] = Clean(strings.TrimSuffix(lines[i], "\r"))
	}
	return lines
}
