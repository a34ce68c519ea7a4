package hcl

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/plans"
)

// EnvPrefix begins the names of environment variables that give values to a
// plan's variables: LVSUP_VAR_port for port.
const EnvPrefix = "LVSUP_VAR_"

// VarsExt is the extension of files with values for variables. In a plan's
// directory those that end in ".auto" + VarsExt are read without being named.
const VarsExt = ".lvsupvars"

// Input gives values to a plan's variables from outside it: either one by Name
// and Value, or those of a File.
//
// A Value is taken literally where the variable's type is string, number or bool,
// or not declared, and is read as an expression of the plan language otherwise.
type Input struct {
	Name, Value string
	// Env marks a value from the environment, which holds for every plan: one
	// that this plan does not declare is no mistake.
	Env  bool
	File string // path of a file with a line NAME = VALUE for each variable
}

// given is a value for a variable from outside its module.
type given struct {
	at plans.Range // where it stands
	// eval gives the value and whether there is one; if not, the reason has
	// been reported. want is the variable's type.
	eval func(want cty.Type) (cty.Value, bool)
	// undeclared is what to make of it if there is no such variable.
	undeclared plans.Severity
}

// inputs reads what is given from outside a plan: later inputs go before earlier
// ones, any goes before the automatic files of the plan's directory, and the
// environment comes last.
func (l *loader) inputs(opts Options, files map[string][]byte) {
	l.given = map[string]given{}
	for _, in := range opts.Inputs {
		if in.Env {
			l.giveText(in, "<"+EnvPrefix+in.Name+">", "", files)
		}
	}
	for _, name := range opts.auto {
		l.giveFile(name, files)
	}
	for _, in := range opts.Inputs {
		switch {
		case in.Env:
		case in.File != "":
			l.giveFile(in.File, files)
		default:
			l.giveText(in, "<variable "+in.Name+">", plans.Error, files)
		}
	}
}

func (l *loader) giveText(in Input, source string, undeclared plans.Severity, files map[string][]byte) {
	files[source] = []byte(in.Value)
	at := startOf(source)
	l.given[in.Name] = given{at: at, undeclared: undeclared, eval: func(want cty.Type) (cty.Value, bool) {
		if want.IsPrimitiveType() || want == cty.DynamicPseudoType {
			return cty.StringVal(in.Value), true
		}
		if !l.fit(source, []byte(in.Value), "") {
			return cty.DynamicVal, false
		}
		expr, diags := hclsyntax.ParseExpression([]byte(in.Value), source, hcl2.InitialPos)
		l.addHCL(diags, at)
		if diags.HasErrors() {
			return cty.DynamicVal, false
		}
		return l.literal(expr)
	}}
}

// literal evaluates an expression outside any plan.
func (l *loader) literal(expr hclsyntax.Expression) (cty.Value, bool) {
	s := newScope(l.report, l.dir)
	for _, t := range expr.Variables() {
		if _, known := s.nodes[t.RootName()]; known {
			l.errorAt(toRange(t.SourceRange()), "Reference among the values of variables",
				"A value that a plan is given from outside is written out. Only the plan itself has references.")
			return cty.DynamicVal, false
		}
	}
	return s.evaluate(expr, nil)
}

// giveFile reads a file of values. Those that are written wrong are reported at
// once, whether the plan has such variables or not.
func (l *loader) giveFile(name string, files map[string][]byte) {
	src, there := files[name]
	if !there {
		var err error
		if src, err = read(name); err != nil {
			l.errorAt(startOf(name), "Values for variables cannot be read", upperFirst(err.Error())+".")
			return
		}
		files[name] = src
	}
	body := parseFile(name, src, l.report)
	if body == nil {
		return
	}
	for _, b := range body.Blocks {
		l.errorAt(toRange(b.DefRange()), "Block among the values of variables", fmt.Sprintf(
			"A %s file has a line for each variable, such as:\n  port = 80\nBlocks stand in the plan.", VarsExt))
	}
	for _, name := range sortedKeys(body.Attributes) {
		attr := body.Attributes[name]
		value, ok := l.literal(attr.Expr)
		l.given[name] = given{at: toRange(attr.Expr.Range()), undeclared: plans.Warning, eval: func(cty.Type) (cty.Value, bool) {
			return value, ok
		}}
	}
}

// checkGiven reports values for variables that the plan does not declare.
func (l *loader) checkGiven() {
	declared, what := sortedKeys(l.scope.nodes["var"]), "The plan"
	if l.parent != nil {
		what = "The module"
	}
	for _, name := range sortedKeys(l.given) {
		g := l.given[name]
		if slices.Contains(declared, name) || g.undeclared == "" {
			continue
		}
		l.diags = append(l.diags, plans.Diagnostic{
			Severity: g.undeclared, Subject: g.at, Summary: fmt.Sprintf("Unknown variable %q", name),
			Detail: didYouMean(name, declared) + what + " declares " + plainList(declared, "no variables") + ".",
		})
	}
}

// plainList writes names with commas between them.
func plainList(names []string, none string) string {
	if len(names) == 0 {
		return none
	}
	return strings.Join(names, ", ")
}

// autoFiles are the files of values that a plan's directory has for every run.
func autoFiles(dir string) []string {
	found, err := filepath.Glob(filepath.Join(globEscape(dir), "*.auto"+VarsExt))
	if err != nil {
		return nil // the pattern is well-formed
	}
	slices.Sort(found)
	return found
}
