//go:build linuxroot

package mangle

import (
	"context"
	"os/exec"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/netfilter"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// live is a host whose nft is the real one, in a network namespace of its own.
type live struct{ *steptest.Host }

func newLive(t *testing.T) steptest.Fake {
	t.Helper()
	// The thread is never unlocked, so it and its namespace end with the test.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("cannot make a network namespace (this test needs root): %v", err)
	}
	f := live{}
	f.Host = steptest.NewHost(t, map[string]string{
		"/usr/sbin/nft*":             "",
		"/proc/sys/kernel/osrelease": "none\n",
		"/var/lib/lvsup/owned.json":  "{}",
	}, func(argv []string) host.Result {
		if argv[0] != "nft" {
			return host.Result{Code: 1}
		}
		if len(argv) == 2 {
			if err := f.Write(); err != nil {
				return host.Result{Code: 1, Stderr: err.Error()}
			}
		}
		res, err := host.Real().Run(context.Background(), argv...)
		if err != nil {
			t.Fatalf("this test needs nft: %v", err)
		}
		return res
	})
	return f
}

func (f live) Kind() step.Any {
	return step.Erase(newKind(kind{f.Host.Host, netfilter.SupportsIP}))
}

func (f live) Snapshot() string { return f.Host.Snapshot() + ruleset() }

func ruleset() string {
	out, err := exec.Command("nft", "-s", "list", "ruleset").CombinedOutput()
	if err != nil {
		return err.Error() + string(out)
	}
	return string(out)
}

func typed(t *testing.T, script string) {
	t.Helper()
	if out, err := exec.Command("nft", script).CombinedOutput(); err != nil {
		t.Fatalf("nft %s: %v: %s", script, err, out)
	}
}

func TestConformWithNFT(t *testing.T) {
	steptest.Conform(t, newLive, []steptest.Case{
		{
			Name: "a mark and a segment size, beside a table of others",
			Prepare: func(t *testing.T, _ steptest.Fake) {
				typed(t, "add table inet theirs; add chain inet theirs prerouting { type filter hook prerouting priority -150; }; add rule inet theirs prerouting ip daddr 192.168.140.100 meta mark set 9")
			},
			Plans: []any{
				Desired{Marks: []Mark{{vip, "80/tcp", 1}}, MSS: []MSS{{"2001:db8::1", 1420}}},
				marks(2, "80/tcp"),
			},
			Foreign: func(steptest.Fake) string {
				_, theirs, _ := strings.Cut(ruleset(), "table inet theirs")
				theirs, _, _ = strings.Cut(theirs, "\n}")
				return theirs
			},
			Meddle: func(t *testing.T, _ steptest.Fake) { typed(t, "flush chain inet lvsup output") },
		},
	})
}

// TestDriftIsSeen holds that a rule which is doubled or edited differs.
func TestDriftIsSeen(t *testing.T) {
	f := newLive(t).(live)
	k := kind{f.Host.Host, netfilter.SupportsIP}
	want := marks(1, "80/tcp")
	observe := func() (Observed, []step.Change) {
		have, err := k.observe(context.Background(), want, nil)
		if err != nil {
			t.Fatal(err)
		}
		var changes []step.Change
		for _, c := range Diff(want, nil, have) {
			if c.Action.Mutates() {
				changes = append(changes, c)
			}
		}
		return have, changes
	}
	repair := func() {
		t.Helper()
		_, changes := observe()
		if _, err := k.apply(context.Background(), want, changes); err != nil {
			t.Fatal(err)
		}
		if _, left := observe(); len(left) > 0 {
			t.Errorf("after a repair there is still to do: %+v\n%s", left, ruleset())
		}
	}
	repair()
	clean := ruleset()
	for _, script := range []string{
		`add rule inet lvsup prerouting ip daddr 192.168.140.100 tcp dport 80 meta mark set 1 comment "lvsup mark 192.168.140.100 80/tcp"`,
		`insert rule inet lvsup output ip daddr 192.168.140.100 tcp dport 81 meta mark set 1 comment "lvsup mark 192.168.140.100 80/tcp"`,
		`flush chain inet lvsup prerouting`,
		`flush ruleset`,
		`flush chain inet lvsup output; add rule inet lvsup output ip daddr 192.168.140.100 tcp dport 80 meta mark set 3 comment "lvsup mark 192.168.140.100 80/tcp"`,
	} {
		typed(t, script)
		if _, changes := observe(); len(changes) == 0 {
			t.Errorf("after %q nothing differs", script)
		}
		repair()
		if now := ruleset(); now != clean {
			t.Errorf("after %q and a repair:\n%s", script, now)
		}
	}
}
