package plans_test

import (
	"net/netip"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/step/all"
	"github.com/lvsup/lvsup/plans"
)

// TestValidClustersAreAccepted holds that Validate leaves no mistake for the kinds
// to find: whatever a cluster says, either it is an error of the plan or every host
// accepts what is asked of it.
func TestValidClustersAreAccepted(t *testing.T) {
	kinds := map[string]step.Any{}
	for _, k := range all.Kinds(host.Host{}) {
		kinds[k.Name()] = k
	}
	valid := 0
	rapid.Check(t, func(t *rapid.T) {
		c := drawCluster(t)
		for _, d := range plans.Validate(c) {
			if d.Severity == plans.Error {
				return
			}
		}
		valid++
		wanted, err := plans.Expand(c, nil)
		if err != nil {
			t.Fatal(err)
		}
		for name, wants := range wanted {
			for _, w := range wants {
				if _, err := kinds[w.Kind].Commands(w.Want, []step.Change{{Action: step.Adopt}}); err != nil {
					t.Errorf("%s: %v\n%s", name, err, w.Want)
				}
			}
		}
	})
	if valid == 0 {
		t.Error("no cluster was valid: this held nothing")
	}
}

// draw picks one of the values. The first is what most clusters have.
func draw[V any](t *rapid.T, name string, usual V, others ...V) V {
	if rapid.IntRange(0, 39).Draw(t, name+"?") < 38 {
		return usual
	}
	return rapid.SampledFrom(append(others, usual)).Draw(t, name)
}

func drawCluster(t *rapid.T) *plans.Cluster {
	c := drCluster()
	c.Hosts[0].Network = draw(t, "network", "", append(plans.Networks(), "systemd")...)
	c.Firewall = draw(t, "firewall", plans.PolicyUnmanaged, plans.PolicyOpen, plans.PolicyDisabled)
	c.IPVS.Exclusive = rapid.Bool().Draw(t, "exclusive")
	c.IPVS.Drain = drawDuration(t, "drain")
	if rapid.Bool().Draw(t, "timeouts?") {
		c.IPVS.Timeouts = plans.Timeouts{TCP: drawDuration(t, "tcp"), TCPFin: drawDuration(t, "fin"), UDP: drawDuration(t, "udp")}
	}
	for range draw(t, "daemons", 0, 1, 2) {
		c.IPVS.Sync = append(c.IPVS.Sync, plans.SyncDaemon{
			Role: draw(t, "role", plans.SyncMaster, plans.SyncBackup, ""), Interface: draw(t, "interface", "ens33", "", "a b"),
			ID: draw(t, "id", 1, 0, 255, 256, -1), Group: drawAddr(t, "group", "224.0.0.81", "ff02::81", "10.0.0.1"),
			Port: draw[uint16](t, "port", 8848, 0, 65535), TTL: draw(t, "ttl", 1, 0, 255, 256),
			MaxLength: draw(t, "length", 0, 1, 1023, 1024, 65487, 65507, 65508, -1),
		})
	}
	if rapid.Bool().Draw(t, "further?") {
		drawFurther(t, &c.Hosts[1].Interfaces[0])
	}
	c.Services = nil
	for n := range rapid.IntRange(1, 3).Draw(t, "services") {
		c.Services = append(c.Services, drawService(t, string(rune('a'+n))))
	}
	return c
}

// drawFurther gives an interface more than an address and a gateway.
func drawFurther(t *rapid.T, i *plans.Interface) {
	i.MTU = draw(t, "mtu", 0, 575, 576, 1279, 1280, 9000, 65535, 65536, -1)
	for range rapid.IntRange(0, 2).Draw(t, "addresses") {
		i.Addresses = append(i.Addresses, netip.MustParsePrefix(rapid.SampledFrom([]string{
			"10.0.0.5/24", "10.0.0.6/24", "2001:db8::5/64", "2001:db8::5/128", "10.0.0.0/24", "10.0.0.255/24", "::ffff:10.0.0.9/120", "fe80::5/64", "192.168.140.20/24",
		}).Draw(t, "further")))
	}
	if rapid.Bool().Draw(t, "gateway6?") {
		i.Gateway6 = drawAddr(t, "gateway6", "2001:db8::1", "fe80::1", "2001:db8::5", "2001:db8:1::1", "192.168.140.2", "::ffff:10.0.0.1", "ff02::1")
	}
	for range rapid.IntRange(0, 2).Draw(t, "routes") {
		r := plans.Route{To: netip.MustParsePrefix(rapid.SampledFrom([]string{
			"10.8.0.0/16", "10.9.0.0/16", "2001:db8:8::/48", "10.8.0.1/16", "0.0.0.0/0", "::/0", "192.168.140.0/24", "::ffff:10.9.0.0/112", "224.0.0.0/4", "10.0.0.0/8", "10.0.0.0/24",
		}).Draw(t, "to")), Metric: draw(t, "metric", 0, 1, 1<<32-1, 1<<32, -1)}
		if rapid.IntRange(0, 3).Draw(t, "via?") > 0 {
			r.Via = drawAddr(t, "via", "192.168.140.2", "10.0.0.1", "10.0.0.255", "2001:db8::1", "fe80::1", "192.168.140.20", "::ffff:192.168.140.2", "172.16.0.1")
		}
		i.Routes = append(i.Routes, r)
	}
}

