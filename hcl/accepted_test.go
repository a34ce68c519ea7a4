package hcl_test

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/all"
	"github.com/lvsup/lvsup/plans"
)

// checkAccepted holds that what a valid plan asks of a host is what the kinds
// accept: mistakes are found where the plan is, not on a host in the middle of a
// run.
func checkAccepted(t *testing.T, c *plans.Cluster) {
	t.Helper()
	kinds := map[string]step.Any{}
	for _, k := range all.Kinds(host.Host{}) {
		kinds[k.Name()] = k
	}
	wanted, err := plans.Expand(c, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, wants := range wanted {
		for _, w := range wants {
			kind, known := kinds[w.Kind]
			if !known {
				t.Errorf("there is no kind %s", w.Kind)
				continue
			}
			// Changes that mutate nothing need no command, but what is
			// wanted is looked at first.
			if _, err := kind.Commands(w.Want, []step.Change{{Action: step.Adopt}}); err != nil {
				t.Errorf("%s: %v\n%s", name, err, w.Want)
			}
		}
	}
}

func TestValidPlansAreAccepted(t *testing.T) {
	found, err := filepath.Glob("testdata/*/cluster.json")
	examples, errExamples := filepath.Glob("../plans/examples/*.hcl")
	if err := errors.Join(err, errExamples); err != nil || len(found) == 0 || len(examples) == 0 {
		t.Fatalf("no plans: %v", err)
	}
	for _, path := range found {
		examples = append(examples, filepath.Join(filepath.Dir(path), "plan.hcl"))
	}
	for _, path := range examples {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		// Plans with variables are those of other tests.
		if c, _ := hcl.Parse(path, src, hcl.Options{}); c != nil {
			t.Run(path, func(t *testing.T) { checkAccepted(t, c) })
		}
	}
}

// The thirty clusters of the class are what the kinds accept, too, and each is
// written back as a plan of its own.
func TestClassIsAccepted(t *testing.T) {
	all, _, diags := hcl.LoadAll([]string{"../plans/examples/class"}, hcl.Options{})
	if len(all) != 30 || len(diags) > 0 {
		t.Fatalf("%d clusters: %v", len(all), diags)
	}
	for _, c := range all {
		checkAccepted(t, c)
		writesBack(t, c, plans.Comments{})
	}
}
