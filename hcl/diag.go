package hcl

import (
	"cmp"
	"slices"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"

	"github.com/lvsup/lvsup/plans"
)

// report collects diagnostics while a plan is read.
type report struct {
	diags []plans.Diagnostic
	// failed holds the spans of attributes that have no usable value, so that
	// nothing is said about them twice.
	failed map[plans.Range]bool
	// values are those in an attribute's expression, for what is found out about
	// it later; ambiguous ones are "".
	values map[plans.Range]string
}

func (r *report) errorAt(at plans.Range, summary, detail string) {
	r.diags = append(r.diags, plans.Diagnostic{
		Severity: plans.Error, Summary: summary, Detail: detail, Subject: at,
	})
}

func (r *report) fail(at plans.Range) {
	if r.failed == nil {
		r.failed = map[plans.Range]bool{}
	}
	r.failed[at] = true
}

// involve remembers the values in the expression at a place.
func (r *report) involve(at plans.Range, values string) {
	if r.values == nil {
		r.values = map[plans.Range]string{}
	}
	if before, again := r.values[at]; again && before != values {
		values = ""
	}
	r.values[at] = values
}

// addHCL takes over what hashicorp/hcl said. at is used where it named no place.
func (r *report) addHCL(diags hcl2.Diagnostics, at plans.Range) { r.addHCLWith(diags, at, "") }

// addHCLWith is addHCL for an expression with the given values in it.
func (r *report) addHCLWith(diags hcl2.Diagnostics, at plans.Range, values string) {
	for _, d := range diags {
		severity := plans.Error
		if d.Severity == hcl2.DiagWarning {
			severity = plans.Warning
		}
		subject := at
		if d.Subject != nil && d.Subject.Filename != "" {
			subject = toRange(*d.Subject)
		}
		r.diags = append(r.diags, plans.Diagnostic{
			Severity: severity,
			Summary:  strings.TrimRight(d.Summary, "."),
			Detail:   d.Detail,
			Subject:  subject,
			Values:   values,
		})
	}
}

// addValidated adds what plans.Validate found, except about values that the
// loader could not read in the first place.
func (r *report) addValidated(diags []plans.Diagnostic) {
	for _, d := range diags {
		if !r.failed[d.Subject] {
			d.Values = r.values[d.Subject]
			r.diags = append(r.diags, d)
		}
	}
}

func (r *report) hasErrors() bool {
	return slices.ContainsFunc(r.diags, func(d plans.Diagnostic) bool { return d.Severity == plans.Error })
}

// sorted returns the diagnostics in the order of the files' names and the
// positions in them, each once.
func (r *report) sorted() []plans.Diagnostic {
	diags := slices.Clone(r.diags)
	slices.SortStableFunc(diags, func(a, b plans.Diagnostic) int {
		return cmp.Or(
			cmp.Compare(a.Subject.File, b.Subject.File),
			cmp.Compare(a.Subject.Start.Byte, b.Subject.Start.Byte),
			cmp.Compare(a.Subject.End.Byte, b.Subject.End.Byte),
			cmp.Compare(a.Severity, b.Severity),
			cmp.Compare(a.Summary, b.Summary),
			cmp.Compare(a.Detail, b.Detail),
			cmp.Compare(a.Values, b.Values),
		)
	})
	return fold(slices.Compact(diags))
}

// fold leaves out what the rounds of a block or a module say again with other values, and
// says how often that is.
func fold(diags []plans.Diagnostic) []plans.Diagnostic {
	var out []plans.Diagnostic
	for i := 0; i < len(diags); {
		end := i + 1
		for end < len(diags) && again(diags[i], diags[end]) {
			end++
		}
		d := diags[i]
		if more := end - i - 1; more > 0 {
			d.Detail += "\nThe same goes for " + count(more, "other") + ", with other values."
		}
		out, i = append(out, d), end
	}
	return out
}

func again(a, b plans.Diagnostic) bool {
	return a.Subject == b.Subject && a.Severity == b.Severity && a.Summary == b.Summary && a.Values != b.Values &&
		(strings.Contains(a.Values, "each.") || strings.Contains(a.Values, "count.index") || strings.HasPrefix(a.Values, "this is module."))
}

func toRange(r hcl2.Range) plans.Range {
	return plans.Range{File: r.Filename, Start: toPos(r.Start), End: toPos(r.End)}
}

func toPos(p hcl2.Pos) plans.Pos { return plans.Pos{Line: p.Line, Column: p.Column, Byte: p.Byte} }

// didYouMean gives `Did you mean "X"? ` or nothing.
func didYouMean(word string, candidates []string) string {
	if near := plans.Nearest(word, candidates); near != "" {
		return `Did you mean "` + near + `"? `
	}
	return ""
}

// list writes names as `"a", "b" or "c"`.
func list(names []string) string {
	quoted := make([]string, len(names))
	for i, n := range names {
		quoted[i] = `"` + n + `"`
	}
	if len(quoted) == 0 {
		return "none"
	}
	if len(quoted) == 1 {
		return strings.Join(quoted, "")
	}
	last := len(quoted) - 1
	return strings.Join(quoted[:last], ", ") + " or " + quoted[last]
}
