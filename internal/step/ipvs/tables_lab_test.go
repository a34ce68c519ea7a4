//go:build lab

package ipvs

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// tablesInARow is how many tables one check goes through, each from the one
// before. Rapid makes a hundred checks: a thousand tables.
const tablesInARow = 10

// TestKernelThousandTables brings the kernel to random tables and has ipvsadm
// say what it then has. A check that fails is shrunk; what is left of it
// belongs into tricky.
func TestKernelThousandTables(t *testing.T) {
	g := newGuest(t)
	// A daemon without an address to send from complains to the console.
	g.run("ip", "addr", "replace", "198.51.100.1/32", "dev", "lo")
	start, tables := time.Now(), 0
	plans := generator{schedulers: ipvs.KernelSchedulers(host.Real()), interfaces: []string{"lo"}, exclusive: true}
	if len(plans.schedulers) < 13 {
		t.Fatalf("the guest has only %q", plans.schedulers)
	}
	rapid.Check(t, func(t *rapid.T) {
		g.empty(t)
		for _, want := range rapid.SliceOfN(rapid.Custom(plans.desired), tablesInARow, tablesInARow).Draw(t, "tables") {
			g.hold(t, want)
			tables++
		}
	})
	t.Logf("%d tables in %v", tables, time.Since(start).Round(time.Second))
}

// tricky are tables in a row that something went wrong with once, or that the
// kernel or ipvsadm treats in a way of its own.
func tricky() map[string][]Desired {
	mark := func(s Service) Service {
		s.Protocol, s.Address, s.Port, s.FWMark = "", "", 0, 1<<31+1
		return s
	}
	backend := func(b Backend) Service {
		return Service{Protocol: "udp", Address: "192.0.2.1", Port: 80, Scheduler: "rr", Backends: []Backend{b}}
	}
	with := func(services ...Service) Desired { return Desired{DrainSeconds: seconds(0), Services: services} }
	gue := Backend{Address: "10.0.0.1", Forwarding: "tun", Weight: 1, Tunnel: &Tunnel{Type: "gue", Port: 6080, Checksum: "remote"}}
	six := Backend{Address: "2001:db8::1", Forwarding: "tun", Weight: 1}
	engine := Service{Protocol: "udp", Address: "192.0.2.1", Port: 80, Scheduler: "rr", PersistenceSeconds: 1, Engine: "sip"}
	plain := engine
	plain.Engine = ""
	overIPv6 := Desired{Sync: []Daemon{
		{Role: "master", Interface: "lo", ID: 7, Group: "ff02::81", Port: 8848, TTL: 1},
		{Role: "backup", Interface: "lo", ID: 7, Group: "ff02::81", Port: 8848, TTL: 1, MaxLength: 65487},
	}}
	return map[string][]Desired{
		"daemons over IPv6":                    {overIPv6},
		"an empty table":                       {with()},
		"a mark that ipvsadm prints below 0":   {with(mark(backend(gue)))},
		"a tunnel goes, and comes":             {with(backend(gue)), with(backend(Backend{Address: "10.0.0.1", Forwarding: "dr"})), with(backend(gue))},
		"a tunnel of another type":             {with(backend(gue)), with(backend(Backend{Address: "10.0.0.1", Forwarding: "tun"}))},
		"an engine goes, and comes":            {with(engine), with(plain), with(engine)},
		"thresholds go":                        {with(backend(Backend{Address: "10.0.0.1", Forwarding: "nat", UpperThreshold: 9, LowerThreshold: 9})), with(backend(Backend{Address: "10.0.0.1", Forwarding: "nat"}))},
		"mixed families make room for daemons": {with(backend(six)), {DrainSeconds: seconds(0), Sync: []Daemon{{Role: "backup", Interface: "lo", Group: "224.0.0.81", Port: 8848, TTL: 1}}}, with(backend(six))},
	}
}

