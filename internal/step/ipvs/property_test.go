package ipvs

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/linux/ipvs/ipvstest"
	"github.com/lvsup/lvsup/internal/step"
)

// typeIn fills a kernel with a plan's table, as a person without lvsup would.
func typeIn(t *rapid.T, k *ipvstest.Kernel, d Desired) {
	var cmds []ipvs.Command
	for _, s := range d.Services {
		key, err := s.key()
		if err != nil {
			t.Fatal(err)
		}
		cmds = append(cmds, ipvs.AddService(s.service(key)))
		for _, b := range s.Backends {
			dest, err := b.destination(key)
			if err != nil {
				t.Fatal(err)
			}
			cmds = append(cmds, ipvs.AddDestination(key, dest))
		}
	}
	if _, err := k.Do(context.Background(), cmds); err != nil {
		t.Fatal(err)
	}
}

// recorder keeps the commands that a table was given.
type recorder struct {
	*ipvstest.Kernel
	cmds []ipvs.Command
}

func (r *recorder) Do(ctx context.Context, cmds []ipvs.Command) (int, error) {
	r.cmds = append(r.cmds, cmds...)
	return r.Kernel.Do(ctx, cmds)
}

// TestAnyTableReachesAnyPlan goes from a random table of others through random
// plans to none, and holds what must be true at each step.
func TestAnyTableReachesAnyPlan(t *testing.T) {
	f := newFake(t)
	plans := generator{schedulers: []string{"rr", "wlc", "sh", "mh"}, interfaces: []string{"ens33", "ens36"}, holds: true, exclusive: true}
	others := generator{schedulers: plans.schedulers}
	rapid.Check(t, func(t *rapid.T) {
		kernel := &recorder{Kernel: ipvstest.New()}
		kernel.MTU = f.kernel.MTU
		s := system{Host: f.Host.Host, drain: time.Hour,
			open: func(context.Context) (table, error) { return kernel, nil }}
		theirs := others.desired(t)
		for i := range theirs.Services { // a daemon cannot start beside these
			theirs.Services[i].Backends = slices.DeleteFunc(theirs.Services[i].Backends, func(b Backend) bool {
				return strings.Contains(b.Address, ":") != theirs.Services[i].IPv6
			})
		}
		typeIn(t, kernel.Kernel, theirs)
		foreign := tableOf(kernel) // what no plan names
		owned := step.Owned{}
		for _, want := range append(rapid.SliceOfN(rapid.Custom(plans.desired), 1, 3).Draw(t, "plans"), Desired{}) {
			if err := Validate(want); err != nil {
				t.Fatal(err)
			}
			before := tableOf(kernel)
			kernel.cmds = nil
			goal := reach(t, s, want, owned)
			after := tableOf(kernel)
			for id := range goal.wanted {
				delete(foreign, id)
			}
			for id := range goal.held {
				if before[id] != after[id] {
					t.Fatalf("held %s went from %q to %q", id, before[id], after[id])
				}
			}
			if want.Exclusive {
				clear(foreign)
				for id := range after {
					if goal.wanted[id] == "" && !goal.held[id] {
						t.Fatalf("%s is left under exclusive", id)
					}
				}
			}
			for id, v := range foreign {
				if after[id] != v {
					t.Fatalf("%s of others went from %q to %q", id, v, after[id])
				}
			}
			neverMadeAnew(t, kernel.cmds, before, after)
		}
		if len(owned) > 0 {
			t.Fatalf("with nothing wanted, the record holds %v", owned)
		}
	})
}

// failer is a *testing.T or a *rapid.T.
type failer interface {
	Fatalf(format string, args ...any)
}

// reach brings the system to a plan as the agent does.
func reach(t failer, s system, want Desired, owned step.Owned) goal {
	ctx := context.Background()
	have, err := s.observe(ctx, want, owned)
	if err != nil {
		t.Fatalf("%v", err)
	}
	changes := Diff(want, owned, have)
	for _, c := range changes {
		if c.Blocked != "" {
			t.Fatalf("%s is blocked: %s", c.ID, c.Blocked)
		}
		owned.Begin(c)
	}
	if n, err := s.apply(ctx, want, changes); err != nil || n != len(changes) {
		t.Fatalf("%d of %d: %v", n, len(changes), err)
	}
	for _, c := range changes {
		owned.End(c)
	}
	if have, err = s.observe(ctx, want, owned); err != nil {
		t.Fatalf("%v", err)
	}
	goal := flatten(want, have)
	for id, v := range goal.wanted {
		if have.State[id] != v {
			t.Fatalf("%s is %q, want %q", id, have.State[id], v)
		}
	}
	if left := Diff(want, owned, have); len(left) > 0 {
		t.Fatalf("a second plan has %v", left)
	}
	return goal
}

