package hcl

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/plans"
)

// docs/ipvs.md names every attribute that is about IPVS, and every scheduler and
// flag, as a plan spells them.
func TestIPVSPageIsComplete(t *testing.T) {
	raw, err := os.ReadFile("../docs/ipvs.md")
	if err != nil {
		t.Fatal(err)
	}
	page := string(raw)
	var walk func(*blockSchema)
	walk = func(b *blockSchema) {
		for _, a := range b.attrs {
			if slices.Contains([]string{"name", "for_each", "count"}, a.name) {
				continue // of the language, not of IPVS
			}
			// `name`, or `name = value` in a piece of a plan.
			if !regexp.MustCompile("[`{ ]" + a.name + "(`| = )").MatchString(page) {
				t.Errorf("docs/ipvs.md does not name %s of %s", a.name, b.name)
			}
		}
		if b.name != "backend" && !strings.Contains(page, "`"+b.name+"`") && !strings.Contains(page, b.name+" {") {
			t.Errorf("docs/ipvs.md does not name the block %s", b.name)
		}
		for _, inner := range b.blocks {
			walk(inner)
		}
	}
	for _, name := range []string{"ipvs", "virtual_service"} {
		b, ok := schema().block(name)
		if !ok {
			t.Fatalf("the language has no block %s", name)
		}
		walk(b)
	}
	var rows []string
	_, table, _ := strings.Cut(page, "| Scheduler |")
	table, _, _ = strings.Cut(table, "\n\n")
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z]+)` \\|").FindAllStringSubmatch(table, -1) {
		rows = append(rows, m[1])
	}
	for _, s := range plans.Schedulers() {
		if !slices.Contains(rows, s) {
			t.Errorf("docs/ipvs.md has no row for the scheduler %s", s)
		}
		for _, flag := range plans.SchedulerFlags(s) {
			if !strings.Contains(page, "`"+flag+"`") {
				t.Errorf("docs/ipvs.md does not name the flag %s", flag)
			}
		}
	}
	for _, row := range rows {
		if !slices.Contains(plans.Schedulers(), row) {
			t.Errorf("docs/ipvs.md has a row for %s, which is no scheduler of a plan", row)
		}
	}
}

// Links within docs/ipvs.md lead to its headings.
func TestIPVSPageLinks(t *testing.T) {
	raw, err := os.ReadFile("../docs/ipvs.md")
	if err != nil {
		t.Fatal(err)
	}
	anchors := map[string]bool{}
	for _, m := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllStringSubmatch(string(raw), -1) {
		plain := regexp.MustCompile(`[^a-z0-9_ -]`).ReplaceAllString(strings.ToLower(m[1]), "")
		anchors[strings.ReplaceAll(plain, " ", "-")] = true
	}
	for _, m := range regexp.MustCompile(`\]\(#([^)]*)\)`).FindAllStringSubmatch(string(raw), -1) {
		if !anchors[m[1]] {
			t.Errorf("no heading for #%s", m[1])
		}
	}
}
