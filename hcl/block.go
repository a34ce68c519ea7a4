package hcl

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/plans"
)

// block is a block of the plan with what the language says about it.
type block struct {
	*loader
	schema *blockSchema
	syntax *hclsyntax.Block
	extra  map[string]cty.Value // "each" and "count", in a block with for_each or count
	suffix string               // what tells a round's name from the others'
	index  string               // how a reference names the round: ["a"] or [0]
	source plans.Source
	secret plans.Sensitive // nil until something is
}

// label is the block's label, "" if it has none.
func (b *block) label() string {
	if len(b.syntax.Labels) == 0 {
		return ""
	}
	return b.syntax.Labels[0]
}

func (b *block) header() plans.Range { return b.source[""] }

// wrap makes a block of the syntax and checks it against the schema: label,
// attributes, and the blocks inside it but not what they hold.
func (l *loader) wrap(schema *blockSchema, syntax *hclsyntax.Block) *block {
	b := &block{loader: l, schema: schema, syntax: syntax}
	b.source = plans.Source{"": toRange(syntax.DefRange())}
	b.checkLabels()
	if !schema.open {
		l.checkAttributes(schema, syntax.Body.Attributes)
	}
	b.checkMissing()
	return b
}

// children returns the blocks inside b that the language knows, and reports the
// others.
func (b *block) children() []*block {
	blocks := b.loader.blocks(b.schema, b.syntax.Body.Blocks)
	for _, inner := range blocks {
		inner.extra = b.extra
	}
	return blocks
}

func (l *loader) blocks(parent *blockSchema, syntax hclsyntax.Blocks) []*block {
	first := map[string]*hclsyntax.Block{}
	var out []*block
	for _, s := range syntax {
		schema, known := parent.block(s.Type)
		if !known {
			l.unknownBlock(parent, s)
			continue
		}
		if before, twice := first[s.Type]; twice && schema.single {
			l.errorAt(toRange(s.DefRange()), "Second "+s.Type+" block", fmt.Sprintf(
				"There is one at %s already. Write everything into that one.", toRange(before.DefRange())))
			continue
		}
		first[s.Type] = s
		out = append(out, l.wrap(schema, s))
	}
	return out
}

func (b *block) checkLabels() {
	labels := b.syntax.Labels
	switch {
	case b.schema.label == "" && len(labels) > 0:
		b.errorAt(toRange(b.syntax.LabelRanges[0]), "Label not expected", fmt.Sprintf(
			"A %s block has no label. Write:\n  %s { ... }", b.schema.name, b.schema.name))
	case b.schema.label != "" && len(labels) == 0:
		b.errorAt(toRange(b.syntax.TypeRange), "Label missing", fmt.Sprintf(
			"%s needs %s. Write, for example:\n  %s { ... }", b.schema.name, b.schema.label, b.schema.header()))
	case b.schema.label != "" && labels[0] == "":
		b.errorAt(toRange(b.syntax.LabelRanges[0]), "Label empty", fmt.Sprintf(
			"%s needs %s. Write, for example:\n  %s { ... }", b.schema.name, b.schema.label, b.schema.header()))
	case len(labels) > 1:
		b.errorAt(toRange(b.syntax.LabelRanges[1]), "Label not expected", fmt.Sprintf(
			"A %s block has one label, %s. Write, for example:\n  %s { ... }", b.schema.name, b.schema.label, b.schema.header()))
	}
}

func (l *loader) checkAttributes(schema *blockSchema, attrs hclsyntax.Attributes) {
	for name, attr := range attrs {
		if _, known := schema.attr(name); known {
			continue
		}
		where, detail := schema.place(), ""
		near := plans.Nearest(name, append(schema.attrNames(), schema.blockNames()...))
		if hint := elsewhere(name); hint != "" {
			detail = hint
		} else if inner, isBlock := schema.block(name); isBlock {
			detail = fmt.Sprintf("%s is a block: write %s { ... } without \"=\".", name, inner.header())
		} else if outer := l.twinOf(schema, name); outer != "" {
			detail = fmt.Sprintf("%s belongs in a %s block inside %s.", name, schema.name, outer)
		} else if near != "" {
			detail = fmt.Sprintf("Did you mean %q?", near)
		} else if home := l.homeOf(name); home != "" {
			detail = fmt.Sprintf("%s belongs in %s block.", name, home)
		} else if names := schema.attrNames(); len(names) > 0 {
			detail = fmt.Sprintf("Known here: %s.", strings.Join(names, ", "))
		} else {
			detail = fmt.Sprintf("Only blocks stand here: %s.", strings.Join(schema.blockNames(), ", "))
		}
		l.errorAt(toRange(attr.NameRange), fmt.Sprintf("Unknown attribute %q %s", name, where), detail)
	}
}

