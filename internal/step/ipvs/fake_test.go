package ipvs

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/linux/ipvs/ipvstest"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// fake is a director: a table and files.
type fake struct {
	*steptest.Host
	kernel *ipvstest.Kernel
	system system
}

func newFake(t *testing.T) *fake {
	f := &fake{
		Host: steptest.NewHost(t, map[string]string{
			"/proc/net/ip_vs":                  "",
			"/etc/modules-load.d/modules.conf": "",
			"/var/lib/lvsup/owned.json":        "{}",
			"/sys/class/net/ens33/mtu":         "1500\n",
			"/sys/class/net/ens36/mtu":         "9000\n",
		}, nil),
		kernel: ipvstest.New(),
	}
	f.kernel.Write = f.Write
	f.kernel.MTU = map[string]int{"ens33": 1500, "ens36": 9000}
	f.system = system{
		Host:  f.Host.Host,
		open:  func(context.Context) (table, error) { return f.kernel, nil },
		drain: time.Millisecond,
	}
	return f
}

func (f *fake) Kind() step.Any { return step.Erase(newKind(f.system)) }

func (f *fake) Snapshot() string { return f.Host.Snapshot() + f.restorable() }

// restorable is all that the kernel has: the rules, and what they leave out.
func (f *fake) restorable() string {
	ctx := context.Background()
	services, err1 := f.kernel.Dump(ctx)
	timeouts, err2 := f.kernel.Timeouts(ctx)
	daemons, err3 := f.kernel.Daemons(ctx)
	if err := errors.Join(err1, err2, err3); err != nil {
		panic(err)
	}
	var b strings.Builder
	b.WriteString(f.rules())
	for _, s := range services {
		for _, d := range s.Destinations {
			if d.UpperThreshold > 0 {
				fmt.Fprintf(&b, "%s %s %d %d\n", s.Key, d.Addr(), d.UpperThreshold, d.LowerThreshold)
			}
		}
	}
	fmt.Fprintf(&b, "%+v\n%+v\n", timeouts, daemons)
	return b.String()
}

// rules is the table as `ipvsadm -S -n` would print it.
func (f *fake) rules() string {
	services, err := f.kernel.Dump(context.Background())
	if err != nil {
		panic(err)
	}
	var b strings.Builder
	if err := ipvs.WriteRules(&b, services); err != nil {
		panic(err)
	}
	return b.String()
}

// typed puts rules of `ipvsadm -S -n` into the table, as a person would.
func (f *fake) typed(t *testing.T, cmds ...ipvs.Command) {
	t.Helper()
	if _, err := f.kernel.Do(context.Background(), cmds); err != nil {
		t.Fatal(err)
	}
}

const (
	vip  = "192.168.146.100"
	rip1 = "192.168.177.10"
	rip2 = "192.168.177.20"
)

func serviceKey(addr string, port uint16) ipvs.ServiceKey {
	return ipvs.ServiceKey{Protocol: ipvs.TCP, Address: netip.MustParseAddr(addr), Port: port}
}

func natBackend(addr string, weight uint32) ipvs.Destination {
	return ipvs.Destination{Address: netip.MustParseAddr(addr), Port: 80, Forwarding: ipvs.NAT, Weight: weight}
}

// tutorial is the NAT cluster of the tutorial.
func tutorial() Desired {
	return Desired{Boot: true, Services: []Service{{
		Protocol: "tcp", Address: vip, Port: 80, Scheduler: "rr",
		Backends: []Backend{
			{Address: rip1, Port: 80, Forwarding: "nat", Weight: 1},
			{Address: rip2, Port: 80, Forwarding: "nat", Weight: 1},
		},
	}}}
}

func edited(edit func(*Desired)) Desired {
	d := tutorial()
	edit(&d)
	return d
}

// changes gives what a plan would do to the fake, a line each.
func (f *fake) changes(t *testing.T, want Desired, owned step.Owned) []string {
	t.Helper()
	var lines []string
	for _, c := range f.diff(t, want, owned) {
		line := fmt.Sprintf("%c %s", c.Action, c.Key)
		if c.Field == "" {
			line += ": " + strings.TrimPrefix(c.From+" => "+c.To, " => ")
		}
		lines = append(lines, line)
	}
	return lines
}

func (f *fake) diff(t *testing.T, want Desired, owned step.Owned) []step.Change {
	t.Helper()
	if err := Validate(want); err != nil {
		t.Fatal(err)
	}
	have, err := f.system.observe(context.Background(), want, owned)
	if err != nil {
		t.Fatal(err)
	}
	return Diff(want, owned, have)
}

// apply brings the fake to the plan as the agent does.
func (f *fake) apply(t *testing.T, want Desired, owned step.Owned) {
	t.Helper()
	changes := f.diff(t, want, owned)
	for _, c := range changes {
		owned.Begin(c)
	}
	n, err := f.system.apply(context.Background(), want, changes)
	if err != nil || n != len(changes) {
		t.Fatalf("%d of %d, %v", n, len(changes), err)
	}
	for _, c := range changes {
		owned.End(c)
	}
}
