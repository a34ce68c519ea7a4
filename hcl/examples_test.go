package hcl_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/plans"
)

// The two clusters of the tutorial, as its commands and files leave them.
func TestExamplesAreTheTutorials(t *testing.T) {
	nat := map[string]string{"BROWSER_ONLY": "no", "ETHTOOL_OPTS": "autoneg on"}
	drNode := map[string]string{"ETHTOOL_OPTS": "autoneg on"}
	dns := []netip.Addr{netip.MustParseAddr("114.114.114.114"), netip.MustParseAddr("8.8.8.8")}
	iface := func(name, address, gateway string, dns []netip.Addr, ifcfg map[string]string) []plans.Interface {
		i := plans.Interface{Name: name, Address: netip.MustParsePrefix(address), DNS: dns, Ifcfg: ifcfg}
		if gateway != "" {
			i.Gateway = netip.MustParseAddr(gateway)
		}
		return []plans.Interface{i}
	}
	page := func(ip string) *plans.HTTPD { return &plans.HTTPD{Index: "<h1>This is " + ip + "!</h1>"} }
	root := plans.Connection{User: "root"}
	base := plans.Cluster{
		Connection: root,
		TimeSync:   plans.TimeSync{MaxOffset: plans.DefaultMaxOffset},
		Firewall:   plans.PolicyDisabled,
		SELinux:    plans.PolicyDisabled,
		IPVS:       plans.IPVS{Drain: plans.DefaultDrain},
	}
	service := func(f plans.Forwarding, vip, rip1, rip2 string) []plans.VirtualService {
		return []plans.VirtualService{{
			Name: "web", Address: netip.MustParseAddr(vip), Port: 80, Protocol: "tcp", Scheduler: "rr", Forwarding: f,
			KeepVIP: true, Persist: plans.PersistRCLocal, Drain: plans.DefaultDrain,
			Backends: []plans.Backend{
				{Host: "node1", Address: netip.MustParseAddr(rip1), Port: 80, Weight: 1, Forwarding: f},
				{Host: "node2", Address: netip.MustParseAddr(rip2), Port: 80, Weight: 1, Forwarding: f},
			},
		}}
	}

	wantNAT := base
	wantNAT.Name, wantNAT.Forwarding = "nat", plans.ForwardNAT
	wantNAT.Hosts = []plans.Host{
		{
			Name: "master", Role: plans.RoleDirector, Connection: root, Packages: []string{"ipvsadm"},
			Interfaces: append(iface("ens33", "192.168.146.100/24", "", nil, nat), iface("ens36", "192.168.177.254/24", "", nil, nat)...),
		},
		{
			Name: "node1", Role: plans.RoleRealServer, Connection: root, HTTPD: page("192.168.177.10"),
			Interfaces: iface("ens33", "192.168.177.10/24", "192.168.177.254", nil, nat),
		},
		{
			Name: "node2", Role: plans.RoleRealServer, Connection: root, HTTPD: page("192.168.177.20"),
			Interfaces: iface("ens33", "192.168.177.20/24", "192.168.177.254", nil, nat),
		},
	}
	wantNAT.Services = service(plans.ForwardNAT, "192.168.146.100", "192.168.177.10", "192.168.177.20")

	wantDR := base
	wantDR.Name, wantDR.Forwarding = "dr", plans.ForwardDR
	wantDR.Hosts = []plans.Host{
		{
			Name: "master", Role: plans.RoleDirector, Connection: root, Packages: []string{"ipvsadm"},
			Interfaces: iface("ens33", "192.168.140.10/24", "192.168.140.2", dns, nat),
		},
		{
			Name: "node1", Role: plans.RoleRealServer, Connection: root, HTTPD: page("192.168.140.20"),
			Interfaces: iface("ens33", "192.168.140.20/24", "192.168.140.2", dns, drNode),
		},
		{
			Name: "node2", Role: plans.RoleRealServer, Connection: root, HTTPD: page("192.168.140.30"),
			Interfaces: iface("ens33", "192.168.140.30/24", "192.168.140.2", dns, drNode),
		},
	}
	wantDR.Services = service(plans.ForwardDR, "192.168.140.100", "192.168.140.20", "192.168.140.30")

	for file, want := range map[string]plans.Cluster{"nat.hcl": wantNAT, "dr.hcl": wantDR} {
		t.Run(file, func(t *testing.T) {
			got, _, diags := hcl.Load([]string{"../plans/examples/" + file}, hcl.Options{})
			for _, d := range diags {
				t.Errorf("%s: %s: %s", d.Subject, d.Summary, d.Detail)
			}
			if got == nil {
				t.Fatal("no cluster")
			}
			compare := []cmp.Option{
				cmpopts.IgnoreTypes(plans.Source{}),
				cmp.Comparer(func(a, b netip.Addr) bool { return a == b }),
				cmp.Comparer(func(a, b netip.Prefix) bool { return a == b }),
			}
			if diff := cmp.Diff(want, *got, compare...); diff != "" {
				t.Errorf("cluster (-tutorial +plan):\n%s", diff)
			}
		})
	}
}
