package ipvs

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

func typedTutorial(t *testing.T, f steptest.Fake) {
	key := serviceKey(vip, 80)
	f.(*fake).typed(t,
		ipvs.AddService(ipvs.Service{Key: key, Scheduler: "rr"}),
		ipvs.AddDestination(key, natBackend(rip1, 1)),
		ipvs.AddDestination(key, natBackend(rip2, 1)))
}

func TestConform(t *testing.T) {
	other := serviceKey("10.9.9.9", 443)
	foreign := []ipvs.Command{
		ipvs.AddService(ipvs.Service{Key: other, Scheduler: "sh", Flags: ipvs.FlagSched1}),
		ipvs.AddDestination(other, ipvs.Destination{Address: netip.MustParseAddr("10.1.1.1"), Port: 443, Forwarding: ipvs.Route, Weight: 7, UpperThreshold: 9}),
	}
	steptest.Conform(t, func(t *testing.T) steptest.Fake { return newFake(t) }, []steptest.Case{
		{
			Name:  "the tutorial's NAT cluster",
			Plans: []any{tutorial()},
			Meddle: func(t *testing.T, f steptest.Fake) {
				f.(*fake).typed(t, ipvs.DeleteService(serviceKey(vip, 80)))
			},
		},
		{
			Name: "persistence, weights, a backend less, another service",
			Plans: []any{
				tutorial(),
				edited(func(d *Desired) { d.Services[0].PersistenceSeconds = 10; d.Services[0].Backends[1].Weight = 0 }),
				edited(func(d *Desired) {
					d.Boot = false
					d.Services[0].Backends = d.Services[0].Backends[:1]
					d.Services = append(d.Services, Service{
						Protocol: "udp", Address: "2001:db8::1", Port: 53, Scheduler: "wlc",
						Backends: []Backend{{Address: "2001:db8::2", Forwarding: "dr", Weight: 3}},
					})
				}),
			},
			Meddle: func(t *testing.T, f steptest.Fake) {
				f.(*fake).typed(t, ipvs.SetDestination(serviceKey(vip, 80), natBackend(rip1, 5)))
			},
		},
		{
			Name:    "typed by hand, then lvsup",
			Prepare: typedTutorial,
			Plans: []any{
				edited(func(d *Desired) { d.Boot = false }),
				edited(func(d *Desired) { d.Services[0].Scheduler = "wrr"; d.Services[0].Backends[0].Weight = 9 }),
			},
			Adopts: true,
		},
		{
			Name: "others' services and settings",
			Prepare: func(t *testing.T, f steptest.Fake) {
				f.(*fake).typed(t, foreign...)
			},
			Plans: []any{tutorial(), edited(func(d *Desired) { d.Services[0].Address = "192.168.146.101" })},
			Foreign: func(f steptest.Fake) string {
				var theirs []string
				for line := range strings.SplitSeq(f.(*fake).restorable(), "\n") {
					if strings.Contains(line, "10.9.9.9") {
						theirs = append(theirs, line)
					}
				}
				return strings.Join(theirs, "\n")
			},
		},
		{
			Name: "a service with settings of its own is changed and put back",
			Prepare: func(t *testing.T, f steptest.Fake) {
				key := serviceKey(vip, 80)
				d := natBackend(rip1, 3)
				d.UpperThreshold, d.LowerThreshold = 100, 50
				f.(*fake).typed(t,
					ipvs.AddService(ipvs.Service{Key: key, Scheduler: "sh", Flags: ipvs.FlagSched1 | ipvs.FlagOnePacket | ipvs.FlagPersistent, Timeout: 60, Netmask: 0xffff0000}),
					ipvs.AddDestination(key, d))
			},
			Plans: []any{tutorial()},
		},
	})
}

