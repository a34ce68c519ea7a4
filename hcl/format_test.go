package hcl_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/lvsup/lvsup/hcl"
)

func TestFormat(t *testing.T) {
	src := "cluster \"web\" {\nforwarding=\"dr\" # why\n}\nhost \"a\" {\npackages=[\"x\",\n\"y\"]\nsysctl={}\n}\n"
	want := "cluster \"web\" {\n  forwarding = \"dr\" # why\n}\nhost \"a\" {\n  packages = [\"x\",\n  \"y\"]\n  sysctl = {}\n}\n"
	got, diags := hcl.Format("p.hcl", []byte(src))
	if len(diags) > 0 || string(got) != want {
		t.Errorf("%v\n%s", diags, got)
	}
	if got, diags := hcl.Format("p.hcl", []byte("a {")); len(diags) == 0 || string(got) != "a {" {
		t.Errorf("accepted: %s", got)
	}
}

// The plans that lvsup ships are formatted.
func TestExamplesAreFormatted(t *testing.T) {
	found, err := filepath.Glob("../plans/examples/*.hcl")
	deeper, errDeeper := filepath.Glob("../plans/examples/*/*.hcl")
	if err != nil || errDeeper != nil || len(found) == 0 {
		t.Fatal(err, errDeeper)
	}
	for _, path := range append(found, deeper...) {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got, diags := hcl.Format(path, src); len(diags) > 0 || !bytes.Equal(got, src) {
			t.Errorf("%s is not formatted: %v", path, diags)
		}
	}
}
