package coordinator

import (
	"context"
	"errors"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// moving is a host whose session is cut by a guarded change of its address from
// .5 to .9. What fresh connections meet is scripted.
type moving struct {
	*fakeHost
	mu       sync.Mutex
	dialled  []string
	answers  []string // the addresses that can be dialled; "" is the first one
	booted   bool
	cause    string         // what failed on the host
	outcomes []wire.Outcome // of the questions for a confirmation, the last for ever
}

// movingHost has host a of three move.
func movingHost(hosts fakeDialer, c *plans.Cluster) *moving {
	h := hosts["a"]
	h.changes = map[string][]step.Change{"address": {
		{Action: step.Create, ID: step.ID{Key: "ens33", Field: "198.51.100.9/24"}, To: "present", Guarded: "ens33 carries this SSH session"},
		{Action: step.Create, ID: step.ID{Key: "/etc/network/interfaces", Field: step.ContentField}, To: "x", Boot: true},
	}}
	h.facts.SSH = wire.SSHPath{Server: "198.51.100.5", Interface: "ens33"}
	h.facts.Interfaces = []wire.Interface{{Name: "ens33", Up: true, Addresses: []string{"198.51.100.5/24"}}}
	c.Hosts[1].Interfaces = []plans.Interface{{Name: "ens33", Address: netip.MustParsePrefix("198.51.100.9/24")}}
	return &moving{fakeHost: h}
}

// movingDialer cuts a's session when its guarded change comes.
type movingDialer struct {
	fakeDialer
	host *moving
}

func (d movingDialer) open(ctx context.Context, name string, conn plans.Connection, build string) (*session, error) {
	s, err := d.fakeDialer.open(ctx, name, conn, build)
	if err != nil || name != "a" {
		return s, err
	}
	s.again = d.again
	inner := s.agent.in
	s.agent.in = cutAt{inner, `"guard":`}
	return s, nil
}

// cutAt swallows a request that holds a text: the answer never comes.
type cutAt struct {
	io.WriteCloser
	text string
}

func (c cutAt) Write(p []byte) (int, error) {
	if strings.Contains(string(p), c.text) {
		return len(p), nil
	}
	return c.WriteCloser.Write(p)
}

func (d movingDialer) again(ctx context.Context, address string) (*session, error) {
	m := d.host
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dialled = append(m.dialled, address)
	if !slices.Contains(m.answers, address) {
		return nil, errors.New("no route to host")
	}
	s, err := d.fakeDialer.open(ctx, "a", plans.Connection{}, "test")
	if m.booted {
		m.facts.BootID = "another"
	}
	m.others = func(req wire.Request) (any, *wire.Error) {
		if req.Op != wire.OpConfirm {
			return nil, wire.Failf(wire.CodeUnsupported, "%s", req.Op)
		}
		outcome := m.outcomes[0]
		if strings.Contains(string(req.Body), `"look":true`) && outcome == wire.OutcomeConfirmed {
			outcome = wire.OutcomeRolledBack // its guard gets no confirmation
		}
		if len(m.outcomes) > 1 {
			m.outcomes = m.outcomes[1:]
		}
		return wire.ConfirmResponse{Outcome: outcome, Cause: m.cause}, nil
	}
	return s, err
}

func move(t *testing.T, setup func(*moving)) (told []string, r *Run, m *moving) {
	t.Helper()
	c, hosts, log := threeHosts()
	m = movingHost(hosts, c)
	setup(m)
	ctx := context.Background()
	r = Open(ctx, Options{Cluster: c, Dialer: movingDialer{hosts, m}, Build: "test", GuardTime: 300 * time.Millisecond})
	t.Cleanup(r.Close)
	r.arming = time.Second
	p, err := r.Plan(ctx, false)
	if err != nil {
		t.Fatal(err)
	}
	log.told = nil
	if err := r.Apply(ctx, p); err != nil {
		t.Fatal(err)
	}
	return log.told, r, m
}

func TestGuardedChangeIsConfirmedAtTheNewAddress(t *testing.T) {
	told, r, m := move(t, func(m *moving) {
		m.answers = []string{"198.51.100.9"}
		m.outcomes = []wire.Outcome{wire.OutcomeWaiting, wire.OutcomeConfirmed}
	})
	if f := r.Failures(); len(f) > 0 {
		t.Fatal(f)
	}
	position(t, told, "make address a") // the rest, over the new session
	// The agent that confirms takes the lock over.
	if s := r.session("a"); s.address != "198.51.100.9" || !s.locked {
		t.Errorf("the session's address is %q, locked: %v", s.address, s.locked)
	}
	if n := r.Notes(); len(n) != 1 || !strings.Contains(n[0].Text, "a answers at 198.51.100.9 now") {
		t.Errorf("notes: %v", n)
	}
	if !slices.Contains(m.dialled, "198.51.100.9") {
		t.Errorf("dialled: %q", m.dialled)
	}
}

func TestRolledBackChangeIsTold(t *testing.T) {
	told, r, _ := move(t, func(m *moving) {
		m.answers = []string{""}
		m.outcomes = []wire.Outcome{wire.OutcomeWaiting, wire.OutcomeRolledBack}
	})
	var back *RolledBackError
	if f := r.Failures(); len(f) != 1 || !errors.As(f[0], &back) || back.Answers != "a" || back.Tried != "198.51.100.9" {
		t.Fatalf("failures: %v", f)
	}
	if slices.Contains(told, "make address a") {
		t.Error("boot files were written after a rollback")
	}
	before(t, told, "make vip b", "make ipvs director") // the others went on
	_, r, _ = move(t, func(m *moving) {
		m.answers, m.outcomes, m.cause = []string{""}, []wire.Outcome{wire.OutcomeRolledBack}, "no such device"
	})
	if f := r.Failures(); len(f) != 1 || !strings.Contains(f[0].Error(), "the change failed on the host: no such device; the change was taken back, and the host answers at a again") {
		t.Errorf("failures: %v", f)
	}
}

func TestHostThatBootedIsTold(t *testing.T) {
	_, r, _ := move(t, func(m *moving) {
		m.answers, m.outcomes, m.booted = []string{""}, []wire.Outcome{wire.OutcomeUnknown}, true
	})
	if f := r.Failures(); len(f) != 1 || !strings.Contains(f[0].Error(), "has booted") {
		t.Errorf("failures: %v", f)
	}
}

// A host that has not begun yet is asked again, and one that never did is told
// apart from one that went back.
func TestChangeThatHasNotBegun(t *testing.T) {
	_, r, _ := move(t, func(m *moving) {
		m.answers, m.outcomes = []string{""}, []wire.Outcome{wire.OutcomeUnknown, wire.OutcomeConfirmed}
	})
	if f := r.Failures(); len(f) > 0 {
		t.Errorf("failures: %v", f)
	}
	_, r, _ = move(t, func(m *moving) {
		m.answers, m.outcomes = []string{""}, []wire.Outcome{wire.OutcomeUnknown}
	})
	if f := r.Failures(); len(f) != 1 || !strings.Contains(f[0].Error(), "nothing was changed") {
		t.Errorf("failures: %v", f)
	}
}

// An address that goes from the boot files still answers after the change. Were
// that taken for a confirmation, the host would be lost with its next boot.
func TestAddressThatGoesWithTheBootConfirmsNothing(t *testing.T) {
	files := func(from, to string) func(*moving) {
		return func(m *moving) {
			m.answers, m.outcomes = []string{""}, []wire.Outcome{wire.OutcomeWaiting, wire.OutcomeConfirmed}
			c := &m.changes["address"][1]
			c.Action, c.From, c.To = step.Update, from, to
		}
	}
	_, r, _ := move(t, files("address 198.51.100.5/24\n", "# lvsup: address 198.51.100.5/24\naddress 198.51.100.9/24\n"))
	var back *RolledBackError
	if f := r.Failures(); len(f) != 1 || !errors.As(f[0], &back) || back.Tried != "198.51.100.9" || !strings.Contains(back.Error(), "no route to host") {
		t.Errorf("failures: %v", f)
	}
	_, r, _ = move(t, files("address 198.51.100.5/24\n", "address 198.51.100.9/24\nup ip address add 198.51.100.5/24 dev ens33\n"))
	if f := r.Failures(); len(f) > 0 {
		t.Errorf("failures though the address stays: %v", f)
	}
	_, r, _ = move(t, func(m *moving) {
		files("address 198.51.100.5/24\n", "address 198.51.100.9/24\n")(m)
		m.answers, m.outcomes = []string{"198.51.100.9"}, []wire.Outcome{wire.OutcomeConfirmed}
	})
	if f := r.Failures(); len(f) > 0 {
		t.Errorf("failures though the new address answers: %v", f)
	}
}

// The address may move from one boot file to another.
func TestForgets(t *testing.T) {
	file := func(from, to string) step.Change {
		return step.Change{Action: step.Update, ID: step.ID{Field: step.ContentField}, From: from, To: to, Boot: true}
	}
	for name, tc := range map[string]struct {
		changes []step.Change
		want    bool
	}{
		"lost":               {[]step.Change{file("IPADDR=192.0.2.5\n", "IPADDR=192.0.2.9\n")}, true},
		"kept":               {[]step.Change{file("IPADDR=192.0.2.5\n", "IPADDR=192.0.2.5\nDNS1=192.0.2.1\n")}, false},
		"to another file":    {[]step.Change{file("address 192.0.2.5\n", "# lvsup: address 192.0.2.5\n"), file("", "address 192.0.2.5/24\n")}, false},
		"never in a file":    {[]step.Change{file("BOOTPROTO=dhcp\n", "IPADDR=192.0.2.9\n")}, false},
		"a longer one there": {[]step.Change{file("IPADDR=192.0.2.5\n", "IPADDR=192.0.2.55\n")}, true},
	} {
		if got := forgets([]wire.KindChanges{{Changes: tc.changes}}, "192.0.2.5"); got != tc.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A rollback that is not complete says what to type.
func TestIncompleteRollbackSaysWhatToType(t *testing.T) {
	err := &RolledBackError{
		Answers: "master", Tried: "198.51.100.9", Cause: errors.New("no route to host"),
		Left: "ens33 lacks 198.51.100.5/24", ByHand: []string{"ip link set ens33 up", "ip address replace 198.51.100.5/24 dev ens33"},
	}
	for _, want := range []string{
		"not all of it: ens33 lacks 198.51.100.5/24", "the host answers at master and tries on",
		"type at its console:\nip link set ens33 up\nip address replace 198.51.100.5/24 dev ens33",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q lacks %q", err, want)
		}
	}
}
