package firstplan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/plans"
)

// Interview is a plan in the making.
type Interview struct {
	answers []string // to the first questions, in their order
}

// Question is what is asked next.
type Question struct {
	Text    string
	Help    []string // lines to show before it
	Default string   // what an empty answer means; may be empty
}

// Next gives the question to ask now, or false if there is none left.
func (i *Interview) Next() (Question, bool) {
	s := newScript(i.answers)
	if len(i.answers) >= len(s.asked) {
		return Question{}, false
	}
	return s.asked[len(i.answers)], true
}

// Answer takes the answer to the question that Next gave. An empty one stands for
// the default. What is wrong with it comes back, and the question stays.
func (i *Interview) Answer(text string) []plans.Diagnostic {
	q, more := i.Next()
	if !more {
		return nil
	}
	text = strings.TrimSpace(text)
	if text == "" {
		text = q.Default
	}
	s := newScript(append(slices.Clone(i.answers), text))
	if s.mistake != "" {
		return []plans.Diagnostic{{Severity: plans.Error, Summary: s.mistake}}
	}
	_, diags := hcl.Parse("plan", []byte(s.plan()), hcl.Options{})
	diags = slices.DeleteFunc(diags, func(d plans.Diagnostic) bool { return d.Severity != plans.Error })
	if len(diags) > 0 {
		return diags
	}
	i.answers = append(i.answers, text)
	return nil
}

// Plan gives the plan, formatted, with defaults for what was not asked yet.
func (i *Interview) Plan() ([]byte, error) {
	text, diags := hcl.Format("plan", []byte(newScript(i.answers).plan()))
	for _, d := range diags {
		if d.Severity == plans.Error {
			return nil, fmt.Errorf("cannot write the plan: %s: %s", d.Summary, d.Detail)
		}
	}
	return text, nil
}
