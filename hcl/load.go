package hcl

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lvsup/lvsup/plans"
)

// Options are what a plan is read with besides its text.
type Options struct {
	// Inputs give values to the plan's variables. A later one goes before an
	// earlier one, and the environment's are the last resort.
	Inputs []Input

	// Cluster names one of several clusters; "" stands for the only one.
	Cluster string

	auto []string // the files of values that the plan's directory has
}

// MaxSize bounds the text of one plan file, in bytes.
const MaxSize = 1 << 20

// Bounds on what hashicorp/hcl recurses on: brackets, and operators and indexes,
// which nest to the left (a - b - c) or to the right (!!a).
const (
	maxDepth     = 100
	maxOperators = 10_000
	maxIndexes   = 50_000
	// maxExponent bounds 1e99: written out, a number has that many digits.
	maxExponent = 999
)

// Load reads a plan from files and from the *.hcl files of directories, all of
// which make up one plan. It returns the text of every file it read, for
// WriteDiagnostics, and every diagnostic in the order of position. The cluster
// is nil if any of them is an error.
func Load(paths []string, opts Options) (*plans.Cluster, map[string][]byte, []plans.Diagnostic) {
	l, files, r := loadFiles(paths, opts)
	c := l.choose(opts.Cluster)
	return c, files, r.sorted()
}

// LoadAll is Load for every cluster of a plan, of which modules can make several.
func LoadAll(paths []string, opts Options) ([]*plans.Cluster, map[string][]byte, []plans.Diagnostic) {
	l, files, r := loadFiles(paths, opts)
	return l.valid(), files, r.sorted()
}

// loadFiles reads a plan and judges it. Without a loader, the text could not be
// read or parsed.
func loadFiles(paths []string, opts Options) (*loader, map[string][]byte, *report) {
	var r report
	files := map[string][]byte{}
	var names []string
	for _, path := range paths {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			opts.auto = append(opts.auto, autoFiles(path)...)
		}
		for _, name := range expand(path, startOf(path), &r) {
			if _, again := files[name]; again {
				continue
			}
			if src, err := read(name); err != nil {
				r.errorAt(startOf(name), "Plan cannot be read", upperFirst(err.Error())+".")
			} else {
				files[name] = src
				names = append(names, name)
			}
		}
	}
	if len(paths) == 0 {
		r.errorAt(startOf("-"), "No plan given", "Name a plan file, for example plans/examples/dr.hcl.")
	}
	if r.hasErrors() {
		return nil, files, &r
	}
	return parseFiles(names, files, opts, &r), files, &r
}

// valid are the clusters, if there is no mistake in any.
func (l *loader) valid() []*plans.Cluster {
	if l == nil || l.hasErrors() {
		return nil
	}
	return l.all
}

// choose gives the cluster with that name, or the only one. Where there is no
// telling, that is one more mistake.
func (l *loader) choose(name string) *plans.Cluster {
	all := l.valid()
	var names []string
	for _, c := range all {
		if c.Name == name || name == "" && len(all) == 1 {
			return c
		}
		names = append(names, c.Name)
	}
	switch {
	case all == nil:
	case name == "":
		l.errorAt(l.first, fmt.Sprintf("The plan has %d clusters", len(all)), "Name the one that is meant, with --cluster: "+someOf(names)+".")
	default:
		l.errorAt(l.first, fmt.Sprintf("No cluster named %q", name), didYouMean(name, names)+"The plan has "+someOf(names)+".")
	}
	return nil
}

// Parse reads a plan from one text. filename is used in diagnostics only.
func Parse(filename string, src []byte, opts Options) (*plans.Cluster, []plans.Diagnostic) {
	var r report
	l := parseFiles([]string{filename}, map[string][]byte{filename: src}, opts, &r)
	c := l.choose(opts.Cluster)
	return c, r.sorted()
}

// expand returns the plan files that path, named at that place, stands for.
func expand(path string, at plans.Range, r *report) []string {
	info, err := os.Stat(path)
	if err != nil || !info.IsDir() {
		return []string{path} // read says what is wrong with it
	}
	found, err := filepath.Glob(filepath.Join(globEscape(path), "*.hcl"))
	if err != nil || len(found) == 0 {
		r.errorAt(at, "No plan in this directory",
			fmt.Sprintf("%s holds no file whose name ends in .hcl.", path))
	}
	slices.Sort(found)
	return found
}

// globEscape makes filepath.Glob take a directory's name as it is.
func globEscape(dir string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(dir)
}

func read(name string) ([]byte, error) {
	info, err := os.Stat(name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no file %s", name)
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s is not a regular file", name)
	case info.Size() > MaxSize:
		return nil, fmt.Errorf("%s is larger than %d bytes", name, MaxSize)
	}
	return os.ReadFile(name)
}

// startOf is the first character of a file.
func startOf(name string) plans.Range {
	first := plans.Pos{Line: 1, Column: 1}
	return plans.Range{File: name, Start: first, End: first}
}

