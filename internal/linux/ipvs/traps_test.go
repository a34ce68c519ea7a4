package ipvs

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryTrapHasItsTest reads the list in traps_lab_test.go.
func TestEveryTrapHasItsTest(t *testing.T) {
	list, err := os.ReadFile("traps_lab_test.go")
	if err != nil {
		t.Fatal(err)
	}
	var tests strings.Builder
	for _, dir := range []string{".", "ipvstest", "../../step/ipvs"} {
		files, err := filepath.Glob(dir + "/*_test.go")
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			tests.Write(b)
		}
	}
	traps := 0
	for line := range strings.Lines(string(list)) {
		if !strings.HasPrefix(line, "//\t") {
			continue
		}
		traps++
		names := regexp.MustCompile(`Test\w+`).FindAllString(line, -1)
		if len(names) == 0 {
			t.Errorf("no test: %s", line)
		}
		for _, name := range names {
			if !strings.Contains(tests.String(), "func "+name+"(") {
				t.Errorf("there is no %s: %s", name, line)
			}
		}
	}
	if traps < 22 {
		t.Errorf("the list has %d traps", traps)
	}
}
