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
		{Name: "enforcing", Plans: []any{Desired{Policy: Enforcing}}, Prepare: func(_ *testing.T, f steptest.Fake) {
			f.(fake).Put(enforcePath, "0")
			f.(fake).Put(configPath, "SELINUX=permissive\n")
		}, Meddle: func(_ *testing.T, f steptest.Fake) { f.(fake).Put(enforcePath, "0") }},
		{Name: "enforcing already", Plans: []any{Desired{Policy: Enforcing}}},
		{Name: "off at the next boot, but enforcing", Plans: []any{Desired{Policy: Enforcing}}, Prepare: config("SELINUX=disabled\n")},
		{Name: "permissive, then enforcing", Plans: []any{Desired{Policy: Permissive}, Desired{Policy: Enforcing}}},
		{Name: "one after the other", Plans: []any{Desired{Policy: Permissive}, Desired{Policy: Disabled}}},
		{Name: "unmanaged", Adopts: true, Plans: []any{Desired{Policy: Unmanaged}}},
		{Name: "out of the way at boot", Plans: []any{Desired{Policy: Permissive}}, Prepare: config("SELINUX=disabled\n")},
		{Name: "no line", Plans: []any{Desired{Policy: Disabled}}, Prepare: config("SELINUXTYPE=targeted")},
	})
}

// TestWithoutSELinux: neither a host that knows nothing of it nor a kernel that
// has it without a policy is touched.
func TestWithoutSELinux(t *testing.T) {
	for _, files := range []map[string]string{nil, {enforcePath: "0"}} {
		for _, policy := range []string{Disabled, Enforcing} {
			k := New(steptest.NewHost(t, files, nil).Host)
			have, err := k.Observe(t.Context(), Desired{Policy: policy}, nil)
			if err != nil {
				t.Fatal(err)
			}
			if changes := k.Diff(Desired{Policy: policy}, nil, have); len(changes) != 0 {
				t.Errorf("%s, %v: got %+v", policy, files, changes)
			}
		}
	}
}

// TestEnforcingIsGuarded: it may keep sshd from its files, so the running host
// changes under the guard, and the configuration after the confirmation.
func TestEnforcingIsGuarded(t *testing.T) {
	h := steptest.NewHost(t, map[string]string{configPath: "SELINUX=permissive\n", enforcePath: "0"}, nil)
	k, want := New(h.Host), Desired{Policy: Enforcing}
	have, err := k.Observe(t.Context(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	changes := k.Diff(want, nil, have)
	if len(changes) != 2 || !changes[0].Boot || changes[0].Guarded != "" || changes[1].Guarded == "" || changes[1].Boot {
		t.Fatalf("got %+v", changes)
	}
	snapshot, err := k.Guard.Snapshot(t.Context(), changes[1:])
	if err != nil {
		t.Fatal(err)
	}
	if done, err := k.Apply(t.Context(), want, changes[1:]); done != 1 || err != nil || h.Get(enforcePath) != "1" {
		t.Fatalf("%d, %v: %q", done, err, h.Get(enforcePath))
	}
	if err := k.Guard.Rollback(t.Context(), snapshot); err != nil || h.Get(enforcePath) != "0" {
		t.Errorf("after the rollback: %q, %v", h.Get(enforcePath), err)
	}
	if got := h.Get(configPath); got != "SELINUX=permissive\n" {
		t.Errorf("the configuration is %q", got)
	}
}

// TestOffIsNotSwitchedOn: a system without labels must not find itself enforced.
func TestOffIsNotSwitchedOn(t *testing.T) {
	h := steptest.NewHost(t, map[string]string{configPath: "SELINUX=disabled\n"}, nil)
	k, want := New(h.Host), Desired{Policy: Enforcing}
	have, err := k.Observe(t.Context(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	changes := k.Diff(want, nil, have)
	if len(changes) != 1 || !strings.Contains(changes[0].Blocked, "fixfiles -F onboot") {
		t.Errorf("got %+v", changes)
	}
}

func TestEdit(t *testing.T) {
	for _, tt := range []struct{ config, policy, want string }{
		{shipped, Permissive, strings.Replace(shipped, "=enforcing", "=permissive", 1)},
		{"SELINUX=permissive", Disabled, "SELINUX=disabled"},
		{"SELINUX=Disabled\n", Permissive, "SELINUX=Disabled\n"},
		{"SELINUX=disabled\n", Enforcing, "SELINUX=enforcing\n"},
		{shipped, Enforcing, shipped},
		{" SELINUX=permissive \nSELINUX=enforcing\n", Permissive, " SELINUX=permissive \nSELINUX=permissive\n"},
		{"", Disabled, "SELINUX=disabled\n"},
	} {
		if got := edit(tt.config, tt.policy); got != tt.want {
			t.Errorf("%q, %s: got %q, want %q", tt.config, tt.policy, got, tt.want)
		}
	}
}
