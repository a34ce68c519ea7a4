//go:build linuxroot

package firewall

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
)

// liveNFT is a host whose nft is the real one, in a network namespace of its own.
type liveNFT struct{ *fake }

const nftConf = `#!/usr/sbin/nft -f

flush ruleset

define web = 443

table inet filter {
	chain input {
		type filter hook input priority filter; policy drop;
		ct state vmap { invalid : drop, established : accept, related : accept }
		iif lo accept
		tcp dport { 22, $web } accept
	}
	chain forward {
		type filter hook forward priority filter; policy drop;
		ct state established accept
	}
}
`

// newNFT has the file loaded, as nftables.service does it.
func newNFT(t *testing.T) liveNFT {
	t.Helper()
	// The thread is never unlocked, so it and its namespace end with the test.
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatalf("cannot make a network namespace (this test needs root): %v", err)
	}
	f := liveNFT{newFake(t).(*fake)}
	run := f.Host.Host.Run
	f.Host.Host.Run = func(ctx context.Context, argv ...string) (host.Result, error) {
		argv = append([]string(nil), argv...)
		switch argv[0] {
		case "nft":
			if len(argv) == 2 {
				if err := f.Write(); err != nil {
					return host.Result{Code: 1, Stderr: err.Error()}, ctx.Err()
				}
			}
		case "unshare":
			argv[len(argv)-1] = f.Path(argv[len(argv)-1])
		default:
			return run(ctx, argv...)
		}
		if err := ctx.Err(); err != nil {
			return host.Result{}, err
		}
		return host.Real().Run(ctx, argv...)
	}
	f.units[nftables] = &unit{true, true}
	f.Put("/etc/nftables.conf", nftConf)
	f.nft(t, "-f", f.Path("/etc/nftables.conf"))
	return f
}

func (f liveNFT) nft(t *testing.T, argv ...string) string {
	t.Helper()
	out, err := exec.Command("nft", argv...).CombinedOutput()
	if err != nil {
		t.Fatalf("nft %s: %v: %s", argv, err, out)
	}
	return string(out)
}

// As nftables.service would at the next boot, beside a table of others.
func TestRealNFT(t *testing.T) {
	f := newNFT(t)
	f.nft(t, "add table inet theirs; add chain inet theirs forward { type filter hook forward priority 1; policy drop; }")
	want := Desired{
		Policy: Open, Ports: []string{"80/tcp", "4/ip", "47/ip", "6080/udp", "8000-8010/tcp", "22/tcp"},
		Answers: []string{"80/tcp@192.168.177.20", "80/tcp@2001:db8::20"},
	}
	lives(t, f.Host.Host, want, 2*7, func() {}, func() string {
		conf, err := os.ReadFile(f.Path("/etc/nftables.conf"))
		if err != nil {
			t.Fatal(err)
		}
		return f.nft(t, "-s", "list", "ruleset") + string(conf)
	})
}

// After a boot the file alone brings everything back, and nothing is left to do.
func TestNFTAfterABoot(t *testing.T) {
	f := newNFT(t)
	k := New(f.Host.Host)
	want := Desired{Policy: Open, Ports: []string{"80/tcp", "443/tcp", "4/ip"}, Answers: []string{"80/tcp@192.168.177.20"}, Tracked: true}
	owned := step.Owned{}
	left := func() []step.Change {
		t.Helper()
		have, err := k.Observe(t.Context(), want, owned)
		if err != nil {
			t.Fatal(err)
		}
		return k.Diff(want, owned, have)
	}
	changes := left()
	if len(changes) != 4 { // two openings, now and at boot: 443 is open, and answers are ESTABLISHED
		t.Errorf("%d changes: %+v", len(changes), changes)
	}
	if _, err := k.Apply(t.Context(), want, changes); err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		owned.Begin(c)
		owned.End(c)
	}
	f.nft(t, "-f", f.Path("/etc/nftables.conf"))
	if again := left(); len(again) > 0 {
		t.Errorf("after a boot: %+v", again)
	}
	input := f.nft(t, "list", "chain", "inet", "filter", "input")
	if strings.Count(input, "lvsup") != 2 || strings.Index(input, "lvsup") > strings.Index(input, "ct state") {
		t.Errorf("lvsup's rules are not at the head:\n%s", input)
	}
}

// A file that does not load by itself is not written to.
func TestNFTThatCannotBeJudged(t *testing.T) {
	f := newNFT(t)
	text := strings.Replace(nftConf, "iif lo", "iif nosuchcard", 1)
	if err := os.WriteFile(filepath.Join(f.Root, "/etc/nftables.conf"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	said := strings.Join(planned(t, f.fake, Desired{Policy: Open, Ports: []string{"80/tcp"}}), "\n")
	if !strings.Contains(said, `add at its end: insert rule inet filter input tcp dport 80 accept comment "lvsup 80/tcp"`) {
		t.Errorf("%s", said)
	}
}

// lives brings a host to a plan, sees that nothing is left to do, then and after
// what may happen, and that a destroy leaves all as it was.
func lives(t *testing.T, h host.Host, want Desired, changes int, then func(), snapshot func() string) {
	t.Helper()
	ctx, k, owned, before := context.Background(), New(h), step.Owned{}, snapshot()
	diff := func(want Desired) []step.Change {
		t.Helper()
		have, err := k.Observe(ctx, want, owned)
		if err != nil {
			t.Fatal(err)
		}
		return k.Diff(want, owned, have)
	}
	apply := func(todo []step.Change) {
		t.Helper()
		for _, c := range todo {
			if c.Blocked != "" {
				t.Errorf("%s: %s", c.ID, c.Blocked)
			}
			owned.Begin(c)
		}
		if _, err := k.Apply(ctx, want, todo); err != nil {
			t.Fatal(err)
		}
		for _, c := range todo {
			owned.End(c)
		}
	}
	todo := diff(want)
	if len(todo) != changes {
		t.Errorf("%d changes, want %d: %+v", len(todo), changes, todo)
	}
	apply(todo)
	if left := diff(want); len(left) > 0 {
		t.Errorf("after the apply there is still to do: %+v", left)
	}
	then()
	if left := diff(want); len(left) > 0 {
		t.Errorf("after a reload there is still to do: %+v", left)
	}
	apply(diff(Desired{}))
	if left := diff(Desired{}); len(left) > 0 || len(owned) > 0 {
		t.Errorf("after a destroy: %+v %+v", left, owned)
	}
	if after := snapshot(); after != before {
		t.Errorf("a destroy leaves something:\n%s\nit was:\n%s", after, before)
	}
}
