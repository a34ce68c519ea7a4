package bench

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func walls(seconds ...float64) []sample {
	var all []sample
	for _, s := range seconds {
		all = append(all, sample{wall: time.Duration(s * float64(time.Second)), cpu: 200 * time.Millisecond, memory: 30 << 20, traffic: 40 << 10})
	}
	return all
}

func TestMedian(t *testing.T) {
	if m := median([]float64{9, 1, 2}); m != 2 {
		t.Errorf("of three: %v", m)
	}
	if m := median([]time.Duration{4, 1, 3, 2}); m != 2 {
		t.Errorf("of four: %v", m)
	}
}

// TestRatio holds that rounds are compared with their own, not one median with another.
func TestRatio(t *testing.T) {
	r := row{samples: map[string][]sample{lvsup: walls(1, 2, 4), openSSH: walls(2, 2, 2), ansible: walls(30)}}
	if have, ok := r.ratio(openSSH); !ok || have != (ratio{1, 0.5, 2, 3}) {
		t.Errorf("%+v", have)
	}
	if have, _ := r.ratio(ansible); have != (ratio{30, 30, 30, 1}) || have.String() != "**30.00** (one round)" {
		t.Errorf("%+v", have)
	}
	if _, ok := (row{samples: map[string][]sample{lvsup: walls(1)}}).ratio(ansible); ok {
		t.Error("a ratio of nothing")
	}
}

func TestTable(t *testing.T) {
	got := table(begun([]row{
		{name: noChange, hosts: 20, samples: map[string][]sample{lvsup: walls(1, 2), ansible: walls(20, 50), openSSH: walls(2, 2), curve25519: walls(1, 1)}},
		{name: drift, hosts: 5, trip: 30 * time.Millisecond, samples: map[string][]sample{lvsup: walls(1)}},
		{name: firstApply, hosts: 3, lab: true, samples: map[string][]sample{lvsup: walls(2), ansible: walls(30)}},
		{name: oneChange, hosts: 3, lab: true, samples: map[string][]sample{ansible: walls(30)}}, // lvsup failed
	}))
	want := []string{
		"| apply, nothing to do | 20 | 0s | 1.50 s (1.00 s to 2.00 s) | **22.50** (20.00 to 25.00), MISSED, goal 25 | **1.50** (1.00 to 2.00), goal 1 | **0.75** (0.50 to 1.00) | 2.0, 2.0, 2.0 | 10.0 ms, 10.0 ms, 10.0 ms | 30.0 MiB |",
		"| drift check, none found | 5 | 30ms | 1.00 s |  |  |  | 8.0, –, – | 40.0 ms, –, – | 30.0 MiB |",
		"| first apply | 3, in the lab | 0s | 2.00 s | **15.00** (one round) |  |  | 13.3, 13.3, – | 66.7 ms, 66.7 ms, – | 30.0 MiB |",
	}
	lines := strings.Split(strings.TrimSpace(got), "\n")
	if len(lines) < 2 || !slices.Equal(lines[2:], want) {
		t.Errorf("got:\n%s", got)
	}
}

// TestGrowth compares the smallest series with the greatest.
func TestGrowth(t *testing.T) {
	lab := row{name: drift, hosts: 3, lab: true, samples: map[string][]sample{lvsup: {{memory: 90 << 20}}}}
	of := func(hosts int, memory int64) row {
		return row{name: drift, hosts: hosts, samples: map[string][]sample{lvsup: {{memory: memory}}}}
	}
	got := growth([]row{of(1, 30<<20), of(20, 31<<20), lab, of(101, 40<<20)})
	if got != "lvsup's memory, drift check, none found: 102.4 KiB more a host, from 1 to 101 hosts.\n" {
		t.Error(got)
	}
}
