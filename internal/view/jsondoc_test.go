package view

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/report"
)

// lines are the sorts of lines of a stream, with the types that share one.
var lines = []struct {
	value any
	types []string
}{
	{report.BeginLine{}, []string{string(report.LineBegin)}},
	{report.StageLine{}, []string{string(report.StageBegun), string(report.StageDone)}},
	{report.HostLine{}, []string{string(report.HostBegun), string(report.HostProgress), string(report.HostWaits), string(report.HostDone)}},
	{PlanLine{}, []string{string(report.LinePlan)}},
	{report.NoticeLine{}, []string{string(report.LineNotice)}},
	{report.StepLine{}, []string{string(report.LineStep), string(report.LineStepEnd)}},
	{Document{}, []string{string(report.LineCluster), string(report.LineResult)}},
}

// TestEveryFieldIsDocumented holds docs/json.md against the code: each line has a
// section that names its types, each object below it one that is named as its Go
// type, and each section a table with the fields, those and no others, in order.
func TestEveryFieldIsDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	sections := sectionsOf(string(page))
	known := map[string]bool{"header": true}
	compare(t, sections, "header", fieldsOf(reflect.TypeFor[report.Header]()))
	for _, line := range lines {
		title := strings.Join(line.types, ", ")
		known[title] = true
		compare(t, sections, title, slices.DeleteFunc(fieldsOf(reflect.TypeOf(line.value)), func(name string) bool {
			return name == "version" || name == "time" || name == "type"
		}))
		for _, below := range objectsIn(reflect.TypeOf(line.value), nil)[1:] {
			name := below.Name()
			if below == reflect.TypeFor[report.Finding]() {
				name = "Cause" // a plan has findings of its own
			}
			if !known[name] {
				known[name] = true
				compare(t, sections, name, fieldsOf(below))
			}
		}
	}
	for title := range sections {
		if !known[title] {
			t.Errorf("docs/json.md has a table under %q, which no line holds", title)
		}
	}
}

func compare(t *testing.T, sections map[string][]string, title string, want []string) {
	t.Helper()
	if got := sections[title]; !slices.Equal(got, want) {
		t.Errorf("docs/json.md, section %q, has the fields\n  %v, and there are\n  %v", title, got, want)
	}
}

// sectionsOf gives the names in the tables of a page, by the heading above. A
// heading names its types in code quotes.
func sectionsOf(page string) map[string][]string {
	row := regexp.MustCompile("^\\| `([a-z_]+)` \\|")
	sections, title := map[string][]string{}, ""
	for _, line := range strings.Split(page, "\n") {
		if heading, ok := strings.CutPrefix(line, "### "); ok {
			title = strings.ReplaceAll(heading, "`", "")
		} else if strings.HasPrefix(line, "## ") {
			title = ""
		}
		if m := row.FindStringSubmatch(line); m != nil && title != "" {
			sections[title] = append(sections[title], m[1])
		}
	}
	return sections
}

// fieldsOf gives the names of an object's fields, those of embedded structs in
// their places.
func fieldsOf(t reflect.Type) []string {
	var names []string
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case field.Anonymous && name == "":
			names = append(names, fieldsOf(field.Type)...)
		case name != "-":
			names = append(names, name)
		}
	}
	return names
}

// objectsIn lists the structs that a value of a type holds, itself first.
func objectsIn(t reflect.Type, seen []reflect.Type) []reflect.Type {
	switch {
	case slices.Contains(seen, t) || t == reflect.TypeFor[time.Time]():
		return seen
	case t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map:
		return objectsIn(t.Elem(), seen)
	case t.Kind() != reflect.Struct:
		return seen
	}
	seen = append(seen, t)
	for field := range t.Fields() {
		if !field.Anonymous {
			seen = objectsIn(field.Type, seen)
			continue
		}
		for inner := range field.Type.Fields() {
			seen = objectsIn(inner.Type, seen)
		}
	}
	return seen
}