// neverMadeAnew holds that what is there before and after was only edited.
func neverMadeAnew(t *rapid.T, cmds []ipvs.Command, before, after step.State) {
	for _, c := range cmds {
		id := serviceID(c.Service.Key)
		switch c.Op {
		case ipvs.OpAddDestination, ipvs.OpDeleteDestination:
			id = backendID(c.Service.Key, c.Destination.Addr())
		case ipvs.OpAddService, ipvs.OpDeleteService:
		default:
			continue
		}
		_, was := before[id]
		if _, is := after[id]; was && is {
			t.Fatalf("to go from %q to %q there was a command to %s %s", before[id], after[id], c.Op, id)
		}
	}
}

func tableOf(k table) step.State {
	services, _ := k.Dump(context.Background())
	state := step.State{}
	addTable(state, services)
	return state
}

// TestValuesSurvive holds that a value says all that a plan can, and that what
// is read from it is the same again.
func TestValuesSurvive(t *testing.T) {
	g := generator{schedulers: ipvs.Schedulers(), interfaces: []string{"ens33", "br-0.1"}}
	rapid.Check(t, func(t *rapid.T) {
		d := g.desired(t)
		for _, s := range d.Services {
			key, _ := s.key()
			service := s.service(key)
			if got, err := parseService(key, serviceValue(service)); err != nil || got != service {
				t.Fatalf("%q gives %+v, %v; want %+v", serviceValue(service), got, err, service)
			}
			if got, err := ipvs.ParseServiceKey(serviceID(key).Key); err != nil || got != key {
				t.Fatalf("%q gives %+v, %v", serviceID(key), got, err)
			}
			for _, b := range s.Backends {
				if got, want := string(appendBackend(nil, b)), string(marshal(b)); got != want {
					t.Fatalf("appendBackend gives %s and not %s", got, want)
				}
				dest, _ := b.destination(key)
				if got, err := parseBackend(dest.Addr(), backendValue(dest)); err != nil || got != dest {
					t.Fatalf("%q gives %+v, %v; want %+v", backendValue(dest), got, err, dest)
				}
				dest.Weight = 0
				if got := drained(backendValue(dest)); got != backendValue(dest) {
					t.Fatalf("drained, it is %q", got)
				}
				id := backendID(key, dest.Addr())
				if k, addr, err := parseID(id); err != nil || k != key || addr != dest.Addr() || isMixed(id) != (addr.Addr().Is4() != key.Address.Is4()) {
					t.Fatalf("%q gives %v, %v, %v, mixed %v", id, k, addr, err, isMixed(id))
				}
			}
		}
		for _, wanted := range d.Sync {
			const unknown = 0 // so that the length is always said
			daemon := wanted.daemon()
			value := daemonValue(daemon, unknown)
			got, err := parseDaemon(daemonID(daemon.Role), value)
			if err != nil || daemonValue(got, unknown) != value || got.ID != daemon.ID || got.Interface != daemon.Interface {
				t.Fatalf("%q gives %+v, %v; want %+v", value, got, err, daemon)
			}
		}
	})
}

// FuzzValues holds that what is read as a value is written the same again.
func FuzzValues(f *testing.F) {
	for _, v := range []string{
		"rr", "rr persistent 10", "sh (sh-fallback,flag-3) persistent 60 mask 255.255.0.0 pe sip ops",
		"nat weight 1", "tun weight 4294967295", "tun gue port 6080 csum weight 1 upper 7 lower 3", "tun type-9 flags-65535 weight 0",
		"mcast ens33 syncid 1", "mcast ens33 syncid 255 group ff02::81 port 1 ttl 255 maxlen 65535",
	} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, value string) {
		key := serviceKey(vip, 80)
		if s, err := parseService(key, value); err == nil {
			if again, err := parseService(key, serviceValue(s)); err != nil || again != s {
				t.Errorf("%q becomes %q, then %v", value, serviceValue(s), err)
			}
		}
		addr := netip.MustParseAddrPort("192.0.2.1:80")
		if d, err := parseBackend(addr, value); err == nil {
			if again, err := parseBackend(addr, backendValue(d)); err != nil || again != d {
				t.Errorf("%q becomes %q, then %v", value, backendValue(d), err)
			}
		}
		id := daemonID(ipvs.Backup)
		if d, err := parseDaemon(id, value); err == nil {
			again, err := parseDaemon(id, daemonValue(d, 0))
			if err != nil || daemonValue(again, 0) != daemonValue(d, 0) {
				t.Errorf("%q becomes %q, then %v", value, daemonValue(d, 0), err)
			}
		}
	})
}

// FuzzRules holds that any file in the place of the rules is refused or read,
// and that what is read is written and read the same.
func FuzzRules(f *testing.F) {
	f.Add(encodeRules(tutorial()))
	f.Add(encodeRules(everything()))
	f.Add(`{"version":1}`)
	f.Fuzz(func(t *testing.T, content string) {
		d, err := decodeRules([]byte(content))
		if err != nil {
			if !strings.Contains(err.Error(), RulesFile) {
				t.Errorf("%v does not name the file", err)
			}
			return
		}
		again, err := decodeRules([]byte(encodeRules(d)))
		if err != nil || encodeRules(again) != encodeRules(d) {
			t.Errorf("%q does not survive: %v", content, err)
		}
	})
}
