package hcl

import (
	"fmt"
	"net/netip"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/lvsup/lvsup/plans"
)

// backends reads a backend block: one backend, or one for each round.
func (b *block) backends(s *plans.VirtualService) []plans.Backend {
	inner := b.children()
	for _, tunnel := range inner {
		b.source["tunnel"] = tunnel.header()
	}
	rounds, ok := b.allRounds()
	if !ok { // an empty one, so that nothing is said about there being none
		return []plans.Backend{{Forwarding: s.Forwarding, Source: b.source}}
	}
	var out []plans.Backend
	for _, round := range rounds {
		backend, tunnel := round.backend(s), s.Tunnel
		for _, own := range inner {
			tunnel = own.within(round).tunnel()
		}
		if len(inner) > 0 || backend.Forwarding == plans.ForwardTUN {
			backend.Tunnel = fitted(tunnel, backend.Address.Is6(), s.Is6())
		}
		out = append(out, backend)
	}
	return out
}

// backend reads a backend block, or one round of it. It has no Address if the
// plan has a mistake there, and no Host either if it is there.
func (b *block) backend(s *plans.VirtualService) plans.Backend {
	out := plans.Backend{
		Port: s.Port, Weight: 1, Address: b.address("address"),
		Forwarding: plans.Forwarding(b.textOr("forwarding", string(s.Forwarding))), Source: b.source,
	}
	if port, there := b.number("port", 1, 65535); there {
		out.Port = uint16(port)
	}
	if weight, there := b.number("weight", 0, 65535); there {
		out.Weight = weight
	}
	out.UpperThreshold, _ = b.number("upper_threshold", 0, 1<<31-1)
	out.LowerThreshold, _ = b.number("lower_threshold", 0, 1<<31-1)
	v, expr, ok := b.value("host")
	if b.leftOut("host") && b.leftOut("address") {
		b.errorAt(b.header(), "Backend without a host", "Name a real server of the plan:\n  host = real_server.node1\n"+
			"or, of a machine that lvsup is to leave alone, the address:\n  address = \"192.168.140.20\"")
	}
	if !ok {
		return out
	}
	at := toRange(expr.Range())
	if !isHostObject(v) {
		hint := ""
		if name, isText := asText(v); isText {
			hint = b.referenceFor(name)
		} else if holdsHosts(v) {
			hint = "Take them all, with a backend for each:\n  for_each = " + traversalText(hostsOf(expr)) + "\n  host     = each.value"
		}
		b.wrong("host", at, "this is "+describe(v), hint)
		return out
	}
	out.Host = v.GetAttr(hostName).AsString()
	host, there := b.cluster.Host(out.Host)
	if !there {
		b.wrong("host", at, "this is no host of the plan", "")
		return out
	}
	if b.leftOut("address") {
		out.Address = b.rip(host, s)
	}
	return out
}

// hostsOf is the reference that an expression begins with, or the usual one.
func hostsOf(expr hclsyntax.Expression) hcl2.Traversal {
	if reference, ok := expr.(*hclsyntax.ScopeTraversalExpr); ok {
		return reference.Traversal
	}
	return hcl2.Traversal{hcl2.TraverseRoot{Name: string(plans.RoleRealServer)}}
}

// referenceFor says which reference a person meant who wrote a name or an
// address where a reference belongs.
func (b *block) referenceFor(text string) string {
	for _, h := range b.cluster.Hosts {
		for _, i := range h.Interfaces {
			if h.Name == text || i.Address.Addr().String() == text || i.Address.String() == text {
				return fmt.Sprintf("Write %s.", h.Ref())
			}
		}
	}
	return ""
}

// rip chooses the address of a backend that names none: the host's only one in a
// network that the director shares, else its only one. Zero if there is none, or
// no telling.
func (b *block) rip(h *plans.Host, s *plans.VirtualService) netip.Addr {
	var all, near []netip.Addr
	failed := false
	for _, i := range h.Interfaces {
		a := i.Address.Addr()
		if !i.Address.IsValid() {
			failed = true
			continue
		}
		all = append(all, a)
		if s.Address.IsValid() && a.Is4() == s.Address.Is4() && b.nearDirector(a, s.Address) {
			near = append(near, a)
		}
	}
	if len(near) == 0 { // a further one, such as the IPv6 address of a host with both
		near = b.furtherNear(h, s)
	}
	switch {
	case len(near) == 1:
		return near[0]
	case len(all) == 1:
		return all[0]
	case failed:
		return netip.Addr{} // reported at the interface
	case len(all) == 0:
		b.errorAt(b.source.At("host"), h.Name+" has no address", fmt.Sprintf(
			"Give %s %q an interface, or say which address the backend has: address = \"...\"", h.Role, h.Name))
		return netip.Addr{}
	}
	texts := make([]string, len(all))
	for i, a := range all {
		texts[i] = a.String()
	}
	b.errorAt(b.source.At("host"), h.Name+" has several addresses", fmt.Sprintf(
		"Say which one the director sends to (%s), for example:\n  address = %q", strings.Join(texts, ", "), texts[0]))
	return netip.Addr{}
}

// furtherNear lists the further addresses of a host that are of the VIP's family,
// in a network that the director shares.
func (b *block) furtherNear(h *plans.Host, s *plans.VirtualService) []netip.Addr {
	var near []netip.Addr
	for _, i := range h.Interfaces {
		for _, p := range i.Addresses {
			a := p.Addr()
			if p.IsValid() && s.Address.IsValid() && a.Is4() == s.Address.Is4() && b.nearDirector(a, s.Address) {
				near = append(near, a)
			}
		}
	}
	return near
}

// nearDirector reports whether a director has an interface in the network of a,
// other than the one the VIP is in unless that is the only one.
func (b *block) nearDirector(a, vip netip.Addr) bool {
	for _, d := range b.cluster.Directors() {
		for _, i := range d.Interfaces {
			for _, p := range i.All() {
				if p.Masked().Contains(a) && (len(d.Interfaces) == 1 || !p.Masked().Contains(vip)) {
					return true
				}
			}
		}
	}
	return false
}
