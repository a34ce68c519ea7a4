package savedplan

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

func load(t *testing.T, path string) *plans.Cluster {
	t.Helper()
	c, _, diags := hcl.Load([]string{path}, hcl.Options{})
	for _, d := range diags {
		if d.Severity == plans.Error {
			t.Fatalf("%s: %s", path, d.Summary)
		}
	}
	return c
}

func save(c *plans.Cluster) Saved {
	p := &plans.Plan{Cluster: c.Name}
	for _, h := range c.Hosts {
		p.Hosts = append(p.Hosts, plans.HostPlan{Host: h.Name, Role: h.Role, Digest: "d", Kinds: []wire.KindChanges{{
			Kind: "sysctl", Changes: []step.Change{{Action: step.Update, ID: step.ID{Key: "net.ipv4.ip_forward", Field: "live"}, From: "0", To: "1"}},
		}}})
	}
	return Saved{Build: "test", Made: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), From: "web.hcl", Cluster: c, Plan: p}
}

// TestEveryPlanComesBack: nothing of a cluster may be lost in the file. The
// plans are all that the language's tests accept.
func TestEveryPlanComesBack(t *testing.T) {
	examples, err := filepath.Glob("../../plans/examples/*.hcl")
	if err != nil {
		t.Fatal(err)
	}
	golden, err := filepath.Glob("../../hcl/testdata/*/plan.hcl")
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, path := range append(examples, golden...) {
		c, _, diags := hcl.Load([]string{path}, hcl.Options{})
		wrong := false
		for _, d := range diags {
			wrong = wrong || d.Severity == plans.Error
		}
		if wrong {
			continue
		}
		seen++
		file := filepath.Join(t.TempDir(), "saved")
		want := save(c)
		if err := Write(file, want); err != nil {
			t.Fatal(err)
		}
		got, err := Read(file)
		if err != nil {
			t.Errorf("%s: %v", path, err)
			continue
		}
		if d := cmp.Diff(want, *got, cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{})); d != "" {
			t.Errorf("%s comes back otherwise (-saved +read):\n%s", path, d)
		}
	}
	if seen < 10 {
		t.Errorf("only %d plans were tried", seen)
	}
}

func TestFileIsPrivateAndReplacedWhole(t *testing.T) {
	file := filepath.Join(t.TempDir(), "saved")
	if err := os.WriteFile(file, []byte("old and readable by all"), 0o644); err != nil {
		t.Fatal(err)
	}
	if Is(file) || Is(filepath.Dir(file)) || Is(file+"-not-there") {
		t.Error("what is no saved plan is taken for one")
	}
	if err := Write(file, save(load(t, "../../plans/examples/dr.hcl"))); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if !Is(file) {
		t.Error("a saved plan is not taken for one")
	}
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(file), "*")); len(left) != 1 {
		t.Errorf("beside the file there is %v", left)
	}
}

func TestReadRefuses(t *testing.T) {
	dir := t.TempDir()
	good := filepath.Join(dir, "good")
	if err := Write(good, save(load(t, "../../plans/examples/dr.hcl"))); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	text := string(data)
	for name, tc := range map[string]struct{ text, want string }{
		"newer":        {strings.Replace(text, "version 1\n", "version 2\n", 1), "it is of version 2, and this lvsup reads version 1"},
		"cut":          {text[:len(text)/2], "it is damaged"},
		"first line":   {text[:strings.Index(text, "\n")+1], "it ends after its first line"},
		"more":         {text + "{}", "something follows its end"},
		"empty":        {header + "1\n{}\n", "a part is missing"},
		"unknown":      {strings.Replace(text, `"build"`, `"bild"`, 1), `unknown field "bild"`},
		"other hosts":  {strings.Replace(text, `"Name": "node2"`, `"Name": "node9"`, 1), "it"},
		"bad cluster":  {strings.Replace(text, `"Port": 80,`, `"Port": 0,`, 1), "its cluster is not valid"},
		"another file": {"cluster \"web\" {}\n", "it does not begin as one"},
	} {
		t.Run(name, func(t *testing.T) {
			if tc.text == text {
				t.Fatal("the test changes nothing")
			}
			file := filepath.Join(dir, "bad")
			if err := os.WriteFile(file, []byte(tc.text), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := Read(file)
			if err == nil || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), "make it anew") {
				t.Errorf("got %v", err)
			}
		})
	}
	if _, err := Read(filepath.Join(dir, "not-there")); err == nil || !strings.Contains(err.Error(), "cannot read the saved plan") {
		t.Errorf("got %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(header + "1\n{}"))
	f.Add([]byte(header + "1\n" + `{"cluster":{"Hosts":[{"Name":"a"}]},"plan":{"hosts":[{"host":"a"}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if s, err := decode(data); err == nil && (s.Cluster == nil || s.Plan == nil) {
			t.Error("half a plan was taken")
		}
	})
}
