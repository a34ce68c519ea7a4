package main

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeShowsTheSmallPlan keeps the plan that newcomers read first the one
// that is tested.
func TestReadmeShowsTheSmallPlan(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	plan, err := os.ReadFile("../../plans/examples/small.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(readme), "```hcl\n"+string(plan)+"```") {
		t.Error("README.md does not show plans/examples/small.hcl")
	}
}
