package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// balancer answers as a client and a director would whose requests reach the
// backends in turn, until tamper changes that.
type balancer struct {
	conns  []wire.IPVSConn
	made   int
	tamper func(*wire.FetchResponse)
}

func (b *balancer) answer(req wire.Request) (any, *wire.Error) {
	switch req.Op {
	case wire.OpIPVS:
		return wire.IPVSResponse{Conns: b.conns}, nil
	case wire.OpFetch:
		var q wire.FetchRequest
		if err := json.Unmarshal(req.Body, &q); err != nil {
			return nil, wire.Failf(wire.CodeInvalid, "%s", err)
		}
		var res wire.FetchResponse
		for range q.Count {
			local := net.JoinHostPort("192.0.2.9", strconv.Itoa(40000+b.made))
			_, port, _ := net.SplitHostPort(q.Address)
			backend := []string{"198.51.100.1:", "198.51.100.2:"}[b.made%2] + port
			b.made++
			f := wire.Fetch{Local: local}
			if !q.ConnectOnly {
				f.Status = 200
			}
			res.Fetches = append(res.Fetches, f)
			b.conns = append(b.conns, wire.IPVSConn{Protocol: "TCP", Client: local, Virtual: q.Address, Destination: backend, State: "TIME_WAIT"})
		}
		if b.tamper != nil {
			b.tamper(&res)
		}
		return res, nil
	}
	return nil, wire.Failf(wire.CodeUnsupported, "%s", req.Op)
}

// probed runs a probe of the NAT cluster from a host outside the plan. Each
// change makes its service another one.
func probed(ctx context.Context, t *testing.T, b *balancer, change ...func(*plans.VirtualService)) (*report.Probe, error) {
	t.Helper()
	c, hosts, log := threeHosts()
	for _, f := range change {
		f(&c.Services[0])
	}
	hosts["director"].others = b.answer
	hosts["client"] = &fakeHost{name: "client", log: log, others: b.answer}
	r := Open(context.Background(), Options{Cluster: c, Dialer: hosts, Build: "test"})
	t.Cleanup(r.Close)
	return r.Probe(ctx, "client")
}

func TestProbeFollowsItsRequests(t *testing.T) {
	b := &balancer{}
	for round := range 2 { // the second finds the first one's connections
		p, err := probed(context.Background(), t, b)
		if err != nil {
			t.Fatal(err)
		}
		if s := p.Services[0]; len(s.Problems) > 0 || s.Verdict != "strict turns" || s.Answered != 6 {
			t.Errorf("round %d: %+v", round, s)
		}
	}
}

func TestProbeThatIsNotAnsweredWholeFails(t *testing.T) {
	b := &balancer{tamper: func(res *wire.FetchResponse) { res.Fetches = nil }}
	p, err := probed(context.Background(), t, b)
	if err != nil {
		t.Fatal(err)
	}
	if !p.Failed() {
		t.Errorf("no request was made, and the probe says %+v", p.Services[0])
	}
}

func TestInterruptedProbeIsNoFailedProbe(t *testing.T) {
	stop := errors.New("stop")
	ctx, cancel := context.WithCancelCause(context.Background())
	b := &balancer{tamper: func(*wire.FetchResponse) { cancel(stop) }}
	if p, err := probed(ctx, t, b); !errors.Is(err, stop) {
		t.Errorf("got %+v, %v", p, err)
	}
}

