package hcl

import (
	"strconv"
	"strings"
	"time"

	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/plans"
)

// service reads a virtual_service block. The hosts have been read before.
func (b *block) service() plans.VirtualService {
	s := plans.VirtualService{
		Name:       b.name(),
		Address:    b.address("address"),
		Protocol:   b.textOr("protocol", "tcp"),
		KeepVIP:    true,
		Persist:    b.textOr("persist", plans.PersistRCLocal),
		Scheduler:  b.textOr("scheduler", plans.DefaultScheduler),
		Forwarding: plans.Forwarding(b.textOr("forwarding", string(b.cluster.Forwarding))),
		Drain:      b.durationOr("drain", b.cluster.IPVS.Drain),
		Source:     b.source,
	}
	b.identity(&s)
	if keep, there := b.boolean("keep_vip"); there {
		s.KeepVIP = keep
	}
	s.OnePacket, _ = b.boolean("one_packet")
	s.SchedulerFlags = b.sortedTexts("scheduler_flags")
	blocks := b.children()
	for _, inner := range blocks { // what backends take over, wherever it stands
		switch inner.schema.name {
		case "persistence":
			s.Persistence = inner.persistence(s.Is6())
		case "tunnel":
			s.Tunnel = inner.tunnel()
		}
	}
	for _, inner := range blocks {
		if inner.schema.name == "backend" {
			s.Backends = append(s.Backends, inner.backends(&s)...)
		}
	}
	if s.Tunnel.Source != nil || s.Forwarding == plans.ForwardTUN {
		s.Tunnel = fitted(s.Tunnel, s.Is6(), s.Is6())
	}
	return s
}

// serviceNode makes the services of a block known to references.
func (b *block) serviceNode() *node {
	return &node{
		members: []string{"address", "fwmark", "name", "port", "protocol"}, repeated: b.repeated(),
		eval: func() cty.Value { return b.eachRound((*block).serviceValue) },
	}
}

// serviceValue is a service as references see it. Its address is unknown where
// there is a mistake in it, and null where it has none.
func (b *block) serviceValue() cty.Value {
	address, protocol := cty.NullVal(cty.String), b.textOr("protocol", "tcp")
	if a := b.address("address"); a.IsValid() {
		address = cty.StringVal(a.String())
	} else if !b.leftOut("address") {
		address = cty.UnknownVal(cty.String)
	}
	value := map[string]cty.Value{"name": cty.StringVal(b.name()), "address": address, "protocol": cty.StringVal(protocol)}
	for name, low := range map[string]int64{"port": 0, "fwmark": 1} {
		value[name] = cty.NullVal(cty.Number)
		if n, there := b.number(name, low, 1<<32-1); there {
			value[name] = cty.NumberIntVal(int64(n))
		}
	}
	return cty.ObjectVal(value)
}

// identity reads what the kernel finds the service by: address, protocol and
// port, or a mark.
func (b *block) identity(s *plans.VirtualService) {
	port, _ := b.number("port", 0, 65535)
	s.Port = uint16(port)
	mark, _ := b.number("fwmark", 1, 1<<32-1)
	s.FWMark = uint32(mark)
	s.Ports = b.portRanges(s.Protocol)
	family := b.text("family")
	if b.written("family") && family != plans.FamilyIPv4 && family != plans.FamilyIPv6 {
		b.wrong("family", b.source["family"], "this is the text "+strconv.Quote(shorten(family)), "")
	}
	s.IPv6 = family == plans.FamilyIPv6 && !s.Address.IsValid() || s.Address.Is6()
	noAddress, noPort := b.leftOut("address"), b.leftOut("port")
	switch {
	case !b.leftOut("fwmark"):
	case noAddress && noPort && b.leftOut("ports"):
		b.errorAt(b.header(), "Attributes \"address\" and \"port\" are missing",
			"A service is found by its address and port, for example:\n  address = \"192.168.140.100\"\n  port    = 80\nor by a firewall mark:\n  fwmark = 1")
	case noAddress:
		b.missing("address")
	case noPort && b.leftOut("ports"):
		b.missing("port")
	}
}

// portRanges reads ports. Those without a protocol have the service's. One with a
// mistake has no ports in it.
func (b *block) portRanges(protocol string) []plans.PortRange {
	values, spans := b.elements("ports")
	out := make([]plans.PortRange, len(values))
	for i, v := range values {
		out[i].Protocol = protocol
		text, isText := asText(v)
		if !v.IsNull() && v.Type() == cty.Number {
			text, isText = v.AsBigFloat().Text('f', -1), true
		}
		if !isText {
			b.wrong("ports", spans[i], "this element is "+describe(v), "")
			continue
		}
		if hint := parsePorts(text, &out[i]); hint != "" {
			b.wrong("ports", spans[i], "this element is "+describe(v), hint)
		}
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

// parsePorts reads "80", "8000-8010" or "53/udp" into p. If it cannot, it says
// what to write.
func parsePorts(text string, p *plans.PortRange) (hint string) {
	number, protocol, other := strings.Cut(text, "/")
	first, last, isRange := strings.Cut(number, "-")
	if !isRange {
		last = first
	}
	low, errLow := strconv.ParseUint(strings.TrimSpace(first), 10, 16)
	high, errHigh := strconv.ParseUint(strings.TrimSpace(last), 10, 16)
	switch {
	case errLow != nil || errHigh != nil:
		return "Write a number from 1 to 65535, a range or either with a protocol: 80, \"8000-8010\", \"53/udp\"."
	case low == 0:
		return "Ports begin at 1. For every port of a protocol, write \"1-65535\"."
	case low > high:
		return "A range goes from the lower port to the higher one."
	}
	p.First, p.Last = uint16(low), uint16(high)
	if other {
		p.Protocol = protocol
	}
	return ""
}

func (b *block) textOr(name, otherwise string) string {
	s := b.text(name)
	if _, there := b.source[name]; !there {
		return otherwise
	}
	return s
}

func (b *block) persistence(ipv6 bool) *plans.Persistence {
	b.children()
	p := &plans.Persistence{Timeout: b.duration("timeout"), PrefixLen: 32, Engine: b.text("engine"), Source: b.source}
	if !b.written("timeout") {
		p.Timeout = time.Second // harmless; that it is missing has been reported
	}
	if ipv6 {
		p.PrefixLen = 128
	}
	if bits, there := b.number("prefix_length", 1, int64(p.PrefixLen)); there {
		p.PrefixLen = bits
	}
	return p
}
