package coordinator

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/lvsup/lvsup/internal/report"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

func service(scheduler string, weights ...int) *plans.VirtualService {
	s := &plans.VirtualService{
		Name: "web", Address: netip.MustParseAddr("192.0.2.1"), Port: 80, Protocol: "tcp", Scheduler: scheduler,
	}
	for i, w := range weights {
		s.Backends = append(s.Backends, plans.Backend{
			Host: "node" + strconv.Itoa(i+1), Address: netip.AddrFrom4([4]byte{198, 51, 100, byte(i + 1)}), Port: 80, Weight: w,
		})
	}
	return s
}

// TestJudge gives each scheduler sequences it could and could not have made.
// A digit is the server that a request reached; "client/digit" names another
// client.
func TestJudge(t *testing.T) {
	sticky := service("rr", 1, 1)
	sticky.Persistence = &plans.Persistence{}
	flagged := func(scheduler string, flags []string, weights ...int) *plans.VirtualService {
		s := service(scheduler, weights...)
		s.SchedulerFlags = flags
		return s
	}
	full := service("rr", 1, 1)
	full.Backends[0].UpperThreshold = 2
	for _, tc := range []struct {
		name     string
		service  *plans.VirtualService
		sequence string
		foreign  int
		problem  string // "" means that it passes
	}{
		{"rr alternates", service("rr", 1, 1), "1 2 1 2 1 2", 0, ""},
		{"rr starts anywhere", service("rr", 1, 1), "2 1 2 1 2 1", 0, ""},
		{"rr repeats", service("rr", 1, 1), "1 1 2 2 1 2", 0, "strict turns"},
		{"rr sticks", service("rr", 1, 1), "1 1 1 1 1 1", 0, "strict turns"},
		{"rr of three", service("rr", 1, 1, 1), "3 1 2 3 1 2 3 1 2", 0, ""},
		{"rr leaves weight 0 out", service("rr", 1, 0, 1), "1 3 1 3 1 3", 0, ""},
		{"rr of one", service("rr", 1), "1 1 1", 0, ""},
		{"rr beside other traffic", service("rr", 1, 1), "1 1 2 2 1 2", 2, ""},
		{"rr beside other traffic, all to one", service("rr", 1, 1), "1 1 1 1 1 1 1 1", 1, "its share is"},
		{"wrr by weight", service("wrr", 3, 1), "1 1 1 2 1 1 1 2 1 1 1 2", 0, ""},
		{"wrr ignoring weight", service("wrr", 3, 1), "1 2 1 2 1 2 1 2 1 2 1 2", 0, "its share is"},
		{"wrr of a long cycle begins with the heaviest", service("wrr", 501, 300), "1 1 1 1 1 1", 0, ""},
		{"wlc by weight", service("wlc", 2, 1), "1 2 1 1 2 1", 0, ""},
		{"lc ignores weight", service("lc", 5, 1), "1 2 1 2 1 2", 0, ""},
		{"lc piles up", service("lc", 1, 1), "1 1 1 1 1 2", 0, "its share is"},
		{"sh repeats", service("sh", 1, 1), "a/1 b/2 a/1 b/2", 0, ""},
		{"sh wavers", service("sh", 1, 1), "a/1 b/2 a/2 b/2", 0, "and then"},
		{"sh over IPv6", service("sh", 1, 1), "2001:db8::a/1 2001:db8::b/2 2001:db8::a/1 2001:db8::b/2", 0, ""},
		{"sh looks at ports too", flagged("sh", []string{"sh-port"}, 1, 1), "a/1 b/2 a/2 b/2", 0, ""},
		{"sh refuses", service("sh", 1, 0), "a/1 b/? a/1 b/?", 0, "without sh-fallback refuses"},
		{"sh falls back", flagged("sh", []string{"sh-fallback"}, 1, 0), "a/1 b/? a/1 b/?", 0, "2 of 4 requests were answered"},
		{"mh repeats", flagged("mh", []string{"mh-fallback"}, 1, 1), "a/1 b/2 a/1 b/2", 0, ""},
		{"mh wavers", service("mh", 1, 1), "a/1 b/2 a/2 b/2", 0, "and then"},
		{"mh looks at ports too", flagged("mh", []string{"mh-fallback", "mh-port"}, 1, 1), "a/1 b/2 a/2 b/2", 0, ""},
		{"fo stays at the largest weight", service("fo", 1, 5, 3), "2 2 2", 0, ""},
		{"fo goes elsewhere", service("fo", 1, 5, 3), "2 3 2", 0, "of weight 3, was reached"},
		{"a threshold makes turns uneven", full, "2 2 2", 0, ""},
		{"sed", service("sed", 1, 1), "2 2 2", 0, ""},
		{"wlc beside open connections", service("wlc", 1, 1), "2 2 2 2", -4, ""}, // below 0: open before
		{"persistent", sticky, "2 2 2 2", 0, ""},
		{"persistent wavers", sticky, "2 2 1 2", 0, "several servers"},
		{"unanswered", service("rr", 1, 1), "1 ? 1", 0, "answered"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, res, fresh := seen(tc.service, tc.sequence, tc.foreign)
			judge(p, tc.service, res, foreign{came: foreignConns(p, tc.service, res, fresh), open: max(0, -tc.foreign)})
			said := strings.Join(append([]string{p.Verdict}, p.Problems...), "; ")
			passed := len(p.Problems) == 0 && p.Answered == p.Requests
			if passed != (tc.problem == "") || !strings.Contains(said, tc.problem) {
				t.Errorf("got %q, want a problem about %q", said, tc.problem)
			}
		})
	}
}

