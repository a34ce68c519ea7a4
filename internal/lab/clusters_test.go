package lab

import (
	"net/netip"

	"github.com/lvsup/lvsup/plans"
)

// The tutorial's two clusters, as far as a lab looks at them.

func natCluster() *plans.Cluster {
	return &plans.Cluster{
		Name: "nat", Forwarding: plans.ForwardNAT,
		Hosts: []plans.Host{
			{Name: "master", Role: plans.RoleDirector, Interfaces: []plans.Interface{
				nic("ens33", "192.168.146.100/24", ""), nic("ens36", "192.168.177.254/24", ""),
			}},
			{Name: "node1", Role: plans.RoleRealServer, Interfaces: []plans.Interface{nic("ens33", "192.168.177.10/24", "192.168.177.254")}},
			{Name: "node2", Role: plans.RoleRealServer, Interfaces: []plans.Interface{nic("ens33", "192.168.177.20/24", "192.168.177.254")}},
		},
		Services: []plans.VirtualService{service("192.168.146.100")},
	}
}

func drCluster() *plans.Cluster {
	return &plans.Cluster{
		Name: "dr", Forwarding: plans.ForwardDR,
		Hosts: []plans.Host{
			{Name: "master", Role: plans.RoleDirector, Interfaces: []plans.Interface{nic("ens33", "192.168.140.10/24", "192.168.140.2")}},
			{Name: "node1", Role: plans.RoleRealServer, Interfaces: []plans.Interface{nic("ens33", "192.168.140.20/24", "192.168.140.2")}},
			{Name: "node2", Role: plans.RoleRealServer, Interfaces: []plans.Interface{nic("ens33", "192.168.140.30/24", "192.168.140.2")}},
		},
		Services: []plans.VirtualService{service("192.168.140.100")},
	}
}

func nic(name, address, gateway string) plans.Interface {
	i := plans.Interface{Name: name, Address: netip.MustParsePrefix(address)}
	if gateway != "" {
		i.Gateway = netip.MustParseAddr(gateway)
	}
	return i
}

func service(vip string) plans.VirtualService {
	return plans.VirtualService{Name: "web", Address: netip.MustParseAddr(vip), Port: 80, Protocol: "tcp", Scheduler: "rr"}
}
