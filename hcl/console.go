package hcl

import (
	"encoding/json"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"
	ctyjson "github.com/zclconf/go-cty/cty/json"

	"github.com/lvsup/lvsup/plans"
)

// ConsoleFile is the name under which what a Console is asked appears in
// diagnostics.
const ConsoleFile = "<console>"

// Console evaluates expressions as if they stood in a plan.
type Console struct{ loader *loader }

// OpenConsole reads a plan as Load does. Without paths there is no plan, only the
// functions. The console is nil if the text cannot be read or parsed; where it is
// not and there are mistakes, what depends on them has no value.
func OpenConsole(paths []string, opts Options) (*Console, map[string][]byte, []plans.Diagnostic) {
	if len(paths) == 0 {
		l := &loader{report: &report{}, sources: &sources{}, dir: "."}
		l.scope = newScope(l.report, l.dir)
		return &Console{l}, nil, nil
	}
	l, files, r := loadFiles(paths, opts)
	if l == nil {
		return nil, files, r.sorted()
	}
	return &Console{l}, files, r.sorted()
}

// Eval gives the value of an expression in the plan language, formatted, or what
// is wrong with it. Sensitive values are not shown.
func (c *Console) Eval(text string) (string, []plans.Diagnostic) {
	value, diags := c.value(text)
	if value == cty.NilVal {
		return "", diags
	}
	out := string(hclwrite.Format(hclwrite.TokensForValue(value).Bytes()))
	return strings.ReplaceAll(out, `"`+plans.Concealed+`"`, plans.Concealed), diags
}

// EvalJSON is Eval with the value as jsonencode gives it; nil if there is none.
func (c *Console) EvalJSON(text string) (json.RawMessage, []plans.Diagnostic) {
	value, diags := c.value(text)
	if value == cty.NilVal {
		return nil, diags
	}
	out, err := ctyjson.Marshal(value, value.Type())
	if err != nil {
		return nil, append(diags, plans.Diagnostic{Severity: plans.Error, Summary: "cannot be said in JSON", Detail: err.Error(), Subject: startOf(ConsoleFile)})
	}
	return out, diags
}

// value gives what an expression stands for, without what is sensitive;
// cty.NilVal if that is nothing.
func (c *Console) value(text string) (cty.Value, []plans.Diagnostic) {
	r := c.loader.report
	*r = report{}
	src := []byte(text)
	if !r.fit(ConsoleFile, src, "") {
		return cty.NilVal, r.sorted()
	}
	expr, diags := hclsyntax.ParseExpression(src, ConsoleFile, hcl2.InitialPos)
	if r.addHCL(diags, startOf(ConsoleFile)); diags.HasErrors() {
		return cty.NilVal, r.sorted()
	}
	value, ok := c.loader.scope.evaluate(expr, nil)
	if !ok && !r.hasErrors() {
		r.errorAt(toRange(expr.Range()), "No value", "A mistake in the plan keeps this from having one.")
	}
	if r.hasErrors() {
		return cty.NilVal, r.sorted()
	}
	value, err := cty.Transform(value, func(_ cty.Path, v cty.Value) (cty.Value, error) {
		if v.IsMarked() {
			return cty.StringVal(plans.Concealed), nil
		}
		return v, nil
	})
	if err != nil || value.ContainsMarked() {
		return cty.StringVal(plans.Concealed), nil
	}
	return value, nil
}

// Incomplete reports whether a text has brackets open, so that an expression goes
// on in the next line.
func Incomplete(text string) bool {
	tokens, _ := hclsyntax.LexExpression([]byte(text), ConsoleFile, hcl2.InitialPos)
	depth := 0
	for _, token := range tokens {
		switch token.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenOParen, hclsyntax.TokenOHeredoc:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenCParen, hclsyntax.TokenCHeredoc:
			depth--
		}
	}
	return depth > 0
}
