package hcl

import (
	"fmt"
	"os"
	"strings"
	"time"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/gohcl"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lvsup/lvsup/plans"
)

// Ignore is a rule that says nothing of some drift for a while. In Host, Kind and
// Key a * stands for any text; what is empty matches everything.
type Ignore struct {
	Host, Kind, Key string
	Reason          string
	Until           time.Time // the first moment at which it counts again, in UTC
	At              plans.Range
}

// ignoreFile is a file of rules.
type ignoreFile struct {
	Rules []struct {
		Host   string     `hcl:"host,optional"`
		Kind   string     `hcl:"kind,optional"`
		Key    string     `hcl:"key,optional"`
		Reason string     `hcl:"reason"`
		Until  string     `hcl:"until"` // the last day
		At     hcl2.Range `hcl:",def_range"`
	} `hcl:"ignore,block"`
}

// LoadIgnores reads a file of rules. The second value is its text, for
// WriteDiagnostics.
func LoadIgnores(path string) ([]Ignore, map[string][]byte, []plans.Diagnostic) {
	r := &report{}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, []plans.Diagnostic{{Severity: plans.Error, Summary: fmt.Sprintf("cannot read the rules: %v", err)}}
	}
	files := map[string][]byte{path: text}
	file, diags := hclsyntax.ParseConfig(text, path, hcl2.InitialPos)
	r.addHCL(diags, plans.Range{File: path})
	if r.hasErrors() {
		return nil, files, r.sorted()
	}
	var read ignoreFile
	r.addHCL(gohcl.DecodeBody(file.Body, nil, &read), plans.Range{File: path})
	var rules []Ignore
	for _, b := range read.Rules {
		at := toRange(b.At)
		wrong := func(summary, detail string) {
			r.diags = append(r.diags, plans.Diagnostic{Severity: plans.Error, Summary: summary, Detail: detail, Subject: at})
		}
		last, err := time.Parse(time.DateOnly, b.Until)
		switch {
		case r.hasErrors(): // of what is not there, nothing more is to be said
		case err != nil:
			wrong(fmt.Sprintf("%q is no day", b.Until), `until is the last day of the rule, as in "2026-12-31"`)
		case strings.TrimSpace(b.Reason) == "":
			wrong("A rule without a reason", "say why nobody needs to hear of it")
		case b.Host+b.Kind+b.Key == "":
			wrong("A rule for everything", `give it a host, a kind or a key, as in kind = "sysctl"`)
		}
		rules = append(rules, Ignore{b.Host, b.Kind, b.Key, b.Reason, last.AddDate(0, 0, 1), at})
	}
	if r.hasErrors() {
		return nil, files, r.sorted()
	}
	return rules, files, r.sorted()
}
