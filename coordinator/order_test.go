package coordinator

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// routed is a host of the tests of orders: where it is, where it goes, the gateway
// it gets, and the way to it. Without "to" it has something unguarded to do.
type routed struct {
	at, to, gateway string
	hops            []string
	command         string
	client          string // the address that its session comes from
}

func orderOf(hosts map[string]routed) ([][]string, error) {
	c := &plans.Cluster{Name: "c"}
	r := newRun(Options{Cluster: c})
	p := &plans.Plan{}
	for _, name := range []string{"a", "b", "c"} {
		h, ok := hosts[name]
		if !ok {
			continue
		}
		change := step.Change{Action: step.Create, ID: step.ID{Key: "ens33", Field: h.to}}
		i := plans.Interface{Name: "ens33", Address: netip.MustParsePrefix(h.at)}
		if h.to != "" {
			i.Address, change.Guarded = netip.MustParsePrefix(h.to), "it carries the session"
		}
		if h.gateway != "" {
			i.Gateway = netip.MustParseAddr(h.gateway)
		}
		c.Hosts = append(c.Hosts, plans.Host{Name: name, Interfaces: []plans.Interface{i}})
		p.Hosts = append(p.Hosts, plans.HostPlan{Host: name, Kinds: []wire.KindChanges{{Kind: "address", Changes: []step.Change{change}}}})
		at := netip.MustParsePrefix(h.at).Addr().String()
		s := &session{name: name, way: way{host: at, names: []string{name, at}, hops: h.hops, command: h.command}}
		s.facts.Interfaces = []wire.Interface{{Name: "ens33", Up: true, Addresses: []string{h.at}}}
		s.facts.SSH = wire.SSHPath{Client: h.client, Server: at, Interface: "ens33"}
		r.sessions[name] = s
	}
	var names []string
	for _, h := range c.Hosts {
		names = append(names, h.Name)
	}
	return r.waves(names, p, []string{"address"}, false)
}

func TestOrder(t *testing.T) {
	a, b := []string{"192.0.2.5"}, []string{"192.0.2.6"}
	for _, tc := range []struct {
		name  string
		hosts map[string]routed
		want  [][]string
	}{
		{"nobody is on another's way", map[string]routed{
			"a": {at: "192.0.2.5/24", to: "192.0.2.105/24"}, "b": {at: "192.0.2.6/24", to: "192.0.2.106/24"},
		}, [][]string{{"a", "b"}}},
		{"in one network the jump host is the last", map[string]routed{
			"a": {at: "192.0.2.5/24", to: "192.0.2.105/24"},
			"b": {at: "192.0.2.6/24", to: "192.0.2.106/24", hops: a}, "c": {at: "192.0.2.7/24", to: "192.0.2.107/24", hops: a},
		}, [][]string{{"b", "c"}, {"a"}}},
		{"a jump host that reaches the new network only once it is there is the first", map[string]routed{
			"a": {at: "192.0.2.5/24", to: "192.0.2.105/16"}, "b": {at: "192.0.2.6/24", to: "192.0.99.6/16", hops: a},
		}, [][]string{{"a"}, {"b"}}},
		{"a host behind it that stays where it is, is not at work while it moves", map[string]routed{
			"a": {at: "192.0.2.5/24", to: "198.51.100.5/24"}, "b": {at: "192.0.2.6/24", hops: a},
		}, [][]string{{"b"}, {"a"}}},
		{"a chain, from its end", map[string]routed{
			"a": {at: "192.0.2.5/24", to: "192.0.2.105/24"},
			"b": {at: "192.0.2.6/24", to: "192.0.2.106/24", hops: a},
			"c": {at: "192.0.2.7/24", to: "192.0.2.107/24", hops: append(b, a...)},
		}, [][]string{{"c"}, {"b"}, {"a"}}},
		{"a chain whose middle stays", map[string]routed{
			"a": {at: "192.0.2.5/24", to: "192.0.2.105/24"},
			"b": {at: "192.0.2.6/24", hops: a},
			"c": {at: "192.0.2.7/24", to: "192.0.2.107/24", hops: append(b, a...)},
		}, [][]string{{"b", "c"}, {"a"}}},
		{"the new gateway is the first", map[string]routed{
			"a": {at: "192.0.2.5/24", to: "192.0.2.105/24"},
			"b": {at: "192.0.2.6/24", to: "192.0.2.106/24", gateway: "192.0.2.105", client: "203.0.113.9"},
		}, [][]string{{"a"}, {"b"}}},
		{"unless answers do not take it", map[string]routed{
			"a": {at: "192.0.2.5/24", to: "192.0.2.105/24"},
			"b": {at: "192.0.2.6/24", to: "192.0.2.106/24", gateway: "192.0.2.105", client: "192.0.2.5", hops: a},
		}, [][]string{{"b"}, {"a"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			got, err := orderOf(tc.hosts)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tc.want, got); d != "" {
				t.Error(d)
			}
		})
	}
}

