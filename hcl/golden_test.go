package hcl_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/plans"
)

var update = flag.Bool("update", false, "write the golden files under testdata instead of comparing with them")

// TestGolden loads every testdata/*/plan.hcl and compares with what stands
// beside it: diagnostics.txt, what a person sees, and cluster.json where the
// plan has no errors. To add a test, add a folder with a plan.hcl and run
//
//	go test ./hcl -run TestGolden -update
//
// then read what it wrote. A vars.json beside the plan gives variables as -var
// does, and a vars.lvsupvars as -var-file does.
func TestGolden(t *testing.T) {
	found, err := filepath.Glob("testdata/*/plan.hcl")
	if err != nil || len(found) == 0 {
		t.Fatalf("no plans under testdata: %v", err)
	}
	for _, path := range found {
		dir := filepath.Dir(path)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Chdir(dir)
			var opts hcl.Options
			given := map[string]string{}
			if raw, err := os.ReadFile("vars.json"); err == nil {
				if err := json.Unmarshal(raw, &given); err != nil {
					t.Fatal(err)
				}
			}
			if _, err := os.Stat("vars.lvsupvars"); err == nil {
				opts.Inputs = append(opts.Inputs, hcl.Input{File: "vars.lvsupvars"})
			}
			for _, name := range slices.Sorted(maps.Keys(given)) {
				opts.Inputs = append(opts.Inputs, hcl.Input{Name: name, Value: given[name]})
			}
			clusters, files, diags := hcl.LoadAll([]string{"plan.hcl"}, opts)
			var text bytes.Buffer
			if err := hcl.WriteDiagnostics(&text, files, diags, false); err != nil {
				t.Fatal(err)
			}
			checkRanges(t, files, diags)
			golden(t, "diagnostics.txt", text.Bytes())
			var encoded []byte
			if len(clusters) == 1 {
				encoded = encode(t, clusters[0])
			} else if len(clusters) > 1 {
				encoded = encode(t, clusters)
			}
			golden(t, "cluster.json", encoded)
		})
	}
}

// golden compares with a file; no content means no file.
func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if len(got) == 0 {
			if err := os.Remove(path); err != nil && !os.IsNotExist(err) {
				t.Fatal(err)
			}
			return
		}
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil && !os.IsNotExist(err) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-file +now):\n%s", path, diff)
	}
}

// encode writes clusters without its sources, which positions_test.go checks.
func encode(t *testing.T, c any) []byte {
	t.Helper()
	raw, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		t.Fatal(err)
	}
	dropSources(tree)
	out, err := json.MarshalIndent(tree, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return append(out, '\n')
}

func dropSources(tree any) {
	switch tree := tree.(type) {
	case map[string]any:
		delete(tree, "Source")
		if len(asMap(tree["Sensitive"])) == 0 {
			delete(tree, "Sensitive")
		}
		for key, child := range tree {
			if child == nil || child == "" {
				delete(tree, key)
			}
			dropSources(child)
		}
	case []any:
		for _, child := range tree {
			dropSources(child)
		}
	}
}

// checkRanges holds what every diagnostic promises: a summary, and a place that
// exists in the file it names.
func checkRanges(t *testing.T, files map[string][]byte, diags []plans.Diagnostic) {
	t.Helper()
	for _, d := range diags {
		src, known := files[d.Subject.File]
		start, end := d.Subject.Start, d.Subject.End
		switch {
		case d.Summary == "":
			t.Errorf("%s: no summary", d.Subject)
		case !known:
			t.Errorf("%q is about a file %q that was not read", d.Summary, d.Subject.File)
		case start.Line < 1 || start.Column < 1 || end.Line < start.Line:
			t.Errorf("%q has no place: %+v", d.Summary, d.Subject)
		case start.Byte < 0 || end.Byte < start.Byte || end.Byte > len(src):
			t.Errorf("%q is outside its file of %d bytes: %+v", d.Summary, len(src), d.Subject)
		case start.Line != 1+bytes.Count(src[:start.Byte], []byte("\n")):
			t.Errorf("%q says line %d: %+v", d.Summary, start.Line, d.Subject)
		}
	}
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
