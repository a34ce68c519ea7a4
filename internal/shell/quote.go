// Package shell writes what a POSIX shell reads back unchanged.
package shell

import "strings"

// plain are the characters that mean themselves anywhere in a word but the first.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./,:@+%="

// Quote writes words of a command line so that a shell reads just these (POSIX, XCU
// 2.2.2, single quotes). A NUL cannot be part of an argument and is dropped, as no
// shell could carry it.
func Quote(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		w = strings.ReplaceAll(w, "\x00", "")
		assigns := i == 0 && len(words) > 1 && strings.Contains(w, "=")
		if w == "" || assigns || strings.Trim(w, plain) != "" {
			w = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
		quoted[i] = w
	}
	return strings.Join(quoted, " ")
}