// What cannot be put in order, and what lvsup cannot send another way, is refused
// before the first change.
func TestNoOrder(t *testing.T) {
	var refused *Refused
	// Its answers are to take the jump host as gateway, and come from behind it.
	_, err := orderOf(map[string]routed{
		"a": {at: "192.0.2.5/24", to: "192.0.2.105/24"},
		"b": {at: "192.0.2.6/24", to: "192.0.2.106/24", gateway: "192.0.2.105", client: "203.0.113.9", hops: []string{"192.0.2.5"}},
	})
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "a is to be the gateway of b, whose answers to lvsup take it") ||
		!strings.Contains(err.Error(), "b is reached through a, which must still be where it is") {
		t.Errorf("got %v", err)
	}
	_, err = orderOf(map[string]routed{
		"a": {at: "192.0.2.5/24", to: "192.0.2.105/24"},
		"b": {at: "192.0.2.6/24", command: "ssh -W %h:%p root@a"},
	})
	if !errors.As(err, &refused) || !strings.Contains(err.Error(), "a: b is reached through it by a ProxyCommand") {
		t.Errorf("got %v", err)
	}
}

// While a jump host moves, those behind it have no session; afterwards they have
// one again, and their lock.
func TestHostsBehindAJumpHostComeBack(t *testing.T) {
	c, hosts, log := threeHosts()
	m := movingHost(hosts, c)
	m.answers, m.outcomes = []string{"198.51.100.9"}, []wire.Outcome{wire.OutcomeConfirmed}
	d := movingDialer{hosts, m}
	r := Open(t.Context(), Options{Cluster: c, Dialer: d, Build: "test"})
	t.Cleanup(r.Close)
	if err := r.Lock(t.Context()); err != nil {
		t.Fatal(err)
	}
	jump, behind := r.session("a"), r.session("b")
	jump.way = way{host: "198.51.100.5"}
	jump.dropJump = func() { log.add("drop the way through a") }
	behind.way = way{host: "198.51.100.6", hops: []string{"198.51.100.5"}}
	behind.again = func(ctx context.Context, address string) (*session, error) {
		log.add("dial b again")
		return hosts.open(ctx, "b", plans.Connection{}, "test")
	}
	p, err := r.Plan(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	log.told = nil
	if err := r.Apply(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if f := r.Failures(); len(f) > 0 {
		t.Fatal(f)
	}
	before(t, log.told, "drop the way through a", "make address a")
	before(t, log.told, "make address a", "dial b again")
	before(t, log.told, "dial b again", "lock b")
	if r.session("b") == behind {
		t.Error("b has its old session")
	}
	if err := behind.ask(t.Context(), wire.OpFacts, wire.FactsRequest{}, nil); err == nil {
		t.Error("the old session of b still answers")
	}
}
