package ipvs

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/linux/ipvs/ipvstest"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

func TestBackendsDrainBeforeTheyGo(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.system.drain = time.Hour
	f.apply(t, tutorial(), owned)
	key := serviceKey(vip, 80)
	f.kernel.Connect(key, 0, 2)
	looks := 0
	f.system.open = func(context.Context) (table, error) {
		return &watched{Kernel: f.kernel, look: func() {
			if looks++; looks == 3 {
				if !strings.Contains(f.rules(), rip1+":80 -m -w 0") {
					t.Errorf("while it drains the table is\n%s", f.rules())
				}
				f.kernel.Connect(key, 0, 0)
			}
		}}, nil
	}
	f.apply(t, edited(func(d *Desired) { d.Services[0].Backends = d.Services[0].Backends[1:] }), owned)
	if looks < 3 || strings.Contains(f.rules(), rip1) {
		t.Errorf("%d looks, left:\n%s", looks, f.rules())
	}
}

// watched calls look before each dump.
type watched struct {
	*ipvstest.Kernel
	look func()
}

func TestDrainingEndsAtItsDeadlineAndWithTheContext(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.apply(t, tutorial(), owned)
	key := serviceKey(vip, 80)
	f.kernel.Connect(key, 0, 2)
	f.system.drain = time.Hour
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	changes := f.diff(t, Desired{}, owned)
	n, err := f.system.apply(ctx, Desired{}, changes)
	if n != 4 || err == nil {
		t.Errorf("done %d, %v", n, err)
	}
	if !strings.Contains(f.rules(), rip1) {
		t.Error("a backend with connections was cut off by the end of the context")
	}
	f.system.drain = time.Millisecond
	f.apply(t, Desired{}, owned)
	if f.rules() != "" {
		t.Errorf("left after the deadline:\n%s", f.rules())
	}
}

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
	empty.Put(RulesFile, `{"version":2}`)
	if err := empty.system.restore(context.Background()); err == nil || !strings.Contains(err.Error(), "version 2") {
		t.Errorf("a newer file: %v", err)
	}
}

func (w *watched) Dump(ctx context.Context) ([]ipvs.ServiceState, error) {
	w.look()
	return w.Kernel.Dump(ctx)
}
