package ipvs

import (
	"context"
	"net/netip"
	"testing"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step/steptest"
)

// everything is a plan that uses all there is.
func everything() Desired {
	return Desired{
		Boot: true, DrainSeconds: seconds(0),
		Timeouts: &Timeouts{TCP: 600, UDP: 60},
		Sync:     []Daemon{master(), {Role: "backup", Interface: "ens36", ID: 2, Group: "ff02::81", Port: 9000, TTL: 3, MaxLength: 4000}},
		Services: []Service{
			{Protocol: "udp", Address: vip, Port: 53, Scheduler: "wrr", OnePacket: true, Backends: []Backend{
				{Address: rip1, Forwarding: "dr", Weight: 1, UpperThreshold: 100, LowerThreshold: 80},
				{Address: rip2, Port: 5353, Forwarding: "nat", Weight: 0, UpperThreshold: 7},
			}},
			{Protocol: "tcp", Address: vip, Port: 0, Scheduler: "sh", SchedulerFlags: []string{"sh-port", "sh-fallback"},
				PersistenceSeconds: 300, PersistencePrefix: 24, Backends: []Backend{{Address: rip1, Forwarding: "nat", Weight: 3}}},
			{FWMark: 1, Scheduler: "mh", SchedulerFlags: []string{"mh-port"}, Backends: []Backend{
				{Address: rip1, Forwarding: "tun", Weight: 1, Tunnel: &Tunnel{Type: "gue", Port: 6080, Checksum: "remote"}},
				{Address: rip2, Forwarding: "tun", Weight: 2, Tunnel: &Tunnel{Type: "gre", Checksum: "full"}},
				{Address: "192.168.177.30", Forwarding: "tun", Weight: 2, Tunnel: &Tunnel{Type: "ipip"}},
				{Address: "192.168.177.40", Forwarding: "dr", Weight: 2},
			}},
			{FWMark: 1, IPv6: true, Scheduler: "rr", Backends: []Backend{{Address: "2001:db8::2", Port: 8080, Forwarding: "nat", Weight: 1}}},
			{Protocol: "udp", Address: "2001:db8::1", Port: 5060, Scheduler: "wlc", PersistenceSeconds: 60, PersistencePrefix: 64, Engine: "sip",
				Backends: []Backend{{Address: "2001:db8::2", Forwarding: "tun", Weight: 1}}},
			{Protocol: "sctp", Address: vip, Port: 36412, Scheduler: "fo"},
		},
	}
}

// part is a plan with some of another's services; the suite's time grows with
// the square of a plan.
func part(d Desired, from, to int) Desired {
	return Desired{Boot: true, DrainSeconds: d.DrainSeconds, Services: d.Services[from:to]}
}

// beside adds what stands beside the table.
func beside(d, other Desired) Desired {
	d.Timeouts, d.Sync = other.Timeouts, other.Sync
	return d
}

// mixedFamilies is a plan that no sync daemon goes with.
func mixedFamilies() Desired {
	return edited(func(d *Desired) {
		d.Services[0].Backends = append(d.Services[0].Backends, Backend{Address: "2001:db8::1", Forwarding: "tun", Weight: 1})
	})
}

func TestConformWithEverything(t *testing.T) {
	onlyDaemon := Desired{Boot: true, Sync: []Daemon{master()}}
	changed := everything()
	changed.Services[0].OnePacket, changed.Services[0].Scheduler = false, "mh"
	changed.Services[0].Backends[0].LowerThreshold = 0
	changed.Services[1].SchedulerFlags = nil
	changed.Services[2].Backends[0].Tunnel.Checksum = ""
	changed.Services[2].Backends[1].Forwarding, changed.Services[2].Backends[1].Tunnel = "dr", nil
	changed.Services[3].Backends[0].Forwarding = "dr" // another port, so another backend
	changed.Services[4].Engine = ""
	changed.Timeouts = &Timeouts{TCP: 700, TCPFin: 60}
	changed.Sync[0].TTL, changed.Sync[1].MaxLength = 2, 0
	steptest.Conform(t, func(t *testing.T) steptest.Fake { return newFake(t) }, []steptest.Case{
		{
			Name:  "schedulers, flags, persistence, thresholds",
			Plans: []any{part(everything(), 0, 2), part(changed, 0, 2)},
		},
		{
			Name:  "marks and tunnels",
			Plans: []any{part(everything(), 2, 4), part(changed, 2, 4)},
		},
		{
			Name:  "an engine, timeouts, daemons",
			Plans: []any{beside(part(everything(), 4, 6), everything()), beside(part(changed, 4, 6), changed)},
			Meddle: func(t *testing.T, f steptest.Fake) {
				f.(*fake).daemon(t, ipvs.Daemon{Role: ipvs.Master, Interface: "ens36"})
				f.(*fake).timeouts(t, ipvs.Timeouts{TCP: 1, UDP: 2})
			},
		},
		{
			Name: "a daemon and timeouts of others, changed and put back",
			Prepare: func(t *testing.T, f steptest.Fake) {
				f.(*fake).daemon(t, ipvs.Daemon{Role: ipvs.Master, Interface: "ens36", ID: 9, MaxLength: 500})
				f.(*fake).daemon(t, ipvs.Daemon{Role: ipvs.Backup, Interface: "ens36", ID: 9})
				f.(*fake).timeouts(t, ipvs.Timeouts{TCP: 1000, TCPFin: 100, UDP: 10})
			},
			Plans: []any{
				Desired{Boot: true, Sync: []Daemon{master()}, Timeouts: &Timeouts{TCP: 900, UDP: 10}},
				onlyDaemon,
			},
			Foreign: func(f steptest.Fake) string {
				daemons, _ := f.(*fake).kernel.Daemons(context.Background())
				return daemonValue(daemons[len(daemons)-1], 9000)
			},
		},
		{
			Name: "a daemon as wanted is adopted",
			Prepare: func(t *testing.T, f steptest.Fake) {
				f.(*fake).daemon(t, ipvs.Daemon{Role: ipvs.Master, Interface: "ens33", ID: 1})
			},
			Plans:  []any{Desired{Sync: []Daemon{master()}, Timeouts: &Timeouts{TCP: 900}}},
			Adopts: true,
		},
		{
			Name:  "mixed families, then a sync daemon, and back",
			Plans: []any{mixedFamilies(), onlyDaemon, mixedFamilies()},
		},
		{
			Name:  "an exclusive plan",
			Plans: []any{edited(func(d *Desired) { d.Exclusive = true }), Desired{Exclusive: true}},
			Meddle: func(t *testing.T, f steptest.Fake) {
				f.(*fake).typed(t, ipvs.AddService(ipvs.Service{Key: serviceKey("10.9.9.9", 80), Scheduler: "rr"}),
					ipvs.AddDestination(serviceKey("10.9.9.9", 80), ipvs.Destination{Address: netip.MustParseAddr("10.1.1.1"), Port: 80}))
			},
		},
	})
}

// daemon puts a sync daemon in the place of the one that runs, as a person
// would.
func (f *fake) daemon(t *testing.T, d ipvs.Daemon) {
	t.Helper()
	_ = f.kernel.StopDaemon(context.Background(), d.Role, 0) // if there is one
	if err := f.kernel.StartDaemon(context.Background(), d); err != nil {
		t.Fatal(err)
	}
}

func (f *fake) timeouts(t *testing.T, to ipvs.Timeouts) {
	t.Helper()
	if err := f.kernel.SetTimeouts(context.Background(), to); err != nil {
		t.Fatal(err)
	}
}
