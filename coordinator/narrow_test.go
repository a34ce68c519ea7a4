package coordinator

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// narrowRun opens a run on three hosts that is about a part of them. The director
// has the table that its script says: where a host of a backend is held, it says
// nothing of that backend, as the real one does.
func narrowRun(t *testing.T, c *plans.Cluster, hosts fakeDialer, n plans.Narrowing, edit func(*Options)) *Run {
	t.Helper()
	if err := n.Check([]*plans.Cluster{c}); err != nil {
		t.Fatal(err)
	}
	o := Options{Cluster: c, Dialer: hosts, Build: "test", LeftOut: n.Of(c)}
	if edit != nil {
		edit(&o)
	}
	r := Open(context.Background(), o)
	t.Cleanup(r.Close)
	return r
}

// addsBackends has the director's script add the backends of both real servers.
func addsBackends(hosts fakeDialer) {
	hosts["director"].changes["ipvs"] = []step.Change{
		{Action: step.Create, ID: step.ID{Key: "TCP 192.0.2.1:80 -> 198.51.100.1:80"}, To: "nat weight 1"},
		{Action: step.Create, ID: step.ID{Key: "TCP 192.0.2.1:80 -> 198.51.100.2:80"}, To: "nat weight 1"},
	}
}

func planned1(t *testing.T, r *Run, destroy bool) *plans.Plan {
	t.Helper()
	p, err := r.Plan(context.Background(), destroy)
	if err != nil {
		t.Fatal(err)
	}
	if f := r.Failures(); len(f) > 0 {
		t.Fatal(f)
	}
	return p
}

// doing lists what a plan does, as "host kind key".
func doing(p *plans.Plan) []string {
	var all []string
	for _, h := range p.Hosts {
		for _, k := range h.Kinds {
			for _, c := range k.Changes {
				all = append(all, h.Host+" "+k.Kind+" "+c.Key)
			}
		}
	}
	return all
}

func TestWhatIsLeftOutIsNotTouched(t *testing.T) {
	for name, tc := range map[string]struct {
		n    plans.Narrowing
		hits []string // hosts and kinds that are changed
	}{
		"a host":           {plans.Narrowing{Target: []string{"a"}}, []string{"sysctl a", "vip a", "httpd a"}},
		"all but a host":   {plans.Narrowing{Exclude: []string{"a"}}, []string{"sysctl director", "sysctl b", "vip b", "httpd b", "ipvs director"}},
		"a kind":           {plans.Narrowing{Target: []string{"kind=sysctl"}}, []string{"sysctl director", "sysctl a", "sysctl b"}},
		"a kind of a host": {plans.Narrowing{Target: []string{"kind=httpd", "b"}}, []string{"httpd b"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, hosts, log := threeHosts()
			r := narrowRun(t, c, hosts, tc.n, nil)
			if err := r.Lock(context.Background()); err != nil {
				t.Fatal(err)
			}
			for _, told := range log.told {
				if r.LeftOut().Host(strings.TrimPrefix(told, "lock ")) {
					t.Errorf("a host that is left out: %s", told)
				}
			}
			p := planned1(t, r, false)
			log.told = nil
			if err := r.Apply(context.Background(), p); err != nil {
				t.Fatal(err)
			}
			var want []string
			for _, s := range tc.hits {
				want = append(want, "make "+s)
			}
			got := slices.DeleteFunc(slices.Clone(log.told), func(s string) bool { return strings.HasPrefix(s, "held") })
			slices.Sort(got)
			slices.Sort(want)
			if !slices.Equal(got, want) {
				t.Errorf("did %q, want %q", got, want)
			}
		})
	}
}

