package address

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// full is a plan with everything that an interface can have.
func full() Desired {
	d := plan()
	d.Interfaces[0].Further = netconf.Further{
		Addresses: []string{"10.0.0.5/24", "2001:db8::5/64"}, Gateway6: "2001:db8::1", MTU: 1400,
		Routes: []netconf.RouteText{
			{To: "10.8.0.0/16", Via: "192.168.140.2", Metric: 10}, {To: "10.8.0.0/16", Via: "10.0.0.1"},
			{To: "10.9.0.0/16"}, {To: "2001:db8:8::/48", Via: "2001:db8::2"},
		},
	}
	return d
}

// changed is full with a bit of everything otherwise.
func changed() Desired {
	d := full()
	d.Interfaces[0].Further = netconf.Further{
		Addresses: []string{"2001:db8::6/64", "10.0.0.5/24"}, MTU: 1300,
		Routes: []netconf.RouteText{{To: "10.8.0.0/16", Via: "10.0.0.2", Metric: 10}, {To: "10.10.0.0/16", Via: "192.168.140.2"}},
	}
	return d
}

func to(prefix, via, ifname string, metric int) rtnl.Route {
	r := rtnl.Route{Destination: netip.MustParsePrefix(prefix), Interface: ifname, Metric: metric}
	if via != "" {
		r.Gateway = netip.MustParseAddr(via)
	}
	return r
}

func TestConformFurther(t *testing.T) {
	before := func(t *testing.T, f steptest.Fake) {
		h := f.(*fake)
		h.links[1].Up, h.links[1].MTU = true, 9000
		h.links[1].Addresses = prefixes("172.16.0.5/16", "10.0.0.5/24")
		h.links[2].Up = true
		h.links[2].Addresses = prefixes("10.99.0.5/16")
		h.routes = []rtnl.Route{
			to("10.8.0.0/16", "172.16.0.1", "ens33", 0), to("10.9.0.0/16", "10.99.0.1", "ens36", 100), to("172.20.0.0/16", "172.16.0.1", "ens33", 0),
		}
	}
	others := func(f steptest.Fake) string {
		h := f.(*fake)
		i := slices.IndexFunc(h.routes, func(r rtnl.Route) bool { return r.Destination == netip.MustParsePrefix("172.20.0.0/16") })
		return fmt.Sprint(h.links[2], h.links[1].Has(netip.MustParsePrefix("172.16.0.5/16")), i >= 0)
	}
	t.Run("ifupdown", func(t *testing.T) {
		steptest.Conform(t, debian, []steptest.Case{
			{Name: "then otherwise", Plans: []any{full(), changed()}, Foreign: foreign, Meddle: func(t *testing.T, f steptest.Fake) {
				h := f.(*fake)
				h.links[1].MTU = 1500
				h.routes = slices.DeleteFunc(h.routes, func(r rtnl.Route) bool { return r.Metric == 10 })
			}},
		})
	})
	t.Run("ifcfg", func(t *testing.T) {
		steptest.Conform(t, centos, []steptest.Case{{Name: "others were before", Plans: []any{full(), changed()}, Prepare: before, Foreign: others}})
	})
	t.Run("typed by hand", func(t *testing.T) {
		steptest.Conform(t, debian, []steptest.Case{{Name: "interfaces", Adopts: true, Plans: []any{full()}, Prepare: func(t *testing.T, f steptest.Fake) {
			typed(t, f)
			h := f.(*fake)
			h.links[1].MTU = 1400
			h.links[1].Addresses = append(h.links[1].Addresses, prefixes("10.0.0.5/24", "2001:db8::5/64")...)
			h.routes = append(h.routes, to("::/0", "2001:db8::1", "ens33", 1024), to("10.8.0.0/16", "192.168.140.2", "ens33", 10),
				to("10.8.0.0/16", "10.0.0.1", "ens33", 0), to("10.9.0.0/16", "", "ens33", 0), to("2001:db8:8::/48", "2001:db8::2", "ens33", 1024))
			h.Put(netconf.InterfacesTop, debianInterfaces+"auto ens33\niface ens33 inet static\n address 192.168.140.20/24\n gateway 192.168.140.2\n mtu 1400\n"+
				" up ip route replace 10.8.0.0/16 via 192.168.140.2 metric 10\n up ip route replace 10.9.0.0/16 dev ens33\n"+
				"iface ens33 inet static\n address 10.0.0.5/24\n up ip route replace 10.8.0.0/16 via 10.0.0.1\n"+
				"iface ens33 inet6 static\n address 2001:db8::5/64\n gateway 2001:db8::1\n up ip -6 route replace 2001:db8:8::/48 via 2001:db8::2\n")
			h.Put(netconf.IfState, "lo=lo\nens33=ens33\n")
		}}})
	})
}

