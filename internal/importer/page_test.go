package importer

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// docs/ipvs.md says of every option of ipvsadm where it is in a plan, or what
// does its work; and it names none that ipvsadm does not have.
func TestPageSaysWhereEveryOptionIs(t *testing.T) {
	raw, err := os.ReadFile("../../docs/ipvs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, found := strings.Cut(string(raw), "\n## Every option of ipvsadm\n")
	if !found {
		t.Fatal("docs/ipvs.md has no such section")
	}
	known := map[string]bool{}
	for _, o := range append(ipvsadmCommands(), ipvsadmSettings()...) {
		names := []string{"--" + o.long}
		if o.short != 0 {
			names = append(names, "-"+string(o.short))
		}
		for _, name := range names {
			known[name] = true
			if !strings.Contains(table, "`"+name+"`") {
				t.Errorf("docs/ipvs.md does not say where %s is", name)
			}
		}
	}
	for row := range strings.Lines(table) {
		cells := strings.Split(row, "|")
		if len(cells) < 3 {
			continue
		}
		for _, m := range regexp.MustCompile("`(-[^`]*)`").FindAllStringSubmatch(cells[1], -1) {
			if !known[m[1]] {
				t.Errorf("docs/ipvs.md has %s, which ipvsadm does not", m[1])
			}
		}
	}
}
