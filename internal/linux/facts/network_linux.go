package facts

import (
	"net/netip"
	"sort"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/wire"
)

// network fills in the interfaces, the routes and the way of the SSH session.
func network(f *wire.Facts, connection string) error {
	interfaces, err := rtnl.Interfaces()
	if err != nil {
		return err
	}
	routes, err := rtnl.Routes()
	if err != nil {
		return err
	}
	f.Interfaces = []wire.Interface{}
	for _, i := range interfaces[:min(len(interfaces), maxInterfaces)] {
		w := wire.Interface{Name: i.Name, Index: i.Index, MAC: i.MAC, Up: i.Up, Addresses: []string{}}
		for _, a := range i.Addresses[:min(len(i.Addresses), maxAddresses)] {
			w.Addresses = append(w.Addresses, a.String())
		}
		f.Interfaces = append(f.Interfaces, w)
	}
	// Default routes first: they matter most where the list is cut off.
	sort.SliceStable(routes, func(i, j int) bool { return routes[i].IsDefault() && !routes[j].IsDefault() })
	f.Routes = []wire.Route{}
	for _, r := range routes[:min(len(routes), maxRoutes)] {
		f.Routes = append(f.Routes, wire.Route{Destination: r.Destination.String(), Gateway: text(r.Gateway), Interface: r.Interface})
	}
	f.SSH = sshPath(connection, interfaces)
	return nil
}

// sshPath reads "CLIENT PORT SERVER PORT" and finds the interface and the way
// back that the session depends on.
func sshPath(connection string, interfaces []rtnl.Interface) wire.SSHPath {
	fields := strings.Fields(connection)
	if len(fields) != 4 {
		return wire.SSHPath{}
	}
	client, err := netip.ParseAddr(fields[0])
	if err != nil {
		return wire.SSHPath{}
	}
	server, err := netip.ParseAddr(fields[2])
	if err != nil {
		return wire.SSHPath{}
	}
	p := wire.SSHPath{Client: client.Unmap().String(), Server: server.Unmap().String()}
	if i, ok := rtnl.Holder(interfaces, server); ok {
		p.Interface = i.Name
	}
	if zone := server.Zone(); zone != "" {
		p.Interface = zone
	}
	if r, err := rtnl.RouteTo(client.Unmap()); err == nil {
		p.ReturnInterface, p.ReturnGateway = r.Interface, text(r.Gateway)
	}
	if zone := client.Zone(); zone != "" {
		p.ReturnInterface, p.ReturnGateway = zone, ""
	}
	return p
}

// text is an address as text, empty where there is none.
func text(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	return a.String()
}