func TestABackendNobodyLookedAtIsNotAdded(t *testing.T) {
	for name, tc := range map[string]struct {
		n    plans.Narrowing
		edit func(fakeDialer)
		held []string
	}{
		"its host is left out":            {plans.Narrowing{Exclude: []string{"a"}}, nil, []string{"a"}},
		"only the director":               {plans.Narrowing{Target: []string{"director"}}, nil, []string{"a", "b"}},
		"its host lacks what is left out": {plans.Narrowing{Target: []string{"kind=ipvs"}}, nil, []string{"a", "b"}},
		"one lacks what is left out":      {plans.Narrowing{Target: []string{"kind=ipvs"}}, func(h fakeDialer) { h["b"].changes = nil }, []string{"a"}},
		"all are ready":                   {plans.Narrowing{Target: []string{"kind=ipvs"}}, func(h fakeDialer) { h["a"].changes, h["b"].changes = nil, nil }, nil},
		"it is in the table, to be changed": {plans.Narrowing{Target: []string{"director"}}, func(h fakeDialer) {
			h["director"].changes["ipvs"][0].Action = step.Update
			h["director"].changes["ipvs"][1].Action = step.Update
		}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c, hosts, log := threeHosts()
			addsBackends(hosts)
			if tc.edit != nil {
				tc.edit(hosts)
			}
			r := narrowRun(t, c, hosts, tc.n, nil)
			if err := r.Lock(context.Background()); err != nil {
				t.Fatal(err)
			}
			p := planned1(t, r, false)
			if got := p.Narrowed().Held; !slices.Equal(got, tc.held) {
				t.Fatalf("held %v, want %v", got, tc.held)
			}
			log.told = nil
			if err := r.Apply(context.Background(), p); err != nil {
				t.Fatal(err)
			}
			if got := slices.Contains(log.told, "held director"); got != (len(tc.held) > 0) {
				t.Errorf("the director held a backend: %v", got)
			}
		})
	}
}

func TestADriftCheckLooksAtTheWholeTable(t *testing.T) {
	c, hosts, _ := threeHosts()
	addsBackends(hosts)
	hosts["a"].removes("vip")
	r := narrowRun(t, c, hosts, plans.Narrowing{Target: []string{"director", "b"}}, func(o *Options) { o.Watch = true })
	p := planned1(t, r, false)
	if l := p.Narrowed(); !slices.Equal(l.Hosts, []string{"a"}) || len(l.Held) > 0 {
		t.Errorf("left out: %+v", l)
	}
	if got := doing(p); !slices.Contains(got, "director ipvs TCP 192.0.2.1:80 -> 198.51.100.1:80") {
		t.Errorf("found %q", got)
	}
}

func TestWhatCannotBeNarrowedIsRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		n       plans.Narrowing
		destroy bool
		edit    func(fakeDialer, *plans.Cluster)
		says    string // empty: it is not refused
	}{
		"a VIP goes while the director is left out": {plans.Narrowing{Target: []string{"a"}}, false,
			func(h fakeDialer, _ *plans.Cluster) { h["a"].removes("vip") }, "director is left out, and may still send traffic there"},
		"a page goes while the table is left out": {plans.Narrowing{Target: []string{"kind=httpd"}}, false,
			func(h fakeDialer, _ *plans.Cluster) { h["a"].removes("httpd"); h["director"].removes("ipvs") }, "kind ipvs is left out: the director still sends traffic there"},
		"a page goes and the table stays": {plans.Narrowing{Target: []string{"kind=httpd"}}, false,
			func(h fakeDialer, _ *plans.Cluster) { h["a"].removes("httpd") }, ""},
		"a VIP comes, and another sysctl is left out": {plans.Narrowing{Target: []string{"kind=vip"}}, false,
			func(h fakeDialer, _ *plans.Cluster) {
				for _, name := range []string{"a", "b"} {
					h[name].changes["sysctl"][0].Key = "vm.swappiness"
				}
				h["director"].makes("vip", "sysctl")
			}, ""},
		"a VIP comes without its sysctls": {plans.Narrowing{Target: []string{"kind=vip"}}, false,
			func(fakeDialer, *plans.Cluster) {}, "kind sysctl is left out: the host would answer ARP for the VIP"},
		"a VIP comes, and its sysctls are there": {plans.Narrowing{Target: []string{"kind=vip"}}, false,
			func(h fakeDialer, _ *plans.Cluster) { h["a"].changes["sysctl"], h["b"].changes["sysctl"] = nil, nil }, ""},
		"sysctls go before their VIP": {plans.Narrowing{Target: []string{"kind=sysctl"}}, false,
			func(h fakeDialer, _ *plans.Cluster) {
				h["a"].removes("vip", "sysctl")
				h["a"].changes["sysctl"][1].Key = "net.ipv4.conf.all.arp_announce"
			}, "kind vip is left out"},
		"marks come without a service": {plans.Narrowing{Target: []string{"kind=mangle"}}, false,
			func(h fakeDialer, _ *plans.Cluster) { h["director"].makes("mangle") }, "kind ipvs is left out: packets would get a mark"},
		"a backend goes that another replaces": {plans.Narrowing{Exclude: []string{"a"}}, false,
			func(h fakeDialer, _ *plans.Cluster) { addsBackends(h); h["director"].removes("ipvs") }, "a may be there to replace it"},
		"one server is destroyed under its director": {plans.Narrowing{Target: []string{"a"}}, true,
			func(h fakeDialer, _ *plans.Cluster) {
				h["a"].changes = map[string][]step.Change{}
				h["a"].removes("vip")
			}, "may still send traffic"},
		"a server that is no backend is destroyed": {plans.Narrowing{Target: []string{"a"}}, true,
			func(h fakeDialer, c *plans.Cluster) {
				h["a"].changes = map[string][]step.Change{}
				h["a"].removes("vip")
				c.Services[0].Backends = c.Services[0].Backends[1:]
			}, ""},
		"all servers are destroyed, the director is gone": {plans.Narrowing{Exclude: []string{"director"}}, true,
			func(h fakeDialer, _ *plans.Cluster) {
				for _, name := range []string{"a", "b"} {
					h[name].changes = map[string][]step.Change{}
					h[name].removes("vip")
				}
			}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c, hosts, log := threeHosts()
			hosts["director"].changes = map[string][]step.Change{}
			addsBackends(hosts)
			for _, h := range []string{"a", "b"} {
				hosts[h].changes = map[string][]step.Change{}
				hosts[h].makes("vip", "sysctl")
				hosts[h].changes["sysctl"][0].Key = "net.ipv4.conf.all.arp_ignore"
			}
			tc.edit(hosts, c)
			r := narrowRun(t, c, hosts, tc.n, nil)
			p := planned1(t, r, tc.destroy)
			log.told = nil
			err := r.Apply(context.Background(), p)
			var refused *Refused
			switch {
			case tc.says == "" && errors.As(err, &refused):
				t.Errorf("refused: %v", err)
			case tc.says != "" && (!errors.As(err, &refused) || !strings.Contains(err.Error(), tc.says)):
				t.Errorf("got %v, want a refusal saying %q", err, tc.says)
			case tc.says != "" && len(log.told) > 0:
				t.Errorf("hosts were told %q", log.told)
			}
		})
	}
}

