package report

import (
	"slices"
	"testing"
)

func TestTheWorstCodeWins(t *testing.T) {
	for _, tc := range []struct{ codes, sorted []Code }{
		{nil, nil},
		{[]Code{Done, Done}, nil},
		{[]Code{Changes, Done}, []Code{Changes}},
		{[]Code{Changes, ProbeFailed, Partial, Unreachable, Failed, RolledBack, Interrupted}, []Code{Interrupted, RolledBack, Failed, Unreachable, Partial, ProbeFailed, Changes}},
		{[]Code{Partial, Unreachable, Partial}, []Code{Unreachable, Partial}},
	} {
		worst := Done
		if len(tc.sorted) > 0 {
			worst = tc.sorted[0]
		}
		if got := Worst(tc.codes...); got != worst {
			t.Errorf("the worst of %v is %d, want %d", tc.codes, got, worst)
		}
		if got := Sorted(tc.codes); !slices.Equal(got, tc.sorted) {
			t.Errorf("%v sorted is %v, want %v", tc.codes, got, tc.sorted)
		}
	}
}