// twinOf names the blocks with an inner block of the same name as schema that, unlike
// schema, has such an attribute.
func (l *loader) twinOf(schema *blockSchema, attr string) string {
	var names []string
	for _, outer := range l.language.blocks {
		if twin, there := outer.block(schema.name); there {
			if _, has := twin.attr(attr); has {
				names = append(names, outer.name)
			}
		}
	}
	return strings.Join(names, " or ")
}

// homeOf names the blocks that have such an attribute: "an interface".
func (l *loader) homeOf(attr string) string {
	var homes []string
	var walk func(*blockSchema)
	walk = func(s *blockSchema) {
		if _, there := s.attr(attr); there && !slices.Contains(homes, s.name) {
			homes = append(homes, s.name)
		}
		for _, inner := range s.blocks {
			walk(inner)
		}
	}
	walk(l.language)
	if len(homes) == 0 {
		return ""
	}
	return article(homes[0]) + " " + strings.Join(homes, ", ")
}

func (l *loader) unknownBlock(parent *blockSchema, s *hclsyntax.Block) {
	detail := ""
	if hint := elsewhere(s.Type); hint != "" {
		detail = hint
	} else if a, isAttr := parent.attr(s.Type); isAttr {
		detail = fmt.Sprintf("%s is an attribute: write %s = %s", a.name, a.name, a.example)
	} else if near := plans.Nearest(s.Type, append(parent.blockNames(), parent.attrNames()...)); near != "" {
		detail = fmt.Sprintf("Did you mean %q?", near)
		if nodes := l.scope.nodes[near]; nodes != nil && len(s.Labels) == 1 && slices.Contains(hostRoots, near) {
			// References to it are right; nothing more is said about them.
			nodes[s.Labels[0]] = &node{eval: func() cty.Value { return cty.DynamicVal }}
		}
	} else if _, top := l.language.block(s.Type); top && parent.name != "" {
		detail = fmt.Sprintf("%s stands at the top level of a plan, not inside another block.", s.Type)
	} else if home := l.blockHome(s.Type); home != "" {
		detail = fmt.Sprintf("%s belongs inside %s block.", s.Type, home)
	} else if names := parent.blockNames(); len(names) > 0 {
		detail = fmt.Sprintf("Known here: %s.", strings.Join(names, ", "))
	} else {
		detail = fmt.Sprintf("%s holds attributes only: %s.", parent.name, strings.Join(parent.attrNames(), ", "))
	}
	l.errorAt(toRange(s.DefRange()), fmt.Sprintf("Unknown block %q %s", s.Type, parent.place()), detail)
}

func (l *loader) blockHome(name string) string {
	for _, outer := range l.language.blocks {
		if _, there := outer.block(name); there {
			return article(outer.name) + " " + outer.name
		}
	}
	return ""
}

func (b *block) checkMissing() {
	for _, a := range b.schema.attrs {
		if _, there := b.syntax.Body.Attributes[a.name]; a.required && !there {
			b.missing(a.name)
		}
	}
}

func (b *block) missing(name string) {
	a, _ := b.schema.attr(name)
	at, what := b.header(), "missing"
	if attr, null := b.syntax.Body.Attributes[name]; null {
		at, what = toRange(attr.Expr.Range()), "null"
	}
	b.errorAt(at, fmt.Sprintf("Attribute %q is %s", name, what), fmt.Sprintf(
		"This %s block needs it, for example:\n  %s = %s", b.schema.name, a.name, a.example))
}