func drawService(t *rapid.T, name string) plans.VirtualService {
	s := plans.VirtualService{
		Name: name, Protocol: draw(t, "protocol", "tcp", "udp", "sctp", "icmp"), KeepVIP: rapid.Bool().Draw(t, "keep"),
		Persist:   draw(t, "persist", plans.PersistRCLocal, plans.PersistNative),
		Scheduler: draw(t, "scheduler", "rr", "sh", "mh", "twos", "xx"), OnePacket: draw(t, "ops", false, true),
		Forwarding: drawForwarding(t), Drain: drawDuration(t, "drain"),
	}
	s.SchedulerFlags = draw(t, "flags", nil, []string{"sh-port"}, []string{"mh-fallback", "mh-port"}, []string{"sh-port", "sh-port"}, []string{"x"})
	s.Address = drawAddr(t, "vip", "192.168.140.100", "192.168.140.101", "2001:db8::100", "224.0.0.1", "0.0.0.0")
	if rapid.IntRange(0, 2).Draw(t, "marked") == 0 {
		s.FWMark = draw[uint32](t, "mark", 1, 2, 1<<32-1)
		s.Address = draw(t, "without address", s.Address, netip.Addr{})
		s.IPv6 = s.Address.Is6() || !s.Address.IsValid() && rapid.Bool().Draw(t, "ipv6")
		for range rapid.IntRange(0, 3).Draw(t, "ports") {
			first := draw[uint16](t, "first", 80, 1, 443, 65535)
			s.Ports = append(s.Ports, plans.PortRange{
				Protocol: draw(t, "of", s.Protocol, "tcp", "udp", "upd"), First: first, Last: max(first, draw[uint16](t, "last", 0, 100, 65535)),
			})
		}
	} else {
		s.Port = draw[uint16](t, "port", 80, 0, 443, 65535)
	}
	if rapid.IntRange(0, 2).Draw(t, "persistent") == 0 {
		bits := map[bool]int{false: 32, true: 128}[s.Is6()]
		s.Persistence = &plans.Persistence{
			Timeout: drawDuration(t, "timeout"), PrefixLen: draw(t, "prefix", bits, 0, 1, 33, 129), Engine: draw(t, "engine", "", "sip", "x"),
		}
	}
	if s.Forwarding == plans.ForwardTUN {
		s.Tunnel = drawTunnel(t)
	}
	for range rapid.IntRange(0, 3).Draw(t, "backends") {
		s.Backends = append(s.Backends, drawBackend(t, s))
	}
	return s
}

func drawBackend(t *rapid.T, s plans.VirtualService) plans.Backend {
	b := plans.Backend{
		Port: draw(t, "backend port", s.Port, 8080), Weight: draw(t, "weight", 1, 0, 65535, 65536, -1),
		Forwarding: draw(t, "backend forwarding", s.Forwarding, drawForwarding(t)), Tunnel: s.Tunnel,
		UpperThreshold: draw(t, "upper", 0, 1, 10, 1<<31-1, 1<<31, -1), LowerThreshold: draw(t, "lower", 0, 1, 10, 1<<31, -1),
	}
	if b.Forwarding == plans.ForwardTUN && rapid.Bool().Draw(t, "own tunnel") {
		b.Tunnel = drawTunnel(t)
	} else if b.Forwarding != plans.ForwardTUN {
		b.Tunnel = plans.Tunnel{}
	}
	switch rapid.IntRange(0, 2).Draw(t, "which") {
	case 0:
		b.Host, b.Address = "node1", netip.MustParseAddr("192.168.140.20")
	case 1:
		b.Host, b.Address = "node2", netip.MustParseAddr("192.168.140.30")
	default:
		b.Address = drawAddr(t, "rip", "192.168.140.50", "192.168.140.20", "2001:db8::50", "127.0.0.1", "0.0.0.0", "::", "224.0.0.1", "255.255.255.255")
	}
	return b
}

func drawTunnel(t *rapid.T) plans.Tunnel {
	return plans.Tunnel{
		Type: draw(t, "type", plans.TunnelIPIP, plans.TunnelGUE, plans.TunnelGRE, "x"), Port: draw[uint16](t, "tunnel port", 0, 80, 6080),
		Checksum: draw(t, "checksum", plans.ChecksumNone, plans.ChecksumFull, plans.ChecksumRemote, "x"),
		MSS:      draw(t, "mss", 1440, 0, 535, 536, 65495, 65496, -1),
	}
}

func drawForwarding(t *rapid.T) plans.Forwarding {
	usual := rapid.SampledFrom([]plans.Forwarding{plans.ForwardDR, plans.ForwardTUN}).Draw(t, "usual forwarding")
	return draw(t, "forwarding", usual, plans.ForwardNAT, "x", "")
}

func drawDuration(t *rapid.T, name string) time.Duration {
	return draw(t, name, 30*time.Second, 0, time.Second, 1500*time.Millisecond, -time.Second, 24*time.Hour, 744*time.Hour, 745*time.Hour, 2000000*time.Hour)
}

func drawAddr(t *rapid.T, name, usual string, others ...string) netip.Addr {
	return netip.MustParseAddr(draw(t, name, usual, others...))
}