func TestProbeFromInsideTheClusterIsRefused(t *testing.T) {
	c, hosts, _ := threeHosts()
	hosts["director"].others = (&balancer{}).answer
	r := Open(context.Background(), Options{Cluster: c, Dialer: hosts, Build: "test"})
	defer r.Close()
	for name, role := range map[string]plans.Role{"director": plans.RoleDirector, "a": plans.RoleRealServer} {
		if _, err := r.Probe(context.Background(), name); err == nil || !strings.Contains(err.Error(), string(role)) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// marked makes a service one of a firewall mark.
func marked(ports ...plans.PortRange) func(*plans.VirtualService) {
	return func(s *plans.VirtualService) {
		s.FWMark, s.Port, s.Protocol, s.Ports, s.KeepVIP = 1, 0, "", ports, true
		for i := range s.Backends {
			s.Backends[i].Port = 0
		}
	}
}

func tcp(first, last uint16) plans.PortRange {
	return plans.PortRange{Protocol: "tcp", First: first, Last: last}
}

// TestProbeOfAFirewallMarkAsksEachPort: port 80 for a page, others for a
// connection; a range and what is not tcp are not asked.
func TestProbeOfAFirewallMarkAsksEachPort(t *testing.T) {
	p, err := probed(context.Background(), t, &balancer{}, marked(tcp(80, 80), tcp(443, 443), tcp(8000, 8010), plans.PortRange{Protocol: "udp", First: 53, Last: 53}))
	if err != nil {
		t.Fatal(err)
	}
	var asked []string
	for _, s := range p.Services {
		asked = append(asked, s.Address+" "+s.Verdict)
		if len(s.Problems) > 0 || s.Answered != 6 {
			t.Errorf("%+v", s)
		}
	}
	var direct []string
	for _, d := range p.Direct {
		direct = append(direct, d.Address+" "+d.Error)
	}
	want := []string{"192.0.2.1:80 strict turns", "192.0.2.1:443 strict turns"}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Errorf("through the VIP (-want +got):\n%s", diff)
	}
	want = []string{"198.51.100.1:80 ", "198.51.100.2:80 ", "198.51.100.1:443 ", "198.51.100.2:443 "}
	if diff := cmp.Diff(want, direct); diff != "" {
		t.Errorf("by RIP (-want +got):\n%s", diff)
	}
}

func TestPersistenceOfAMarkHoldsAcrossPorts(t *testing.T) {
	sticky := func(s *plans.VirtualService) { s.Persistence = &plans.Persistence{} }
	stuck := func(b *balancer) { // every request of a port goes to one server
		b.tamper = func(*wire.FetchResponse) {
			for i := range b.conns {
				_, port, _ := net.SplitHostPort(b.conns[i].Virtual)
				b.conns[i].Destination = "198.51.100.1:" + port
			}
		}
	}
	b := &balancer{}
	stuck(b)
	p, err := probed(context.Background(), t, b, marked(tcp(80, 80), tcp(443, 443)), sticky)
	if err != nil {
		t.Fatal(err)
	}
	if last := p.Services[1]; p.Failed() || last.Verdict != "one client stays on one server, on every port" {
		t.Errorf("one server for both: %+v", p.Services)
	}
	b.tamper = func(*wire.FetchResponse) {
		for i := range b.conns {
			_, port, _ := net.SplitHostPort(b.conns[i].Virtual)
			b.conns[i].Destination = map[string]string{"80": "198.51.100.1:80", "443": "198.51.100.2:443"}[port]
		}
	}
	if p, err = probed(context.Background(), t, b, marked(tcp(80, 80), tcp(443, 443)), sticky); err != nil {
		t.Fatal(err)
	}
	if last := p.Services[1]; !p.Failed() || !strings.Contains(strings.Join(last.Problems, "; "), "several servers on the ports of one mark") {
		t.Errorf("one server for each: %+v", p.Services)
	}
}

// TestWhatCannotBeAskedIsSaid: such a service has neither passed nor failed.
func TestWhatCannotBeAskedIsSaid(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*plans.VirtualService)
		says   string
		direct int // backends asked by RIP all the same
	}{
		"udp":            {func(s *plans.VirtualService) { s.Protocol = "udp" }, "only tcp can be asked", 0},
		"sctp":           {func(s *plans.VirtualService) { s.Protocol = "sctp" }, "answers over sctp", 0},
		"a mark of udp":  {marked(plans.PortRange{Protocol: "udp", First: 53, Last: 53}), "answers over udp", 0},
		"a mark's range": {marked(tcp(1000, 2000)), "range", 0},
		"a foreign mark": {marked(), "somebody else sets the mark", 0},
		"every port":     {func(s *plans.VirtualService) { s.Port = 0 }, "every port", 0},
		"no backend":     {func(s *plans.VirtualService) { s.Backends = nil }, "no backends", 0},
		"weight 0":       {func(s *plans.VirtualService) { s.Backends[0].Weight, s.Backends[1].Weight = 0, 0 }, "weight 0", 0},
		"somebody's VIP": {func(s *plans.VirtualService) { s.KeepVIP = false }, "does not have the VIP", 2},
		"no VIP":         {func(s *plans.VirtualService) { marked(tcp(80, 80))(s); s.Address = netip.Addr{} }, "no address", 2},
		"beyond a tunnel": {func(s *plans.VirtualService) {
			s.KeepVIP = false
			s.Backends[0].Host, s.Backends[0].Forwarding = "", plans.ForwardTUN
		}, "VIP", 1},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := probed(context.Background(), t, &balancer{}, tc.change)
			if err != nil {
				t.Fatal(err)
			}
			if s := p.Services[0]; len(p.Services) != 1 || p.Failed() || !strings.Contains(s.NotRun, tc.says) || s.Verdict != "" {
				t.Errorf("got %+v, want it to say %q", p.Services, tc.says)
			}
			if len(p.Direct) != tc.direct {
				t.Errorf("asked by RIP: %+v, want %d", p.Direct, tc.direct)
			}
		})
	}
}

// TestBackendsOfOneHostAreToldApart: two ports of one machine are two backends.
func TestBackendsOfOneHostAreToldApart(t *testing.T) {
	s := service("rr", 1, 1, 1)
	s.Backends[1].Host, s.Backends[1].Address, s.Backends[1].Port = "node1", s.Backends[0].Address, 8080
	s.Backends[2].Host = ""
	want := []string{"node1/198.51.100.1", "node1/198.51.100.1:8080", "198.51.100.3"}
	if diff := cmp.Diff(want, labels(s)); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestForeignConnectionsOfAMark: they come on any port; templates are none.
func TestForeignConnectionsOfAMark(t *testing.T) {
	s := service("rr", 1, 1)
	p, res, _ := seen(s, "1 2", 0)
	fresh := []wire.IPVSConn{
		{Client: "203.0.113.5:1", Virtual: "192.0.2.1:80"},
		{Client: "203.0.113.5:2", Virtual: "192.0.2.1:443"},
		{Client: "203.0.113.5:3", Virtual: "192.0.2.2:80"},
		{Client: "203.0.113.5:0", Virtual: "192.0.2.1:80"},
		{Client: res.Fetches[0].Local, Virtual: "192.0.2.1:80"},
	}
	if n := foreignConns(p, s, res, fresh); n != 1 {
		t.Errorf("of a port: %d", n)
	}
	s.FWMark, s.Port = 1, 0
	if n := foreignConns(p, s, res, fresh); n != 2 {
		t.Errorf("of a mark: %d", n)
	}
	table := []wire.IPVSService{
		{FWMark: 1, Backends: []wire.IPVSBackend{{ActiveConns: 3}, {ActiveConns: 4}}},
		{Protocol: "tcp", Address: "192.0.2.1", Port: 80, Backends: []wire.IPVSBackend{{ActiveConns: 50}}},
	}
	if n := openConns(s, table); n != 7 {
		t.Errorf("open: %d", n)
	}
}
