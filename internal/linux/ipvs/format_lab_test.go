//go:build lab

package ipvs

import (
	"context"
	"encoding/json"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/internal/linux/ipvs/umltest"
)

// record keeps what the kernel and ipvsadm said, as fixtures for tests that
// have no kernel.
func record(t *testing.T, name, content string) {
	t.Helper()
	must(t, os.MkdirAll(umltest.Recordings, 0o755))
	must(t, os.WriteFile(filepath.Join(umltest.Recordings, name), []byte(content), 0o644))
}

func TestKernelTablesPrintAsIpvsadmPrintsThem(t *testing.T) {
	c := dial(t)
	ctx := context.Background()
	tables := rapid.Custom(func(rt *rapid.T) []ServiceState {
		var table []ServiceState
		seen := map[ServiceKey]bool{}
		for range rapid.IntRange(1, 8).Draw(rt, "services") {
			s := ServiceState{Service: genKernelService(rt)}
			if seen[s.Key] {
				continue
			}
			seen[s.Key] = true
			dests := map[netip.AddrPort]bool{}
			for range rapid.IntRange(0, 5).Draw(rt, "destinations") {
				d := genKernelDestination(rt, s.Key)
				if !dests[d.Addr()] {
					dests[d.Addr()] = true
					s.Destinations = append(s.Destinations, DestinationState{Destination: d})
				}
			}
			table = append(table, s)
		}
		return table
	})
	for i := range 25 {
		var cmds []Command
		for _, s := range tables.Example(i) {
			cmds = append(cmds, AddService(s.Service))
			for _, d := range s.Destinations {
				cmds = append(cmds, AddDestination(s.Key, d.Destination))
			}
		}
		if _, err := c.Do(ctx, cmds); err != nil {
			t.Fatal(err)
		}
		compareTable(t, c)
		run(t, "ipvsadm", "-C")
	}
}

// compareTable holds what we print against what ipvsadm prints, and returns
// both with the table.
func compareTable(t *testing.T, c *Client) (table Table, listed, saved string) {
	t.Helper()
	ctx := context.Background()
	var err error
	table.Services, err = c.Dump(ctx)
	must(t, err)
	table.Info, err = c.Info(ctx)
	must(t, err)
	listed, saved = run(t, "ipvsadm", "-L", "-n"), run(t, "ipvsadm", "-S", "-n")
	var ours strings.Builder
	must(t, WriteTable(&ours, table))
	if diff := cmp.Diff(listed, ours.String()); diff != "" {
		t.Errorf("ipvsadm -L -n differs:\n%s", diff)
	}
	ours.Reset()
	must(t, WriteRules(&ours, table.Services))
	if diff := cmp.Diff(saved, ours.String()); diff != "" {
		t.Errorf("ipvsadm -S -n differs:\n%s", diff)
	}
	return table, listed, saved
}

// TestKernelConnections balances real connections over the loopback interface
// and records the fixtures of this package.
func TestKernelConnections(t *testing.T) {
	c := dial(t)
	for _, a := range []string{"192.0.2.1/32", "192.0.2.10/32", "192.0.2.20/32", "2001:db8::1/128", "2001:db8::10/128"} {
		run(t, "ip", "addr", "replace", a, "dev", "lo", "nodad")
	}
	run(t, "ipvsadm", "-A", "-t", "192.0.2.1:80", "-s", "rr")
	run(t, "ipvsadm", "-a", "-t", "192.0.2.1:80", "-r", "192.0.2.10:8080", "-m")
	run(t, "ipvsadm", "-a", "-t", "192.0.2.1:80", "-r", "192.0.2.20:8080", "-m", "-w", "0")
	run(t, "ipvsadm", "-A", "-t", "[2001:db8::1]:80", "-s", "sh", "-b", "sh-port,sh-fallback", "-p", "10", "-M", "64")
	run(t, "ipvsadm", "-a", "-t", "[2001:db8::1]:80", "-r", "[2001:db8::10]:8080", "-m", "-x", "100", "-y", "10")
	run(t, "ipvsadm", "-A", "-f", "7", "-s", "wlc", "-p", "360", "-M", "255.255.255.0")
	run(t, "ipvsadm", "-a", "-f", "7", "-r", "10.0.0.1:0", "-i", "-w", "5", "--tun-type", "gue", "--tun-port", "6080", "--tun-csum")
	run(t, "ipvsadm", "-A", "-u", "192.0.2.1:5060", "-s", "wrr", "-o", "-p", "60", "--pe", "sip")
	run(t, "ipvsadm", "-a", "-u", "192.0.2.1:5060", "-r", "10.0.0.2:5060", "-g")

	for _, backend := range []string{"192.0.2.10:8080", "[2001:db8::10]:8080"} {
		l, err := net.Listen("tcp", backend)
		must(t, err)
		defer l.Close()
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				defer conn.Close()
			}
		}()
	}
	for _, vip := range []string{"192.0.2.1:80", "192.0.2.1:80", "[2001:db8::1]:80"} {
		conn, err := net.DialTimeout("tcp", vip, 5*time.Second)
		must(t, err)
		defer conn.Close()
	}

	// A second may pass between the two readings.
	for attempt := 1; ; attempt++ {
		file, err := os.ReadFile(ConnFile)
		must(t, err)
		theirs := run(t, "ipvsadm", "-L", "-n", "-c")
		conns, more, err := ParseConns(strings.NewReader(string(file)), 0)
		must(t, err)
		var ours strings.Builder
		must(t, WriteConns(&ours, conns))
		diff := cmp.Diff(theirs, ours.String())
		if diff == "" && !more && len(conns) == 4 {
			record(t, "ip_vs_conn", string(file))
			record(t, "ipvsadm-Lnc", theirs)
			break
		}
		if attempt == 5 {
			t.Fatalf("%d connections (want 3 and a template), ipvsadm -L -n -c differs:\n%s", len(conns), diff)
		}
	}

	table, listed, saved := compareTable(t, c)
	v4 := table.Services
	active := 0
	for _, s := range v4 {
		for _, d := range s.Destinations {
			active += int(d.ActiveConns)
		}
	}
	if active != 3 {
		t.Errorf("%d active connections, want 3", active)
	}
	b, err := json.MarshalIndent(table, "", "\t")
	must(t, err)
	record(t, "table.json", string(b)+"\n")
	record(t, "ipvsadm-Ln", listed)
	record(t, "ipvsadm-Sn", saved)
}

// sortedByName gives a copy in the order of the keys: the kernel lists its
// hash table.
func sortedByName(in []ServiceState) []ServiceState {
	table := slices.Clone(in)
	slices.SortFunc(table, func(a, b ServiceState) int { return a.Key.Compare(b.Key) })
	for i, s := range table {
		table[i].Destinations = slices.Clone(s.Destinations)
		slices.SortFunc(table[i].Destinations, func(a, b DestinationState) int { return a.Addr().Compare(b.Addr()) })
	}
	return table
}
