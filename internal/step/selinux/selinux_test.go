package selinux

import (
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// As Rocky Linux 9 ships it, shortened.
const shipped = `# This file controls the state of SELinux on the system.
# SELINUX= can take one of these three values:
SELINUX=enforcing
SELINUXTYPE=targeted
`

type fake struct{ *steptest.Host }

func (f fake) Kind() step.Any { return step.Erase(New(f.Host.Host)) }

func newFake(t *testing.T) steptest.Fake {
	return fake{steptest.NewHost(t, map[string]string{configPath: shipped, enforcePath: "1"}, nil)}
}

func TestConform(t *testing.T) {
	config := func(content string) func(*testing.T, steptest.Fake) {
		return func(_ *testing.T, f steptest.Fake) { f.(fake).Put(configPath, content) }
	}
	steptest.Conform(t, newFake, []steptest.Case{
		{Name: "permissive", Plans: []any{Desired{Policy: Permissive}}, Meddle: func(_ *testing.T, f steptest.Fake) {
			f.(fake).Put(enforcePath, "1")
		}},
		{Name: "disabled", Plans: []any{Desired{Policy: Disabled}}, Meddle: config(shipped + "# a note\n")},
		{Name: "one after the other", Plans: []any{Desired{Policy: Permissive}, Desired{Policy: Disabled}}},
		{Name: "unmanaged", Adopts: true, Plans: []any{Desired{Policy: Unmanaged}}},
		{Name: "out of the way at boot", Plans: []any{Desired{Policy: Permissive}}, Prepare: config("SELINUX=disabled\n")},
		{Name: "no line", Plans: []any{Desired{Policy: Disabled}}, Prepare: config("SELINUXTYPE=targeted")},
	})
}

func TestWithoutSELinux(t *testing.T) {
	k := New(steptest.NewHost(t, nil, nil).Host)
	have, err := k.Observe(t.Context(), Desired{Policy: Disabled}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if changes := k.Diff(Desired{Policy: Disabled}, nil, have); len(changes) != 0 {
		t.Errorf("got %+v", changes)
	}
}

func TestEdit(t *testing.T) {
	for _, tt := range []struct{ config, policy, want string }{
		{shipped, Permissive, strings.Replace(shipped, "=enforcing", "=permissive", 1)},
		{"SELINUX=permissive", Disabled, "SELINUX=disabled"},
		{"SELINUX=Disabled\n", Permissive, "SELINUX=Disabled\n"},
		{" SELINUX=permissive \nSELINUX=enforcing\n", Permissive, " SELINUX=permissive \nSELINUX=permissive\n"},
		{"", Disabled, "SELINUX=disabled\n"},
	} {
		if got := edit(tt.config, tt.policy); got != tt.want {
			t.Errorf("%q, %s: got %q, want %q", tt.config, tt.policy, got, tt.want)
		}
	}
}
