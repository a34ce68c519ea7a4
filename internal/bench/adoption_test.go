package bench

import (
	"slices"
	"testing"
)

func TestBeyondAdoption(t *testing.T) {
	const said = `{"stage":"connect"}
{"command":"plan","plan":{"cluster":"dr","hosts":[{"host":"master","kinds":[` +
		`{"kind":"vip","changes":[{"action":"adopt","key":"/etc/rc.local","field":"content"}]},` +
		`{"kind":"ipvs","changes":[{"action":"create","key":"/var/lib/lvsup/ipvs.json","field":"content"},` +
		`{"action":"update","key":"TCP 192.0.2.1:80","from":"wlc","to":"rr"}]}]}]}}
`
	got, err := beyondAdoption(said, []string{"/var/lib/lvsup/ipvs.json"})
	if want := []string{"master ~ TCP 192.0.2.1:80"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("got %q, %v", got, err)
	}
	for _, said := range []string{"", "lvsup: no such file", `{"command":"plan","error":"unreachable"}`} {
		if _, err := beyondAdoption(said, nil); err == nil {
			t.Errorf("%q is taken for a plan", said)
		}
	}
}