// A plan of some kinds is not made stale by what happens to the others.
func TestOnlyWhatIsInThePlanMakesItStale(t *testing.T) {
	c, hosts, _ := threeHosts()
	r := narrowRun(t, c, hosts, plans.Narrowing{Target: []string{"kind=sysctl"}}, nil)
	shown := planned1(t, r, false)
	hosts["a"].makes("httpd")
	if now := planned1(t, r, false); !SamePlan(shown, now) {
		t.Error("a change of a kind that is left out made the plan stale")
	}
	hosts["a"].makes("sysctl")
	if now := planned1(t, r, false); SamePlan(shown, now) {
		t.Error("a change of a kind of the plan did not make it stale")
	}
}

func TestAProbeDoesNotAskWhatIsLeftOut(t *testing.T) {
	c, hosts, _ := threeHosts()
	for _, h := range hosts {
		h.changes = map[string][]step.Change{}
	}
	hosts["director"].others = func(req wire.Request) (any, *wire.Error) {
		return wire.FetchResponse{Fetches: []wire.Fetch{{Status: 200, Local: "198.51.100.9:1"}}}, nil
	}
	c.Services[0].Address = netip.MustParseAddr("127.0.0.1")
	r := narrowRun(t, c, hosts, plans.Narrowing{Exclude: []string{"a"}}, nil)
	planned1(t, r, false)
	seen, err := r.Probe(context.Background(), Local)
	if err != nil {
		t.Fatal(err)
	}
	if len(seen.Direct) != 1 || seen.Direct[0].Host != "b" || len(seen.Services) != 1 || !strings.Contains(seen.Services[0].NotRun, "a, one of its backends, is left out") || seen.Failed() {
		t.Errorf("%+v", seen)
	}
	r = narrowRun(t, c, hosts, plans.Narrowing{Target: []string{"a"}}, nil)
	planned1(t, r, false)
	if seen, err := r.Probe(context.Background(), Local); err != nil || !strings.Contains(seen.NotRun, "director is left out") || seen.Failed() {
		t.Errorf("%+v, %v", seen, err)
	}
	hosts["b"].makes("httpd") // which is left out now
	r = narrowRun(t, c, hosts, plans.Narrowing{Exclude: []string{"kind=httpd"}}, nil)
	planned1(t, r, false)
	if seen, err := r.Probe(context.Background(), Local); err != nil || !strings.Contains(seen.NotRun, "not as the plan wants") {
		t.Errorf("%+v, %v", seen, err)
	}
}
