package coordinator

import (
	"testing"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

func TestPortsThatSELinuxDenies(t *testing.T) {
	for _, tc := range []struct {
		name    string
		port    uint16
		policy  plans.Policy
		selinux string
		given   []string
		page    bool
		want    bool
	}{
		{"a port of web servers", 8443, plans.PolicyUnmanaged, "enforcing", nil, true, false},
		{"another", 8081, plans.PolicyUnmanaged, "enforcing", nil, true, true},
		{"given by semanage", 8081, plans.PolicyUnmanaged, "enforcing", []string{"8081"}, true, false},
		{"given in a range", 8081, plans.PolicyEnforcing, "enforcing", []string{"9999", "8080-8090"}, true, false},
		{"about to be enforced", 8081, plans.PolicyEnforcing, "permissive", nil, true, true},
		{"about to be permissive", 8081, plans.PolicyPermissive, "enforcing", nil, true, false},
		{"permissive", 8081, plans.PolicyUnmanaged, "permissive", nil, true, false},
		{"no SELinux", 8081, plans.PolicyEnforcing, "", nil, true, false},
		{"no web server of lvsup's", 8081, plans.PolicyUnmanaged, "enforcing", nil, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := service("rr", 1)
			s.Protocol, s.Port = "tcp", 80
			s.Backends[0].Forwarding, s.Backends[0].Port = plans.ForwardNAT, tc.port
			h := plans.Host{Name: s.Backends[0].Host, Role: plans.RoleRealServer}
			if tc.page {
				h.HTTPD = &plans.HTTPD{Index: "x"}
			}
			c := &plans.Cluster{SELinux: tc.policy, Services: []plans.VirtualService{*s}}
			port, found := unlabelledPort(c, &h, wire.Facts{SELinux: tc.selinux, HTTPPorts: tc.given})
			if found != tc.want || found && port != tc.port {
				t.Errorf("got %d, %v", port, found)
			}
		})
	}
}
