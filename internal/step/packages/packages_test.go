package packages

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/pkgmgr"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// fake is a Debian-like host with a package manager in memory. Every package is
// first unpacked, then configured, and a cut can fall between the two.
type fake struct {
	*steptest.Host
	needs  map[string][]string // every package there is -> what it depends on
	states map[string]pkgmgr.State
	chosen map[string]bool
	closed bool // the repositories' lists are not there
}

func newFake(t *testing.T) steptest.Fake {
	return &fake{
		Host: steptest.NewHost(t, map[string]string{
			"/usr/bin/apt-get*":         "",
			"/var/lib/dpkg/status":      "",
			"/var/lib/lvsup/owned.json": "{}",
		}, nil),
		needs: map[string][]string{
			"base": nil, "libapr": {"base"}, "data": nil, "apache2": {"libapr", "data"},
			"ipvsadm": {"libnl", "libapr"}, "libnl": nil, "svn": {"libapr"}, "module": {"apache2"},
		},
		states: map[string]pkgmgr.State{"base": pkgmgr.Installed},
		chosen: map[string]bool{},
	}
}

func (f *fake) Kind() step.Any {
	return step.Erase(newKind(worker{host: f.Host.Host, detect: func() (pkgmgr.Manager, error) { return f, nil }}))
}

func (f *fake) Snapshot() string {
	var b strings.Builder
	for _, n := range slices.Sorted(maps.Keys(f.states)) {
		fmt.Fprintf(&b, "%s %s\n", n, f.states[n])
	}
	return b.String() + f.Host.Snapshot()
}

func (f *fake) Name() string { return "apt-get" }

func (f *fake) States(_ context.Context, names ...string) (map[string]pkgmgr.State, error) {
	got := map[string]pkgmgr.State{}
	for _, n := range names {
		if s := f.states[n]; s != "" {
			got[n] = s
		}
	}
	return got, nil
}

func (f *fake) All(context.Context) ([]string, error) {
	var all []string
	for n, s := range f.states {
		if s != pkgmgr.ConfigOnly {
			all = append(all, n)
		}
	}
	slices.Sort(all)
	return all, nil
}

// closure is the package's missing dependencies, deepest first, then itself.
func (f *fake) closure(name string) []string {
	var all []string
	for _, n := range f.needs[name] {
		all = append(all, f.closure(n)...)
	}
	if f.states[name] != pkgmgr.Installed {
		all = append(all, name)
	}
	return without(slices.Compact(all), nil)
}

func (f *fake) Preview(_ context.Context, name string) ([]string, bool) {
	return sortedSet(without(f.closure(name), []string{name})), !f.closed
}

func (f *fake) set(name string, s pkgmgr.State) error {
	if err := f.Write(); err != nil {
		return err
	}
	f.states[name] = s
	if s == "" {
		delete(f.states, name)
	}
	return nil
}

func (f *fake) Install(_ context.Context, name string) error {
	for _, n := range f.closure(name) {
		for _, s := range []pkgmgr.State{pkgmgr.Broken, pkgmgr.Installed} {
			if f.states[n] == pkgmgr.Installed {
				continue
			}
			if err := f.set(n, s); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *fake) Repair(context.Context) error {
	for _, n := range slices.Sorted(maps.Keys(f.states)) {
		if f.states[n] == pkgmgr.Broken {
			if err := f.set(n, pkgmgr.Installed); err != nil {
				return err
			}
		}
	}
	return nil
}

func (f *fake) Dependents(_ context.Context, names ...string) ([]string, error) {
	gone := slices.Clone(names)
	for again := true; again; {
		again = false
		for n := range f.states {
			needs := slices.ContainsFunc(f.needs[n], func(d string) bool { return slices.Contains(gone, d) })
			if needs && !slices.Contains(gone, n) {
				gone, again = append(gone, n), true
			}
		}
	}
	return sortedSet(without(gone, names)), nil
}

func (f *fake) Chosen(_ context.Context, names ...string) ([]string, error) {
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !f.chosen[n] }), nil
}

func (f *fake) Remove(_ context.Context, keepConfig bool, names ...string) error {
	for _, n := range names {
		s := pkgmgr.State("")
		if keepConfig {
			s = pkgmgr.ConfigOnly
		}
		if err := f.set(n, s); err != nil {
			return err
		}
	}
	return nil
}

func TestConform(t *testing.T) {
	apache := Desired{Apache: true}
	both := Desired{Packages: []string{"httpd", "ipvsadm"}, Apache: true}
	steptest.Conform(t, newFake, []steptest.Case{
		{Name: "apache", Plans: []any{apache}, Meddle: func(_ *testing.T, f steptest.Fake) {
			delete(f.(*fake).states, "apache2")
		}},
		{Name: "one after the other", Plans: []any{apache, both}},
		{Name: "both, then the second only", Plans: []any{both, Desired{Packages: []string{"ipvsadm"}}}},
		{Name: "already there", Adopts: true, Plans: []any{apache}, Prepare: func(_ *testing.T, f steptest.Fake) {
			for _, n := range []string{"libapr", "data", "apache2"} {
				f.(*fake).states[n] = pkgmgr.Installed
			}
		}},
		{Name: "its configuration was kept", Plans: []any{apache}, Prepare: func(_ *testing.T, f steptest.Fake) {
			f.(*fake).states["apache2"] = pkgmgr.ConfigOnly
		}},
		{Name: "lists unknown", Plans: []any{apache}, Prepare: func(_ *testing.T, f steptest.Fake) {
			f.(*fake).closed = true
		}},
	})
}

