package importer_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/importer"
)

const migrate = "../../docs/migrate.md"

// TestExamplesInDocs holds the worked examples of docs/migrate.md: behind a block
// of configuration stand the plan, without its header, and the warnings.
func TestExamplesInDocs(t *testing.T) {
	src, err := os.ReadFile(migrate)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{"ipvsadm": "rc.local", "keepalived": "keepalived.conf", "ldirectord": "ldirectord.cf"}
	parts := strings.Split(string(src), "```")
	found := 0
	for i := 1; i+4 < len(parts); i += 2 {
		format, config, _ := strings.Cut(parts[i], "\n")
		read := readers()[format]
		if read == nil {
			continue
		}
		found++
		result, err := read([]byte(config), importer.Options{File: files[format], Director: "lb1"})
		if err != nil {
			t.Errorf("%s: %v", format, err)
			continue
		}
		plan := write(t, result)
		_, plan, _ = bytes.Cut(plan, []byte("\n\n"))
		want := []string{"hcl\n" + string(plan), "text\n" + string(warningsOf(result))}
		for k, offset := range []int{2, 4} {
			if diff := cmp.Diff(parts[i+offset], want[k]); diff != "" && !*update {
				t.Errorf("the example of %s (-page +now):\n%s", format, diff)
			}
			parts[i+offset] = want[k]
		}
	}
	if found != len(files) {
		t.Errorf("the page has %d examples, want %d", found, len(files))
	}
	if *update {
		if err := os.WriteFile(migrate, []byte(strings.Join(parts, "```")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
