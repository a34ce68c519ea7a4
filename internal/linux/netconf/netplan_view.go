package netconf

import (
	"net/netip"
	"strconv"
)

// netplanRoute reads an item of routes.
func netplanRoute(n *yamlNode) (Route, bool) {
	var r Route
	if v := n.child("via"); v != nil {
		r.Via, _ = netip.ParseAddr(v.scalar())
	}
	to := n.child("to")
	if to == nil || n.child("table") != nil {
		return r, false
	}
	p, ok := parseDestination(to.scalar(), r.Via.Is6())
	r.To = p
	r.Metric, _ = strconv.Atoi(n.child("metric").scalar())
	return r, ok
}

// netplanView reads the definitions of an interface as netplan merges them.
func netplanView(defs []definition) view {
	v := newView()
	for _, d := range defs {
		for _, c := range d.node.children {
			switch c.key {
			case "dhcp4":
				v.dhcp[false] = yamlTrue(c.scalar())
			case "dhcp6":
				v.dhcp[true] = yamlTrue(c.scalar())
			case "mtu":
				v.mtu, _ = strconv.Atoi(c.scalar())
			case "gateway4", "gateway6":
				v.gateway[c.key == "gateway6"], _ = netip.ParseAddr(c.scalar())
			case "addresses":
				for _, text := range c.list() {
					if p, ok := parseAddress(text); ok {
						v.addrs = append(v.addrs, p)
					}
				}
			case "nameservers":
				for _, text := range c.child("addresses").list() {
					if a, err := netip.ParseAddr(text); err == nil {
						v.dns = append(v.dns, a)
					}
				}
			case "routes":
				for _, n := range c.children {
					r, ok := netplanRoute(n)
					switch {
					case ok && r.To.Bits() == 0:
						v.gateway[r.To.Addr().Is6()] = r.Via
					case ok:
						v.routes = append(v.routes, r)
					}
				}
			}
		}
	}
	return v
}
