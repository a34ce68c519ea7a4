package importer

import "strings"

// command is one simple command of a shell script, or one line of rules.
type command struct {
	at    Place
	words []string
	// unknown is what of the words the shell would replace and we cannot: a
	// variable that the script does not set, a command's output.
	unknown string
}

// shellReader splits a script into simple commands, far enough to find those of
// ipvsadm: quotes, backslashes, comments, variables, redirections, "here"
// documents. It does not follow control flow.
type shellReader struct {
	file string
	text string
	pos  int
	line int
	vars map[string]string
	// heredocs are the words that end the documents whose text comes next; that
	// text is read like the rest.
	heredocs []string
}

func newShellReader(file string, src []byte) *shellReader {
	return &shellReader{file: file, text: strings.ReplaceAll(string(src), "\r\n", "\n"), line: 1, vars: map[string]string{}}
}

// maxValue bounds a variable's value and a word, in bytes.
const maxValue = 4096

// next gives the next command; false at the end. A command may be empty.
func (r *shellReader) next() (command, bool) {
	if r.pos >= len(r.text) {
		return command{}, false
	}
	c := command{at: Place{r.file, r.line}}
	skipWord := false // the next word is the target of a redirection
	for r.pos < len(r.text) {
		switch ch := r.text[r.pos]; {
		case ch == '\n':
			r.pos++
			r.line++
			r.endHeredoc(&c)
			return c, true
		case ch == ' ' || ch == '\t' || ch == '\r':
			r.pos++
		case ch == '\\' && strings.HasPrefix(r.text[r.pos:], "\\\n"):
			r.pos += 2
			r.line++
		case ch == '#':
			for r.pos < len(r.text) && r.text[r.pos] != '\n' {
				r.pos++
			}
		case ch == ';' || ch == '|' || ch == '&' || ch == '(' || ch == ')':
			r.pos++
			return c, true
		case ch == '<' || ch == '>':
			skipWord = true
			if strings.HasPrefix(r.text[r.pos:], "<<") {
				r.pos += 2
				r.pos += len(r.text[r.pos:]) - len(strings.TrimLeft(r.text[r.pos:], "- "))
				word, _ := r.word()
				r.heredocs = append(r.heredocs, word)
				skipWord = false
				continue
			}
			for r.pos < len(r.text) && strings.IndexByte("<>&", r.text[r.pos]) >= 0 {
				r.pos++
			}
		default:
			word, unknown := r.word()
			switch {
			case skipWord:
				skipWord = false
			case (word == "1" || word == "2") && r.pos < len(r.text) && r.text[r.pos] == '>':
				// the descriptor of a redirection
			default:
				c.words = append(c.words, word)
				if c.unknown == "" {
					c.unknown = unknown
				}
			}
		}
	}
	return c, true
}

// endHeredoc empties a command that is the end of a "here" document.
func (r *shellReader) endHeredoc(c *command) {
	if len(r.heredocs) > 0 && len(c.words) == 1 && c.words[0] == r.heredocs[0] {
		r.heredocs = r.heredocs[1:]
		c.words = nil
	}
}

// word reads one word; the position is at its first character. unknown is what
// could not be replaced in it.
func (r *shellReader) word() (word, unknown string) {
	var b strings.Builder
	quote := byte(0)
	for r.pos < len(r.text) {
		ch := r.text[r.pos]
		switch {
		case quote == 0 && strings.IndexByte(" \t\r\n;|&()<>", ch) >= 0:
			return cut(b.String()), unknown
		case ch == quote && quote != 0:
			quote = 0
			r.pos++
		case quote == 0 && (ch == '"' || ch == '\''):
			quote = ch
			r.pos++
		case ch == '\\' && quote != '\'':
			r.pos++
			if r.pos < len(r.text) {
				if r.text[r.pos] == '\n' {
					r.line++
				} else {
					b.WriteByte(r.text[r.pos])
				}
				r.pos++
			}
		case quote != '\'' && (ch == '$' || ch == '`'):
			value, missing := r.expansion()
			b.WriteString(value)
			if unknown == "" {
				unknown = missing
			}
		default:
			if ch == '\n' {
				r.line++
			}
			b.WriteByte(ch)
			r.pos++
		}
		if b.Len() > maxValue {
			return cut(b.String()), unknown
		}
	}
	return cut(b.String()), unknown
}

func cut(s string) string { return s[:min(len(s), maxValue)] }

// expansion replaces what begins with $ or ` at the position. missing is its
// text if it has no value that we know.
func (r *shellReader) expansion() (value, missing string) {
	rest := r.text[r.pos:]
	name, length := "", 1
	switch {
	case strings.HasPrefix(rest, "${"):
		end := strings.IndexByte(rest, '}')
		if end < 0 {
			r.pos++
			return "$", ""
		}
		name, length = rest[2:end], end+1
	case strings.HasPrefix(rest, "$("), strings.HasPrefix(rest, "`"):
		closing := ")"
		if rest[0] == '`' {
			closing = "`"
		}
		length = len(rest)
		if end := strings.Index(rest[1:], closing); end >= 0 {
			length = end + 2
		}
		if nl := strings.IndexByte(rest[:length], '\n'); nl >= 0 {
			length = nl
		}
		r.pos += length
		return "", shorten(rest[:length])
	default:
		for length < len(rest) && isNameByte(rest[length]) {
			length++
		}
		if length == 1 && len(rest) > 1 && strings.IndexByte("0123456789@*#?$!", rest[1]) >= 0 {
			length = 2
		}
		name = rest[1:length]
	}
	r.pos += length
	if name == "" {
		return "$", ""
	}
	if v, known := r.vars[name]; known {
		return v, ""
	}
	return "", shorten(rest[:length])
}

func isNameByte(c byte) bool {
	return c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}

// assign takes NAME=VALUE words at the front of a command into the variables and
// gives the words behind them.
func (r *shellReader) assign(c command) []string {
	words := c.words
	for len(words) > 0 {
		switch words[0] {
		case "export", "readonly", "local", "declare", "typeset":
			words = words[1:]
			continue
		}
		name, value, ok := strings.Cut(words[0], "=")
		if !ok || name == "" || strings.IndexFunc(name, func(c rune) bool { return c > 127 || !isNameByte(byte(c)) }) >= 0 {
			break
		}
		delete(r.vars, name)
		if c.unknown == "" && len(r.vars) < 10_000 {
			r.vars[name] = value
		}
		words = words[1:]
	}
	return words
}
