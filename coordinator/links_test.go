package coordinator

import (
	"context"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// TestWhoAnswers: a stranger with the VIP is found, whether who has it was asked ahead
// or not; a host is asked once, and again in the next plan.
func TestWhoAnswers(t *testing.T) {
	for _, ahead := range []bool{false, true} {
		c, hosts, _ := threeHosts()
		own := netip.MustParsePrefix("192.0.2.10/24")
		c.Hosts[0].Interfaces = []plans.Interface{{Name: "eth0", Address: own}, {Name: "down0", Address: netip.MustParsePrefix("203.0.113.1/24")}}
		director := hosts["director"]
		director.facts.Interfaces = []wire.Interface{{Name: "eth0", MAC: "02:00:00:00:00:01", Up: true, Addresses: []string{own.String()}}, {Name: "down0"}}
		answers := map[string]wire.ARPAnswer{
			"192.0.2.10":  {MACs: []string{"02:00:00:00:00:01"}},
			"203.0.113.1": {Error: "interface down0 is down"},
			"192.0.2.1":   {MACs: []string{"02:00:00:00:00:99"}},
		}
		var mu sync.Mutex
		var asked []string // as many questions as each request had
		director.others = func(req wire.Request) (any, *wire.Error) {
			var q wire.ARPRequest
			if req.Op != wire.OpARP || json.Unmarshal(req.Body, &q) != nil {
				return nil, wire.Failf(wire.CodeUnsupported, "%s", req.Op)
			}
			mu.Lock()
			defer mu.Unlock()
			if len(q.Questions) == 0 {
				asked = append(asked, "ahead")
				q = *director.arp
			} else {
				asked = append(asked, "now")
			}
			var res wire.ARPResponse
			for _, one := range q.Questions {
				res.Answers = append(res.Answers, answers[one.Address])
			}
			return res, nil
		}
		ctx := context.Background()
		r := Open(ctx, Options{Cluster: c, Dialer: hosts, Build: "test", AskLinks: ahead})
		t.Cleanup(r.Close)
		for range 2 {
			p, err := r.Plan(ctx, false)
			if err != nil {
				t.Fatal(err)
			}
			var said []string
			for _, f := range p.Findings {
				if f.Check == "arp" {
					said = append(said, f.Summary)
				}
			}
			if len(said) != 1 || !strings.Contains(said[0], "the VIP 192.0.2.1 is answered for by a machine outside the plan (02:00:00:00:00:99)") {
				t.Errorf("ahead %v: %q", ahead, said)
			}
		}
		want := []string{"now", "now"}
		if ahead {
			want[0] = "ahead"
		}
		if !slices.Equal(asked, want) || (director.arp != nil) != ahead {
			t.Errorf("ahead %v: asked %q, want %q", ahead, asked, want)
		}
	}
}

// A host that gives more or fewer answers than it was asked for is not believed any.
func TestAnswersAreCounted(t *testing.T) {
	for _, given := range []int{0, 2} {
		c, hosts, _ := threeHosts()
		c.Hosts[0].Interfaces = []plans.Interface{{Name: "eth0", Address: netip.MustParsePrefix("192.0.2.10/24")}}
		director := hosts["director"]
		director.facts.Interfaces = []wire.Interface{{Name: "eth0", Up: true}}
		director.others = func(wire.Request) (any, *wire.Error) {
			return wire.ARPResponse{Answers: make([]wire.ARPAnswer, given)}, nil
		}
		r := Open(t.Context(), Options{Cluster: c, Dialer: hosts, Build: "test"})
		t.Cleanup(r.Close)
		p, err := r.Plan(t.Context(), false)
		want := fmt.Sprintf("cannot ask who has 192.0.2.10: the agent gave %d answers to 1 questions", given)
		if err != nil || !slices.ContainsFunc(p.Findings, func(f plans.Finding) bool { return f.Summary == want }) {
			t.Errorf("%v, findings: %+v", err, p)
		}
	}
}
