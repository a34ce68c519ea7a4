package hcl_test

import (
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/hcl"
)

const schemaFile = "../docs/plan.schema.json"

// docs/plan.schema.json is the schema of the language, as
//
//	go test ./hcl -run TestJSONSchema -update
//
// writes it, and every reference in it leads somewhere.
func TestJSONSchema(t *testing.T) {
	out, err := hcl.JSONSchema()
	if err != nil {
		t.Fatal(err)
	}
	golden(t, schemaFile, out)
	var tree map[string]any
	if err := json.Unmarshal(out, &tree); err != nil {
		t.Fatal(err)
	}
	definitions := asMap(tree["$defs"])
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				if name := strings.TrimPrefix(ref, "#/$defs/"); definitions[name] == nil {
					t.Errorf("%s leads nowhere", ref)
				}
			}
			for _, inner := range v {
				walk(inner)
			}
		case []any:
			for _, inner := range v {
				walk(inner)
			}
		}
	}
	walk(tree)
	page, err := os.ReadFile("../docs/plan-language.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(page), "plan.schema.json") {
		t.Error("the reference page does not mention the schema")
	}
}
