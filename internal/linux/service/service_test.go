package service

import (
	"context"
	"reflect"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// As systemctl of systemd 252 prints a running unit and one that it does not
// know; it leaves properties that do not apply empty.
const shown = `Id=apache2.service
Names=apache2.service
LoadState=loaded
ActiveState=active
UnitFileState=enabled

Id=httpd.service
Names=httpd.service
LoadState=not-found
ActiveState=inactive
UnitFileState=
`

func TestStates(t *testing.T) {
	h := host.Host{Run: func(_ context.Context, argv ...string) (host.Result, error) {
		if got := strings.Join(argv[len(argv)-3:], " "); got != "-- apache2.service httpd.service" {
			t.Errorf("asks for %q", got)
		}
		return host.Result{Stdout: shown}, nil
	}}
	got, err := States(t.Context(), h, "apache2.service", "httpd.service")
	want := []Unit{{"apache2.service", true, "enabled", "active"}, {"httpd.service", false, "", "inactive"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestErrors(t *testing.T) {
	h := host.Host{Run: func(context.Context, ...string) (host.Result, error) {
		return host.Result{Code: 1, Stderr: "Job for apache2.service failed.\n"}, nil
	}}
	if err := Start(t.Context(), h, "apache2.service"); err == nil || !strings.Contains(err.Error(), "journalctl -u apache2.service") {
		t.Errorf("start: %v", err)
	}
	if _, err := State(t.Context(), h, "apache2.service"); err == nil || !strings.Contains(err.Error(), "cannot read the state of apache2.service") {
		t.Errorf("state: %v", err)
	}
	h.Run = func(context.Context, ...string) (host.Result, error) { return host.Result{}, nil }
	if _, err := States(t.Context(), h, "a.service", "b.service"); err == nil {
		t.Error("an answer about one unit is taken for two")
	}
}
