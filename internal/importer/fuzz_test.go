package importer_test

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/lvsup/lvsup/internal/importer"
	"github.com/lvsup/lvsup/plans"
)

var typeOfSource = reflect.TypeFor[plans.Source]()

func FuzzIPVSAdm(f *testing.F) { fuzz(f, "ipvsadm", importer.IPVSAdm) }

func FuzzKeepalived(f *testing.F) { fuzz(f, "keepalived", importer.Keepalived) }

func FuzzLdirectord(f *testing.F) { fuzz(f, "ldirectord", importer.Ldirectord) }

// fuzz holds that any text gives errors with places, or a plan that lvsup takes
// and that says every warning.
func fuzz(f *testing.F, format string, read reader) {
	found, err := filepath.Glob(filepath.Join("testdata", format, "*", "input"))
	if err != nil || len(found) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range found {
		src, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(src)
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 1<<14 {
			return // the parsers are linear; this only saves time
		}
		result, err := read(src, importer.Options{File: "input", Resolver: names{}})
		if err != nil {
			var all importer.Errors
			if !errors.As(err, &all) || len(all) == 0 {
				t.Fatalf("%v is no Errors", err)
			}
			for _, one := range all {
				if one.Place.File == "" || one.Text == "" {
					t.Errorf("an error without place or text: %q", one)
				}
			}
			return
		}
		write(t, result)
	})
}
