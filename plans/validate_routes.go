package plans

import (
	"fmt"
	"net/netip"
	"strings"
)

// checkRoute looks at the n-th route of an interface.
func (v *validator) checkRoute(h *Host, i *Interface, n int) {
	r := &i.Routes[n]
	if r.Metric < 0 || int64(r.Metric) > 1<<32-1 {
		v.errorAt(r.Source.At("metric"), fmt.Sprintf("Invalid metric %d", r.Metric), "Metrics go from 1 to 4294967295, and the lowest wins; leave it out for the usual one.")
	}
	if !r.To.IsValid() {
		return
	}
	at := r.Source.At("to")
	switch own, on := h.network(r.To); {
	case r.To.Bits() == 0:
		v.errorAt(at, "The default route is no route block", v.insteadOfDefault(i, r))
		return
	case r.To != r.To.Masked():
		v.errorAt(at, fmt.Sprintf("%s is a host in %s", r.To, r.To.Masked()),
			fmt.Sprintf("A route leads to a network: to = \"%s\", or to that host alone: to = \"%s/%d\".", r.To.Masked(), r.To.Addr(), r.To.Addr().BitLen()))
		return
	case r.To.Addr().Is4In6():
		v.errorAt(at, fmt.Sprintf("%s is an IPv4 network in IPv6 form", r.To), "Write it as IPv4, such as \"10.8.0.0/16\".")
		return
	case r.To.Addr().IsMulticast() || r.To.Addr().IsLoopback():
		v.errorAt(at, fmt.Sprintf("%s is not routed", r.To), "Write the network behind the router, such as \"10.8.0.0/16\".")
	case own.IsValid():
		v.errorAt(at, fmt.Sprintf("%s is the network of %s itself", r.To, on), fmt.Sprintf(
			"The kernel makes that route for the address %s. Leave this block out, or write the network behind the router.", own))
	}
	v.checkVia(h, i, r)
	v.checkRouteTwice(h, i, n)
}

// network gives the host's address whose network that is, and its interface.
func (h *Host) network(to netip.Prefix) (own netip.Prefix, on string) {
	for j := range h.Interfaces {
		for _, p := range h.Interfaces[j].All() {
			if p.Masked() == to {
				return p, h.Interfaces[j].Name
			}
		}
	}
	return own, on
}

// insteadOfDefault says how a plan writes what a person wrote as a route to
// everywhere.
func (v *validator) insteadOfDefault(i *Interface, r *Route) string {
	word := gatewayWord(i, r.To.Addr())
	if !r.Via.IsValid() {
		return fmt.Sprintf("It has a word of its own, the router's address in the interface block: %s = \"...\".", word)
	}
	return fmt.Sprintf("It has a word of its own in the interface block:\n  %s = %q", word, r.Via)
}

// checkVia looks at the router of a route. The kernel takes one only that is on
// the link.
func (v *validator) checkVia(h *Host, i *Interface, r *Route) {
	if !r.Via.IsValid() {
		return
	}
	at := r.Source.At("via")
	own := i.with(r.Via)
	switch {
	case r.Via.Is6() != r.To.Addr().Is6():
		v.errorAt(at, fmt.Sprintf("%s cannot be the way to %s", r.Via, r.To), "One is IPv4, the other IPv6: write a router of the network's own family.")
	case h.declares(r.Via):
		v.errorAt(at, fmt.Sprintf("%s is its own router", h.Name), fmt.Sprintf(
			"%s is an address of %s itself. Write the router's address, or leave via out if the network is on the link.", r.Via, h.Name))
	case own.IsValid() && notAHost(r.Via, own) != "":
		v.errorAt(at, fmt.Sprintf("Router %s is %s", r.Via, notAHost(r.Via, own)), "Write the router's address.")
	case !own.IsValid() && !linkLocal(r.Via):
		for j := range h.Interfaces {
			if other := &h.Interfaces[j]; other.with(r.Via).IsValid() {
				v.errorAt(at, fmt.Sprintf("Router %s is not on %s", r.Via, i.Name), fmt.Sprintf(
					"It is in a network of %s (%s). Move this route block there.", other.Name, other.Source.At("")))
				return
			}
		}
		v.errorAt(at, fmt.Sprintf("Router %s is in no network of %s", r.Via, i.Name), fmt.Sprintf(
			"The kernel takes a router only that is on the link, and %s has %s. Write a router in there, or give the interface an address in the router's network, in addresses.",
			i.Name, strings.Join(textsOf(i.All()), ", ")))
	}
}

func textsOf(all []netip.Prefix) []string {
	var texts []string
	for _, p := range all {
		texts = append(texts, p.String())
	}
	return texts
}

// checkRouteTwice looks for a route before the n-th of an interface, or on an
// interface before it, that is the same to the kernel: one destination, one metric.
func (v *validator) checkRouteTwice(h *Host, i *Interface, n int) {
	r := &i.Routes[n]
	for j := range h.Interfaces {
		other := &h.Interfaces[j]
		for k := range other.Routes {
			before := &other.Routes[k]
			if other == i && k == n {
				return
			}
			if before.To == r.To && before.Metric == r.Metric {
				v.errorAt(r.Source.At("to"), fmt.Sprintf("Second route to %s on %s", r.To, h.Name), fmt.Sprintf(
					"There is one at %s. Leave one of them out, or give the spare one a metric: metric = 100.", before.Source.At("")))
				return
			}
		}
	}
}
