package hcl

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/plans"
)

// The reference page has a section for every block and, in it or in the section
// it refers to, a row for every attribute; it names every function.
func TestReferencePageIsComplete(t *testing.T) {
	raw, err := os.ReadFile("../docs/plan-language.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	var walk func(*blockSchema)
	walk = func(b *blockSchema) {
		_, section, found := strings.Cut(page, "\n### "+b.name+"\n")
		if !found {
			t.Errorf("no section for %s", b.name)
		}
		section, _, _ = strings.Cut(section, "\n### ")
		for _, a := range b.attrs {
			if !strings.Contains(section, "`"+a.name+"`") {
				t.Errorf("section %s does not name %s", b.name, a.name)
			}
		}
		for _, line := range strings.Split(section, "\n") {
			name, ok := strings.CutPrefix(line, "| `")
			name, _, _ = strings.Cut(name, "`")
			if ok && !slices.Contains(b.attrNames(), name) && !strings.Contains(name, ".") {
				t.Errorf("section %s has a row for %s, which is not in the language", b.name, name)
			}
		}
		for _, inner := range b.blocks {
			if inner.name != "connection" { // described once
				walk(inner)
			}
		}
	}
	for _, b := range schema().blocks {
		if b.name == "connection" {
			continue
		}
		walk(b)
	}
	host, _ := schema().block("director")
	connection, _ := host.block("connection")
	walk(connection)
	for name := range functions(".") {
		if !strings.Contains(page, "`"+name+"`") {
			t.Errorf("function %s is not named", name)
		}
	}
}

// Every attribute can be explained: what it wants, and an example of it.
func TestSchemaExplainsEveryAttribute(t *testing.T) {
	var walk func(*blockSchema)
	walk = func(b *blockSchema) {
		for _, a := range b.attrs {
			if a.example == "" || a.want == "" {
				t.Errorf("%s.%s lacks an example or does not say what it wants", b.name, a.name)
			}
		}
		for _, inner := range b.blocks {
			walk(inner)
		}
	}
	walk(schema())
}

// The first plan on the reference page is one that a newcomer can copy.
func TestReferencePageOpensWithAPlan(t *testing.T) {
	raw, err := os.ReadFile("../docs/plan-language.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(raw), "```hcl\n")
	src, _, found := strings.Cut(rest, "```\n")
	if c, diags := Parse("docs", []byte(src), Options{}); !found || c == nil || len(diags) > 0 {
		t.Errorf("diagnostics: %v", diags)
	}
}

// Every piece of a plan on the reference page can be read, and is formatted.
func TestReferencePagePiecesAreFormatted(t *testing.T) {
	raw, err := os.ReadFile("../docs/plan-language.md")
	if err != nil {
		t.Fatal(err)
	}
	pieces := strings.Split(string(raw), "```hcl\n")[1:]
	for _, piece := range pieces {
		src, _, _ := strings.Cut(piece, "```\n")
		out, diags := Format("piece", []byte(src))
		if len(diags) > 0 || string(out) != src {
			t.Errorf("%v\n%s", diags, src)
		}
	}
	if len(pieces) < 10 {
		t.Errorf("only %d pieces", len(pieces))
	}
}

// The blocks of the section about repeating make a plan.
func TestReferencePageRepeats(t *testing.T) {
	raw, err := os.ReadFile("../docs/plan-language.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(raw), "## Repeating a block")
	_, section, _ = strings.Cut(section, "```hcl\n")
	src, _, _ := strings.Cut(section, "```\n")
	src += "cluster \"web\" {\n  forwarding = \"dr\"\n}\ndirector \"lb\" {\n  interface \"ens33\" {\n    address = \"192.168.140.10/24\"\n  }\n}\n"
	c, diags := Parse("docs", []byte(src), Options{})
	if c == nil || len(diags) > 0 {
		t.Fatalf("diagnostics: %v", diags)
	}
	var names []string
	for _, h := range c.Hosts {
		names = append(names, h.Name)
	}
	if got := strings.Join(names, " "); got != "node-a node-b spare1 spare2 lb" {
		t.Errorf("the hosts are %s", got)
	}
}

// The segment sizes on the reference page are those that plans get.
func TestReferencePageKnowsSegmentSizes(t *testing.T) {
	raw, err := os.ReadFile("../docs/plan-language.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, tunnel := range []plans.Tunnel{
		{Type: plans.TunnelIPIP},
		{Type: plans.TunnelGRE},
		{Type: plans.TunnelGRE, Checksum: plans.ChecksumFull},
		{Type: plans.TunnelGUE},
		{Type: plans.TunnelGUE, Checksum: plans.ChecksumRemote},
	} {
		name := tunnel.Type
		if tunnel.Checksum != "" {
			name += ", checksum " + tunnel.Checksum
		}
		row := fmt.Sprintf("| %s | %d | %d | %d |\n", name, tunnel.FitMSS(false, false), tunnel.FitMSS(true, false), tunnel.FitMSS(true, true))
		if !strings.Contains(string(raw), row) {
			t.Errorf("no row %s", row)
		}
	}
}
