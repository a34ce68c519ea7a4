package hcl_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/plans"
)

func write(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A directory is one plan, and references cross its files.
func TestLoadReadsDirectories(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "plan [1]")
	if err := os.Mkdir(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	cut := strings.Index(small, "real_server")
	write(t, dir, "a.hcl", small[:cut])
	second := write(t, dir, "b.hcl", small[cut:])
	write(t, dir, "notes.txt", "not a plan")
	c, files, diags := hcl.Load([]string{dir, second}, hcl.Options{})
	if c == nil || len(diags) > 0 {
		t.Fatalf("diagnostics: %v", diags)
	}
	if len(files) != 2 || len(c.Hosts) != 2 || len(c.Services[0].Backends) != 1 {
		t.Errorf("%d files, %d hosts", len(files), len(c.Hosts))
	}
}

func TestLoadSaysWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	large := write(t, dir, "large.hcl", strings.Repeat("#\n", hcl.MaxSize))
	for path, want := range map[string]string{
		filepath.Join(dir, "missing.hcl"): "There is no file",
		large:                             "larger than",
		t.TempDir():                       "no file whose name ends in .hcl",
		os.DevNull:                        "not a regular file",
	} {
		c, files, diags := hcl.Load([]string{path}, hcl.Options{})
		if c != nil || len(diags) != 1 {
			t.Fatalf("%s: %v", path, diags)
		}
		var out bytes.Buffer
		if err := hcl.WriteDiagnostics(&out, files, diags, false); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(strings.Join(strings.Fields(out.String()), " "), want) || !strings.Contains(out.String(), path) {
			t.Errorf("%s: want %q:\n%s", path, want, out.String())
		}
	}
	if c, _, diags := hcl.Load(nil, hcl.Options{}); c != nil || len(diags) != 1 {
		t.Errorf("no paths: %v", diags)
	}
}

// A duplicate in another file names the place of the first.
func TestLoadNamesTheOtherFile(t *testing.T) {
	dir := t.TempDir()
	first := write(t, dir, "a.hcl", small)
	second := write(t, dir, "b.hcl", "cluster \"again\" {}\n")
	_, _, diags := hcl.Load([]string{first, second}, hcl.Options{})
	if len(diags) != 1 || diags[0].Subject.File != second || !strings.Contains(diags[0].Detail, first+":1:1") {
		t.Errorf("diagnostics: %v", diags)
	}
}

// Text that would drive a recursive parser out of its stack is refused or read,
// never fatal.
func TestParseSurvivesDeepText(t *testing.T) {
	const n = 20_000
	for name, text := range map[string]string{
		"parentheses": strings.Repeat("(", n),
		"brackets":    strings.Repeat("[", n),
		"templates":   strings.Repeat(`"${`, n),
		"blocks":      strings.Repeat("a {\n", n/2),
		"not":         strings.Repeat("!", n) + "true",
		"minus":       strings.Repeat("-", n) + "1",
		"conditions":  strings.Repeat("true ? 1 : ", n/4) + "1",
		"sums":        "1" + strings.Repeat("+1", n),
		"indexes":     "local.x" + strings.Repeat("[0]", n/2),
		"splats":      "local.x" + strings.Repeat("[*]", n/2),
		"calls":       strings.Repeat("upper(", n/4),
	} {
		for _, src := range []string{text, "cluster \"web\" {\n  forwarding = " + text + "\n}\nhost \"a\" {}\n"} {
			c, diags := hcl.Parse("deep.hcl", []byte(src), hcl.Options{})
			if c != nil || len(diags) == 0 {
				t.Errorf("%s: accepted", name)
			}
			checkRanges(t, map[string][]byte{"deep.hcl": []byte(src)}, diags)
		}
	}
}

func TestWriteDiagnosticsColors(t *testing.T) {
	diags := []plans.Diagnostic{{Severity: plans.Warning, Summary: "Odd\x1b[2J", Subject: plans.Range{File: "gone.hcl", Start: plans.Pos{Line: 3}}}}
	var out bytes.Buffer
	if err := hcl.WriteDiagnostics(&out, nil, diags, true); err != nil {
		t.Fatal(err)
	}
	want := "\x1b[1;33mWarning:\x1b[0m \x1b[1mOdd\\x1b[2J\x1b[0m\n\n  on gone.hcl line 3\n"
	if out.String() != want {
		t.Errorf("got %q\nwant %q", out.String(), want)
	}
}

// FuzzLoad holds that no text makes the loader or the renderer panic, that there
// is a cluster exactly when there is no error, that the kinds accept what it asks
// of hosts, and that every diagnostic points into the text.
func FuzzLoad(f *testing.F) {
	seeds, err := filepath.Glob("testdata/*/plan.hcl")
	if err != nil {
		f.Fatal(err)
	}
	for _, path := range append(seeds, "../plans/examples/nat.hcl", "../plans/examples/dr.hcl") {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		c, diags := hcl.Parse("plan.hcl", src, hcl.Options{})
		failed := false
		for _, d := range diags {
			failed = failed || d.Severity == plans.Error
		}
		if failed == (c != nil) {
			t.Errorf("errors: %v, cluster: %v", failed, c != nil)
		}
		if c != nil {
			checkAccepted(t, c)
		}
		files := map[string][]byte{"plan.hcl": src}
		checkRanges(t, files, diags)
		var out bytes.Buffer
		if err := hcl.WriteDiagnostics(&out, files, diags, false); err != nil {
			t.Fatal(err)
		}
		for _, r := range out.String() {
			if r < ' ' && r != '\n' {
				t.Errorf("control character %q in what a person sees", r)
			}
		}
	})
}
