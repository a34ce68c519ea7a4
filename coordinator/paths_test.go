package coordinator

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
)

// wired gives the three hosts their links, and a way for the answers of a that
// leads past the director.
func wired(hosts fakeDialer, gateway string) {
	hosts["director"].path = wire.Path{ForwardsIPv4: true, Links: []wire.PathLink{
		{Name: "ens33", Up: true, Carrier: true, Addresses: []string{"192.0.2.1/24"}},
		{Name: "ens36", Up: true, Carrier: true, Addresses: []string{"198.51.100.254/24"}},
	}}
	for name, rip := range map[string]string{"a": "198.51.100.1", "b": "198.51.100.2"} {
		way := wire.Lookup{RouteQuestion: wire.RouteQuestion{To: "192.0.2.1", From: rip}, Interface: "ens33", Gateway: "198.51.100.254"}
		if name == "a" {
			way.Gateway = gateway
		}
		hosts[name].path = wire.Path{
			Links:  []wire.PathLink{{Name: "ens33", Up: true, Carrier: true, Addresses: []string{rip + "/24"}}},
			Routes: []wire.Lookup{way},
		}
	}
}

func TestNoTrafficWhereAnswersGoAstray(t *testing.T) {
	c, hosts, log := threeHosts()
	wired(hosts, "198.51.100.7")
	told, r := applied(t, c, hosts, log)
	position(t, told, "held director")
	f := r.Failures()
	if len(f) != 1 || f[0].Host != "a" || f[0].Stage != "path" || !strings.Contains(f[0].Error(), "go to 198.51.100.7 on ens33, not to the DIP 198.51.100.254 (nat-gateway: ") {
		t.Errorf("failures: %v", f)
	}
}

func TestAClearPathIsNotTalkedAbout(t *testing.T) {
	c, hosts, log := threeHosts()
	wired(hosts, "198.51.100.254")
	told, r := applied(t, c, hosts, log)
	position(t, told, "make ipvs director")
	if len(r.Failures())+len(r.Notes()) > 0 || slices.Contains(told, "held director") {
		t.Errorf("failures %v, notes %v, told %q", r.Failures(), r.Notes(), told)
	}
}

func TestWhatIsOnlyLikelyIsNoted(t *testing.T) {
	c, hosts, log := threeHosts()
	wired(hosts, "198.51.100.7")
	hosts["director"].path.VSConntrack = true // another rule may bring them back
	told, r := applied(t, c, hosts, log)
	if n := r.Notes(); len(n) != 1 || n[0].Host != "a" || n[0].Stage != "path" || !strings.Contains(n[0].Text, "nat-gateway") {
		t.Errorf("notes: %+v", n)
	}
	if len(r.Failures()) > 0 || slices.Contains(told, "held director") {
		t.Errorf("failures %v, told %q", r.Failures(), told)
	}
}

// TestTheDirectorsFaultStopsTheRun: what all backends suffer from is no reason to
// begin.
func TestTheDirectorsFaultStopsTheRun(t *testing.T) {
	c, hosts, log := threeHosts()
	wired(hosts, "198.51.100.254")
	hosts["director"].path.ForwardsIPv4 = false
	ctx := context.Background()
	r := Open(ctx, Options{Cluster: c, Dialer: hosts, Build: "test"})
	t.Cleanup(r.Close)
	p, err := r.Plan(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	var stopped *Stopped
	if err := r.Apply(ctx, p); !errors.As(err, &stopped) || !strings.Contains(err.Error(), "stopped before the director sent any traffic:\n  director: net.ipv4.ip_forward is 0") {
		t.Errorf("got %v", err)
	}
	if slices.Contains(log.told, "make ipvs director") {
		t.Errorf("told %q", log.told)
	}
}

func TestDiagnose(t *testing.T) {
	c, hosts, _ := threeHosts()
	wired(hosts, "198.51.100.7")
	hosts["director"].others = func(req wire.Request) (any, *wire.Error) {
		switch req.Op {
		case wire.OpIPVS:
			return wire.IPVSResponse{Services: []wire.IPVSService{{Key: "TCP 192.0.2.1:80", Backends: []wire.IPVSBackend{
				{Address: "198.51.100.1", Port: 80, Weight: 1, Forwarding: "nat"}, {Address: "198.51.100.2", Port: 80, Weight: 1, Forwarding: "nat"},
			}}}}, nil
		case wire.OpFetch:
			return wire.FetchResponse{Fetches: []wire.Fetch{{}}}, nil
		}
		return nil, wire.Failf(wire.CodeUnsupported, "%s", req.Op)
	}
	ctx := context.Background()
	r := Open(ctx, Options{Cluster: c, Dialer: hosts, Build: "test"})
	t.Cleanup(r.Close)
	d, err := r.Diagnose(ctx, "", "lvsup apply p.hcl")
	if err != nil {
		t.Fatal(err)
	}
	if len(d.Findings) != 1 || d.Findings[0].Code != "nat-gateway" || !d.Failed() || len(d.NotRun) != 1 || !strings.Contains(d.NotRun[0], "--probe-from") {
		t.Errorf("got %+v", d)
	}
	if f := r.Failures(); len(f) > 0 {
		t.Errorf("failures: %v", f)
	}
	// Without a gateway in the plan, a person must set it.
	if fix := d.Findings[0].Fixes; len(fix) != 1 || fix[0] != (report.Fix{Host: "a", Command: "ip route replace default via 198.51.100.254"}) {
		t.Errorf("fixes: %+v", fix)
	}
}
