package coordinator

import (
	"context"
	"encoding/json"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"

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
			backend := []string{"198.51.100.1:80", "198.51.100.2:80"}[b.made%2]
			b.made++
			res.Fetches = append(res.Fetches, wire.Fetch{Local: local, Status: 200})
			b.conns = append(b.conns, wire.IPVSConn{Protocol: "TCP", Client: local, Virtual: q.Address, Destination: backend, State: "TIME_WAIT"})
		}
		if b.tamper != nil {
			b.tamper(&res)
		}
		return res, nil
	}
	return nil, wire.Failf(wire.CodeUnsupported, "%s", req.Op)
}

// probed runs a probe of the NAT cluster from a host outside the plan.
func probed(ctx context.Context, t *testing.T, b *balancer) (*report.Probe, error) {
	t.Helper()
	c, hosts, log := threeHosts()
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