// The live changes come in an order in which each can be made, and the commands
// are what a person would type.
func TestFurtherCommands(t *testing.T) {
	f := debian(t).(*fake)
	var typed []string
	for _, c := range diffOf(t, f, full(), nil) {
		if c.Field != step.ContentField && c.Field != FieldIfState {
			typed = append(typed, Commands(full(), c)...)
		}
	}
	want := []string{
		"ip link set ens33 up", "ip link set ens33 mtu 1400",
		"ip addr replace dev ens33 192.168.140.20/24 broadcast +", "ip addr replace dev ens33 10.0.0.5/24 broadcast +", "ip addr replace dev ens33 2001:db8::5/64",
		"ip route replace 10.8.0.0/16 via 10.0.0.1 dev ens33", "ip route replace 10.8.0.0/16 via 192.168.140.2 dev ens33 metric 10", "ip route replace 10.9.0.0/16 dev ens33",
		"ip -6 route replace 2001:db8:8::/48 via 2001:db8::2 dev ens33",
		"ip route replace default via 192.168.140.2 dev ens33", "ip -6 route replace default via 2001:db8::1 dev ens33",
	}
	if d := cmp.Diff(want, typed); d != "" {
		t.Errorf("commands (-want +got):\n%s", d)
	}
}

// A route that the answers of the SSH session take, and the MTU of its
// interface, are changed under a guard only; another route is not.
func TestFurtherIsGuarded(t *testing.T) {
	for _, tc := range []struct{ client, want string }{
		{"10.8.3.4", "the route to 10.8.0.0/16 is the way of this SSH session (from 10.8.3.4 to 192.168.140.20)"},
		{"192.168.140.1", ""},
	} {
		f := debian(t).(*fake)
		typed(t, f)
		f.links[1].Addresses = append(f.links[1].Addresses, prefixes("10.0.0.5/24")...)
		t.Setenv("SSH_CONNECTION", tc.client+" 50000 192.168.140.20 22")
		var got string
		for _, c := range diffOf(t, f, full(), nil) {
			switch {
			case c.Field == FieldMTU && c.Guarded == "":
				t.Errorf("%s: the MTU is not guarded", tc.client)
			case c.Key == "10.8.0.0/16":
				got = c.Guarded
			case isBoot(c) && c.Action.Mutates() && !c.Boot:
				t.Errorf("%s: %s does not wait", tc.client, c.ID)
			}
		}
		if tc.want != "" && !strings.Contains(got, "SSH session") || got == "" {
			t.Errorf("%s: guarded as %q", tc.client, got)
		}
		have, err := newKind(f.Host.Host, f, 0).Observe(context.Background(), full(), nil)
		if err != nil {
			t.Fatal(err)
		}
		route := step.Change{Action: step.Create, ID: step.ID{Key: "10.8.0.0/16", Field: FieldRoute}, To: "10.0.0.1 dev ens33"}
		if why := sessionReason(route, *have.Session); why != tc.want {
			t.Errorf("%s: reason %q, want %q", tc.client, why, tc.want)
		}
	}
}

