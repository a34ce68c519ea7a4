package importer

import (
	"slices"
	"strings"
)

// statement is a keyword of keepalived.conf with its words and its block.
type statement struct {
	at    Place
	words []string // at least one
	block []*statement
	open  bool // it has a block, empty or not
}

func (s *statement) word(i int) string {
	if i < len(s.words) {
		return s.words[i]
	}
	return ""
}

// Bounds on what keepalived.conf can be made to do.
const (
	maxNesting    = 20 // of blocks, includes and definitions in each other
	maxStatements = 500_000
)

// keepalivedReader makes statements of keepalived.conf: comments, quotes,
// definitions, conditional lines and included files.
type keepalivedReader struct {
	*draft
	vars   map[string]string
	root   statement
	open   []*statement // blocks that are not closed, outermost first
	budget int          // bytes that may still be read, after all replacements
	count  int
	depth  int
}

func (d *draft) readKeepalived(file string, src []byte) []*statement {
	r := &keepalivedReader{draft: d, vars: map[string]string{}, budget: MaxSize}
	r.open = []*statement{&r.root}
	r.file(file, string(src))
	for _, s := range r.open[1:] {
		d.fail(s.at, "cannot find the end of block %q: its } is missing", shorten(strings.Join(s.words, " ")))
	}
	return r.root.block
}

func (r *keepalivedReader) file(name, text string) {
	lines := strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		at, line := Place{name, i + 1}, lines[i]
		// A definition may go on over several lines.
		if isDefinition(line) {
			for strings.HasSuffix(line, "\\") && i+1 < len(lines) {
				i++
				line = strings.TrimSuffix(line, "\\") + "\n" + lines[i]
			}
		}
		r.line(at, line, 0)
		if len(r.errors) >= maxErrors || r.full {
			return
		}
	}
}

func isDefinition(line string) bool {
	line = strings.TrimLeft(line, " \t")
	if !strings.HasPrefix(line, "$") {
		return false
	}
	n := 1
	for n < len(line) && isNameByte(line[n]) {
		n++
	}
	return n > 1 && n < len(line) && line[n] == '='
}

// line reads one line: first what stands for others, then its words.
func (r *keepalivedReader) line(at Place, line string, depth int) {
	if r.budget -= len(line) + 1; r.budget < 0 || depth > maxNesting {
		if !r.full {
			r.full = true
			r.fail(at, "cannot import so much: with its definitions and included files the configuration grows beyond %d bytes or %d levels", MaxSize, maxNesting)
		}
		return
	}
	if strings.HasPrefix(line, "@") {
		var take bool
		if line, take = r.conditional(at, line); !take {
			return
		}
	}
	if isDefinition(line) {
		name, value, _ := strings.Cut(strings.TrimLeft(line, " \t")[1:], "=")
		if !strings.Contains(value, "\n") {
			value = strings.TrimSpace(uncomment(value))
		}
		r.vars[name] = strings.TrimPrefix(value, "\n")
		return
	}
	if replaced, changed := r.replace(line); changed {
		for _, one := range strings.Split(replaced, "\n") {
			r.line(at, one, depth+1)
		}
		return
	}
	for _, macro := range []string{"~SEQ(", "~LST("} {
		if strings.Contains(uncomment(line), macro) {
			r.fail(at, "cannot repeat a line with %s...): write the lines out, or import what `ipvsadm -S -n` prints on the director", macro)
			return
		}
	}
	r.words(at, line)
}

// conditional judges a line that begins with @ID or @^ID.
func (r *keepalivedReader) conditional(at Place, line string) (rest string, take bool) {
	end := strings.IndexAny(line, " \t")
	if end < 0 {
		end = len(line)
	}
	id, not := strings.CutPrefix(line[1:end], "^")
	if r.opts.ConfigID == "" || strings.HasPrefix(id, "(") {
		r.end = append(r.end, warn(at, "lines that hold for one host only are left out: name the host with --config-id"))
		return "", false
	}
	return line[end:], (id == r.opts.ConfigID) != not
}

