package hcl

import (
	"net/netip"
	"strings"

	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/plans"
)

// host reads a director, real_server or host block, or one round of it.
func (b *block) host() plans.Host {
	h := plans.Host{
		Name:       b.name(),
		Role:       plans.Role(b.schema.name),
		Connection: b.cluster.Connection,
		Packages:   b.texts("packages"),
		Network:    b.text("network"),
		Sysctls:    b.textMap("sysctl"),
		Source:     b.source,
	}
	h.Sensitive = b.secret
	if ref := b.reference(); ref != h.Ref() {
		h.Reference = ref
	}
	for _, inner := range b.children() {
		switch inner.schema.name {
		case "interface":
			h.Interfaces = append(h.Interfaces, inner.iface())
		case "httpd":
			inner.children()
			h.HTTPD = &plans.HTTPD{Index: inner.text("index"), Source: inner.source}
			h.HTTPD.Sensitive = inner.secret
		case "connection":
			h.Connection = inner.connection(h.Connection)
		}
	}
	return h
}

func (b *block) iface() plans.Interface {
	i := plans.Interface{
		Name:     b.label(),
		Address:  b.prefix("address"),
		Gateway:  b.address("gateway"),
		Gateway6: b.address("gateway6"),
		Ifcfg:    b.textMap("ifcfg"),
		Source:   b.source,
	}
	i.Sensitive = b.secret
	i.MTU, _ = b.number("mtu", 576, 65535)
	values, spans := b.elements("addresses")
	for n, v := range values { // one that is wrong keeps its place, and is zero
		i.Addresses = append(i.Addresses, b.prefixValue("addresses", v, spans[n]))
	}
	values, spans = b.elements("dns")
	for n, v := range values {
		if a := b.addressValue("dns", v, spans[n]); a.IsValid() {
			i.DNS = append(i.DNS, a)
		}
	}
	for _, inner := range b.children() {
		inner.children() // none holds any
		switch inner.schema.name {
		case "vlan":
			i.VLAN = &plans.VLAN{Link: inner.text("link"), Source: inner.source}
			i.VLAN.ID, _ = inner.number("id", 1, netconf.MaxVLAN)
			continue
		case "bond":
			i.Bond = inner.bond()
			continue
		}
		r := plans.Route{To: inner.prefix("to"), Via: inner.address("via"), Source: inner.source}
		r.Metric, _ = inner.number("metric", 1, 1<<32-1)
		i.Routes = append(i.Routes, r)
	}
	return i
}

func (b *block) bond() *plans.Bond {
	return &plans.Bond{
		Mode:           b.text("mode"),
		Members:        b.texts("members"),
		MIIMon:         b.durationOr("miimon", plans.DefaultMIIMon),
		Primary:        b.text("primary"),
		LACPRate:       b.text("lacp_rate"),
		XmitHashPolicy: b.text("xmit_hash_policy"),
		Source:         b.source,
	}
}

// What references may ask of a host and of its interfaces.
const (
	hostName      = "name"
	hostRole      = "role"
	hostAddress   = "address"       // of the first interface: 192.168.140.10/24
	hostIP        = "ip"            // 192.168.140.10
	hostInterface = "interface"     // by name
	prefixLength  = "prefix_length" // 24
	ifaceNetwork  = "network"       // 192.168.140.0/24
)

// hostNode makes the hosts of a block known to references. Their values need
// nothing but names and the addresses of interfaces, so a gateway may refer to
// another host even where that one refers back.
func (b *block) hostNode() *node {
	n := &node{members: []string{hostName, hostRole, hostInterface}, repeated: b.repeated()}
	for _, inner := range b.syntax.Body.Blocks {
		if inner.Type == "interface" {
			n.members = []string{hostAddress, hostIP, hostName, hostRole, hostInterface}
			n.interfaces = append(n.interfaces, strings.Join(inner.Labels, ""))
		}
	}
	n.eval = func() cty.Value { return b.eachRound((*block).hostValue) }
	return n
}

func (b *block) hostValue() cty.Value {
	host := map[string]cty.Value{
		hostName: cty.StringVal(b.name()),
		hostRole: cty.StringVal(b.schema.name),
	}
	interfaces := map[string]cty.Value{}
	language, _ := b.schema.block("interface")
	for _, inner := range b.syntax.Body.Blocks {
		if inner.Type != "interface" {
			continue
		}
		// Quietly: host reads the same block again and keeps its source.
		i := &block{loader: b.loader, schema: language, syntax: inner, extra: b.extra, source: plans.Source{"": toRange(inner.DefRange())}}
		value := ifaceValue(i.label(), i.prefix("address"))
		if _, twice := interfaces[i.label()]; !twice {
			interfaces[i.label()] = value
		}
		if _, there := host[hostAddress]; !there {
			host[hostAddress], host[hostIP] = value.GetAttr(hostAddress), value.GetAttr(hostIP)
		}
	}
	host[hostInterface] = cty.ObjectVal(interfaces)
	return cty.ObjectVal(host)
}

// ifaceValue is an interface as references see it; unknown where the address has
// a mistake in it.
func ifaceValue(name string, address netip.Prefix) cty.Value {
	value := map[string]cty.Value{
		hostName:     cty.StringVal(name),
		hostAddress:  cty.UnknownVal(cty.String),
		hostIP:       cty.UnknownVal(cty.String),
		ifaceNetwork: cty.UnknownVal(cty.String),
		prefixLength: cty.UnknownVal(cty.Number),
	}
	if address.IsValid() {
		value[hostAddress] = cty.StringVal(address.String())
		value[hostIP] = cty.StringVal(address.Addr().String())
		value[ifaceNetwork] = cty.StringVal(address.Masked().String())
		value[prefixLength] = cty.NumberIntVal(int64(address.Bits()))
	}
	return cty.ObjectVal(value)
}

// isHostObject reports whether a value is what a reference to a host gives.
func isHostObject(v cty.Value) bool {
	t := v.Type()
	return !v.IsNull() && t.IsObjectType() && t.HasAttribute(hostName) && t.HasAttribute(hostRole) && t.HasAttribute(hostInterface) &&
		t.AttributeType(hostName) == cty.String && t.AttributeType(hostRole) == cty.String
}
