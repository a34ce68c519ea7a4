package plans

import (
	"strings"
	"unicode"
)

// Names and values end up in files, some of which are shell, and as arguments of
// commands. What is allowed here is what is harmless there.

const nameRule = "A name begins with a letter or digit and goes on with letters, digits, \".\", \"_\" and \"-\"; at most 63 characters."

// named reports whether a block has a name to be judged: one that is missing has
// been reported where the plan was read, and one that is written and empty has not.
func named(s Source, name string) bool {
	_, wrote := s["name"]
	return name != "" || wrote
}

// validName reports whether a host, service or cluster may be called s.
func validName(s string) bool {
	return len(s) <= 63 && wordOf(s, isAlnum, func(c byte) bool { return isAlnum(c) || strings.IndexByte("._-", c) >= 0 })
}

const interfaceRule = "An interface's name has at most 15 characters: letters, digits, \"_\", \".\" and \"-\", the first one a letter or digit. ip link shows the names a host has."

// ValidInterfaceName reports whether s matches [A-Za-z0-9][A-Za-z0-9_.-]{0,14}.
// The kernel allows more (net/core/dev.c, dev_valid_name), but such names would
// need quoting in network scripts.
func ValidInterfaceName(s string) bool {
	return len(s) <= 15 && wordOf(s, isAlnum, func(c byte) bool { return isAlnum(c) || strings.IndexByte("_.-", c) >= 0 })
}

func validEndpoint(s string) bool {
	return len(s) <= 255 && wordOf(s,
		func(c byte) bool { return isAlnum(c) || c == ':' || c == '_' },
		func(c byte) bool { return isAlnum(c) || strings.IndexByte(":._%-", c) >= 0 })
}

func validUser(s string) bool {
	return len(s) <= 255 && wordOf(s,
		func(c byte) bool { return isAlnum(c) || c == '_' },
		func(c byte) bool { return isAlnum(c) || strings.IndexByte("_.@\\-$", c) >= 0 })
}

func validPackage(s string) bool {
	return len(s) <= 255 && wordOf(s, isAlnum, func(c byte) bool { return isAlnum(c) || strings.IndexByte("+._:~-", c) >= 0 })
}

// validSysctl allows both spellings of a parameter: dots between its parts, with
// a slash for a dot inside one (net.ipv4.conf.eth0/100.rp_filter).
func validSysctl(s string) bool {
	ok := wordOf(s, isAlnum, func(c byte) bool { return isAlnum(c) || strings.IndexByte("._/-", c) >= 0 })
	return ok && strings.Contains(s, ".") && !strings.Contains(s, "..") && !strings.HasSuffix(s, ".") &&
		!strings.Contains(s, "/.") && !strings.Contains(s, "./") && !strings.Contains(s, "//")
}

func validIfcfgKey(s string) bool {
	upper := func(c byte) bool { return 'A' <= c && c <= 'Z' || c == '_' }
	return wordOf(s, upper, func(c byte) bool { return upper(c) || isDigit(c) })
}

// printable reports whether a value has no newline and no other control
// character.
func printable(s string) bool { return !strings.ContainsFunc(s, unicode.IsControl) }

// wordOf reports whether s is a byte of the first set followed by bytes of the
// second.
func wordOf(s string, first, rest func(byte) bool) bool {
	if s == "" || !first(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !rest(s[i]) {
			return false
		}
	}
	return true
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

func isAlnum(c byte) bool { return isDigit(c) || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' }
