package httpd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/httpget"
	"github.com/lvsup/lvsup/internal/linux/service"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

const unitName = "apache2.service"

// fake is a Debian-like host with one service, which serves what is in its page
// while it runs.
type fake struct {
	*steptest.Host
	exists, enabled, active bool
}

func newFake(t *testing.T) steptest.Fake {
	f := &fake{exists: true}
	f.Host = steptest.NewHost(t, map[string]string{"/var/www/html/other.html": "theirs\n"}, f.systemctl)
	return f
}

func (f *fake) worker() worker { return worker{host: f.Host.Host, unit: unitName, fetch: f.fetch} }

func (f *fake) Kind() step.Any { return step.Erase(newKind(f.worker())) }

func (f *fake) Snapshot() string {
	return fmt.Sprintf("enabled %t, active %t\n%s", f.enabled, f.active, f.Host.Snapshot())
}

func (f *fake) systemctl(argv []string) host.Result {
	if argv[0] != "systemctl" {
		return host.Result{Code: 127, Stderr: argv[0] + ": not found"}
	}
	word := func(on bool, yes, no string) string {
		if on {
			return yes
		}
		return no
	}
	if argv[1] == "show" {
		return host.Result{Stdout: fmt.Sprintf("Id=x\nLoadState=%s\nActiveState=%s\nUnitFileState=%s\n",
			word(f.exists, "loaded", "not-found"), word(f.active, active, inactive), word(f.exists, word(f.enabled, enabled, disabled), ""))}
	}
	if !f.exists {
		return host.Result{Code: 5, Stderr: "Failed: Unit file apache2.service does not exist."}
	}
	if err := f.Write(); err != nil {
		return host.Result{Code: 1, Stderr: err.Error()}
	}
	switch argv[1] {
	case "enable", "disable":
		f.enabled = argv[1] == "enable"
	case "start", "stop":
		f.active = argv[1] == "start"
	}
	return host.Result{}
}

func (f *fake) fetch(context.Context, httpget.Options) (httpget.Result, error) {
	if !f.active {
		return httpget.Result{}, errors.New("connection refused")
	}
	return httpget.Result{Status: 200, Body: []byte(f.Get(PagePath))}, nil
}

func TestConform(t *testing.T) {
	one, two := Desired{Index: "<h1>This is 192.168.177.10!</h1>"}, Desired{Index: "two\n"}
	steptest.Conform(t, newFake, []steptest.Case{
		{Name: "fresh", Plans: []any{one, two}, Meddle: func(_ *testing.T, f steptest.Fake) {
			f.(*fake).active = false
		}},
		{Name: "another page before", Plans: []any{one}, Prepare: func(_ *testing.T, f steptest.Fake) {
			f.(*fake).Put(PagePath, "It works!\n")
			f.(*fake).active = true
		}, Meddle: func(_ *testing.T, f steptest.Fake) {
			f.(*fake).Put(PagePath, one.page()+"<p>more</p>\n")
		}},
		{Name: "by hand", Adopts: true, Plans: []any{one}, Prepare: func(_ *testing.T, f steptest.Fake) {
			f.(*fake).Put(PagePath, one.page())
			f.(*fake).active, f.(*fake).enabled = true, true
		}},
	})
}

// Before the package is there, the plan must already show all that will come.
func TestPlanBeforeThePackage(t *testing.T) {
	f := newFake(t).(*fake)
	f.exists = false
	have, err := f.worker().observe(t.Context(), Desired{Index: "x"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	changes := Diff(Desired{Index: "x"}, nil, have)
	var got []string
	for _, c := range changes {
		got = append(got, fmt.Sprintf("%c %s %q", rune(c.Action), c.ID, c.To))
	}
	want := `+ /var/www/html/index.html (content) "x\n", + apache2.service (enabled) "enabled", + apache2.service (active) "active"`
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s\nwant %s", strings.Join(got, ", "), want)
	}
	// The package is gone again before the record is cleared.
	changes = []step.Change{{Action: step.Delete, ID: activeID(unitName)}, {Action: step.Delete, ID: enabledID(unitName)}}
	if done, err := f.worker().apply(t.Context(), Desired{}, changes); err != nil || done != 2 {
		t.Errorf("%d, %v", done, err)
	}
}

func TestAnotherServer(t *testing.T) {
	f := newFake(t).(*fake)
	f.active = true
	f.Put(PagePath, "page\n")
	w := f.worker()
	w.fetch = func(context.Context, httpget.Options) (httpget.Result, error) {
		return httpget.Result{Status: 200, Body: []byte("Welcome to nginx!")}, nil
	}
	f.Put("/proc/net/tcp", "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"+
		"   0: 0100007F:0016 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 1111 1 0 100 0 0 10 0\n"+
		"   1: 0100007F:0050 0100007F:C000 01 00000000:00000000 00:00000000 00000000     0        0 3333 1 0 100 0 0 10 0\n"+
		"   2: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 2222 1 0 100 0 0 10 0\n")
	f.Put("/proc/100/comm", "sshd\n")
	f.Put("/proc/100/fd/3", "-> socket:[1111]")
	f.Put("/proc/101/comm", "nginx\n")
	f.Put("/proc/101/fd/5", "-> socket:[2222]")
	err := w.served(t.Context(), []byte("page\n"))
	if err == nil || !strings.Contains(err.Error(), "serves another one") || !strings.Contains(err.Error(), "nginx (pid 101)") {
		t.Errorf("got %v", err)
	}
	if err := os.Remove(f.Path("/proc/101/fd/5")); err != nil {
		t.Fatal(err)
	}
	if err := w.served(t.Context(), []byte("page\n")); err == nil || strings.Contains(err.Error(), "belongs") {
		t.Errorf("got %v", err)
	}
}

// A service that failed is one that does not run, and "failed" is no state to
// go back to.
func TestFailedService(t *testing.T) {
	have := Observed{Unit: service.Unit{Name: unitName, Exists: true, Enabled: enabled, Active: "failed"}, HasPage: true, Page: []byte("x\n")}
	changes := Diff(Desired{Index: "x"}, nil, have)
	last := changes[len(changes)-1]
	if last.ID != activeID(unitName) || last.Action != step.Update || last.From != inactive {
		t.Errorf("got %+v", last)
	}
}

func TestValidate(t *testing.T) {
	if err := Validate(Desired{Index: strings.Repeat("x", httpget.MaxBody-1)}); err != nil {
		t.Error(err)
	}
	if Validate(Desired{Index: strings.Repeat("x", httpget.MaxBody)}) == nil {
		t.Error("a page that cannot be checked is accepted")
	}
}