func TestKernelTrickyTables(t *testing.T) {
	g := newGuest(t)
	g.run("ip", "addr", "replace", "198.51.100.1/32", "dev", "lo")
	// Other interfaces have this by themselves.
	g.run("modprobe", "ipv6")
	g.run("ip", "-6", "route", "replace", "ff00::/8", "dev", "lo", "table", "local")
	for name, tables := range tricky() {
		t.Run(name, func(t *testing.T) {
			g.empty(t)
			for _, want := range tables {
				if err := Validate(want); err != nil {
					t.Fatal(err)
				}
				g.hold(t, want)
			}
		})
	}
}

// empty takes everything away that a check before may have left.
func (g *guest) empty(t failer) {
	g.owned = step.Owned{}
	ctx := context.Background()
	if _, err := os.Stat("/proc/net/ip_vs"); err != nil {
		return
	}
	c, err := ipvs.Dial(ctx)
	if err != nil {
		t.Fatalf("%v", err)
	}
	defer c.Close()
	services, err := c.Dump(ctx)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, s := range services {
		if err := c.DelService(ctx, s.Key); err != nil {
			t.Fatalf("%v", err)
		}
	}
	daemons, err := c.Daemons(ctx)
	if err != nil {
		t.Fatalf("%v", err)
	}
	for _, d := range daemons {
		if err := c.StopDaemon(ctx, d.Role, d.ID); err != nil {
			t.Fatalf("%v", err)
		}
	}
}

// hold applies a plan and compares what ipvsadm says with the plan.
func (g *guest) hold(t failer, want Desired) {
	reach(t, onHost(host.Real()), want, g.owned)
	if diff := cmp.Diff(expectRules(want), sortedLines(g.run("ipvsadm", "-S", "-n"))); diff != "" {
		t.Fatalf("ipvsadm -S -n for %s:\n%s", marshal(want), diff)
	}
	if expected, got := expectThresholds(want); expected != nil {
		if diff := cmp.Diff(expected, got(g.run("ipvsadm", "-L", "-n", "--thresholds"))); diff != "" {
			t.Fatalf("ipvsadm -L --thresholds for %s:\n%s", marshal(want), diff)
		}
	}
	if want.Timeouts != nil {
		got := strings.Fields(strings.TrimPrefix(g.run("ipvsadm", "-L", "--timeout"), "Timeout (tcp tcpfin udp):"))
		for i, seconds := range []int{want.Timeouts.TCP, want.Timeouts.TCPFin, want.Timeouts.UDP} {
			if seconds != 0 && got[i] != strconv.Itoa(seconds) {
				t.Fatalf("the timeouts for %+v are %q", want.Timeouts, got)
			}
		}
	}
	if len(want.Sync) > 0 {
		if diff := cmp.Diff(expectDaemons(want), sortedLines(g.run("ipvsadm", "-L", "--daemon"))); diff != "" {
			t.Fatalf("ipvsadm -L --daemon for %s:\n%s", marshal(want), diff)
		}
	}
}

func sortedLines(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, "\n"))
	}
	slices.Sort(lines)
	return lines
}

// The expectations are written from the plan and ipvsadm(8) alone.

func expectRules(want Desired) []string {
	var lines []string
	for _, s := range want.Services {
		where := expectKey(s)
		line := "-A " + where + " -s " + s.Scheduler
		if s.PersistenceSeconds > 0 {
			line += " -p " + strconv.Itoa(s.PersistenceSeconds)
			switch p := s.PersistencePrefix; {
			case p == 0 || p == 32 && !s.IPv6 || p == 128:
			case s.IPv6:
				line += " -M " + strconv.Itoa(p)
			default:
				line += " -M " + map[int]string{1: "128.0.0.0", 24: "255.255.255.0"}[p]
			}
		}
		if s.Engine != "" {
			line += " --pe " + s.Engine
		}
		if s.OnePacket {
			line += " -o"
		}
		if len(s.SchedulerFlags) > 0 {
			flags := slices.Clone(s.SchedulerFlags)
			slices.Sort(flags)
			line += " -b " + strings.Join(flags, ",")
		}
		lines = append(lines, line)
		for _, b := range s.Backends {
			port := b.Port
			if port == 0 || b.Forwarding != "nat" {
				port = s.Port
			}
			lines = append(lines, fmt.Sprintf("-a %s -r %s %s -w %d%s", where, expectAddress(b.Address, port),
				map[string]string{"nat": "-m", "dr": "-g", "tun": "-i"}[b.Forwarding], b.Weight, expectTunnel(b)))
		}
	}
	slices.Sort(lines)
	return lines
}