// Wherever changes of routes, addresses and MTU stop, whatever others there are,
// a rollback brings the running network back as it was.
func TestRollbackFurther(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		f := debian(t).(*fake)
		l := &f.links[1]
		l.Up, l.MTU = true, rapid.SampledFrom([]int{1280, 1500, 9000}).Draw(r, "mtu")
		l.Addresses = prefixes("192.168.140.131/24", "10.0.0.9/24", "2001:db8::9/64")
		f.links[2].Up, f.links[2].Addresses = true, prefixes("10.99.0.5/16")
		for _, route := range []rtnl.Route{
			to("10.8.0.0/16", "192.168.140.9", "ens33", 0), to("10.8.0.0/16", "192.168.140.9", "ens33", 10), to("10.9.0.0/16", "10.99.0.1", "ens36", 0),
			to("10.9.0.0/16", "10.99.0.1", "ens36", 50), to("172.20.0.0/16", "10.0.0.1", "ens33", 5), to("2001:db8:8::/48", "2001:db8::3", "ens33", 1024),
			to("0.0.0.0/0", "192.168.140.1", "ens33", 0), to("::/0", "2001:db8::7", "ens33", 1024),
		} {
			if rapid.Bool().Draw(r, route.String()) {
				f.routes = append(f.routes, route)
			}
		}
		t.Setenv("SSH_CONNECTION", "192.168.140.1 50000 192.168.140.131 22")
		before := f.network()
		kind := newKind(f.Host.Host, f, 0)
		live := slices.DeleteFunc(diffOf(t, f, full(), nil), func(c step.Change) bool { return isBoot(c) })
		snap, err := kind.Guard.Snapshot(context.Background(), live)
		if err != nil {
			r.Fatal(err)
		}
		f.FailAfter(rapid.IntRange(0, 20).Draw(r, "writes"))
		_, _ = kind.Apply(context.Background(), full(), live) // it may well be cut short
		f.FailAfter(-1)
		if err := kind.Guard.Rollback(context.Background(), snap); err != nil {
			r.Fatal(err)
		}
		if d := cmp.Diff(before, f.network()); d != "" {
			r.Errorf("not as it was (-before +after):\n%s", d)
		}
	})
}

// network writes the running network, in an order of its own.
func (f *fake) network() []string {
	var all []string
	for _, l := range f.links {
		for _, p := range l.Addresses {
			all = append(all, l.Name+" "+p.String())
		}
		all = append(all, fmt.Sprint(l.Name, l.Up, l.MTU))
	}
	for _, r := range f.routes {
		all = append(all, fmt.Sprint(r, r.Metric))
	}
	slices.Sort(all)
	return all
}

// A rollback that cannot set the MTU says so.
func TestRollbackSaysTheMTU(t *testing.T) {
	f := debian(t).(*fake)
	kind := newKind(f.Host.Host, f, 0)
	live := slices.DeleteFunc(diffOf(t, f, full(), nil), func(c step.Change) bool { return c.Field != FieldMTU })
	snap, err := kind.Guard.Snapshot(context.Background(), live)
	if err != nil {
		t.Fatal(err)
	}
	f.links[1].MTU = 1400
	f.FailAfter(0)
	if err := kind.Guard.Rollback(context.Background(), snap); err == nil || !strings.Contains(err.Error(), "ens33 has an mtu of 1400 and not 1500") {
		t.Errorf("%v", err)
	}
}

// What goes over the wire is flat, as in a plan.
func TestFurtherAsJSON(t *testing.T) {
	raw, err := json.Marshal(full())
	if err != nil {
		t.Fatal(err)
	}
	var back Desired
	if err := json.Unmarshal(raw, &back); err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(full(), back); d != "" || !strings.Contains(string(raw), `"mtu":1400,"routes":[{"to":"10.8.0.0/16"`) {
		t.Errorf("%s\n%s", raw, d)
	}
}
