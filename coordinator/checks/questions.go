package checks

import (
	"net/netip"

	"github.com/lvsup/lvsup/internal/wire"
	"github.com/lvsup/lvsup/plans"
)

// Questions is what a host of the plan must be asked, with what is known of it
// and of the client so far.
func Questions(f *Facts, h *plans.Host) wire.PathRequest {
	var q wire.PathRequest
	live := f.Hosts[h.Name]
	if h.Role == plans.RoleDirector {
		for s := range f.services() {
			if client, known := f.client(s); known {
				q.Routes = add(q.Routes, question(client, netip.Addr{}))
			}
			for _, at := range vipPorts(s) {
				q.Packets = add(q.Packets, f.fromClients(s, live, at.protocol, at.port))
			}
		}
		for i := range f.Cluster.Services {
			for _, b := range f.Cluster.Services[i].Backends {
				q.Routes = add(q.Routes, question(b.Address, netip.Addr{}))
			}
		}
	}
	for srv := range f.servers() {
		if srv.host.Name != h.Name || !srv.service.Address.IsValid() {
			continue
		}
		client, _ := f.client(srv.service)
		q.Routes = add(q.Routes, question(client, netip.Addr{}))
		if srv.backend.Forwarding == plans.ForwardNAT {
			q.Routes = add(q.Routes, question(client, srv.backend.Address))
		} else {
			q.Routes = add(q.Routes, question(far(), netip.Addr{}))
		}
	}
	for _, d := range f.doors() {
		if !d.address.IsValid() {
			continue
		}
		if d.host.Name == h.Name {
			for _, p := range f.inward(d) {
				q.Packets = add(q.Packets, p)
			}
		}
		if h.Role == plans.RoleDirector && d.backend.Forwarding == plans.ForwardNAT && d.service.Address.IsValid() {
			q.Packets = add(q.Packets, f.back(d, live))
		}
	}
	return q
}

// ClientQuestions is what the host that asks the VIPs must be asked.
func ClientQuestions(c *plans.Cluster) wire.PathRequest {
	f := &Facts{Cluster: c}
	var q wire.PathRequest
	for s := range f.services() {
		q.Routes = add(q.Routes, question(s.Address, netip.Addr{}))
	}
	return q
}