func TestPlansReadAsPeopleThink(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	check := func(want Desired, lines ...string) {
		t.Helper()
		if diff := cmp.Diff(lines, f.changes(t, want, owned)); diff != "" {
			t.Errorf("changes:\n%s", diff)
		}
		f.apply(t, want, owned)
	}
	check(tutorial(),
		"+ TCP 192.168.146.100:80: rr",
		"+ TCP 192.168.146.100:80 -> 192.168.177.10:80: nat weight 1",
		"+ TCP 192.168.146.100:80 -> 192.168.177.20:80: nat weight 1",
		"+ /etc/modules-load.d/lvsup-ipvs.conf",
		"+ /var/lib/lvsup/ipvs.json")
	check(edited(func(d *Desired) { d.Services[0].PersistenceSeconds = 10 }),
		"~ TCP 192.168.146.100:80: rr => rr persistent 10",
		"~ /var/lib/lvsup/ipvs.json")
	check(edited(func(d *Desired) {
		d.Services[0].Backends = d.Services[0].Backends[1:]
		d.Services[0].Backends[0].Weight = 5
	}),
		"~ TCP 192.168.146.100:80: rr persistent 10 => rr",
		"~ TCP 192.168.146.100:80 -> 192.168.177.20:80: nat weight 1 => nat weight 5",
		"~ /var/lib/lvsup/ipvs.json",
		"- TCP 192.168.146.100:80 -> 192.168.177.10:80: nat weight 1 => ")
	check(Desired{},
		"- /etc/modules-load.d/lvsup-ipvs.conf",
		"- /var/lib/lvsup/ipvs.json",
		"- TCP 192.168.146.100:80 -> 192.168.177.20:80: nat weight 5 => ",
		"- TCP 192.168.146.100:80: rr => ")
	check(Desired{})
}

func TestBootFilesFollowTheTable(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	follow := func(want Desired) (keys []string) {
		for _, c := range f.diff(t, want, owned) {
			if c.Follows {
				keys = append(keys, c.Key)
			}
		}
		return keys
	}
	if got := follow(tutorial()); got != nil {
		t.Errorf("files to be made are changes of their own, yet %q follow", got)
	}
	f.apply(t, tutorial(), owned)
	weighted := edited(func(d *Desired) { d.Services[0].Scheduler = "wrr" })
	if diff := cmp.Diff([]string{ModulesFile, RulesFile}, follow(weighted)); diff != "" {
		t.Errorf("with a new scheduler:\n%s", diff)
	}
	f.Put(RulesFile, "{}")
	if got := follow(tutorial()); got != nil {
		t.Errorf("a file that somebody edited is a change of its own, yet %q follow", got)
	}
}

func TestATableTypedByHandIsAdopted(t *testing.T) {
	f := newFake(t)
	typedTutorial(t, f)
	for _, c := range f.diff(t, tutorial(), step.Owned{}) {
		if isFile(c.ID) != (c.Action == step.Create) || !isFile(c.ID) && c.Action != step.Adopt {
			t.Errorf("%s %s", c.Action, c.ID)
		}
	}
}

func TestAHeldBackendIsLeftAsItIs(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	held := edited(func(d *Desired) { d.Services[0].Backends[1].Hold = true })
	f.apply(t, held, owned)
	if strings.Contains(f.rules(), rip2) {
		t.Error("a held backend was added")
	}
	f.apply(t, tutorial(), owned)
	before := f.rules()
	f.apply(t, edited(func(d *Desired) { d.Services[0].Backends[1].Hold = true; d.Services[0].Backends[1].Weight = 7 }), owned)
	if f.rules() != before {
		t.Errorf("a held backend was touched:\n%s", f.rules())
	}
	// All comes to the same values in the plan with and without the hold, or
	// the agent would take the host for stale; but for what follows.
	whole := newFake(t).diff(t, tutorial(), step.Owned{})
	for _, c := range newFake(t).diff(t, held, step.Owned{}) {
		if !c.Follows && !hasGoal(whole, c) {
			t.Errorf("%s => %q is not in the plan without the hold", c.ID, c.To)
		}
	}
}

// TestWhatWasTakenOverGoesWithThePlan moves a table to lvsup, changes a backend and
// a service, and takes them out: they do not go on as they once were. A destroy
// puts them back.
func TestWhatWasTakenOverGoesWithThePlan(t *testing.T) {
	changed := edited(func(d *Desired) {
		d.Services[0].Scheduler = "wrr"
		d.Services[0].Backends[1].Weight = 3
	})
	withoutOne := edited(func(d *Desired) {
		d.Services[0].Scheduler = "wrr"
		d.Services[0].Backends = d.Services[0].Backends[:1]
	})
	f, owned := newFake(t), step.Owned{}
	typedTutorial(t, f)
	typed := f.rules()
	f.apply(t, tutorial(), owned)
	f.apply(t, changed, owned)
	for id, e := range owned { // as the agent does for a destroy
		if e.Action == step.Adopt {
			delete(owned, id)
		}
	}
	f.apply(t, Desired{}, owned)
	if f.rules() != typed {
		t.Errorf("destroyed, there are\n%s", f.rules())
	}

	for _, back := range []bool{false, true} {
		f, owned := newFake(t), step.Owned{}
		typedTutorial(t, f)
		f.apply(t, tutorial(), owned)
		f.apply(t, changed, owned)
		if back { // to what it was before lvsup
			f.apply(t, edited(func(d *Desired) { d.Services[0].Scheduler = "wrr" }), owned)
		}
		f.apply(t, withoutOne, owned)
		if got := f.rules(); strings.Contains(got, rip2) || !strings.Contains(got, rip1) {
			t.Errorf("taken out, there are\n%s", got)
		}
		if left := f.changes(t, withoutOne, owned); len(left) > 0 {
			t.Errorf("a second plan has %v", left)
		}
		f.apply(t, Desired{Boot: true}, owned)
		if got := f.rules(); got != "" {
			t.Errorf("all taken out, there are\n%s", got)
		}
	}
}

