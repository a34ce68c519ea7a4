package coordinator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/plans"
)

func TestMaxFail(t *testing.T) {
	for text, want := range map[string]int{"1": 1, "7": 7, "1%": 1, "10%": 1, "25%": 3, "100%": 10} {
		m, err := ParseMaxFail(text)
		if err != nil || m.of(10) != want || m.String() != text {
			t.Errorf("%s: %d of 10 hosts, %q, %v; want %d", text, m.of(10), m.String(), err, want)
		}
	}
	for _, text := range []string{"", "0", "-1", "0%", "101%", "1.5", "half", "%"} {
		if m, err := ParseMaxFail(text); err == nil {
			t.Errorf("%q was taken for %v", text, m)
		}
	}
	if n := (MaxFail{}).of(10); n != 0 {
		t.Errorf("no limit is %d", n)
	}
}

// A host that fails in one stage keeps the others from the next.
func TestNothingMoreIsBegunOnceTooManyFailed(t *testing.T) {
	for _, tc := range []struct {
		limit MaxFail
		stops bool
	}{{MaxFail{Hosts: 1}, true}, {MaxFail{Percent: 33}, true}, {MaxFail{Hosts: 2}, false}, {MaxFail{Percent: 34}, false}, {MaxFail{}, false}} {
		c, hosts, log := threeHosts()
		hosts["a"].fail["vip"] = "the disk is full"
		r := narrowRun(t, c, hosts, plans.Narrowing{}, func(o *Options) { o.MaxFail = tc.limit })
		if err := r.Lock(context.Background()); err != nil {
			t.Fatal(err)
		}
		err := r.Apply(context.Background(), planned1(t, r, false))
		var many *TooManyFailed
		if got := errors.As(err, &many); got != tc.stops || slices.Contains(log.told, "make httpd b") == tc.stops {
			t.Errorf("limit %v: %v; the hosts were told %q", tc.limit, err, log.told)
		}
		if tc.stops && err.Error() != "nothing more was begun: 1 of 3 hosts failed, and the limit is "+tc.limit.String()+" (--max-fail)" {
			t.Errorf("got %v", err)
		}
	}
}

// With one host at a time, those whose turn has not come are spared.
func TestHostsWhoseTurnHasNotComeAreSpared(t *testing.T) {
	c, hosts, log := threeHosts()
	hosts["director"].fail["sysctl"] = "no"
	r := narrowRun(t, c, hosts, plans.Narrowing{}, func(o *Options) { o.MaxFail, o.Parallel = MaxFail{Hosts: 1}, 1 })
	if err := r.Lock(context.Background()); err != nil {
		t.Fatal(err)
	}
	log.told = nil
	err := r.Apply(context.Background(), planned1(t, r, false))
	var many *TooManyFailed
	if !errors.As(err, &many) || !slices.Equal(log.told, []string{"make sysctl director"}) {
		t.Errorf("%v; the hosts were told %q", err, log.told)
	}
}

// The same in the last stage, after which nothing could be begun.
func TestHostsAreSparedInTheLastStage(t *testing.T) {
	c, hosts, log := threeHosts()
	hosts["director"].changes = map[string][]step.Change{}
	hosts["a"].fail["httpd"] = "no"
	r := narrowRun(t, c, hosts, plans.Narrowing{}, func(o *Options) { o.MaxFail, o.Parallel = MaxFail{Hosts: 1}, 1 })
	if err := r.Lock(context.Background()); err != nil {
		t.Fatal(err)
	}
	err := r.Apply(context.Background(), planned1(t, r, false))
	var many *TooManyFailed
	if !errors.As(err, &many) || slices.Contains(log.told, "make httpd b") {
		t.Errorf("%v; the hosts were told %q", err, log.told)
	}
}

// Hosts that nobody has asked yet are not dialled once too many failed.
func TestNoMoreAreDialledOnceTooManyFailed(t *testing.T) {
	c, hosts, _ := threeHosts()
	hosts["director"].refuse = errors.New("no route to host")
	hosts["a"].refuse = errors.New("no route to host")
	r := narrowRun(t, c, hosts, plans.Narrowing{}, func(o *Options) { o.MaxFail, o.Parallel = MaxFail{Hosts: 1}, 1 })
	if failed := r.Failures(); len(failed) != 1 || r.ok("b") {
		t.Errorf("the limit is 1: failures %v, b was dialled: %v", failed, r.ok("b"))
	}
}

// A host that cannot be reached is worked around: it gets no traffic, and nothing
// is taken away that it may be there to replace.
func TestAnUnreachableHostIsSkipped(t *testing.T) {
	c, hosts, log := threeHosts()
	addsBackends(hosts)
	hosts["director"].removes("ipvs")
	hosts["a"].refuse = errors.New("no route to host")
	r, p := skipping(t, c, hosts, false)
	if !slices.Equal(p.Narrowed().Held, []string{"a"}) {
		t.Fatalf("%+v", p.LeftOut)
	}
	log.told = nil
	if err := r.Apply(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	before(t, log.told, "make httpd b", "make ipvs director")
	position(t, log.told, "held director")
	if slices.Contains(log.told, "remove ipvs director") {
		t.Errorf("removed what nothing replaces yet: %q", log.told)
	}
}

// skipping opens and plans a run that goes on without a host.
func skipping(t *testing.T, c *plans.Cluster, hosts fakeDialer, destroy bool) (*Run, *plans.Plan) {
	t.Helper()
	ctx := context.Background()
	r := narrowRun(t, c, hosts, plans.Narrowing{}, func(o *Options) { o.SkipUnreachable = true })
	if err := r.Lock(ctx); err != nil {
		t.Fatal(err)
	}
	p, err := r.Plan(ctx, destroy)
	if err != nil {
		t.Fatal(err)
	}
	return r, p
}

// bareDown has all hosts take something away, as in a destroy.
func bareDown(hosts fakeDialer) {
	for name, h := range hosts {
		h.changes = map[string][]step.Change{}
		if name == "director" {
			h.removes("ipvs")
		} else {
			h.removes("vip")
		}
	}
}

func TestADestroyGoesRoundADeadServer(t *testing.T) {
	c, hosts, log := threeHosts()
	bareDown(hosts)
	hosts["a"].refuse = errors.New("no route to host")
	r, p := skipping(t, c, hosts, true)
	log.told = nil
	if err := r.Apply(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	if want := []string{"remove ipvs director", "remove vip b"}; !slices.Equal(log.told, want) {
		t.Errorf("did %q, want %q", log.told, want)
	}
}

func TestADestroyRefusesADeadDirectorUntilItIsExcluded(t *testing.T) {
	c, hosts, _ := threeHosts()
	bareDown(hosts)
	hosts["director"].refuse = errors.New("no route to host")
	_, p := skipping(t, c, hosts, true)
	if err := Appliable(p); err == nil || !strings.Contains(err.Error(), "if it is gone for good, say --exclude director") {
		t.Errorf("got %v", err)
	}
}
