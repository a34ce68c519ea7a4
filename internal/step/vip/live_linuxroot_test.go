//go:build linuxroot

package vip

import (
	"context"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// TestLiveInNamespace gives lo of a fresh network namespace the tutorial's VIP,
// takes it away as a power cut would, and lets the boot script bring it back.
// ip(8) judges; the files are below a temporary root.
func TestLiveInNamespace(t *testing.T) {
	// The thread is never unlocked, so it and its namespace end with the test.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("cannot make a network namespace (this test needs root): %v", err)
	}
	ip := func(args ...string) string {
		t.Helper()
		out, err := exec.Command("ip", args...).CombinedOutput()
		if err != nil {
			t.Fatalf("ip %v: %v %s", args, err, out)
		}
		return string(out)
	}
	has := func() bool { return strings.Contains(ip("-o", "addr", "show", "dev", "lo"), " "+one+" ") }
	ip("link", "set", "lo", "up")

	h := steptest.NewHost(t, map[string]string{
		"/usr/lib/systemd/system/multi-user.target": "[Unit]\n",
		generatorFile:   "",
		"/etc/rc.local": "#!/bin/sh -e\nexit 0\n",
	}, nil)
	start := h.Snapshot()
	k := New(h.Host)
	owned := step.Owned{}
	apply := func(want Desired) {
		t.Helper()
		have, err := k.Observe(context.Background(), want, owned)
		if err != nil {
			t.Fatal(err)
		}
		changes := Diff(want, owned, have)
		for _, c := range changes {
			owned.Begin(c)
		}
		if _, err := k.Apply(context.Background(), want, changes); err != nil {
			t.Fatal(err)
		}
		for _, c := range changes {
			owned.End(c)
		}
	}
	apply(vips(one))
	if !has() {
		t.Errorf("ip shows no VIP:\n%s", ip("addr", "show", "dev", "lo"))
	}
	ip("addr", "del", one, "dev", "lo")
	if out, err := exec.Command(h.Path("/etc/rc.local"), "start").CombinedOutput(); err != nil || !has() {
		t.Errorf("the boot script did not bring the VIP back: %v %s", err, out)
	}
	apply(Desired{})
	if has() || len(owned) != 0 || h.Snapshot() != start {
		t.Errorf("something is left: VIP %v, record %v, files\n%s", has(), owned, h.Snapshot())
	}
}
