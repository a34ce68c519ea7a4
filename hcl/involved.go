package hcl

import (
	"fmt"
	"strconv"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// involved says what the references in an expression are, a line each: `var.port
// is 70000`. Those that have no value, and hosts as a whole, are left out.
func (s *scope) involved(expr hclsyntax.Expression, extra map[string]cty.Value) string {
	said := map[string]bool{}
	var lines []string
	for _, t := range expr.Variables() {
		value, ok := s.quietly(t, extra)
		if !ok || !value.IsMarked() && holdsHosts(value) {
			continue
		}
		if line := traversalText(t) + " is " + brief(value); !said[line] {
			said[line] = true
			lines = append(lines, line)
		}
	}
	if len(lines) > 0 && s.module != "" {
		lines = append([]string{"this is " + s.module}, lines...)
	}
	return strings.Join(lines, "\n")
}

// quietly gives a reference's value if it has been evaluated before.
func (s *scope) quietly(t hcl2.Traversal, extra map[string]cty.Value) (cty.Value, bool) {
	root := t.RootName()
	context := &hcl2.EvalContext{Variables: extra}
	if _, there := extra[root]; !there {
		if len(t) < 2 {
			return cty.NilVal, false
		}
		name, _, _ := step(t[1])
		n := s.nodes[root][name]
		if n == nil || n.state != done {
			return cty.NilVal, false
		}
		context.Variables = map[string]cty.Value{root: cty.ObjectVal(map[string]cty.Value{name: n.value})}
	}
	value, diags := t.TraverseAbs(context)
	return value, !diags.HasErrors() && value.IsKnown()
}

// traversalText writes a reference as it stands in a plan.
func traversalText(t hcl2.Traversal) string {
	out := t.RootName()
	for _, part := range t[1:] {
		switch part := part.(type) {
		case hcl2.TraverseAttr:
			out += "." + part.Name
		case hcl2.TraverseIndex:
			out += "[" + brief(part.Key) + "]"
		}
	}
	return out
}

// brief is a value in a few words, never a sensitive one.
func brief(v cty.Value) string {
	t := v.Type()
	switch {
	case v.IsMarked():
		return "a sensitive value"
	case !v.IsKnown():
		return "unknown"
	case v.IsNull():
		return "null"
	case t == cty.String:
		return strconv.Quote(shorten(v.AsString()))
	case t == cty.Number:
		return v.AsBigFloat().Text('f', -1)
	case t == cty.Bool:
		return strconv.FormatBool(v.True())
	case t.IsTupleType(), t.IsListType(), t.IsSetType():
		return "a list of " + count(v.LengthInt(), "element")
	case t.IsMapType():
		return "a map of " + count(v.LengthInt(), "element")
	case t.IsObjectType():
		return "a map of " + count(len(t.AttributeTypes()), "element")
	}
	return "a " + t.FriendlyName()
}

func count(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// holdsHosts reports whether a value is a host or consists of hosts.
func holdsHosts(v cty.Value) bool {
	if v.IsMarked() || !v.IsKnown() || v.IsNull() {
		return false
	}
	if isHostObject(v) {
		return true
	}
	t := v.Type()
	if !t.IsObjectType() && !t.IsTupleType() {
		return false
	}
	held := false
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		if !holdsHosts(element) {
			return false
		}
		held = true
	}
	return held
}
