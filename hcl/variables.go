package hcl

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/typeexpr"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	hcl2 "github.com/hashicorp/hcl/v2"

	"github.com/lvsup/lvsup/plans"
)

// mark is what a value carries along through every expression.
type mark string

// sensitive marks a value that is never to be shown.
const sensitive mark = "sensitive"

// variable is a variable block, read as far as its value needs it.
type variable struct {
	*block
	wanted   cty.Type
	defaults *typeexpr.Defaults
	secret   bool
	nullable bool
	from     plans.Range // where its value stands
}

// variable gives a variable's value: the one from outside, else its default.
func (b *block) variable() cty.Value {
	v := &variable{block: b, wanted: cty.DynamicPseudoType, nullable: true}
	b.scope.variables[b.label()] = v
	v.secret, _ = b.boolean("sensitive")
	if nullable, there := b.boolean("nullable"); there {
		v.nullable = nullable
	}
	if b.syntax.Body.Attributes["description"] != nil {
		b.text("description")
	}
	if !v.readType() {
		return cty.DynamicVal
	}
	value, ok := v.assigned()
	if !ok {
		return cty.DynamicVal
	}
	if value, ok = v.fit(value); !ok {
		return cty.DynamicVal
	}
	if v.secret {
		return value.Mark(sensitive)
	}
	return value
}

// typeWords are what a type can begin with.
var typeWords = [...]string{"string", "number", "bool", "any", "list", "set", "map", "object", "tuple", "optional"}

func (v *variable) readType() bool {
	attr, typed := v.syntax.Body.Attributes["type"]
	if !typed {
		return true
	}
	wanted, defaults, diags := typeexpr.TypeConstraintWithDefaults(attr.Expr)
	for _, d := range diags {
		at := toRange(attr.Expr.Range())
		if d.Subject != nil {
			at = toRange(*d.Subject)
		}
		word, quoted := typeWord(attr.Expr, d.Detail)
		switch {
		case quoted && slices.Contains(typeWords[:], word):
			v.errorAt(at, "Type in quotes", fmt.Sprintf("Write it without them:\n  type = %s", word))
		case quoted || word != "" && !slices.Contains(typeWords[:], word):
			v.errorAt(at, fmt.Sprintf("Unknown type %q", shorten(word)), didYouMean(word, typeWords[:])+
				"Types are string, number, bool, any, list(...), set(...), map(...), object({...}) and tuple([...]).")
		default:
			v.addHCL(hcl2.Diagnostics{d}, at)
		}
	}
	v.wanted, v.defaults = wanted, defaults
	return !diags.HasErrors()
}

// typeWord finds the word that is no type: a text in quotes, or what the detail of
// typeexpr's diagnostic names.
func typeWord(expr hclsyntax.Expression, detail string) (word string, quoted bool) {
	if text, ok := expr.(*hclsyntax.TemplateExpr); ok && text.IsStringLiteral() {
		literal, _ := text.Value(nil)
		return literal.AsString(), true
	}
	if _, rest, ok := strings.Cut(detail, `The keyword "`); ok {
		word, _, _ = strings.Cut(rest, `"`)
	}
	return word, false
}

// assigned finds the value, as it is written.
func (v *variable) assigned() (cty.Value, bool) {
	if g, there := v.given[v.label()]; there {
		v.from = g.at
		if v.secret { // the place would show it
			v.from = v.header()
		}
		said := len(v.diags)
		value, ok := g.eval(v.wanted)
		if !ok && v.secret {
			v.diags = v.diags[:said]
			v.errorAt(v.from, "Wrong value for variable "+v.label(), "What was given for it is sensitive, and cannot be read as "+typeexpr.TypeString(v.wanted)+".")
		}
		if !ok || !value.IsNull() || v.nullable {
			return value, ok
		}
	}
	attr, hasDefault := v.syntax.Body.Attributes["default"]
	if !hasDefault {
		if v.from != (plans.Range{}) {
			v.errorAt(v.from, "Variable "+v.label()+" is null", "It says nullable = false and has no default. Give it a value.")
		} else {
			at := v.header()
			if v.parent != nil {
				at = v.first
			}
			v.errorAt(at, "Variable "+v.label()+" has no value", v.howToGive())
		}
		return cty.DynamicVal, false
	}
	v.from = toRange(attr.Expr.Range())
	value, ok := v.scope.evaluate(attr.Expr, nil)
	if ok && value.IsNull() && !v.nullable {
		v.errorAt(v.from, "Variable "+v.label()+" is null", "It says nullable = false, so its default is a value. Leave one of the two out.")
		ok = false
	}
	if v.secret {
		v.from = v.header()
	}
	return value, ok
}

func (v *variable) howToGive() string {
	if v.parent != nil {
		return fmt.Sprintf("The module wants one (%s). Write in this block:\n  %s = ...", v.header(), v.label())
	}
	return fmt.Sprintf("Give it one with -var '%s=...', in a file with -var-file, or in the environment as %s%s; or write a default:\n  default = \"...\"",
		v.label(), EnvPrefix, v.label())
}

// fit converts a value to the variable's type.
func (v *variable) fit(value cty.Value) (cty.Value, bool) {
	whole := value
	if v.defaults != nil {
		value = v.defaults.Apply(value)
	}
	out, err := convert.Convert(value, v.wanted)
	if err == nil {
		return out, true
	}
	got, why := "this is "+describe(whole), err.Error()
	if path, nested := err.(cty.PathError); nested && len(path.Path) > 0 {
		why = "in " + pathText(path.Path) + ", " + why
	}
	if v.secret || whole.ContainsMarked() {
		got, why = "this is a sensitive value", "it does not fit"
	}
	v.errorAt(v.from, "Wrong value for variable "+v.label(),
		fmt.Sprintf("Its type is %s, and %s: %s.", typeexpr.TypeString(v.wanted), got, why))
	return cty.DynamicVal, false
}

// pathText writes a path into a value as one would in a plan: .a[0]["b"].
func pathText(path cty.Path) string {
	out := ""
	for _, step := range path {
		switch step := step.(type) {
		case cty.GetAttrStep:
			out += "." + step.Name
		case cty.IndexStep:
			out += "[" + brief(step.Key) + "]"
		}
	}
	return out
}

// checkVariables holds the values of variables to their validation blocks.
func (l *loader) checkVariables() {
	for _, name := range sortedKeys(l.scope.variables) {
		v := l.scope.variables[name]
		value := l.scope.nodes["var"][name].value
		for _, rule := range v.children() {
			v.holds(rule, value)
		}
	}
}

// holds evaluates a validation block.
func (v *variable) holds(rule *block, value cty.Value) {
	message := rule.text("error_message")
	condition, ok := rule.boolean("condition")
	if !ok || condition || !value.IsKnown() {
		return
	}
	at := rule.source["condition"]
	v.fail(v.from)
	if message == "" {
		message = "The condition does not hold."
	}
	expr := rule.syntax.Body.Attributes["condition"].Expr
	v.diags = append(v.diags, plans.Diagnostic{
		Severity: plans.Error, Summary: "Invalid value for variable " + v.label(),
		Detail:  message + "\n" + fmt.Sprintf("The plan asks for this at %s.", at),
		Subject: v.from, Values: v.scope.involved(expr, nil),
	})
}
