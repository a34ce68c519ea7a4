package hcl_test

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/plans"
)

// same compares clusters without their sources.
func same() cmp.Option {
	return cmp.Options{
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().Type() == reflect.TypeFor[plans.Source]() }, cmp.Ignore()),
		// What is written has a block for each host, whatever it was made of.
		cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Reference" }, cmp.Ignore()),
		cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
		cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
		cmp.FilterValues(func(a, b []string) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
		cmp.FilterValues(func(a, b map[string]string) bool { return len(a)+len(b) == 0 }, cmp.Ignore()),
	}
}

type fataler interface {
	Helper()
	Fatalf(format string, args ...any)
}

// writesBack holds that a cluster is what Parse makes of its text, and that
// writing it again gives the same text.
func writesBack(t fataler, c *plans.Cluster, comments plans.Comments) string {
	t.Helper()
	var b bytes.Buffer
	if err := hcl.Write(&b, c, comments); err != nil {
		t.Fatalf("%v", err)
	}
	loaded, diags := hcl.Parse("plan.hcl", b.Bytes(), hcl.Options{})
	if loaded == nil {
		var text bytes.Buffer
		_ = hcl.WriteDiagnostics(&text, map[string][]byte{"plan.hcl": b.Bytes()}, diags, false)
		t.Fatalf("what was written does not load:\n%s\n%s", text.String(), b.String())
	}
	if diff := cmp.Diff(c, loaded, same()); diff != "" {
		t.Fatalf("it loads as another cluster (-written +loaded):\n%s\n%s", diff, b.String())
	}
	var again bytes.Buffer
	if err := hcl.Write(&again, loaded, comments); err != nil || again.String() != b.String() {
		t.Fatalf("written again it is another text (%v):\n%s\n%s", err, b.String(), again.String())
	}
	return b.String()
}

// TestWriteGoldenPlans writes every plan of the golden tests that loads, and the
// example plans.
func TestWriteGoldenPlans(t *testing.T) {
	golden, err := filepath.Glob("testdata/*/plan.hcl")
	if err != nil {
		t.Fatal(err)
	}
	examples, err := filepath.Glob("../plans/examples/*.hcl")
	if err != nil || len(examples) == 0 {
		t.Fatalf("no examples: %v", err)
	}
	written := 0
	for _, path := range append(golden, examples...) {
		src, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		cluster, _ := hcl.Parse("plan.hcl", src, hcl.Options{})
		if cluster == nil {
			continue
		}
		written++
		t.Run(path, func(t *testing.T) { writesBack(t, cluster, plans.Comments{}) })
	}
	if written < 10 {
		t.Errorf("only %d plans load", written)
	}
}

// TestWriteGeneratedClusters writes random clusters with all that IPVS can be
// told.
func TestWriteGeneratedClusters(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := anyCluster(t)
		for _, d := range plans.Validate(c) {
			if d.Severity == plans.Error {
				t.Fatalf("the generator made a mistake: %s: %s\n%+v", d.Summary, d.Detail, c)
			}
		}
		writesBack(t, c, anyComments(t, len(c.Services)))
	})
}