func parseFiles(names []string, files map[string][]byte, opts Options, r *report) *loader {
	var bodies []*hclsyntax.Body
	for _, name := range names {
		if body := parseFile(name, files[name], r); body != nil {
			bodies = append(bodies, body)
		}
	}
	// A text that could not be parsed is missing blocks; what else would be
	// said about it would mostly be wrong.
	if r.hasErrors() {
		return nil
	}
	l := &loader{report: r, dir: filepath.Dir(names[0]), first: startOf(names[0])}
	l.sources = &sources{files: files, bodies: map[string][]*hclsyntax.Body{}}
	l.inputs(opts, files)
	l.prepare(bodies)
	l.all = l.load()
	for _, c := range l.all {
		r.addValidated(plans.Validate(c))
	}
	return l
}

func parseFile(name string, src []byte, r *report) *hclsyntax.Body {
	if len(src) > MaxSize {
		r.errorAt(startOf(name), "Plan too large", fmt.Sprintf("A plan file has at most %d bytes.", MaxSize))
		return nil
	}
	if !r.fit(name, src, " Split the plan into several files, or simplify it.") {
		return nil
	}
	file, diags := hclsyntax.ParseConfig(src, name, hcl2.InitialPos)
	r.addHCL(firstOfEach(diags), startOf(name))
	if file == nil {
		return nil
	}
	body, _ := file.Body.(*hclsyntax.Body)
	return body
}

// firstOfEach leaves out what the parser says again: after a missing quote it
// complains about every line to the end of the file.
func firstOfEach(diags hcl2.Diagnostics) hcl2.Diagnostics {
	said := map[string]bool{}
	var out hcl2.Diagnostics
	for _, d := range diags {
		if id := d.Summary + "\n" + d.Detail; !said[id] {
			said[id] = true
			out = append(out, d)
		}
	}
	return out
}

// fit reports whether the parser can be given a text, and says why not: with the way
// out of a text that is too complex.
func (r *report) fit(name string, src []byte, simpler string) bool {
	if at := notUTF8(name, src); at.File != "" {
		r.errorAt(at, "Text is not UTF-8", fmt.Sprintf("The byte 0x%02x is no character here. Save the file as UTF-8; one in Latin-1 is made so by: iconv -f latin1 -t utf-8", src[at.Start.Byte]))
		return false
	}
	if at, what := tooDeep(name, src); what != "" {
		r.errorAt(at, "Text too complex", what+"."+simpler)
		return false
	}
	return true
}

// notUTF8 gives the first byte that begins no character. The parser's own places are
// wrong from there on.
func notUTF8(name string, src []byte) plans.Range {
	at := plans.Pos{Line: 1, Column: 1}
	for at.Byte < len(src) {
		char, size := utf8.DecodeRune(src[at.Byte:])
		if char == utf8.RuneError && size == 1 {
			return plans.Range{File: name, Start: at, End: plans.Pos{Line: at.Line, Column: at.Column + 1, Byte: at.Byte + 1}}
		}
		at.Column++
		if char == '\n' {
			at.Line, at.Column = at.Line+1, 1
		}
		at.Byte += size
	}
	return plans.Range{}
}

// tooDeep finds text that would make the recursive parser and evaluator run out
// of stack, or of time over one number, and gives what is too much of it there.
func tooDeep(name string, src []byte) (at plans.Range, what string) {
	tokens, _ := hclsyntax.LexConfig(src, name, hcl2.InitialPos)
	return tooDeepTokens(tokens)
}

// tooDeepTemplate is tooDeep for a template in a file of its own.
func tooDeepTemplate(name string, src []byte) (at plans.Range, what string) {
	tokens, _ := hclsyntax.LexTemplate(src, name, hcl2.InitialPos)
	return tooDeepTokens(tokens)
}

func tooDeepTokens(tokens hclsyntax.Tokens) (at plans.Range, what string) {
	depth, operators, indexes := 0, 0, 0
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOParen, hclsyntax.TokenTemplateInterp, hclsyntax.TokenTemplateControl:
			depth++
		case hclsyntax.TokenOBrack:
			depth++
			indexes++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenTemplateSeqEnd:
			depth--
		case hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenPlus, hclsyntax.TokenStar, hclsyntax.TokenSlash,
			hclsyntax.TokenPercent, hclsyntax.TokenAnd, hclsyntax.TokenOr, hclsyntax.TokenQuestion, hclsyntax.TokenEqualOp,
			hclsyntax.TokenNotEqual, hclsyntax.TokenLessThan, hclsyntax.TokenLessThanEq, hclsyntax.TokenGreaterThan, hclsyntax.TokenGreaterThanEq:
			operators++
		case hclsyntax.TokenNumberLit:
			if exponent(token.Bytes) > maxExponent {
				return toRange(token.Range), fmt.Sprintf("A number's exponent is at most %d", maxExponent)
			}
		}
		switch {
		case depth > maxDepth:
			return toRange(token.Range), fmt.Sprintf("Brackets nest at most %d deep", maxDepth)
		case operators > maxOperators:
			return toRange(token.Range), fmt.Sprintf("A plan file has at most %d operators", maxOperators)
		case indexes > maxIndexes:
			return toRange(token.Range), fmt.Sprintf("A plan file has at most %d square brackets", maxIndexes)
		}
	}
	return plans.Range{}, ""
}

// exponent is what follows the e of a number, without its sign; 0 if there is
// none.
func exponent(number []byte) int {
	i := bytes.IndexAny(number, "eE")
	if i < 0 {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimLeft(string(number[i+1:]), "+-"))
	if err != nil {
		return maxExponent + 1 // more digits than an int has
	}
	return n
}

func upperFirst(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
