package examples_test

import (
	"strings"
	"testing"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/plans/examples"
)

func TestExamples(t *testing.T) {
	for _, name := range examples.Names() {
		text, err := examples.Text(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, diags := hcl.Parse(name, text, hcl.Options{}); len(diags) > 0 {
			t.Errorf("%s: %s", diags[0].Subject, diags[0].Summary)
		}
	}
	if _, err := examples.Text("../x"); err == nil || !strings.Contains(err.Error(), "there are dr, nat, tun, small") {
		t.Errorf("got %v", err)
	}
}