func anyCluster(t *rapid.T) *plans.Cluster {
	c := &plans.Cluster{
		Name:       rapid.StringMatching(`[a-z][a-z0-9._-]{0,20}`).Draw(t, "cluster"),
		Forwarding: anyForwarding(t),
		Connection: plans.Connection{
			User: rapid.SampledFrom([]string{"", "admin"}).Draw(t, "user"), Become: rapid.Bool().Draw(t, "become"),
			Port: rapid.SampledFrom([]int{0, 22, 2222}).Draw(t, "port"),
		},
		TimeSync: plans.TimeSync{
			MaxOffset:     rapid.SampledFrom([]time.Duration{plans.DefaultMaxOffset, time.Second, 90 * time.Minute / 3}).Draw(t, "offset"),
			RequireSource: rapid.Bool().Draw(t, "require"),
		},
		Firewall: rapid.SampledFrom([]plans.Policy{plans.PolicyUnmanaged, plans.PolicyOpen, plans.PolicyDisabled}).Draw(t, "firewall"),
		SELinux:  rapid.SampledFrom([]plans.Policy{plans.PolicyUnmanaged, plans.PolicyEnforcing, plans.PolicyPermissive, plans.PolicyDisabled}).Draw(t, "selinux"),
		IPVS: plans.IPVS{
			Exclusive: rapid.Bool().Draw(t, "exclusive"),
			Drain:     rapid.SampledFrom([]time.Duration{0, plans.DefaultDrain, time.Hour, 61 * time.Second}).Draw(t, "drain"),
			Timeouts: plans.Timeouts{
				TCP: anySeconds(t, "tcp"), TCPFin: anySeconds(t, "tcp_fin"), UDP: anySeconds(t, "udp"),
			},
		},
	}
	director := plans.Host{Name: "lb-1", Role: plans.RoleDirector, Connection: c.Connection, Packages: []string{"ipvsadm"}, Network: "netplan",
		Sysctls: map[string]string{"net.ipv4.vs.conn_reuse_mode": "0", "kernel.domainname": anyText(t, "sysctl")}}
	director.Connection.Host = rapid.SampledFrom([]string{"", "192.0.2.99"}).Draw(t, "host")
	director.Connection.HostKey = rapid.SampledFrom([]string{"", "SHA256:cGluZ3Bpbmdwb25ncG9uZ3BpbmdwaW5ncG9uZ3Bvbmc"}).Draw(t, "host key")
	director.Connection.Become = rapid.Bool().Draw(t, "director's become")
	c.Hosts = append(c.Hosts, director, plans.Host{Name: "other", Role: plans.RoleHost, Connection: c.Connection, Interfaces: anyInterfaces(t)})
	families := []bool{false, true}
	for _, role := range []string{plans.SyncMaster, plans.SyncBackup} {
		if rapid.Bool().Draw(t, role) {
			families = families[:1] // the kernel refuses both mixed families and a daemon
			c.IPVS.Sync = append(c.IPVS.Sync, anyDaemon(t, role))
		}
	}
	for i := range rapid.IntRange(0, 4).Draw(t, "services") {
		c.Services = append(c.Services, anyService(t, c, i, families))
	}
	return c
}

// anyInterfaces are in networks where nothing else of the plan is.
func anyInterfaces(t *rapid.T) []plans.Interface {
	if !rapid.Bool().Draw(t, "interfaces") {
		return nil
	}
	card := plans.Interface{
		Name: "eth0", Address: netip.MustParsePrefix("172.16.0.1/24"), MTU: rapid.SampledFrom([]int{0, 1500, 9000}).Draw(t, "mtu"),
		Routes: []plans.Route{{To: netip.MustParsePrefix("172.30.0.0/16"), Via: netip.MustParseAddr("172.16.0.2"), Metric: rapid.IntRange(0, 1000).Draw(t, "metric")}},
	}
	id := rapid.IntRange(1, netconf.MaxVLAN).Draw(t, "vlan")
	vlan := plans.Interface{
		Address: netip.MustParsePrefix("172.17.0.1/24"),
		VLAN:    &plans.VLAN{ID: id, Link: rapid.SampledFrom([]string{"eth0", "eth1"}).Draw(t, "link")},
	}
	vlan.Name = rapid.SampledFrom(netconf.VLAN{ID: id, Link: vlan.VLAN.Link}.Names()).Draw(t, "name")
	return []plans.Interface{card, vlan, anyBond(t)}
}

func anyBond(t *rapid.T) plans.Interface {
	bond := &plans.Bond{
		Mode: rapid.SampledFrom(netconf.BondModes()).Draw(t, "mode"), Members: []string{"eth2", "eth3"},
		MIIMon: time.Duration(rapid.IntRange(1, 60000).Draw(t, "miimon")) * time.Millisecond,
	}
	of := netconf.Bond{Mode: bond.Mode}
	if of.TakesPrimary() {
		bond.Primary = rapid.SampledFrom([]string{"", "eth3"}).Draw(t, "primary")
	}
	if of.TakesLACP() {
		bond.LACPRate = rapid.SampledFrom(append(netconf.LACPRates(), "")).Draw(t, "rate")
	}
	if of.TakesHash() {
		bond.XmitHashPolicy = rapid.SampledFrom(append(netconf.HashPolicies(), "")).Draw(t, "policy")
	}
	return plans.Interface{Name: "bond0", Address: netip.MustParsePrefix("172.18.0.1/24"), Bond: bond}
}

func anyDaemon(t *rapid.T, role string) plans.SyncDaemon {
	return plans.SyncDaemon{
		Role: role, Interface: "eth0.100", ID: rapid.IntRange(0, 255).Draw(t, "id"),
		Group: netip.MustParseAddr(rapid.SampledFrom([]string{plans.DefaultSyncGroup, "239.1.2.3", "ff02::81"}).Draw(t, "group")),
		Port:  rapid.Uint16Min(1).Draw(t, "port"), TTL: rapid.IntRange(1, 255).Draw(t, "ttl"),
		MaxLength: rapid.SampledFrom([]int{0, 1024, 1472}).Draw(t, "length"),
	}
}

