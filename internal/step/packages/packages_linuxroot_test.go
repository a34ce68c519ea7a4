//go:build linuxroot

package packages

import (
	"encoding/json"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/pkgmgr"
	"github.com/lvsup/lvsup/internal/linux/pkgmgr/pkgtest"
	"github.com/lvsup/lvsup/internal/step"
)

// live brings a real package manager's host to what is wanted, as the agent
// does, and returns the changes.
func live(t *testing.T, s *pkgtest.System, want Desired, owned step.Owned) []step.Change {
	t.Helper()
	k := step.Erase(New(s.Host))
	raw, err := json.Marshal(want)
	if err != nil {
		t.Fatal(err)
	}
	changes, err := k.Diff(t.Context(), raw, owned)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		owned.Begin(c)
	}
	if done, err := k.Apply(t.Context(), raw, changes); err != nil || done != len(changes) {
		t.Fatalf("%d of %d: %v", done, len(changes), err)
	}
	for _, c := range changes {
		owned.End(c)
	}
	if again, err := k.Diff(t.Context(), raw, owned); err != nil || len(again) != 0 {
		t.Errorf("left to do: %+v, %v", again, err)
	}
	return changes
}

func TestRealManagers(t *testing.T) {
	for name, s := range map[string]*pkgtest.System{
		"apt-get": pkgtest.Deb(t), "dnf": pkgtest.RPM(t, "dnf"), "yum": pkgtest.RPM(t, "yum"),
	} {
		t.Run(name, func(t *testing.T) {
			m, err := pkgmgr.Detect(s.Host)
			if err != nil {
				t.Fatal(err)
			}
			owned := step.Owned{}
			live(t, s, Desired{Apache: true, Packages: []string{"subversion"}}, owned)
			// apr came with the first and stays for the second.
			changes := live(t, s, Desired{Packages: []string{"subversion"}}, owned)
			if len(changes) != 1 || changes[0].Action != step.Delete || changes[0].Key != pkgmgr.Apache(s.Host) {
				t.Errorf("dropping Apache: %+v", changes)
			}
			got, err := m.States(t.Context(), "apr", "apache2", "httpd", "subversion")
			if err != nil || len(got) != 2 || got["apr"] != pkgmgr.Installed || got["subversion"] != pkgmgr.Installed {
				t.Errorf("without Apache: %v, %v", got, err)
			}
			live(t, s, Desired{}, owned)
			if all, err := m.All(t.Context()); err != nil || len(all) != 0 {
				t.Errorf("after all: %v, %v", all, err)
			}
		})
	}
}
