//go:build linuxroot

package sysctl

import (
	"context"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
)

// TestLiveInNamespace sets parameters of a fresh network namespace and lets
// sysctl(8) judge. The drop-in stays out of it.
func TestLiveInNamespace(t *testing.T) {
	// The thread is never unlocked, so it and its namespace end with the test.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("cannot make a network namespace (this test needs root): %v", err)
	}
	k := New(host.Host{Root: "/", Run: host.Real().Run})
	want := settings("net.ipv4.ip_forward", "1", "net.ipv4.conf.all.accept_redirects", "1", "net.ipv4.tcp_rmem", "4096 87380 1000000")
	apply := func(want Desired, owned step.Owned) {
		t.Helper()
		have, err := k.Observe(context.Background(), want, owned)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range Diff(want, owned, have) {
			if c.Field != live {
				continue
			}
			if _, err := k.Apply(context.Background(), want, []step.Change{c}); err != nil {
				t.Fatal(err)
			}
			owned.Begin(c)
			owned.End(c)
		}
	}
	judge := func(when string, settings map[string]string) {
		t.Helper()
		for name, value := range settings {
			out, err := exec.Command("sysctl", "-n", name).CombinedOutput()
			if got := strings.Join(strings.Fields(string(out)), " "); err != nil || got != value {
				t.Errorf("%s: sysctl -n %s gives %q, %v; want %q", when, name, got, err, value)
			}
		}
	}
	before := map[string]string{}
	have, err := k.Observe(context.Background(), want, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range have.Live {
		before[name] = value
	}
	owned := step.Owned{}
	apply(want, owned)
	judge("applied", want.Settings)
	apply(Desired{}, owned)
	judge("restored", before)
	if len(owned) != 0 {
		t.Errorf("the record still holds %v", owned)
	}
}