func anySeconds(t *rapid.T, label string) time.Duration {
	return time.Duration(rapid.IntRange(0, 100_000).Draw(t, label)) * time.Second
}

func anyForwarding(t *rapid.T) plans.Forwarding {
	return rapid.SampledFrom([]plans.Forwarding{plans.ForwardNAT, plans.ForwardDR, plans.ForwardTUN}).Draw(t, "forwarding")
}

func anyText(t *rapid.T, label string) string {
	return rapid.SampledFrom([]string{"0", "a b", `"quoted" ${not} %{this}`, `back\slash`, "äöü"}).Draw(t, label)
}

func anyService(t *rapid.T, c *plans.Cluster, i int, families []bool) plans.VirtualService {
	ipv6 := rapid.Bool().Draw(t, "ipv6")
	s := plans.VirtualService{
		Name: "s" + string(rune('a'+i)), Protocol: rapid.SampledFrom([]string{"tcp", "udp", "sctp"}).Draw(t, "protocol"),
		IPv6: ipv6, KeepVIP: rapid.Bool().Draw(t, "keep"), Persist: rapid.SampledFrom([]string{plans.PersistRCLocal, plans.PersistNative}).Draw(t, "persist"),
		Scheduler:  rapid.SampledFrom(plans.Schedulers()).Draw(t, "scheduler"),
		Forwarding: anyForwarding(t), Drain: rapid.SampledFrom([]time.Duration{c.IPVS.Drain, 0, time.Minute}).Draw(t, "drain"),
	}
	if s.Scheduler == "sh" || s.Scheduler == "mh" {
		flags := []string{s.Scheduler + "-fallback", s.Scheduler + "-port"}
		s.SchedulerFlags = flags[:rapid.IntRange(0, 2).Draw(t, "flags")]
	}
	if rapid.Bool().Draw(t, "persistent") {
		s.Persistence = &plans.Persistence{Timeout: time.Second + anySeconds(t, "timeout"), PrefixLen: rapid.IntRange(1, 32).Draw(t, "prefix")}
		if ipv6 && rapid.Bool().Draw(t, "full") {
			s.Persistence.PrefixLen = 128
		}
		if s.Protocol == "udp" {
			s.Persistence.Engine = rapid.SampledFrom([]string{"", "sip"}).Draw(t, "engine")
		}
	}
	address := netip.AddrFrom4([4]byte{192, 0, 2, byte(10 + i)})
	if ipv6 {
		address = netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, 15: byte(10 + i)})
	}
	switch rapid.IntRange(0, 3).Draw(t, "found by") {
	case 0: // a mark that others set
		s.FWMark, s.Protocol, s.Persistence = uint32(1+i)<<24, "tcp", withoutEngine(s.Persistence)
		s.KeepVIP = true
	case 1:
		s.FWMark, s.Address = 1000+uint32(i), address
		s.Ports = []plans.PortRange{{Protocol: s.Protocol, First: 80, Last: 80}, {Protocol: s.Protocol, First: 8000, Last: 8010}}
		if s.Protocol != "udp" {
			s.Ports = append(s.Ports, plans.PortRange{Protocol: "udp", First: 53, Last: 53})
		}
		s.Persistence = withoutEngine(s.Persistence)
	case 2:
		s.Address, s.Port = address, rapid.Uint16Min(1).Draw(t, "port")
		s.OnePacket = s.Protocol == "udp" && s.Persistence == nil && rapid.Bool().Draw(t, "ops")
	default:
		s.Address = address
		if s.Port = 0; s.Persistence == nil {
			s.Persistence = &plans.Persistence{Timeout: time.Minute, PrefixLen: address.BitLen()}
		}
	}
	if s.Forwarding == plans.ForwardTUN {
		s.Tunnel = anyTunnel(t, ipv6, ipv6)
	}
	for j := range rapid.IntRange(1, 3).Draw(t, "backends") {
		s.Backends = append(s.Backends, anyBackend(t, &s, j, families))
	}
	return s
}

func withoutEngine(p *plans.Persistence) *plans.Persistence {
	if p != nil {
		p.Engine = ""
	}
	return p
}

