package main

import (
	"os"
	"os/exec"
	"strings"
	"testing"
)

const module = "github.com/lvsup/lvsup/"

// layers are the packages from top to bottom: imports point down only. A
// prefix stands for everything below it.
var layers = []string{
	"cmd/",
	"internal/bench",
	"internal/fleet",
	"internal/relay",
	"coordinator",
	"coordinator/checks",
	"internal/lab",
	"internal/sshconn",
	"internal/agentbin",
	"internal/graph",
	"internal/firstplan",
	"internal/drift",
	"internal/shards",
	"internal/byhand",
	"internal/view",
	"internal/savedplan",
	"internal/lastrun",
	"internal/statedir",
	"internal/replacefile",
	"internal/report",
	"hcl",
	"internal/discover",
	"internal/importer",
	"agent",
	"plans/examples",
	"plans",
	"internal/wire",
	"internal/step/all",
	"internal/step/",
	"internal/step",
	"internal/schedule",
	"internal/textmerge",
	"internal/linux/",
	"internal/shell",
	"internal/hostkey",
	"internal/build",
}

// exceptions are imports of wire by adapters whose results are the types that
// the agent answers with.
var exceptions = map[string]string{
	"internal/linux/facts internal/wire":   "collects the wire's facts",
	"internal/linux/httpget internal/wire": "answers the wire's fetches",
	"internal/linux/pathway internal/wire": "answers the wire's questions about paths",
}

func layerOf(pkg string) int {
	best := -1
	for i, l := range layers {
		if pkg == l || strings.HasSuffix(l, "/") && strings.HasPrefix(pkg, l) {
			if best < 0 || len(l) > len(layers[best]) {
				best = i
			}
		}
	}
	return best
}

func TestImportsPointDown(t *testing.T) {
	cmd := exec.Command("go", "list", "-f", `{{.ImportPath}} {{join .Imports " "}}`, module+"...")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(out)), "\n") {
		fields := strings.Fields(line)
		from := strings.TrimPrefix(fields[0], module)
		if layerOf(from) < 0 {
			t.Errorf("package %s has no place in the layers; give it one", from)
			continue
		}
		for _, imported := range fields[1:] {
			to, ours := strings.CutPrefix(imported, module)
			if !ours || exceptions[from+" "+to] != "" {
				continue
			}
			if layerOf(to) < layerOf(from) {
				t.Errorf("%s imports %s, which lies above it", from, to)
			}
			if strings.HasPrefix(from, "internal/step/") && from != "internal/step/all" && strings.HasPrefix(to, "internal/step/") && to != "internal/step/steptest" {
				t.Errorf("kind %s imports kind %s; kinds do not know each other", from, to)
			}
		}
	}
}

// TestLayersAreDocumented holds the architecture's table: each layer has its place in
// it, in the same order.
func TestLayersAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "| Package | Purpose |\n")
	table, _, _ = strings.Cut(table, "\n\n")
	last := 0
	for _, layer := range layers {
		name := "`" + layer
		if !strings.HasSuffix(layer, "/") {
			name += "`"
		}
		at := strings.Index(table, name)
		switch {
		case at < 0:
			t.Errorf("docs/architecture.md has no row for %s", layer)
		case at < last:
			t.Errorf("docs/architecture.md has %s in another place than the layers", layer)
		}
		last = max(at, last)
	}
}
