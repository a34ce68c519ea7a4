package netconf

import "strings"

// HasIfState reports whether ifupdown's record says that the interface is up.
// The record has one line NAME=CONFIGURATION for each interface that is up
// (ifup(8), ifquery --state).
func HasIfState(content, name string) bool {
	for _, l := range splitLines(content) {
		if strings.HasPrefix(l, name+"=") {
			return true
		}
	}
	return false
}

// SetIfState puts the interface into ifupdown's record or takes it out.
func SetIfState(content, name string, up bool) string {
	if HasIfState(content, name) == up {
		return content
	}
	if up {
		return appendLine(content, name+"="+name)
	}
	var b strings.Builder
	for _, l := range splitLines(content) {
		if !strings.HasPrefix(l, name+"=") {
			b.WriteString(l)
		}
	}
	return b.String()
}