func anyBackend(t *rapid.T, s *plans.VirtualService, j int, families []bool) plans.Backend {
	b := plans.Backend{Port: s.Port, Weight: rapid.SampledFrom([]int{0, 1, 2, 65535}).Draw(t, "weight"), Forwarding: s.Forwarding}
	// The first keeps the service's: a tunnel that nobody uses is a mistake.
	if j > 0 && rapid.Bool().Draw(t, "own forwarding") {
		b.Forwarding = anyForwarding(t)
	}
	ipv6 := s.IPv6
	if b.Forwarding == plans.ForwardTUN && len(families) == 2 {
		ipv6 = rapid.Bool().Draw(t, "backend's family")
	}
	b.Address = netip.AddrFrom4([4]byte{10, 0, 0, byte(1 + j)})
	if ipv6 {
		b.Address = netip.AddrFrom16([16]byte{0xfd, 15: byte(1 + j)})
	}
	if b.Forwarding == plans.ForwardTUN {
		b.Tunnel = s.Tunnel
		if s.Tunnel.Type == "" || rapid.Bool().Draw(t, "own tunnel") {
			b.Tunnel = anyTunnel(t, ipv6, s.IPv6)
		}
	}
	if b.Forwarding == plans.ForwardNAT && s.Port != 0 && rapid.Bool().Draw(t, "own port") {
		b.Port = 8080
	}
	if rapid.Bool().Draw(t, "thresholds") {
		b.UpperThreshold = rapid.IntRange(0, 1<<31-1).Draw(t, "upper")
		b.LowerThreshold = rapid.IntRange(0, b.UpperThreshold).Draw(t, "lower")
	}
	return b
}

func anyTunnel(t *rapid.T, outer, inner bool) plans.Tunnel {
	tunnel := plans.Tunnel{Type: rapid.SampledFrom([]string{plans.TunnelIPIP, plans.TunnelGUE, plans.TunnelGRE}).Draw(t, "type"), Checksum: plans.ChecksumNone}
	switch tunnel.Type {
	case plans.TunnelGUE:
		tunnel.Port = rapid.Uint16Min(1).Draw(t, "tunnel port")
		tunnel.Checksum = rapid.SampledFrom([]string{plans.ChecksumNone, plans.ChecksumFull, plans.ChecksumRemote}).Draw(t, "checksum")
	case plans.TunnelGRE:
		tunnel.Checksum = rapid.SampledFrom([]string{plans.ChecksumNone, plans.ChecksumFull}).Draw(t, "checksum")
	}
	tunnel.MSS = rapid.SampledFrom([]int{0, 1400, tunnel.FitMSS(outer, inner)}).Draw(t, "mss")
	return tunnel
}

func anyComments(t *rapid.T, services int) plans.Comments {
	lines := rapid.SliceOfN(rapid.OneOf(rapid.String(), rapid.StringMatching(`([a-z]{1,12} ){0,30}`)), 0, 3)
	c := plans.Comments{Head: lines.Draw(t, "head"), IPVS: lines.Draw(t, "ipvs"), Director: lines.Draw(t, "director"), End: lines.Draw(t, "end")}
	for range services {
		c.Services = append(c.Services, plans.ServiceComments{
			Above: lines.Draw(t, "above"), End: lines.Draw(t, "below"), Backends: [][]string{lines.Draw(t, "backend")},
		})
	}
	return c
}

// TestWriteComments holds where comments stand, and that they cannot end.
func TestWriteComments(t *testing.T) {
	c, _ := hcl.Parse("plan.hcl", []byte(`cluster "a" { forwarding = "dr" }
director "d" {}
virtual_service "s" {
  address = "192.0.2.1"
  port    = 80
  backend { address = "10.0.0.1" }
}
`), hcl.Options{})
	if c == nil {
		t.Fatal("the plan does not load")
	}
	text := writesBack(t, c, plans.Comments{
		Head: []string{"head", "", "evil\ncluster \"b\" {}"}, IPVS: []string{"ipvs"}, Director: []string{"director"},
		Services: []plans.ServiceComments{{Above: []string{"above"}, Backends: [][]string{{"backend"}}, End: []string{"below"}}},
		End:      []string{"end " + strings.Repeat("word ", 20)},
	})
	want := `# head
#
# evil\ncluster "b" {}

cluster "a" {
  forwarding = "dr"
}

# ipvs

# director
director "d" {
}

# above
virtual_service "s" {
  address = "192.0.2.1"
  port    = 80
  # backend
  backend {
    address = "10.0.0.1"
  }
  # below
}

# end word word word word word word word word word word word word word word
#   word word word word word word
`
	if diff := cmp.Diff(want, text); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
