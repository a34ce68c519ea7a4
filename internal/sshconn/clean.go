package sshconn

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxQuoted bounds how much of a host's text goes into one error, in bytes.
const maxQuoted = 600

// Clean makes text from a host fit to be shown on a terminal: control
// characters, bidirectional overrides and bytes that are not UTF-8 are written
// as Go escapes, runs of white space (line ends too) become one space.
func Clean(s string) string {
	var b strings.Builder
	space := false
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			writeGap(&b, &space)
			b.WriteString(`\x`)
			b.WriteString(strconv.FormatUint(uint64(s[i])|0x100, 16)[1:])
		case r == ' ' || r == '\n' || r == '\t' || r == '\r':
			space = true
		case unicode.IsPrint(r):
			writeGap(&b, &space)
			b.WriteRune(r)
		default:
			writeGap(&b, &space)
			quoted := strconv.QuoteRuneToASCII(r)
			b.WriteString(quoted[1 : len(quoted)-1])
		}
		i += size
	}
	return b.String()
}

func writeGap(b *strings.Builder, space *bool) {
	if *space && b.Len() > 0 {
		b.WriteByte(' ')
	}
	*space = false
}

// said prepares a host's output for an error: clean, and only its end if it is
// long, for that is where the reason stands.
func said(s string) string {
	s = Clean(s)
	if len(s) <= maxQuoted {
		return s
	}
	s = s[len(s)-maxQuoted:]
	for len(s) > 0 && !utf8.RuneStart(s[0]) {
		s = s[1:]
	}
	return "... " + s
}
