package ipvs

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

func TestAKernelWithoutIPVSIsNamedBeforeAnyChange(t *testing.T) {
	h := steptest.NewHost(t, nil, func(argv []string) host.Result {
		return host.Result{Code: 1, Stderr: "modprobe: FATAL: Module " + argv[len(argv)-1] + " not found in directory /lib/modules/6.1\n"}
	})
	s := system{Host: h.Host, open: func(context.Context) (table, error) { t.Fatal("dialled"); return nil, nil }}
	_, err := s.observe(context.Background(), tutorial(), nil)
	if err == nil || !strings.Contains(err.Error(), "Module ip_vs not found") {
		t.Errorf("got %v", err)
	}
	if diff := cmp.Diff([]string{"modprobe -n ip_vs"}, h.Ran); diff != "" {
		t.Error(diff)
	}
	if _, err := s.observe(context.Background(), Desired{}, nil); err != nil {
		t.Errorf("with nothing wanted: %v", err)
	}
}

func TestAKernelWithoutAnEngineIsNamedBeforeAnyChange(t *testing.T) {
	h := steptest.NewHost(t, map[string]string{"/sys/module/ip_vs/.keep": "", "/sys/module/ip_vs_wlc/.keep": ""}, func(argv []string) host.Result {
		return host.Result{Code: 1, Stderr: "modprobe: FATAL: Module " + argv[len(argv)-1] + " not found in directory /lib/modules/6.1\n"}
	})
	s := system{Host: h.Host}
	want := part(everything(), 4, 5)
	_, err := s.observe(context.Background(), want, nil)
	if err == nil || !strings.Contains(err.Error(), `persistence engine "sip"`) {
		t.Errorf("got %v", err)
	}
	if modules := modulesContent(want); !strings.HasSuffix(modules, "\nip_vs\nip_vs_pe_sip\nip_vs_wlc\n") {
		t.Errorf("for the next boot there are\n%s", modules)
	}
}

func TestRestore(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.apply(t, tutorial(), owned)
	before := f.Snapshot()
	booted := newFake(t)
	booted.Put(RulesFile, f.Get(RulesFile))
	foreign := serviceKey("10.9.9.9", 443)
	booted.typed(t, ipvs.AddService(ipvs.Service{Key: foreign, Scheduler: "rr"}))
	for range 2 {
		if err := booted.system.restore(context.Background()); err != nil {
			t.Fatal(err)
		}
		if want := f.rules() + "-A -t 10.9.9.9:443 -s rr\n"; booted.rules() != want {
			t.Errorf("restored:\n%swant:\n%s", booted.rules(), want)
		}
	}
	if f.Snapshot() != before {
		t.Error("the hosts of this test are not apart")
	}
	empty := newFake(t)
	if err := empty.system.restore(context.Background()); err != nil || empty.rules() != "" {
		t.Errorf("without rules: %v", err)
	}
	empty.Put(RulesFile, `{"version":3}`)
	if err := empty.system.restore(context.Background()); err == nil || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("a newer file: %v", err)
	}
}
