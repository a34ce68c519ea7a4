package plans_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/lvsup/lvsup/plans"
)

// The mistakes that a plan file can hold are golden files of package hcl; here
// are clusters that were made otherwise and carry no places in a file.

func drCluster() *plans.Cluster {
	host := func(name string, role plans.Role, address string) plans.Host {
		return plans.Host{Name: name, Role: role, Interfaces: []plans.Interface{{
			Name: "ens33", Address: netip.MustParsePrefix(address), Gateway: netip.MustParseAddr("192.168.140.2"),
		}}}
	}
	return &plans.Cluster{
		Name: "dr", Forwarding: plans.ForwardDR,
		TimeSync: plans.TimeSync{MaxOffset: plans.DefaultMaxOffset},
		Firewall: plans.PolicyUnmanaged, SELinux: plans.PolicyUnmanaged,
		IPVS: plans.IPVS{Drain: plans.DefaultDrain},
		Hosts: []plans.Host{
			host("master", plans.RoleDirector, "192.168.140.10/24"),
			host("node1", plans.RoleRealServer, "192.168.140.20/24"),
			host("node2", plans.RoleRealServer, "192.168.140.30/24"),
		},
		Services: []plans.VirtualService{{
			Name: "web", Address: netip.MustParseAddr("192.168.140.100"), Port: 80, Protocol: "tcp",
			Scheduler: "rr", Forwarding: plans.ForwardDR, KeepVIP: true, Drain: plans.DefaultDrain,
			Backends: []plans.Backend{
				{Host: "node1", Address: netip.MustParseAddr("192.168.140.20"), Port: 80, Weight: 1, Forwarding: plans.ForwardDR},
				{Host: "node2", Address: netip.MustParseAddr("192.168.140.30"), Port: 80, Weight: 1, Forwarding: plans.ForwardDR},
			},
		}},
	}
}

func TestValidateAcceptsTheTutorialsCluster(t *testing.T) {
	if diags := plans.Validate(drCluster()); len(diags) > 0 {
		t.Errorf("unexpected: %v", diags)
	}
}

// Every scheduler of the kernel is known, and every one is named in the message
// about one that is not.
func TestValidateKnowsTheSchedulers(t *testing.T) {
	if n := len(plans.Schedulers()); n != 14 {
		t.Errorf("%d schedulers, want the kernel's 14", n)
	}
	for _, scheduler := range plans.Schedulers() {
		c := drCluster()
		c.Services[0].Scheduler = scheduler
		if diags := plans.Validate(c); len(diags) > 0 {
			t.Errorf("%s: %v", scheduler, diags)
		}
	}
	c := drCluster()
	c.Services[0].Scheduler = "wlcc"
	diags := plans.Validate(c)
	if len(diags) != 1 || !strings.Contains(diags[0].Detail, `Did you mean "wlc"?`) {
		t.Fatalf("wlcc: %v", diags)
	}
	for _, scheduler := range plans.Schedulers() {
		if !strings.Contains(diags[0].Detail, scheduler) {
			t.Errorf("%s is not named", scheduler)
		}
	}
}

