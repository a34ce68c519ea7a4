package importer_test

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/importer"
	"github.com/lvsup/lvsup/plans"
)

var update = flag.Bool("update", false, "write the golden files under testdata instead of comparing with them")

type reader func([]byte, importer.Options) (*importer.Result, error)

func readers() map[string]reader {
	return map[string]reader{"ipvsadm": importer.IPVSAdm, "keepalived": importer.Keepalived, "ldirectord": importer.Ldirectord}
}

// names is a small /etc/hosts and /etc/services.
type names struct{}

func (names) Host(name string, ipv6 bool) (netip.Addr, error) {
	known := map[string]string{"vip.example.com": "192.0.2.10", "app1": "10.0.0.11", "app2": "10.0.0.12", "app3": "10.0.0.13"}
	if ipv6 {
		known = map[string]string{"vip.example.com": "2001:db8::10", "app1": "2001:db8::11"}
	}
	if a, ok := known[name]; ok {
		return netip.ParseAddr(a)
	}
	return netip.Addr{}, errors.New("no such host")
}

func (names) Port(name, protocol string) (uint16, error) {
	known := map[string]uint16{"http": 80, "https": 443, "domain": 53, "smtp": 25, "imaps": 993, "http-alt": 8080}
	if p, ok := known[name]; ok {
		return p, nil
	}
	return 0, fmt.Errorf("unknown port %s/%s", protocol, name)
}

// TestGolden imports every testdata/FORMAT/NAME/input and compares with what
// stands beside it: plan.hcl and warnings.txt, or errors.txt. To add a test, add a
// folder with an input and run
//
//	go test ./internal/importer -run TestGolden -update
//
// then read what it wrote. Files named *.conf beside the input can be included.
func TestGolden(t *testing.T) {
	for format, read := range readers() {
		found, err := filepath.Glob(filepath.Join("testdata", format, "*", "input"))
		if err != nil || len(found) == 0 {
			t.Fatalf("no inputs for %s: %v", format, err)
		}
		for _, path := range found {
			dir := filepath.Dir(path)
			t.Run(format+"/"+filepath.Base(dir), func(t *testing.T) {
				src, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				o := importer.Options{File: "input", Resolver: names{}, Include: func(from, pattern string) ([]importer.File, error) {
					return includes(dir, pattern)
				}}
				if id, err := os.ReadFile(filepath.Join(dir, "config-id")); err == nil {
					o.ConfigID = strings.TrimSpace(string(id))
				}
				result, err := read(src, o)
				var plan, warnings, failure []byte
				if err != nil {
					var all importer.Errors
					if !errors.As(err, &all) || len(all) == 0 {
						t.Fatalf("%v is no Errors", err)
					}
					failure = []byte(err.Error() + "\n")
				} else {
					plan, warnings = write(t, result), warningsOf(result)
				}
				golden(t, filepath.Join(dir, "plan.hcl"), plan)
				golden(t, filepath.Join(dir, "warnings.txt"), warnings)
				golden(t, filepath.Join(dir, "errors.txt"), failure)
			})
		}
	}
}

func includes(dir, pattern string) ([]importer.File, error) {
	found, err := filepath.Glob(filepath.Join(dir, pattern))
	var out []importer.File
	for _, name := range found {
		text, err := os.ReadFile(name)
		if err != nil {
			return nil, err
		}
		out = append(out, importer.File{Name: filepath.Base(name), Text: text})
	}
	return out, err
}

func warningsOf(r *importer.Result) []byte {
	var b bytes.Buffer
	for _, w := range r.Warnings {
		b.WriteString(w.String() + "\n")
	}
	return b.Bytes()
}

// write gives the plan, which must load back to the same cluster without an
// error, and say every warning.
func write(t testing.TB, r *importer.Result) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := hcl.Write(&b, r.Cluster, r.Comments); err != nil {
		t.Fatal(err)
	}
	cluster, diags := hcl.Parse("plan.hcl", b.Bytes(), hcl.Options{})
	if cluster == nil {
		var text bytes.Buffer
		_ = hcl.WriteDiagnostics(&text, map[string][]byte{"plan.hcl": b.Bytes()}, diags, false)
		t.Fatalf("lvsup does not take the plan:\n%s\n%s", text.String(), b.String())
	}
	if diff := cmp.Diff(r.Cluster, cluster, withoutSources(), addresses()); diff != "" {
		t.Errorf("the plan loads back as another cluster (-imported +loaded):\n%s\n%s", diff, b.String())
	}
	flat := flatten(b.String())
	for _, w := range r.Warnings {
		if !strings.Contains(flat, flatten(w.Text)) {
			t.Errorf("the plan does not say: %s", w)
		}
	}
	return b.Bytes()
}

// flatten undoes the wrapping of comments.
func flatten(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r == ' ' || r == '\n' || r == '#' }), " ")
}

func withoutSources() cmp.Option {
	return cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() == typeOfSource }, cmp.Ignore())
}

func addresses() cmp.Option {
	return cmp.Options{
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b map[string]string) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b []plans.Backend) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
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

// TestWarningIsShort holds that a warning about many lines stays one line.
func TestWarningIsShort(t *testing.T) {
	w := importer.Warning{Text: "left out"}
	for i := range 30 {
		w.Places = append(w.Places, importer.Place{File: "rules", Line: i + 1})
	}
	w.Places = slices.Insert(w.Places, 1, importer.Place{File: "other", Line: 7})
	if got, want := w.String(), "rules:1: left out (also lines other:7, 2, 3, 4, 5, 6, 7, 8 and 22 more)"; got != want {
		t.Errorf("%s\nwant %s", got, want)
	}
}
