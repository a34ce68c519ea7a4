package coordinator

import (
	"context"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/report"
)

// A plan is the same as long as no host changed between two looks at it.
func TestSamePlan(t *testing.T) {
	c, hosts, _ := threeHosts()
	ctx := context.Background()
	r := Open(ctx, Options{Cluster: c, Dialer: hosts, Build: "test"})
	defer r.Close()
	shown, err := r.Plan(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	again, err := r.Plan(ctx, false)
	if err != nil || !SamePlan(shown, again) {
		t.Errorf("an unchanged cluster gives another plan (%v)", err)
	}
	hosts["a"].changes["vip"] = nil // somebody did it by hand
	again, err = r.Plan(ctx, false)
	if err != nil || SamePlan(shown, again) {
		t.Errorf("a host that changed gives the same plan (%v)", err)
	}
	if !IsStale(ErrStale) {
		t.Error("ErrStale has another exit code")
	}
}

// The agent of a run that was killed gives way when it has finished its change.
func TestLockIsWaitedFor(t *testing.T) {
	c, hosts, _ := threeHosts()
	hosts["b"].locked = "a run that is ending"
	ctx := context.Background()
	told := make(chan string, 1)
	r := Open(ctx, Options{Cluster: c, Dialer: hosts, Build: "test", LockWait: 300 * time.Millisecond, Report: func(e report.Event) {
		if e.Type == report.HostWaits {
			told <- e.Host
		}
	}})
	defer r.Close()
	begin := time.Now()
	if err := r.Lock(ctx); !IsLocked(err) {
		t.Errorf("locking gives %v", err)
	}
	if waited := time.Since(begin); waited < 300*time.Millisecond {
		t.Errorf("gave up after %s", waited)
	}
	if host := <-told; host != "b" {
		t.Errorf("told of %q", host)
	}
}
