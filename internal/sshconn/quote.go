package sshconn

import "strings"

// Quote writes args as words of a POSIX shell command line that the shell reads
// back unchanged (XCU 2.2.2, single quotes). A NUL cannot be part of an
// argument and is dropped, as no shell could carry it.
func Quote(args ...string) string {
	words := make([]string, len(args))
	for i, a := range args {
		words[i] = quoteWord(a)
	}
	return strings.Join(words, " ")
}

func quoteWord(s string) string {
	s = strings.ReplaceAll(s, "\x00", "")
	plain := s != ""
	for i := 0; i < len(s) && plain; i++ {
		plain = plainByte(s[i])
	}
	if plain {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// plainByte says whether c means itself anywhere in a word. '=' and '~' do not:
// they matter in the first word and at a word's start.
func plainByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		return true
	}
	return strings.IndexByte("_-./,:@+", c) >= 0
}
