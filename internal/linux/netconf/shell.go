package netconf

import (
	"fmt"
	"strings"
)

// line is one logical line of a file that a shell sources: physical lines that
// an open quote or a final backslash joins are one.
type line struct {
	raw   string // as in the file, newline included if it has one
	key   string // KEY of an assignment KEY=value; empty: something else
	value string // what the shell would give KEY
	plain bool   // value is certain: no expansion, no further word on the line
}

// parseShell cuts a sourced file into logical lines.
func parseShell(content string) []line {
	var lines []line
	phys := splitLines(content)
	for i := 0; i < len(phys); {
		raw := phys[i]
		i++
		for i < len(phys) && open(raw) {
			raw += phys[i]
			i++
		}
		l := line{raw: raw}
		body := strings.TrimLeft(strings.TrimRight(raw, "\n"), " \t")
		if n := strings.IndexByte(body, '='); n > 0 && isKey(body[:n]) {
			l.key = body[:n]
			l.value, l.plain = word(body[n+1:])
		}
		lines = append(lines, l)
	}
	return lines
}

// open reports whether the text ends inside a quote or in a joined line.
func open(s string) bool {
	if strings.HasPrefix(strings.TrimLeft(s, " \t"), "#") {
		return false
	}
	var quote byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && quote != '\'':
			if i+1 == len(s) || s[i+1] == '\n' && i+2 == len(s) {
				return true
			}
			i++
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && c == '#' && i > 0 && (s[i-1] == ' ' || s[i-1] == '\t'):
			return false // the rest is a comment
		}
	}
	return quote != 0
}

// word reads the value of an assignment as a shell would. ok is false where the
// shell would expand something, or where more than a comment follows.
func word(s string) (value string, ok bool) {
	var out strings.Builder
	var quote byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '\n' && quote == 0:
			return out.String(), false
		case quote == '\'' && c != '\'':
			out.WriteByte(c)
		case c == '\\':
			if i++; i == len(s) {
				return out.String(), false
			}
			if quote == '"' && !strings.ContainsRune("$`\"\\\n", rune(s[i])) {
				out.WriteByte('\\')
			}
			if s[i] != '\n' {
				out.WriteByte(s[i])
			}
		case c == '$' || c == '`':
			return out.String(), false
		case quote != 0 && c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && (c == ' ' || c == '\t'):
			rest := strings.TrimLeft(s[i:], " \t\r")
			return out.String(), rest == "" || rest[0] == '#'
		case quote == 0 && strings.IndexByte(";&|<>()~", c) >= 0:
			return out.String(), false
		default:
			out.WriteByte(c)
		}
	}
	return out.String(), quote == 0
}

func isKey(s string) bool {
	for i, c := range []byte(s) {
		letter := c == '_' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}

// quote writes a value in double quotes so that a shell that sources it reads
// exactly that value. Values with control characters are refused.
func quote(value string) (string, error) {
	if err := checkText(value); err != nil {
		return "", err
	}
	r := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "$", `\$`, "`", "\\`")
	return `"` + r.Replace(value) + `"`, nil
}

// checkText refuses values that could end a line or hide in a terminal.
func checkText(value string) error {
	for _, c := range value {
		if c < ' ' || c == 0x7f {
			return fmt.Errorf("value %q has a line break or another control character: a value is one line of text", value)
		}
	}
	return nil
}
