package plans

import (
	"slices"
	"strings"
	"testing"
)

func narrowed(names ...string) *Cluster {
	c := &Cluster{}
	for _, n := range names {
		c.Hosts = append(c.Hosts, Host{Name: n})
	}
	return c
}

func TestNarrowing(t *testing.T) {
	c := narrowed("master", "node1", "node2", "db")
	for _, tc := range []struct {
		target, exclude []string
		hosts, kinds    []string // left out; "all but X" for kinds
	}{
		{nil, nil, nil, nil},
		{[]string{"node*"}, nil, []string{"master", "db"}, nil},
		{[]string{"node*"}, []string{"node2"}, []string{"master", "node2", "db"}, nil},
		{nil, []string{"node?", "d[ab]"}, []string{"node1", "node2", "db"}, nil},
		{[]string{"kind=sysctl"}, nil, nil, allKindsBut("sysctl")},
		{[]string{"kind=vip", "master", "kind=ipvs"}, nil, []string{"node1", "node2", "db"}, allKindsBut("vip", "ipvs")},
		{nil, []string{"kind=httpd", "kind=p*"}, nil, []string{"packages", "httpd"}},
	} {
		n := Narrowing{Target: tc.target, Exclude: tc.exclude}
		if err := n.Check([]*Cluster{c}); err != nil {
			t.Errorf("%+v: %v", n, err)
		}
		out := n.Of(c)
		if !slices.Equal(out.Hosts, tc.hosts) || !slices.Equal(out.Kinds, tc.kinds) {
			t.Errorf("%+v leaves out %+v, want %v and %v", n, out, tc.hosts, tc.kinds)
		}
		if out.None() != (len(tc.hosts)+len(tc.kinds) == 0) || (out.String() == "") != out.None() {
			t.Errorf("%+v: none %v, %q", n, out.None(), out.String())
		}
		if rest := out.Rest(c); len(rest.Hosts) != len(c.Hosts)-len(tc.hosts) || len(c.Hosts) != 4 {
			t.Errorf("%+v: %d hosts are left of %d", n, len(rest.Hosts), len(c.Hosts))
		}
	}
}

func allKindsBut(kinds ...string) []string {
	return slices.DeleteFunc(KindOrder(), func(k string) bool { return slices.Contains(kinds, k) })
}

func TestNarrowingRefuses(t *testing.T) {
	all := []*Cluster{narrowed("master", "node1"), narrowed("master", "node7")}
	for pattern, want := range map[string]string{
		"nod1":         `no host has that name; did you mean "node1"? the hosts are master, node1, node7`,
		"web*":         "no host has that name; the hosts are",
		"vip":          `did you mean "kind=vip"?`,
		"kind=sysctrl": `no kind has that name; did you mean "kind=sysctl"? the kinds are packages, firewall`,
		"node[":        "it is no pattern",
		"kind=":        "it is no pattern",
		"":             "it is no pattern",
	} {
		for _, n := range []Narrowing{{Target: []string{pattern}}, {Exclude: []string{"node*", pattern}}} {
			err := n.Check(all)
			flag := "--target "
			if len(n.Exclude) > 0 {
				flag = "--exclude "
			}
			if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), flag) {
				t.Errorf("%+v: got %v, want %q", n, err, want)
			}
		}
	}
	if err := (Narrowing{Target: []string{"node7"}}).Check(all); err != nil {
		t.Errorf("a host of the second cluster: %v", err)
	}
}
