package ipvs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/linux/ipvs/ipvstest"
	"github.com/lvsup/lvsup/internal/step"
)

func withDaemons(daemons ...Daemon) Desired {
	return Desired{Boot: true, Sync: daemons}
}

// TestDefaultsOfADaemonGoWithoutSaying holds that a length which the kernel
// takes by itself is the same whether a plan says it or not.
func TestDefaultsOfADaemonGoWithoutSaying(t *testing.T) {
	for _, tc := range []struct {
		role, iface, group string
		own                int // what the kernel takes
	}{
		{"master", "ens33", "224.0.0.81", 1472},
		{"master", "ens36", "224.0.0.81", 1472}, // whatever the MTU
		{"master", "ens36", "ff02::81", 1452},
		{"backup", "ens33", "224.0.0.81", 1472},
		{"backup", "ens36", "224.0.0.81", 8972},
		{"backup", "ens36", "ff02::81", 8952},
	} {
		d := Daemon{Role: tc.role, Interface: tc.iface, ID: 3, Group: tc.group, Port: 8848, TTL: 1}
		f, owned := newFake(t), step.Owned{}
		f.apply(t, withDaemons(d), owned)
		running, _ := f.kernel.Daemons(context.Background())
		if len(running) != 1 || int(running[0].MaxLength) != tc.own {
			t.Fatalf("%+v runs as %+v", tc, running)
		}
		if left := f.changes(t, withDaemons(d), owned); len(left) > 0 {
			t.Errorf("%+v: a second plan has %v", tc, left)
		}
		d.MaxLength = tc.own
		for _, line := range f.changes(t, withDaemons(d), owned) {
			if strings.Contains(line, "daemon") {
				t.Errorf("%+v: to say what the kernel takes is no change, yet there is %s", tc, line)
			}
		}
		d.MaxLength = 1100
		f.apply(t, withDaemons(d), owned)
		if left := f.changes(t, withDaemons(d), owned); len(left) > 0 {
			t.Errorf("%+v: with a length, a second plan has %v", tc, left)
		}
		f.apply(t, Desired{}, owned)
		if running, _ := f.kernel.Daemons(context.Background()); len(running) > 0 || len(owned) > 0 {
			t.Errorf("%+v: left: %+v, %v", tc, running, owned)
		}
	}
}

func TestAMissingInterfaceFailsBeforeAnyChange(t *testing.T) {
	f := newFake(t)
	d := master()
	d.Interface = "ens99"
	_, err := f.system.observe(context.Background(), withDaemons(d), nil)
	if err == nil || !strings.Contains(err.Error(), "this host has no interface ens99") {
		t.Errorf("got %v", err)
	}
}

// late has no interface for the first tries.
type late struct {
	*ipvstest.Kernel
	tries int
}

func (l *late) StartDaemon(ctx context.Context, d ipvs.Daemon) error {
	if l.tries--; l.tries >= 0 {
		d.Interface = "not yet"
	}
	return l.Kernel.StartDaemon(ctx, d)
}

// TestABootWaitsForAnInterface also holds that services do not wait, and that
// the wait has an end.
func TestABootWaitsForAnInterface(t *testing.T) {
	f := newFake(t)
	want := edited(func(d *Desired) { d.Sync = []Daemon{master()}; d.Timeouts = &Timeouts{UDP: 60} })
	f.apply(t, want, step.Owned{})

	booted := newFake(t)
	booted.Put(RulesFile, f.Get(RulesFile))
	booted.system.open = func(context.Context) (table, error) { return &late{booted.kernel, 2}, nil }
	booted.system.patience = time.Hour
	var told []string
	ctx := step.WithProgress(context.Background(), func(text string) { told = append(told, text) })
	if err := booted.system.restore(ctx); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(f.restorable(), booted.restorable()); diff != "" {
		t.Errorf("after the boot:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"sync daemon master waits for interface ens33, at most 1h0m0s"}, told); diff != "" {
		t.Errorf("told:\n%s", diff)
	}

	never := newFake(t)
	never.Put(RulesFile, f.Get(RulesFile))
	never.kernel.MTU = map[string]int{}
	err := never.system.restore(context.Background())
	if err == nil || !strings.Contains(err.Error(), "interface ens33 is missing") {
		t.Errorf("got %v", err)
	}
	if never.rules() != f.rules() {
		t.Errorf("without the interface the services are\n%s", never.rules())
	}
}

// TestFamiliesAndDaemonsOfOthers has what the kernel refuses in the hands of
// somebody else: a plan says so, and an apply does not begin.
func TestFamiliesAndDaemonsOfOthers(t *testing.T) {
	blocked := func(f *fake, want Desired) (reasons []string) {
		for _, c := range f.diff(t, want, step.Owned{}) {
			if c.Blocked != "" {
				reasons = append(reasons, c.Key+": "+c.Blocked)
			}
		}
		return reasons
	}
	f := newFake(t)
	f.daemon(t, ipvs.Daemon{Role: ipvs.Backup, Interface: "ens33"})
	got := blocked(f, mixedFamilies())
	if len(got) != 1 || !strings.HasPrefix(got[0], "TCP 192.168.146.100:80 -> [2001:db8::1]:80: ") || !strings.HasSuffix(got[0], "there is the sync daemon backup") {
		t.Errorf("a backend of another family is blocked by %q", got)
	}
	f = newFake(t)
	f.apply(t, mixedFamilies(), step.Owned{})
	got = blocked(f, withDaemons(master()))
	if len(got) != 1 || !strings.HasPrefix(got[0], "sync daemon master: ") || !strings.HasSuffix(got[0], "there is TCP 192.168.146.100:80 -> [2001:db8::1]:80") {
		t.Errorf("a daemon is blocked by %q", got)
	}
}
