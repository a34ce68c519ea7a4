package coordinator

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/plans"
)

// What failed, and what waits for it, is not finished; a director that did its part is.
func TestFinishedHosts(t *testing.T) {
	for name, tc := range map[string]struct {
		edit func(fakeDialer)
		want []string
	}{
		"all is well": {func(fakeDialer) {}, []string{"director", "a", "b"}},
		"nothing to do": {func(h fakeDialer) {
			for _, host := range h {
				host.changes = map[string][]step.Change{}
			}
		}, []string{"director", "a", "b"}},
		"a real server fails":       {func(h fakeDialer) { h["a"].fail["vip"] = "no room" }, []string{"director", "b"}},
		"it cannot be reached":      {func(h fakeDialer) { h["a"].refuse = errors.New("no route to host") }, []string{"director", "b"}},
		"another waits for removal": {func(h fakeDialer) { h["a"].fail["vip"] = "no room"; h["b"].removes("sysctl") }, []string{"director"}},
		"the director fails":        {func(h fakeDialer) { h["director"].fail["ipvs"] = "no" }, []string{"a", "b"}},
	} {
		t.Run(name, func(t *testing.T) {
			c, hosts, _ := threeHosts()
			tc.edit(hosts)
			r := narrowRun(t, c, hosts, plans.Narrowing{}, func(o *Options) { o.SkipUnreachable = true })
			if err := r.Lock(context.Background()); err != nil {
				t.Fatal(err)
			}
			p, err := r.Plan(context.Background(), false)
			if err != nil {
				t.Fatal(err)
			}
			if done := r.Finished(p, false); name == "all is well" && len(done) > 0 {
				t.Errorf("before the first change %q are finished", done)
			}
			if err := r.Apply(context.Background(), p); err != nil {
				t.Fatal(err)
			}
			if done := r.Finished(p, true); !slices.Equal(done, tc.want) {
				t.Errorf("finished are %q, want %q", done, tc.want)
			}
			if !slices.Equal(r.About(), []string{"director", "a", "b"}) {
				t.Errorf("the run is about %q", r.About())
			}
		})
	}
}