func expectAddress(address string, port uint16) string {
	if strings.Contains(address, ":") {
		return fmt.Sprintf("[%s]:%d", address, port)
	}
	return fmt.Sprintf("%s:%d", address, port)
}

func expectKey(s Service) string {
	if s.FWMark != 0 {
		where := fmt.Sprintf("-f %d", int32(s.FWMark))
		if s.IPv6 {
			where += " -6"
		}
		return where
	}
	return map[string]string{"tcp": "-t ", "udp": "-u ", "sctp": "--sctp-service "}[s.Protocol] + expectAddress(s.Address, s.Port)
}

func expectTunnel(b Backend) string {
	switch {
	case b.Forwarding != "tun":
		return ""
	case b.Tunnel == nil || b.Tunnel.Type == "ipip":
		return " --tun-type ipip"
	}
	line := " --tun-type " + b.Tunnel.Type
	if b.Tunnel.Port != 0 {
		line += fmt.Sprintf(" --tun-port %d", b.Tunnel.Port)
	}
	return line + map[string]string{"": " --tun-nocsum", "full": " --tun-csum", "remote": " --tun-remcsum"}[b.Tunnel.Checksum]
}

// expectThresholds gives "SERVICE BACKEND UPPER LOWER" a line, sorted, and what
// makes the same of ipvsadm's output; nil where there is none to look at.
func expectThresholds(want Desired) (lines []string, read func(string) []string) {
	any := false
	for _, s := range want.Services {
		name := fmt.Sprintf("%s %s", strings.ToUpper(s.Protocol), "")
		if s.FWMark != 0 {
			name = fmt.Sprintf("FWM %d", int32(s.FWMark))
			if s.IPv6 {
				name += " IPv6"
			}
		} else {
			name += expectAddress(s.Address, s.Port)
		}
		for _, b := range s.Backends {
			port := b.Port
			if port == 0 || b.Forwarding != "nat" {
				port = s.Port
			}
			any = any || b.UpperThreshold > 0
			lines = append(lines, fmt.Sprintf("%s %s %d %d", name, expectAddress(b.Address, port), b.UpperThreshold, b.LowerThreshold))
		}
	}
	if !any {
		return nil, nil
	}
	slices.Sort(lines)
	return lines, func(output string) []string {
		var got []string
		service := ""
		for line := range strings.Lines(output) {
			words := strings.Fields(line)
			switch {
			case words[0] == "IP" || words[0] == "Prot" || len(words) > 1 && words[1] == "RemoteAddress:Port":
			case words[0] != "->":
				service = strings.Join(words[:2], " ")
				if len(words) > 2 && words[2] == "IPv6" {
					service += " IPv6"
				}
			default:
				got = append(got, service+" "+strings.Join(words[1:4], " "))
			}
		}
		slices.Sort(got)
		return got
	}
}

// expectDaemons knows what the kernel takes for a length that the plan leaves
// open: the usual MTU for a master, that of lo (bounded to what a length can
// be) for a backup, without the headers.
func expectDaemons(want Desired) []string {
	var lines []string
	for _, d := range want.Sync {
		headers := 20 + 8
		if strings.Contains(d.Group, ":") {
			headers = 40 + 8
		}
		length := d.MaxLength
		if length == 0 {
			length = map[string]int{"master": 1500, "backup": 65535}[d.Role] - headers
		}
		lines = append(lines, fmt.Sprintf("%s sync daemon (mcast=%s, syncid=%d, maxlen=%d, group=%s, port=%d, ttl=%d)",
			d.Role, d.Interface, d.ID, length, d.Group, d.Port, d.TTL))
	}
	slices.Sort(lines)
	return lines
}
