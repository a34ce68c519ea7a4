//go:build lab

package ipvs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestKernelBatch(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	k := key("TCP 192.0.2.1:80")
	const n = 10_000
	cmds := []Command{AddService(Service{Key: k, Scheduler: "rr"})}
	var rules strings.Builder
	rules.WriteString("-A -t 192.0.2.1:80 -s rr\n")
	for i := range n {
		ap := netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 1, byte(i >> 8), byte(i)}), 80)
		cmds = append(cmds, AddDestination(k, dest(ap.String(), NAT, 1)))
		fmt.Fprintf(&rules, "-a -t 192.0.2.1:80 -r %s -m -w 1\n", ap)
	}
	start := time.Now()
	done, err := c.Do(ctx, cmds)
	batched := time.Since(start)
	if err != nil || done != n+1 {
		t.Fatalf("%d of %d, %v", done, n+1, err)
	}
	start = time.Now()
	table, err := c.Dump(ctx)
	read := time.Since(start)
	if err != nil || len(table) != 1 || len(table[0].Destinations) != n {
		t.Fatalf("read back %d services, %v", len(table), err)
	}

	run(t, "ipvsadm", "-C")
	restore := exec.Command("ipvsadm", "-R")
	restore.Stdin = strings.NewReader(rules.String())
	start = time.Now()
	if out, err := restore.CombinedOutput(); err != nil {
		t.Fatalf("ipvsadm -R: %v %s", err, out)
	}
	theirs := time.Since(start)
	start = time.Now()
	run(t, "ipvsadm", "-S", "-n")
	save := time.Since(start)
	t.Logf("10,000 backends: load %v, ipvsadm -R %v (%.1f times); read %v, ipvsadm -S -n %v (%.1f times)",
		batched, theirs, theirs.Seconds()/batched.Seconds(), read, save, save.Seconds()/read.Seconds())
}

func TestKernelBatchSaysWhatFailed(t *testing.T) {
	c := dial(t)
	k := key("TCP 192.0.2.1:80")
	good := dest("10.0.0.2:80", NAT, 1)
	done, err := c.Do(context.Background(), []Command{
		AddService(Service{Key: k, Scheduler: "rr"}),
		DeleteDestination(k, netip.MustParseAddrPort("10.0.0.1:80")),
		AddDestination(k, good),
		AddDestination(k, good),
	})
	var batch *BatchError
	if !errors.As(err, &batch) {
		t.Fatalf("got %v", err)
	}
	if done != 2 || batch.First() != 1 || len(batch.Failed) != 2 || batch.Failed[1].Index != 3 {
		t.Errorf("done %d, %+v", done, batch)
	}
	wantErrno(t, err, syscall.ENOENT)
	wantErrno(t, batch.Failed[1].Err, syscall.EEXIST)
}
