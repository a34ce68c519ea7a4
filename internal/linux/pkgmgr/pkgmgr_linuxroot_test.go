//go:build linuxroot

package pkgmgr_test

import (
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/pkgmgr"
	"github.com/lvsup/lvsup/internal/linux/pkgmgr/pkgtest"
)

// states asks for the packages of the test repository.
func states(t *testing.T, m pkgmgr.Manager, apache string) string {
	t.Helper()
	got, err := m.States(t.Context(), "apr", apache, "subversion", "nosuchpackage")
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for n, s := range got {
		all = append(all, n+"="+string(s))
	}
	slices.Sort(all)
	return strings.Join(all, " ")
}

// testManager is what every manager must do.
func testManager(t *testing.T, s *pkgtest.System, name, apache string) pkgmgr.Manager {
	ctx := t.Context()
	m, err := pkgmgr.Detect(s.Host)
	if err != nil {
		t.Fatal(err)
	}
	if m.Name() != name || pkgmgr.Apache(s.Host) != apache {
		t.Errorf("found %s, with Apache as %s", m.Name(), pkgmgr.Apache(s.Host))
	}
	if got := states(t, m, apache); got != "" {
		t.Errorf("at first: %s", got)
	}
	if err := m.Install(ctx, "nosuchpackage"); err == nil || !strings.Contains(err.Error(), "cannot install nosuchpackage") {
		t.Errorf("installing what is nowhere: %v", err)
	} else {
		t.Log(err)
	}
	if err := m.Install(ctx, "ap.che2"); err == nil {
		t.Error("a name with a dot is taken for a pattern")
	}
	if err := m.Install(ctx, apache); err != nil {
		t.Fatal(err)
	}
	if err := m.Repair(ctx); err != nil {
		t.Fatal(err)
	}
	all, err := m.All(ctx)
	slices.Sort(all)
	if err != nil || strings.Join(all, " ") != strings.Join(slices.Sorted(slices.Values([]string{apache, "apr"})), " ") {
		t.Errorf("all: %v, %v", all, err)
	}
	if got := states(t, m, apache); got != apache+"=installed apr=installed" && got != "apr=installed "+apache+"=installed" {
		t.Errorf("after the installation: %s", got)
	}
	if by, err := m.Dependents(ctx, "apr"); err != nil || strings.Join(by, " ") != apache {
		t.Errorf("who needs apr: %v, %v", by, err)
	}
	if by, err := m.Dependents(ctx, "apr", apache); err != nil || len(by) != 0 {
		t.Errorf("who needs both: %v, %v", by, err)
	}
	if err := m.Remove(ctx, false, apache); err != nil {
		t.Fatal(err)
	}
	if got := states(t, m, apache); got != "apr=installed" {
		t.Errorf("after the removal, apr must stay: %s", got)
	}
	if err := m.Install(ctx, apache); err != nil {
		t.Fatal(err)
	}
	if err := m.Remove(ctx, false, apache, "apr"); err != nil {
		t.Fatal(err)
	}
	if got := states(t, m, apache); got != "" {
		t.Errorf("at the end: %s", got)
	}
	return m
}

func TestDNF(t *testing.T) { testManager(t, pkgtest.RPM(t, "dnf"), "dnf", "httpd") }

func TestYUM(t *testing.T) { testManager(t, pkgtest.RPM(t, "yum"), "yum", "httpd") }

func TestAPT(t *testing.T) {
	s := pkgtest.Deb(t)
	ctx := t.Context()
	fresh, err := pkgmgr.Detect(s.Host)
	if err != nil {
		t.Fatal(err)
	}
	if with, ok := fresh.Preview(ctx, "apache2"); ok {
		t.Errorf("without lists, it knows that %v come along", with)
	}
	m := testManager(t, s, "apt-get", "apache2")

	with, ok := m.Preview(ctx, "apache2")
	if !ok || strings.Join(with, " ") != "apr" {
		t.Errorf("preview: %v, %t", with, ok)
	}
	if _, err := os.Stat(s.Path("/var/cache/apt/pkgcache.bin")); err == nil {
		os.Remove(s.Path("/var/cache/apt/pkgcache.bin"))
		m.Preview(ctx, "apache2")
		if _, err := os.Stat(s.Path("/var/cache/apt/pkgcache.bin")); err == nil {
			t.Error("a preview writes apt's cache")
		}
	}

	// Configuration goes with a purge and stays with a removal.
	conf := pkgtest.Conffile("apache2")
	if _, err := os.Stat(s.Path(conf)); err == nil {
		t.Errorf("%s is still there", conf)
	}
	if err := m.Install(ctx, "apache2"); err != nil {
		t.Fatal(err)
	}
	if chosen, err := m.Chosen(ctx, "apache2", "apr"); err != nil || strings.Join(chosen, " ") != "apache2" {
		t.Errorf("chosen: %v, %v", chosen, err)
	}
	s.Put(conf, "edited\n")
	if err := m.Remove(ctx, true, "apache2"); err != nil {
		t.Fatal(err)
	}
	if got := states(t, m, "apache2"); got != "apache2=config-files apr=installed" {
		t.Errorf("after a removal: %s", got)
	}
	if err := m.Install(ctx, "apache2"); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(s.Path(conf)); err != nil || string(got) != "edited\n" {
		t.Errorf("%s: %q, %v", conf, got, err)
	}
}

func TestRepositoryGone(t *testing.T) {
	for name, s := range map[string]*pkgtest.System{"apt-get": pkgtest.Deb(t), "dnf": pkgtest.RPM(t, "dnf")} {
		if err := os.Rename(s.Repo, s.Repo+".away"); err != nil {
			t.Fatal(err)
		}
		m, err := pkgmgr.Detect(s.Host)
		if err != nil {
			t.Fatal(err)
		}
		err = m.Install(t.Context(), pkgmgr.Apache(s.Host))
		if err == nil || !strings.Contains(err.Error(), "install") || !strings.Contains(err.Error(), "network") {
			t.Errorf("%s: %v", name, err)
		}
		t.Log(err)
	}
}