// host drives the kind on one fake, as the agent does.
type run struct {
	t     *testing.T
	f     *fake
	owned step.Owned
}

func start(t *testing.T) *run { return &run{t, newFake(t).(*fake), step.Owned{}} }

func (r *run) diff(want Desired) []step.Change {
	r.t.Helper()
	w := worker{host: r.f.Host.Host, detect: func() (pkgmgr.Manager, error) { return r.f, nil }}
	have, err := w.observe(r.t.Context(), want, r.owned)
	if err != nil {
		r.t.Fatal(err)
	}
	return Diff(want, r.owned, have)
}

func (r *run) apply(want Desired) []step.Change {
	r.t.Helper()
	changes := r.diff(want)
	for _, c := range changes {
		r.owned.Begin(c)
	}
	w := worker{host: r.f.Host.Host, detect: func() (pkgmgr.Manager, error) { return r.f, nil }}
	if done, err := w.apply(r.t.Context(), want, changes); err != nil || done != len(changes) {
		r.t.Fatalf("%d of %d: %v", done, len(changes), err)
	}
	for _, c := range changes {
		r.owned.End(c)
	}
	return changes
}

func (r *run) installed() string {
	return strings.Join(slices.Sorted(maps.Keys(r.f.states)), " ")
}

func TestPlanShowsWhatComesAlong(t *testing.T) {
	r := start(t)
	changes := r.diff(Desired{Apache: true})
	if len(changes) != 1 || changes[0].ID != id("apache2") || changes[0].To != "installed" || changes[0].Why != "brings data, libapr" {
		t.Errorf("got %+v", changes)
	}
}

func TestOthersNeedWhatCameAlong(t *testing.T) {
	r := start(t)
	r.apply(Desired{Apache: true})
	r.f.states["svn"] = pkgmgr.Installed
	changes := r.apply(Desired{})
	if len(changes) != 1 || changes[0].Action != step.Delete || !strings.Contains(changes[0].Why, "libapr") {
		t.Errorf("got %+v", changes)
	}
	if got := r.installed(); got != "base libapr svn" {
		t.Errorf("left %s", got)
	}
}

func TestOthersNeedThePackage(t *testing.T) {
	r := start(t)
	r.apply(Desired{Apache: true})
	r.f.states["module"] = pkgmgr.Installed
	changes := r.apply(Desired{})
	if len(changes) != 1 || changes[0].Action != step.Forget || !strings.Contains(changes[0].Why, "module") {
		t.Errorf("got %+v", changes)
	}
	if got := r.installed(); got != "apache2 base data libapr module" {
		t.Errorf("left %s", got)
	}
	if j, err := readJournal(r.f.Host.Host); err != nil || len(j) != 0 {
		t.Errorf("journal %v, %v", j, err)
	}
}

func TestChosenSinceStays(t *testing.T) {
	r := start(t)
	r.apply(Desired{Apache: true})
	r.f.chosen["data"] = true
	r.apply(Desired{})
	if got := r.installed(); got != "base data" {
		t.Errorf("left %s", got)
	}
}

// What a second package shares with the first stays with the second, and goes
// with it.
func TestInheritance(t *testing.T) {
	r := start(t)
	r.apply(Desired{Packages: []string{"apache2", "ipvsadm"}})
	changes := r.apply(Desired{Packages: []string{"ipvsadm"}})
	if len(changes) != 1 || strings.Contains(changes[0].Why, "stay") {
		t.Errorf("got %+v", changes)
	}
	if got := r.installed(); got != "base ipvsadm libapr libnl" {
		t.Errorf("left %s", got)
	}
	r.apply(Desired{})
	if got := r.installed(); got != "base" {
		t.Errorf("left %s", got)
	}
}

func TestVirtualPackage(t *testing.T) {
	r := start(t)
	r.f.needs["web-server"] = nil
	r.f.needs["libapr"] = nil
	w := worker{host: r.f.Host.Host, detect: func() (pkgmgr.Manager, error) { return virtual{r.f}, nil }}
	_, err := w.apply(t.Context(), Desired{}, []step.Change{{Action: step.Create, ID: id("web-server"), To: Value}})
	if err == nil || !strings.Contains(err.Error(), "another package provides") {
		t.Errorf("got %v", err)
	}
}

type virtual struct{ *fake }

func (v virtual) Install(ctx context.Context, _ string) error { return v.fake.Install(ctx, "apache2") }

func TestValidate(t *testing.T) {
	if err := Validate(Desired{Packages: []string{"g++", "libc6.1", "ipvsadm"}}); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "-y", "a b", "x;y", "x-", "../x", "a=1"} {
		if Validate(Desired{Packages: []string{bad}}) == nil {
			t.Errorf("%q is accepted", bad)
		}
	}
}