// TestAServiceGoesBackToNoScheduler holds that there is no module to load for it.
func TestAServiceGoesBackToNoScheduler(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.typed(t, ipvs.AddService(ipvs.Service{Key: serviceKey(vip, 80), Scheduler: noScheduler}))
	before := f.rules()
	f.apply(t, tutorial(), owned)
	f.apply(t, Desired{}, owned)
	if f.rules() != before {
		t.Errorf("left:\n%s", f.rules())
	}
	if slices.ContainsFunc(f.Ran, func(line string) bool { return strings.Contains(line, "ip_vs_none") }) {
		t.Errorf("it ran %q", f.Ran)
	}
}

// TestAHeldBackendAndTheNextBoot has a power cut right after an apply in which
// a host was held.
func TestAHeldBackendAndTheNextBoot(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	hold := func(weight int) Desired {
		return edited(func(d *Desired) { d.Services[0].Backends[1].Hold, d.Services[0].Backends[0].Weight = true, weight })
	}
	boot := func(why, rules string) {
		t.Helper()
		booted := newFake(t)
		booted.Put(RulesFile, f.Get(RulesFile))
		if err := booted.system.restore(context.Background()); err != nil {
			t.Fatal(err)
		}
		if booted.rules() != rules {
			t.Errorf("%s, a boot brings back\n%s", why, booted.rules())
		}
	}
	const service, first, second = "-A -t 192.168.146.100:80 -s rr\n",
		"-a -t 192.168.146.100:80 -r 192.168.177.10:80 -m -w 1\n", "-a -t 192.168.146.100:80 -r 192.168.177.20:80 -m -w 1\n"
	f.apply(t, hold(1), owned)
	boot("held at first", service+first)
	f.apply(t, tutorial(), owned)
	boot("with all", service+first+second)
	f.apply(t, hold(4), owned)
	boot("held later", service+strings.Replace(first, "-w 1", "-w 4", 1)+second)
	if left := f.changes(t, hold(4), owned); len(left) != 0 {
		t.Errorf("a second plan has %v", left)
	}
	f.Put(RulesFile, "{")
	f.apply(t, hold(4), owned)
	boot("held, and the file is broken", service+strings.Replace(first, "-w 1", "-w 4", 1)+second)
}

func hasGoal(changes []step.Change, c step.Change) bool {
	for _, o := range changes {
		if o.ID == c.ID && o.To == c.To {
			return true
		}
	}
	return false
}

func TestAServiceThatOthersJoinedStays(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.apply(t, tutorial(), owned)
	key := serviceKey(vip, 80)
	f.typed(t, ipvs.AddDestination(key, natBackend("192.168.177.99", 1)))
	f.apply(t, Desired{}, owned)
	want := "-A -t 192.168.146.100:80 -s rr\n-a -t 192.168.146.100:80 -r 192.168.177.99:80 -m -w 1\n"
	if f.rules() != want {
		t.Errorf("left:\n%s", f.rules())
	}
	if len(owned) != 0 {
		t.Errorf("still owned: %v", owned)
	}
}

func TestAnInterruptedRemovalIsTakenUpAgain(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	f.apply(t, tutorial(), owned)
	f.typed(t, ipvs.SetDestination(serviceKey(vip, 80), natBackend(rip1, 0)))
	f.apply(t, Desired{}, owned)
	if f.rules() != "" {
		t.Errorf("left:\n%s", f.rules())
	}
}

func TestDirectRoutingKeepsTheServicesPort(t *testing.T) {
	f, owned := newFake(t), step.Owned{}
	want := edited(func(d *Desired) { d.Services[0].Backends[0].Forwarding, d.Services[0].Backends[0].Port = "dr", 8080 })
	f.apply(t, want, owned)
	if !strings.Contains(f.rules(), rip1+":80 -g") {
		t.Errorf("table:\n%s", f.rules())
	}
	if left := f.changes(t, want, owned); len(left) != 0 {
		t.Errorf("a second plan has %v", left)
	}
}
