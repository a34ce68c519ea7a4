package hcl

import (
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/plans"
)

func (p planWriter) service(top *hclwrite.Body, s *plans.VirtualService, remarks plans.ServiceComments) {
	b := top.AppendNewBlock("virtual_service", []string{s.Name}).Body()
	p.identity(b, s)
	if !s.KeepVIP {
		b.SetAttributeValue("keep_vip", cty.False)
	}
	if s.Persist == plans.PersistNative {
		text(b, "persist", s.Persist)
	}
	if s.Scheduler != plans.DefaultScheduler {
		text(b, "scheduler", s.Scheduler)
	}
	texts(b, "scheduler_flags", s.SchedulerFlags)
	if s.OnePacket {
		b.SetAttributeValue("one_packet", cty.True)
	}
	if s.Forwarding != p.cluster.Forwarding {
		text(b, "forwarding", string(s.Forwarding))
	}
	if s.Drain != p.cluster.IPVS.Drain {
		duration(b, "drain", s.Drain)
	}
	if s.Persistence != nil {
		p.persistence(b, s)
	}
	own := p.serviceTunnel(b, s)
	for i := range s.Backends {
		if i < len(remarks.Backends) {
			p.remarks(b, remarks.Backends[i], 1)
		}
		p.backend(b, s, &s.Backends[i], own)
	}
	p.remarks(b, remarks.End, 1)
}

// identity writes what the kernel finds the service by.
func (p planWriter) identity(b *hclwrite.Body, s *plans.VirtualService) {
	if s.Address.IsValid() {
		text(b, "address", s.Address.String())
	}
	if s.FWMark != 0 {
		b.SetAttributeValue("fwmark", cty.NumberUIntVal(uint64(s.FWMark)))
		if s.IPv6 && !s.Address.IsValid() {
			text(b, "family", plans.FamilyIPv6)
		}
	} else {
		b.SetAttributeValue("port", cty.NumberUIntVal(uint64(s.Port)))
	}
	if s.Protocol != "tcp" {
		text(b, "protocol", s.Protocol)
	}
	if len(s.Ports) == 0 {
		return
	}
	var ports []cty.Value
	for _, r := range s.Ports {
		word, plain := r.String(), r.Protocol == s.Protocol
		if plain {
			word = strings.TrimSuffix(word, "/"+r.Protocol)
		}
		if plain && r.First == r.Last {
			ports = append(ports, cty.NumberUIntVal(uint64(r.First)))
		} else {
			ports = append(ports, cty.StringVal(word))
		}
	}
	b.SetAttributeValue("ports", cty.TupleVal(ports))
}

func (p planWriter) persistence(parent *hclwrite.Body, s *plans.VirtualService) {
	b := parent.AppendNewBlock("persistence", nil).Body()
	duration(b, "timeout", s.Persistence.Timeout)
	full := 32
	if s.Is6() {
		full = 128
	}
	if s.Persistence.PrefixLen != full {
		number(b, "prefix_length", s.Persistence.PrefixLen)
	}
	text(b, "engine", s.Persistence.Engine)
}

// serviceTunnel writes the service's tunnel where it is not the default, and
// gives what backends take over: the block as service reads it.
func (p planWriter) serviceTunnel(b *hclwrite.Body, s *plans.VirtualService) plans.Tunnel {
	byDefault := s.Forwarding == plans.ForwardTUN && sameTunnel(s.Tunnel, fitted(plans.Tunnel{}, s.Is6(), s.Is6()))
	if s.Tunnel.Type == "" || byDefault {
		return plans.Tunnel{}
	}
	return p.tunnel(b, s.Tunnel, s.Is6(), s.Is6())
}

func sameTunnel(a, b plans.Tunnel) bool {
	return a.Type == b.Type && a.Port == b.Port && a.Checksum == b.Checksum && a.MSS == b.MSS
}

// tunnel writes a tunnel block, and gives it as it is read back.
func (p planWriter) tunnel(parent *hclwrite.Body, t plans.Tunnel, outerIPv6, innerIPv6 bool) plans.Tunnel {
	b := parent.AppendNewBlock("tunnel", nil).Body()
	text(b, "type", t.Type)
	number(b, "port", int(t.Port))
	if t.Checksum != plans.ChecksumNone {
		text(b, "checksum", t.Checksum)
	}
	t.Source = plans.Source{}
	if t.MSS != t.FitMSS(outerIPv6, innerIPv6) {
		b.SetAttributeValue("mss", cty.NumberIntVal(int64(t.MSS)))
		t.Source["mss"] = plans.Range{}
	}
	return t
}

func (p planWriter) backend(parent *hclwrite.Body, s *plans.VirtualService, r *plans.Backend, serviceTunnel plans.Tunnel) {
	b := parent.AppendNewBlock("backend", nil).Body()
	host, known := p.cluster.Host(r.Host)
	if known {
		b.SetAttributeTraversal("host", reference(host))
	}
	// The only address of a host goes without saying.
	if !known || len(host.Interfaces) != 1 || len(host.Interfaces[0].Addresses) > 0 || host.Interfaces[0].Address.Addr() != r.Address {
		text(b, "address", r.Address.String())
	}
	if r.Port != s.Port {
		number(b, "port", int(r.Port))
	}
	if r.Weight != 1 {
		b.SetAttributeValue("weight", cty.NumberIntVal(int64(r.Weight)))
	}
	if r.Forwarding != s.Forwarding {
		text(b, "forwarding", string(r.Forwarding))
	}
	number(b, "upper_threshold", r.UpperThreshold)
	number(b, "lower_threshold", r.LowerThreshold)
	inherited := plans.Tunnel{}
	if r.Forwarding == plans.ForwardTUN {
		inherited = fitted(serviceTunnel, r.Address.Is6(), s.Is6())
	}
	if !sameTunnel(r.Tunnel, inherited) {
		p.tunnel(b, r.Tunnel, r.Address.Is6(), s.Is6())
	}
}
