package coordinator

import (
	"testing"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

func TestRemovalsWarnOfPortsUsedAgain(t *testing.T) {
	service := step.Change{Action: step.Delete, ID: step.ID{Key: "TCP 192.0.2.1:80"}}
	backend := step.Change{Action: step.Delete, ID: step.ID{Key: "TCP 192.0.2.1:80 -> 198.51.100.1:80"}}
	weight := step.Change{Action: step.Update, ID: backend.ID}
	set := wire.KindChanges{Kind: "sysctl", Changes: []step.Change{{Action: step.Update, ID: step.ID{Key: expireNodest, Field: "live"}, To: "1"}}}
	for name, tt := range map[string]struct {
		value string
		kinds []wire.KindChanges
		want  int
	}{
		"a backend goes":           {"0", []wire.KindChanges{{Kind: "ipvs", Changes: []step.Change{backend}}}, 1},
		"the parameter is set":     {"1", []wire.KindChanges{{Kind: "ipvs", Changes: []step.Change{backend}}}, 0},
		"the plan sets it":         {"0", []wire.KindChanges{set, {Kind: "ipvs", Changes: []step.Change{backend}}}, 0},
		"its service goes with it": {"0", []wire.KindChanges{{Kind: "ipvs", Changes: []step.Change{backend, service}}}, 0},
		"a weight":                 {"0", []wire.KindChanges{{Kind: "ipvs", Changes: []step.Change{weight}}}, 0},
		"no ip_vs yet":             {"", []wire.KindChanges{{Kind: "ipvs", Changes: []step.Change{backend}}}, 0},
	} {
		h := plans.HostPlan{Host: "director", Kinds: tt.kinds}
		if got := checkRemovals(h, wire.Facts{Sysctls: map[string]string{expireNodest: tt.value}}); len(got) != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