func TestValidateWithoutSources(t *testing.T) {
	addr := netip.MustParseAddr
	for _, test := range []struct {
		change func(*plans.Cluster)
		want   string
	}{
		{func(c *plans.Cluster) { c.Hosts = nil }, "has no hosts"},
		{func(c *plans.Cluster) { c.Name = "a b" }, "Invalid cluster name"},
		{func(c *plans.Cluster) {
			c.Forwarding, c.Services[0].Forwarding, c.Services[0].Backends[0].Forwarding = "", "", ""
		}, "has no forwarding"},
		{func(c *plans.Cluster) { c.Services[0].Forwarding = "direct" }, "Unknown forwarding"},
		{func(c *plans.Cluster) { c.Services[0].Protocol = "" }, "Unknown protocol"},
		{func(c *plans.Cluster) { c.Firewall = "off" }, "Unknown firewall policy"},
		{func(c *plans.Cluster) { c.SELinux = "off" }, "Unknown selinux policy"},
		{func(c *plans.Cluster) { c.TimeSync.MaxOffset = 0 }, "max_offset"},
		{func(c *plans.Cluster) { c.Connection.User = "-l" }, "Invalid user name"},
		{func(c *plans.Cluster) { c.Hosts[1].Connection.Host = "-x" }, "Invalid host to dial"},
		{func(c *plans.Cluster) { c.Hosts[1].Connection.Port = 70000 }, "Invalid port"},
		{func(c *plans.Cluster) { c.Hosts[1].Connection.HostKey = "SHA256:short" }, "Invalid host key"},
		{func(c *plans.Cluster) { c.Hosts[1].Name = "master" }, "Second host named"},
		{func(c *plans.Cluster) { c.Hosts[0].Role = plans.RoleHost }, "no director"},
		{func(c *plans.Cluster) { c.Hosts[0].Interfaces = nil }, "has no interface"},
		{func(c *plans.Cluster) { c.Hosts[0].Interfaces[0].Name = "a b" }, "Invalid interface name"},
		{func(c *plans.Cluster) { c.Hosts[0].Interfaces[0].Ifcfg = map[string]string{"PREFIX1": "24"} }, "lvsup's to write"},
		{func(c *plans.Cluster) { c.Hosts[0].Interfaces[0].Ifcfg = map[string]string{"IPV6ADDR": "::1"} }, "lvsup's to write"},
		{func(c *plans.Cluster) { c.Hosts[0].Interfaces[0].MTU = 70000 }, "Invalid mtu"},
		{func(c *plans.Cluster) {
			c.Hosts[0].Interfaces[0].Routes = []plans.Route{{To: netip.MustParsePrefix("10.8.0.0/16"), Metric: -1}}
		}, "Invalid metric"},
		{func(c *plans.Cluster) { c.Hosts[0].Interfaces[0].DNS = []netip.Addr{addr("0.0.0.0")} }, "cannot be a DNS server"},
		{func(c *plans.Cluster) { c.Hosts[0].Packages = []string{"--force"} }, "Invalid package name"},
		{func(c *plans.Cluster) { c.Hosts[1].Sysctls = map[string]string{"net.ipv4.conf.all.arp_ignore": "0"} }, "breaks the cluster"},
		{func(c *plans.Cluster) { c.Hosts[1].HTTPD = &plans.HTTPD{Index: "a\x00b"} }, "NUL character"},
		{func(c *plans.Cluster) { c.Services[0].Backends = nil }, "has no backends"},
		{func(c *plans.Cluster) { c.Services[0].Backends[0].Host = "node9" }, "No host named"},
		{func(c *plans.Cluster) { c.Services[0].Backends[0].Weight = 65536 }, "Invalid weight"},
		{func(c *plans.Cluster) { c.Services[0].Backends[0].Port = 81 }, "differs from the service's port"},
		{func(c *plans.Cluster) { c.Services[0].Backends[0].Address = addr("192.168.140.21") }, "is not an address of node1"},
		{func(c *plans.Cluster) { c.Services[0].Address = addr("192.168.140.0") }, "the address of the network itself"},
		{func(c *plans.Cluster) {
			c.Services[0].Persistence = &plans.Persistence{Timeout: time.Millisecond, PrefixLen: 32}
		}, "not whole seconds"},
		{func(c *plans.Cluster) {
			c.Services[0].Persistence = &plans.Persistence{Timeout: time.Second}
		}, "Invalid persistence prefix length"},
		{func(c *plans.Cluster) { c.Services = append(c.Services, c.Services[0]) }, "Two services on"},
		{func(c *plans.Cluster) { c.Services[0].Port = 0 }, "Port 0 without persistence"},
		{func(c *plans.Cluster) { c.Services[0].FWMark = 1 }, "A mark and a port"},
		{func(c *plans.Cluster) {
			c.Services[0].FWMark, c.Services[0].Port = 1, 0
			c.Services = append(c.Services, c.Services[0])
		}, "Two services with the mark 1"},
		{func(c *plans.Cluster) { c.Services[0].SchedulerFlags = []string{"sh-port"} }, "has no flags"},
		{func(c *plans.Cluster) { c.Services[0].OnePacket = true }, "One packet at a time"},
		{func(c *plans.Cluster) { c.Services[0].Drain = -1 }, "Drain time"},
		{func(c *plans.Cluster) { c.Services[0].Backends[0].LowerThreshold = 1 }, "A lower_threshold without"},
		{func(c *plans.Cluster) { c.Services[0].Backends[0].UpperThreshold = -1 }, "Invalid upper_threshold"},
		{func(c *plans.Cluster) { c.Services[0].Backends[0].Forwarding = plans.ForwardTUN }, "Unknown tunnel type"},
		{func(c *plans.Cluster) { c.Services[0].Tunnel.Type = plans.TunnelGRE }, "A tunnel without tunnelling"},
		{func(c *plans.Cluster) { c.IPVS.Timeouts.TCP = time.Millisecond }, "not whole seconds"},
		{func(c *plans.Cluster) { c.IPVS.Sync = make([]plans.SyncDaemon, 1) }, "Unknown sync role"},
	} {
		c := drCluster()
		test.change(c)
		var all []string
		found := false
		for _, d := range plans.Validate(c) {
			all = append(all, d.Summary)
			found = found || strings.Contains(d.Summary, test.want)
			if d.Detail == "" {
				t.Errorf("%q says no way out", d.Summary)
			}
		}
		if !found {
			t.Errorf("want %q, got %q", test.want, all)
		}
	}
}

