package ipvs

import (
	"fmt"

	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
)

// generator draws plans from few addresses, so that plans and tables overlap.
type generator struct {
	schedulers []string
	interfaces []string // for sync daemons; none: no daemons
	holds      bool
	exclusive  bool
}

func pick[E any](t *rapid.T, label string, of ...E) E { return rapid.SampledFrom(of).Draw(t, label) }

// seldom is true once in n times.
func seldom(t *rapid.T, label string, n int) bool { return rapid.IntRange(1, n).Draw(t, label) == n }

func (g generator) desired(t *rapid.T) Desired {
	d := Desired{DrainSeconds: seconds(0), Exclusive: g.exclusive && seldom(t, "exclusive", 5)}
	if len(g.interfaces) > 0 && seldom(t, "sync", 4) {
		for _, role := range pick(t, "roles", []string{"master"}, []string{"backup"}, []string{"backup", "master"}) {
			d.Sync = append(d.Sync, g.daemon(t, role))
		}
	}
	if seldom(t, "timeouts", 4) {
		some := func(label string) int { return pick(t, label, 0, 1, 120, 900, ipvs.MaxTimeout) }
		d.Timeouts = &Timeouts{TCP: some("tcp"), TCPFin: some("tcp_fin"), UDP: some("udp")}
	}
	seen := map[ipvs.ServiceKey]bool{}
	mayMix, mayLimit := len(d.Sync) == 0, seldom(t, "limits", 3)
	for range rapid.IntRange(0, 4).Draw(t, "services") {
		s := g.service(t, mayMix, mayLimit)
		key, err := s.key()
		if err != nil {
			t.Fatal(err)
		}
		if !seen[key] {
			seen[key] = true
			d.Services = append(d.Services, s)
		}
	}
	return d
}

func (g generator) daemon(t *rapid.T, role string) Daemon {
	return Daemon{
		Role: role, Interface: pick(t, "interface", g.interfaces...), ID: pick(t, "id", 0, 1, 255),
		Group: pick(t, "group", "224.0.0.81", "239.1.2.3"), Port: pick(t, "port", 8848, 1, 65535),
		TTL: pick(t, "ttl", 1, 255), MaxLength: pick(t, "max_length", 0, 1024, 1472, 9000, 65507),
	}
}

func (g generator) service(t *rapid.T, mayMix, mayLimit bool) Service {
	s := Service{Scheduler: pick(t, "scheduler", g.schedulers...)}
	if seldom(t, "fwmark", 4) {
		s.FWMark, s.IPv6 = pick[uint32](t, "mark", 1, 2, 1<<31+1), rapid.Bool().Draw(t, "ipv6")
	} else {
		s.Protocol = pick(t, "protocol", "tcp", "udp", "sctp")
		s.Address = pick(t, "vip", "192.0.2.1", "203.0.113.2", "2001:db8::1")
		s.Port = pick[uint16](t, "port", 80, 53, 0)
		s.IPv6 = s.Address == "2001:db8::1"
	}
	if s.Scheduler == "sh" || s.Scheduler == "mh" {
		for _, flag := range []string{"-port", "-fallback"} {
			if rapid.Bool().Draw(t, flag) {
				s.SchedulerFlags = append(s.SchedulerFlags, s.Scheduler+flag)
			}
		}
	}
	datagrams := s.FWMark != 0 || s.Protocol == "udp"
	s.OnePacket = datagrams && seldom(t, "one_packet", 3)
	if s.FWMark == 0 && s.Port == 0 || seldom(t, "persistent", 3) {
		s.PersistenceSeconds = pick(t, "seconds", 1, 300, MaxPersistence)
		s.PersistencePrefix = pick(t, "prefix", 0, 1, 24, 32)
		if s.IPv6 {
			s.PersistencePrefix *= 4
		}
		if datagrams && seldom(t, "engine", 2) {
			s.Engine = "sip"
		}
	}
	key, err := s.key()
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for range rapid.IntRange(0, 4).Draw(t, "backends") {
		b := g.backend(t, s.IPv6, mayMix, mayLimit)
		d, err := b.destination(key)
		if err != nil {
			t.Fatal(err)
		}
		if id := d.Addr().String(); !seen[id] {
			seen[id] = true
			s.Backends = append(s.Backends, b)
		}
	}
	return s
}

func (g generator) backend(t *rapid.T, six, mayMix, mayLimit bool) Backend {
	b := Backend{
		Port:       pick[uint16](t, "port", 0, 80, 8080),
		Forwarding: pick(t, "forwarding", "nat", "dr", "tun"),
		Weight:     pick(t, "weight", 0, 1, 2, MaxWeight),
		Hold:       g.holds && seldom(t, "hold", 10),
	}
	b.Address = fmt.Sprintf("10.0.0.%d", rapid.IntRange(1, 4).Draw(t, "rip"))
	if six != (mayMix && b.Forwarding == "tun" && seldom(t, "mixed", 4)) {
		b.Address = fmt.Sprintf("2001:db8::1:%s", b.Address[len(b.Address)-1:])
	}
	if mayLimit && seldom(t, "thresholds", 2) {
		b.UpperThreshold = pick(t, "upper", 1, 100, MaxThreshold)
		b.LowerThreshold = pick(t, "lower", 0, 1, b.UpperThreshold)
	}
	if b.Forwarding == "tun" {
		b.Tunnel = pick(t, "tunnel", nil, &Tunnel{Type: "ipip"},
			&Tunnel{Type: "gre"}, &Tunnel{Type: "gre", Checksum: "full"},
			&Tunnel{Type: "gue", Port: 6080}, &Tunnel{Type: "gue", Port: 1, Checksum: "full"},
			&Tunnel{Type: "gue", Port: 65535, Checksum: "remote"})
	}
	return b
}