// value evaluates an attribute and records where it stood. There is no value if
// the plan does not write the attribute, writes null, or makes a mistake in it,
// which has been reported then.
func (b *block) value(name string) (cty.Value, hclsyntax.Expression, bool) {
	attr, there := b.syntax.Body.Attributes[name]
	if !there {
		return cty.NilVal, nil, false
	}
	at := toRange(attr.Expr.Range())
	b.source[name] = at
	if b.dottedKeys(attr.Expr) {
		b.fail(at)
		return cty.NilVal, nil, false
	}
	value, ok := b.scope.evaluate(attr.Expr, b.extra)
	if ok {
		value, ok = b.uncover(name, value, at)
	}
	if !ok {
		b.fail(at)
		return cty.NilVal, nil, false
	}
	b.involve(at, b.scope.involved(attr.Expr, b.extra))
	if value.IsNull() {
		if a, _ := b.schema.attr(name); a.required {
			b.fail(at)
			b.errorAt(at, fmt.Sprintf("Attribute %q is null", name), fmt.Sprintf(
				"This %s block needs a value, for example:\n  %s = %s", b.schema.name, a.name, a.example))
		} else {
			delete(b.source, name)
		}
		return cty.NilVal, nil, false
	}
	return value, attr.Expr, true
}

// leftOut reports whether an attribute that has been read is not in the plan, or
// is null.
func (b *block) leftOut(name string) bool {
	_, there := b.source[name]
	return !there
}

// wrong reports that an attribute, or the part of its value at the given span,
// is not what the language wants.
// hint is a sentence that says what to write instead; without it, the language's
// example does.
func (b *block) wrong(name string, at plans.Range, got, hint string) {
	a, _ := b.schema.attr(name)
	b.fail(b.source[name])
	b.fail(at)
	if hint == "" || b.secret[name] {
		hint = fmt.Sprintf("For example:\n  %s = %s", name, a.example)
	}
	if b.secret[name] {
		got = "this is a sensitive value"
	}
	values := ""
	if attr, written := b.syntax.Body.Attributes[name]; written {
		values = b.scope.involved(attr.Expr, b.extra)
	}
	b.diags = append(b.diags, plans.Diagnostic{
		Severity: plans.Error, Summary: fmt.Sprintf("Wrong value for %q", name),
		Detail: fmt.Sprintf("%s wants %s; %s. %s", name, a.want, got, hint), Subject: at, Values: values,
	})
}

// elementRanges gives the spans of a list's elements where the list is written
// out, or the whole list's span for each of n.
func elementRanges(expr hclsyntax.Expression, n int) []plans.Range {
	spans := slices.Repeat([]plans.Range{toRange(expr.Range())}, n)
	if tuple, ok := expr.(*hclsyntax.TupleConsExpr); ok && len(tuple.Exprs) == n {
		for i, e := range tuple.Exprs {
			spans[i] = toRange(e.Range())
		}
	}
	return spans
}

// itemRanges gives the spans of a map's items, by key, where the map is written
// out with literal keys.
func itemRanges(expr hclsyntax.Expression) map[string]plans.Range {
	spans := map[string]plans.Range{}
	object, ok := expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return spans
	}
	for _, item := range object.Items {
		key := hcl2.ExprAsKeyword(item.KeyExpr)
		if key == "" {
			v, diags := item.KeyExpr.Value(nil)
			if diags.HasErrors() || !v.IsKnown() || v.IsNull() || v.Type() != cty.String {
				continue
			}
			key = v.AsString()
		}
		spans[key] = toRange(hcl2.RangeBetween(item.KeyExpr.Range(), item.ValueExpr.Range()))
	}
	return spans
}

// within copies a block that stands inside another for one round of that.
func (b *block) within(round *block) *block {
	c := *b
	c.source, c.secret, c.extra = maps.Clone(b.source), maps.Clone(b.secret), round.extra
	return &c
}

// dottedKeys reports keys of a written-out map that have dots in them but no
// quotes around them, which HCL takes for references.
func (b *block) dottedKeys(expr hclsyntax.Expression) (found bool) {
	object, ok := expr.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return false
	}
	for _, item := range object.Items {
		key, ok := item.KeyExpr.(*hclsyntax.ObjectConsKeyExpr)
		if !ok || key.ForceNonLiteral {
			continue
		}
		reference, ok := key.Wrapped.(*hclsyntax.ScopeTraversalExpr)
		if !ok || len(reference.Traversal) < 2 {
			continue
		}
		found = true
		b.errorAt(toRange(key.Range()), "Key with dots but without quotes", "Write quotes around the key, such as:\n  \"net.ipv4.ip_forward\" = 1")
	}
	return found
}
