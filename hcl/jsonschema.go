package hcl

import (
	"encoding/json"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
)

// JSONSchema describes plans to editors and checkers (JSON Schema, draft
// 2020-12): the blocks, their labels and attributes, in the shape that HCL's JSON
// syntax gives them. Everywhere a value may be a reference, which is text there.
func JSONSchema() ([]byte, error) {
	definitions := map[string]any{}
	top := schema()
	root := blockObject(top, definitions)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "lvsup plan"
	root["description"] = "A plan of lvsup in the JSON form of HCL: blocks by type and label, references as \"${...}\". docs/plan-language.md explains it."
	root["$defs"] = definitions
	out, err := json.MarshalIndent(root, "", "  ")
	return append(out, '\n'), err
}

// blockObject describes what a block holds. Inner blocks go to definitions, under
// their type and, where a type has several forms, the outer block's.
func blockObject(b *blockSchema, definitions map[string]any) map[string]any {
	properties, required := map[string]any{}, []string{}
	for _, a := range b.attrs {
		properties[a.name] = attrObject(a)
		if a.required {
			required = append(required, a.name)
		}
	}
	for _, inner := range b.blocks {
		name := inner.name
		described, before := definitions[name]
		object := blockObject(inner, definitions)
		if before && !sameJSON(described, object) {
			name = b.name + "_" + name
		}
		definitions[name] = object
		properties[inner.name] = blockReference(inner, name)
	}
	object := map[string]any{"type": "object", "properties": properties, "additionalProperties": b.open}
	if len(required) > 0 {
		object["required"] = required
	}
	return object
}

// blockReference describes where a block stands in its parent: under its labels,
// or by itself, once or in a list.
func blockReference(b *blockSchema, name string) map[string]any {
	one := map[string]any{"$ref": "#/$defs/" + name}
	several := map[string]any{"anyOf": []any{one, map[string]any{"type": "array", "items": one}}}
	switch {
	case b.label != "":
		return map[string]any{"type": "object", "additionalProperties": several, "description": "By " + b.label + "."}
	case b.single:
		return one
	}
	return several
}

func attrObject(a attrSchema) map[string]any {
	object := map[string]any{"description": upperFirst(a.want) + ". For example: " + a.name + " = " + a.example}
	kind := exampleType(a.example)
	if kind == "" {
		return object
	}
	types := []string{kind, "string"} // any value may be a reference
	if kind == "string" {
		types = types[:1]
	}
	if a.name == "for_each" {
		types = []string{"object", "array", "string"}
	}
	object["type"] = types
	if words := enumeration(a.want); len(words) > 0 {
		object["examples"] = words
	}
	return object
}

// exampleType is the JSON type of an example, "" where it has none by itself.
func exampleType(example string) string {
	expr, diags := hclsyntax.ParseExpression([]byte(example), "example", hcl2.InitialPos)
	if diags.HasErrors() || len(expr.Variables()) > 0 {
		return map[bool]string{true: "string"}[strings.HasPrefix(example, `"`)]
	}
	value, diags := expr.Value(nil)
	if diags.HasErrors() {
		return ""
	}
	switch t := value.Type(); {
	case t == cty.String:
		return "string"
	case t == cty.Number:
		return "number"
	case t == cty.Bool:
		return "boolean"
	case isList(t):
		return "array"
	}
	return "object"
}

// enumeration finds the words of a want such as `"nat", "dr" or "tun"`.
func enumeration(want string) []string {
	if !strings.HasPrefix(want, `"`) {
		return nil
	}
	var words []string
	for i, part := range strings.Split(want, `"`) {
		if i%2 == 1 {
			words = append(words, part)
		}
	}
	return words
}

func sameJSON(a, b any) bool {
	one, errOne := json.Marshal(a)
	other, errOther := json.Marshal(b)
	return errOne == nil && errOther == nil && string(one) == string(other)
}
