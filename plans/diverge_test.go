package plans

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

func TestDiverged(t *testing.T) {
	forward := step.Change{Action: step.Update, ID: step.ID{Key: "net.ipv4.ip_forward", Field: "live"}, From: "0", To: "1"}
	other := forward
	other.From = "2"
	page := step.Change{Action: step.Create, ID: step.ID{Key: "/var/www/html/index.html"}, To: "page"}
	plan := func(node1, node2 []step.Change) *Plan {
		return &Plan{Hosts: []HostPlan{
			{Host: "node1", Kinds: []wire.KindChanges{{Kind: "sysctl", Changes: node1}}},
			{Host: "node2", Kinds: []wire.KindChanges{{Kind: "httpd", Changes: node2}}},
		}}
	}
	shown := plan([]step.Change{forward}, []step.Change{page})
	for _, tc := range []struct {
		name string
		now  *Plan
		want []Divergence
	}{
		{"the same", plan([]step.Change{forward}, []step.Change{page}), nil},
		{"another value before", plan([]step.Change{other}, []step.Change{page}),
			[]Divergence{{Host: "node1", Gone: []step.Change{forward}, New: []step.Change{other}}}},
		{"done by hand, and something else undone", plan(nil, []step.Change{page, forward}),
			[]Divergence{{Host: "node1", Gone: []step.Change{forward}}, {Host: "node2", New: []step.Change{forward}}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if d := cmp.Diff(tc.want, Diverged(shown, tc.now)); d != "" {
				t.Error(d)
			}
		})
	}
}
