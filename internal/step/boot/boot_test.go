package boot

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

type fake struct{ *steptest.Host }

func (f fake) Kind() step.Any { return step.Erase(New(f.Host.Host)) }

func newFake(t *testing.T) steptest.Fake {
	return fake{steptest.NewHost(t, map[string]string{
		"/etc/systemd/system/multi-user.target.wants/other.service": "-> /lib/systemd/system/other.service",
		"/run/systemd/system/.keep":                                 "",
	}, nil)}
}

func TestConform(t *testing.T) {
	steptest.Conform(t, newFake, []steptest.Case{
		{
			Name:  "a host with something to restore",
			Plans: []any{Desired{Restore: true}},
			Meddle: func(t *testing.T, f steptest.Fake) {
				f.(fake).Put(UnitFile, "[Unit]\n")
			},
		},
		{
			Name:    "a unit of an earlier lvsup",
			Prepare: func(t *testing.T, f steptest.Fake) { f.(fake).Put(UnitFile, "# Written by lvsup: older.\n") },
			Plans:   []any{Desired{Restore: true}, Desired{}, Desired{Restore: true}},
		},
	})
}

func TestOrderAndCommands(t *testing.T) {
	want := Desired{Restore: true}
	var got []string
	changes := Diff(want, nil, Observed{State: step.State{}})
	owned := step.Owned{}
	for _, c := range changes {
		got = append(got, Commands(want, c)...)
		owned.Begin(c)
		owned.End(c)
	}
	have := Observed{State: step.State{unitID: unitContent, linkID: UnitFile}}
	for _, c := range Diff(Desired{}, owned, have) {
		got = append(got, Commands(Desired{}, c)...)
	}
	if diff := cmp.Diff([]string{
		"cat > /etc/systemd/system/lvsup-restore.service <<'EOF'\n" + unitContent + "EOF", "systemctl daemon-reload",
		"systemctl enable lvsup-restore.service",
		"systemctl disable lvsup-restore.service",
		"rm -f /etc/systemd/system/lvsup-restore.service", "systemctl daemon-reload",
	}, got); diff != "" {
		t.Error(diff)
	}
}

// TestSystemdIsTold holds that systemd reads its units again, once.
func TestSystemdIsTold(t *testing.T) {
	f := newFake(t).(fake)
	k := New(f.Host.Host)
	if _, err := k.Apply(t.Context(), Desired{}, Diff(Desired{Restore: true}, nil, Observed{State: step.State{}})); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(f.Ran, "; "); got != "systemctl daemon-reload" {
		t.Errorf("it ran: %s", got)
	}
}