// replace puts values for ${NAME}, and for $NAME before white space; what is not
// defined stays.
func (r *keepalivedReader) replace(line string) (replaced string, changed bool) {
	if !strings.Contains(line, "$") || len(r.vars) == 0 {
		return line, false
	}
	var b strings.Builder
	for i := 0; i < len(line); i++ {
		if line[i] != '$' {
			b.WriteByte(line[i])
			continue
		}
		start, end := i+1, i+1
		braces := start < len(line) && line[start] == '{'
		if braces {
			start, end = start+1, end+1
		}
		for end < len(line) && isNameByte(line[end]) {
			end++
		}
		whole := end == len(line) || line[end] == ' ' || line[end] == '\t'
		value, known := r.vars[line[start:end]]
		if braces {
			whole = end < len(line) && line[end] == '}'
		}
		if !whole || !known || b.Len() > r.budget {
			b.WriteByte('$')
			continue
		}
		b.WriteString(value)
		changed = true
		i = end - 1
		if braces {
			i = end
		}
	}
	return b.String(), changed
}

// uncomment takes the comment off a line: from a # or ! that is not in quotes.
func uncomment(line string) string {
	quoted := false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case (c == '#' || c == '!') && !quoted:
			return line[:i]
		}
	}
	return line
}

// words adds a line's statements to the open block.
func (r *keepalivedReader) words(at Place, line string) {
	var words []string
	flush := func() *statement {
		if len(words) == 0 {
			return nil
		}
		s := &statement{at: at, words: words}
		words = nil
		if r.count++; r.count > maxStatements {
			r.overflow(at)
			return s
		}
		if strings.HasPrefix(s.words[0], "include") && slices.Contains([]string{"include", "includer", "includem", "includew", "includea"}, s.words[0]) {
			r.include(s)
			return s
		}
		parent := r.open[len(r.open)-1]
		parent.block = append(parent.block, s)
		return s
	}
	for _, t := range keepalivedTokens(uncomment(line)) {
		switch {
		case t.quoted:
			words = append(words, t.text)
		case t.text == "{":
			r.begin(at, flush())
		case t.text == "}":
			flush()
			if len(r.open) == 1 {
				r.fail(at, "cannot tell what this } closes: there is one too many")
				continue
			}
			r.open = r.open[:len(r.open)-1]
		default:
			words = append(words, t.text)
		}
	}
	flush()
}

// begin opens the block of a statement, or without one of that on the line
// before.
func (r *keepalivedReader) begin(at Place, s *statement) {
	parent := r.open[len(r.open)-1]
	if s == nil && len(parent.block) > 0 {
		s = parent.block[len(parent.block)-1]
	}
	if s == nil || s.open {
		r.fail(at, "cannot tell which block this { opens: a keyword must stand before it")
		s = &statement{at: at, words: []string{"{"}}
	}
	if len(r.open) > maxNesting {
		r.fail(at, "cannot read blocks that nest more than %d deep", maxNesting)
		r.full = true
		return
	}
	s.open = true
	r.open = append(r.open, s)
}

type token struct {
	text   string
	quoted bool
}

// keepalivedTokens splits a line at white space. A brace counts where it is a
// word of its own or ends one.
func keepalivedTokens(line string) []token {
	var out []token
	for {
		line = strings.TrimLeft(line, " \t\r\v\f")
		if line == "" {
			return out
		}
		if line[0] == '"' {
			end := 1
			for end < len(line) && line[end] != '"' {
				if line[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end, len(line))
			out = append(out, token{text: strings.ReplaceAll(line[1:end], `\"`, `"`), quoted: true})
			line = line[min(end+1, len(line)):]
			continue
		}
		end := strings.IndexAny(line, " \t\r\v\f\"")
		if end < 0 {
			end = len(line)
		}
		word := line[:end]
		line = line[end:]
		if head, found := strings.CutSuffix(word, "{"); found && head != "" && !strings.HasSuffix(head, "$") {
			out = append(out, token{text: head}, token{text: "{"})
			continue
		}
		out = append(out, token{text: word})
	}
}

// include reads the files that a statement names.
func (r *keepalivedReader) include(s *statement) {
	pattern := s.word(1)
	switch {
	case pattern == "":
		r.fail(s.at, "cannot include nothing: a file name follows include")
		return
	case r.depth >= maxNesting:
		r.full = true
		r.fail(s.at, "cannot include files more than %d deep: does a file include itself?", maxNesting)
		return
	case r.opts.Include == nil:
		r.end = append(r.end, warn(s.at, "included files are not read here: import the file itself, not its text on stdin"))
		return
	}
	files, err := r.opts.Include(s.at.File, pattern)
	if err != nil {
		r.fail(s.at, "cannot include %q: %s", shorten(pattern), err)
		return
	}
	if len(files) == 0 {
		r.end = append(r.end, warn(s.at, "there is no file %q to include", shorten(pattern)))
	}
	r.depth++
	for _, f := range files {
		r.file(f.Name, string(f.Text))
	}
	r.depth--
}
