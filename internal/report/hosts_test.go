package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

func TestHostsAreListedShort(t *testing.T) {
	var hundred, plain []string
	for i := range 100 {
		hundred = append(hundred, fmt.Sprintf("node%03d", i+1))
		plain = append(plain, fmt.Sprintf("n%d", i))
	}
	for _, tc := range []struct{ names, want string }{
		{"", ""},
		{"master", "master"},
		{"node1 node2", "node1, node2"},
		{"node1 node2 node3", "node[1-3]"},
		{"lb " + strings.Join(hundred, " "), "lb, node[001-100]"},
		{strings.Join(append(hundred[:98:98], "node100"), " "), "node[001-098], node100"},
		{strings.Join(plain, " "), "n[0-99]"},
		{"a1 a2 a4 a5 a6", "a1, a2, a[4-6]"},
		{"t1-web t2-web t3-web t3-db", "t[1-3]-web, t3-db"},
		{"node08 node09 node010 node11", "node08, node09, node010, node11"},
		{"node008 node009 node010", "node[008-010]"},
		{"node9 node10 node11", "node[9-11]"},
		{"node3 node2 node1", "node3, node2, node1"},
		{"a b c", "a, b, c"},
		{"n99999999999999999999 n100000000000000000000 n100000000000000000001", "n99999999999999999999, n100000000000000000000, n100000000000000000001"},
	} {
		if got := HostList(strings.Fields(tc.names)); got != tc.want {
			t.Errorf("%.40s...: got %q, want %q", tc.names, got, tc.want)
		}
	}
}

func TestHostsAreSortedByNumber(t *testing.T) {
	names := strings.Fields("web10 web9 lb node-2 node-10 node-1 node010 node9 b-1a b-1b 7 n18446744073709551616 n3")
	slices.SortFunc(names, CompareHosts)
	if got, want := strings.Join(names, " "), "7 b-1a b-1b lb n3 n18446744073709551616 node9 node010 node-1 node-2 node-10 web9 web10"; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