// A /31 has two hosts and no broadcast address (RFC 3021); IPv6 has none either.
func TestValidateKnowsNetworksWithoutBroadcast(t *testing.T) {
	for _, pair := range [][2]string{{"10.0.0.0/31", "10.0.0.1/31"}, {"2001:db8::/127", "2001:db8::1/127"}} {
		c := drCluster()
		c.Services, c.Hosts = nil, c.Hosts[:2]
		for i := range c.Hosts {
			c.Hosts[i].Interfaces[0].Address = netip.MustParsePrefix(pair[i])
			c.Hosts[i].Interfaces[0].Gateway = netip.Addr{}
		}
		if diags := plans.Validate(c); len(diags) > 0 {
			t.Errorf("%v: %v", pair, diags)
		}
	}
}

func TestNearest(t *testing.T) {
	schedulers := plans.Schedulers()
	for _, test := range []struct {
		word string
		from []string
		want string
	}{
		{"wrrr", schedulers, "wrr"},
		{"RR", schedulers, "rr"},
		{"gatway", []string{"address", "gateway", "dns"}, "gateway"},
		{"realserver", []string{"director", "real_server"}, "real_server"},
		{"adress", []string{"address", "gateway"}, "address"},
		{"portocol", []string{"port", "protocol"}, "protocol"},
		{"colour", []string{"address", "port"}, ""},
		{"f", []string{"a", "b"}, ""},
		{"", []string{"a"}, ""},
		{strings.Repeat("x", 500), []string{"nat", "dr"}, ""},
	} {
		if got := plans.Nearest(test.word, test.from); got != test.want {
			t.Errorf("Nearest(%q) = %q, want %q", test.word, got, test.want)
		}
	}
}

func TestValidInterfaceName(t *testing.T) {
	for name, want := range map[string]bool{
		"ens33": true, "eth0.100": true, "br-lan": true, "a23456789012345": true,
		"": false, "a234567890123456": false, "-x": false, ".": false, "a b": false, "a;b": false, "a\n": false, "ééé": false, "eth0:1": false,
	} {
		if got := plans.ValidInterfaceName(name); got != want {
			t.Errorf("ValidInterfaceName(%q) = %v", name, got)
		}
	}
}

// A service's own way may be one that none of its backends takes.
func TestValidateTunnelThatNoBackendUses(t *testing.T) {
	c := drCluster()
	c.Services[0].Forwarding = plans.ForwardTUN
	c.Services[0].Tunnel = plans.Tunnel{Type: plans.TunnelIPIP, Checksum: plans.ChecksumNone}
	if diags := plans.Validate(c); len(diags) > 0 {
		t.Errorf("unexpected: %v", diags)
	}
}
