//go:build lab

package ipvsbench

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/linux/ipvs/umltest"
	kind "github.com/lvsup/lvsup/internal/step/ipvs"

	"github.com/lvsup/lvsup/internal/step"
)

// freshVariable makes the test binary a process that makes one pass and says
// how long it took.
const freshVariable = "IPVSBENCH_FRESH"

func TestMain(m *testing.M) {
	if shape := os.Getenv(freshVariable); shape != "" {
		os.Exit(freshPass(shape))
	}
	os.Exit(umltest.Main(m))
}

// effort is how often everything is measured, of which the table has medians:
// in so many rounds, in each so many passes without a change and with one.
type effort struct{ rounds, passes int }

// shape is a table's: so many services, each with so many backends.
type shape struct{ services, backends int }

func (s shape) String() string {
	if s.services == 1 {
		return fmt.Sprintf("1 service x %d backends", s.backends)
	}
	return fmt.Sprintf("%d services x %d backends", s.services, s.backends)
}

// desired gives the plan of such a table.
func (s shape) desired() kind.Desired {
	var d kind.Desired
	for i := range s.services {
		service := kind.Service{Protocol: "tcp", Address: fmt.Sprintf("192.0.%d.%d", 2+i>>8, i&0xff), Port: 80, Scheduler: "wlc"}
		for j := range s.backends {
			service.Backends = append(service.Backends, kind.Backend{
				Address: fmt.Sprintf("10.%d.%d.%d", j>>16, j>>8&0xff, j&0xff), Port: 80, Forwarding: "dr", Weight: 1,
			})
		}
		d.Services = append(d.Services, service)
	}
	return d
}

// agent does what an agent does with the kind on its host.
type agent struct {
	t     *testing.T
	kind  step.Kind[kind.Desired, kind.Observed]
	owned step.Owned
}

func newAgent(t *testing.T) *agent { return &agent{t, kind.New(host.Real()), step.Owned{}} }

// plan observes and compares.
func (a *agent) plan(want kind.Desired) []step.Change {
	return a.kind.Diff(want, a.owned, a.observe(want))
}

func (a *agent) observe(want kind.Desired) kind.Observed {
	have, err := a.kind.Observe(context.Background(), want, a.owned)
	must(a.t, err)
	return have
}

// expectNothing makes a pass that has nothing to do.
func (a *agent) expectNothing(want kind.Desired) {
	if left := a.plan(want); len(left) > 0 {
		a.t.Fatalf("nothing is to be done, but %v", left[0])
	}
}

// apply carries changes out, as planned.
func (a *agent) apply(want kind.Desired, changes []step.Change) {
	n, err := a.kind.Apply(context.Background(), want, changes)
	if err != nil || n != len(changes) {
		a.t.Fatalf("%d of %d changes, %v", n, len(changes), err)
	}
}

// own takes down that the changes are done.
func (a *agent) own(changes []step.Change) {
	for _, c := range changes {
		a.owned.Begin(c)
		a.owned.End(c)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ipvsadm runs it with that standard input, and drops what it prints.
func ipvsadm(t *testing.T, stdin string, args ...string) {
	t.Helper()
	cmd := exec.Command("ipvsadm", args...)
	cmd.Stdin = strings.NewReader(stdin)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	if err := cmd.Run(); err != nil {
		t.Fatalf("ipvsadm %s: %v: %s", strings.Join(args, " "), err, &complaint)
	}
}

// samples are the times of one thing, one a round.
type samples []time.Duration

func (s *samples) time(do func()) {
	start := time.Now()
	do()
	*s = append(*s, time.Since(start))
}

func (s samples) median() time.Duration {
	sorted := slices.Sorted(slices.Values(s))
	return sorted[len(sorted)/2]
}

// ratios gives theirs to ours, round by round: the median, the least and the
// greatest. Above 1 ours is quicker.
func ratios(theirs, ours samples) (median, least, most float64) {
	var r []float64
	for i := range theirs {
		r = append(r, theirs[i].Seconds()/ours[i].Seconds())
	}
	slices.Sort(r)
	return r[len(r)/2], r[0], r[len(r)-1]
}

// parts gives the median of each part in the whole, in percent.
func parts(whole samples, part ...samples) string {
	var words []string
	for _, p := range part {
		var share []float64
		for i := range whole {
			share = append(share, 100*p[i].Seconds()/whole[i].Seconds())
		}
		slices.Sort(share)
		words = append(words, fmt.Sprintf("%.0f%%", share[len(share)/2]))
	}
	return strings.Join(words, ", ")
}

// report is the table that is printed in the end.
type report struct{ strings.Builder }

func (r *report) line(format string, args ...any) { fmt.Fprintf(r, format+"\n", args...) }

func (r *report) compare(what string, ours, theirs samples, goal string) {
	median, least, most := ratios(theirs, ours)
	r.line("| %s | %s | %s | **%.2f** | %.2f to %.2f | %s |", what, ms(ours.median()), ms(theirs.median()), median, least, most, goal)
}

func ms(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d.Microseconds())/1000) }

// freshPass makes the first pass without a change of this process over a table
// that is there as wanted.
func freshPass(text string) int {
	var s shape
	if _, err := fmt.Sscanf(text, "%dx%d", &s.services, &s.backends); err != nil {
		return 1
	}
	want := s.desired()
	k := kind.New(host.Real())
	owned := step.Owned{}
	for _, c := range k.Diff(want, owned, kind.Observed{}) {
		owned.Begin(c)
		owned.End(c)
	}
	start := time.Now()
	have, err := k.Observe(context.Background(), want, owned)
	if left := k.Diff(want, owned, have); err != nil || len(left) > 0 {
		fmt.Println(err, left)
		return 1
	}
	fmt.Println(time.Since(start).Nanoseconds())
	return 0
}

// fresh runs freshPass in a process of its own.
func fresh(t *testing.T, s shape) time.Duration {
	cmd := exec.Command("/init")
	cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%dx%d", freshVariable, s.services, s.backends))
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("a fresh process: %v %s", err, out)
	}
	var nanoseconds int64
	if _, err := fmt.Sscan(string(out), &nanoseconds); err != nil {
		t.Fatal(err)
	}
	return time.Duration(nanoseconds)
}

// dial gives a client of the guest's kernel with an empty table.
func dial(t *testing.T) *ipvs.Client {
	t.Helper()
	ctx := context.Background()
	must(t, ipvs.LoadModules(ctx, host.Real(), []string{"wlc"}))
	c, err := ipvs.Dial(ctx)
	must(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// rules gives the kernel's table as ipvsadm -R takes it.
func rules(t *testing.T, c *ipvs.Client) string {
	t.Helper()
	table, err := c.Dump(context.Background())
	must(t, err)
	var b strings.Builder
	must(t, ipvs.WriteRules(&b, table))
	return b.String()
}