func seen(s *plans.VirtualService, sequence string, foreign int) (*report.ServiceProbe, wire.FetchResponse, []wire.IPVSConn) {
	p := &report.ServiceProbe{Address: "192.0.2.1:80", Split: map[string]int{}}
	var res wire.FetchResponse
	var fresh []wire.IPVSConn
	for i, word := range strings.Fields(sequence) {
		client, server, ok := strings.Cut(word, "/")
		if !ok {
			client, server = "192.0.2.9", word
		}
		local := net.JoinHostPort(client, strconv.Itoa(40000+i))
		p.Requests++
		res.Fetches = append(res.Fetches, wire.Fetch{Local: local})
		if server == "?" {
			p.Sequence = append(p.Sequence, "?")
			continue
		}
		p.Answered++
		p.Sequence = append(p.Sequence, "node"+server)
		p.Split["node"+server]++
		fresh = append(fresh, wire.IPVSConn{Client: local, Virtual: p.Address, State: "ESTABLISHED"})
	}
	for i := range foreign {
		fresh = append(fresh, wire.IPVSConn{Client: "203.0.113.5:" + strconv.Itoa(i+1), Virtual: p.Address, State: "TIME_WAIT"})
	}
	return p, res, fresh
}

func TestRequestsCoverWholeCycles(t *testing.T) {
	limited := service("wlc", 1, 1)
	limited.Backends[1].UpperThreshold = 3
	byPort := service("sh", 1, 1)
	byPort.SchedulerFlags = []string{"sh-port"}
	for _, tc := range []struct {
		service *plans.VirtualService
		sources []string
		count   int
	}{
		{service("rr", 1, 1), nil, 6},
		{service("wrr", 3, 1), nil, 12},
		{service("wrr", 30, 10), nil, 12},
		{service("wrr", 70, 11), nil, 81},
		{service("wrr", 500, 300), nil, 24},
		{service("wrr", 501, 300), nil, 6},
		{service("sh", 1, 1), []string{"a", "b", "c"}, 6},
		{service("rr", 0), nil, 3},
		{limited, nil, 1},
		{byPort, []string{"a", "b", "c"}, 6},
	} {
		if got := shapeRequests(tc.service, tc.sources).Count; got != tc.count {
			t.Errorf("%s: %d requests, want %d", tc.service.Scheduler, got, tc.count)
		}
	}
}
