package checks

import (
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/plans"
)

func TestClocks(t *testing.T) {
	at := func(ms int) Offset {
		return Offset{Value: time.Duration(ms) * time.Millisecond, Uncertainty: 20 * time.Millisecond, Source: true}
	}
	for _, tc := range []struct {
		name    string
		offsets map[string]Offset
		off     string // hosts that are named, with their offsets
	}{
		{"agree", map[string]Offset{"a": at(10), "b": at(-30), "c": at(100)}, ""},
		{"one is late", map[string]Offset{"a": at(0), "b": at(5), "c": at(-3000)}, "c -3s"},
		{"one is early", map[string]Offset{"a": at(0), "b": at(90_000), "c": at(10)}, "b +1m30s"},
		{"the coordinator is off", map[string]Offset{"a": at(9000), "b": at(9010), "c": at(9020)}, ""},
		{"two hosts, one off", map[string]Offset{"a": at(0), "b": at(4000)}, "b +4s"},
		{"one host, off", map[string]Offset{"a": at(4000)}, "a +4s"},
		{"within the uncertainty", map[string]Offset{"a": at(0), "b": at(515)}, ""},
		{"out of all range", map[string]Offset{"a": at(0), "b": {Value: 1000 * time.Hour, Source: true}, "c": at(0)}, "b +1000h0m0s"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var named []string
			for _, f := range Clocks(plans.TimeSync{MaxOffset: 500 * time.Millisecond}, tc.offsets) {
				if f.Severity != plans.Error {
					t.Errorf("not an error: %+v", f)
				}
				by := strings.TrimPrefix(f.Summary, "its clock is off by ")
				named = append(named, f.Host+" "+strings.Fields(by)[0])
			}
			if got := strings.Join(named, ", "); got != tc.off {
				t.Errorf("named %q, want %q", got, tc.off)
			}
		})
	}
}

func TestClockSource(t *testing.T) {
	offsets := map[string]Offset{"a": {}}
	for require, severity := range map[bool]plans.Severity{false: plans.Warning, true: plans.Error} {
		found := Clocks(plans.TimeSync{MaxOffset: time.Second, RequireSource: require}, offsets)
		if len(found) != 1 || found[0].Severity != severity {
			t.Errorf("require_source = %v: got %+v", require, found)
		}
	}
}
