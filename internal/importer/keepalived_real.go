package importer

import (
	"fmt"
	"math"
	"strings"

	"github.com/lvsup/lvsup/plans"
)

// realServer is a real_server block. Its port, forwarding and weight may be left
// to the virtual server.
type realServer struct {
	backend
	hasWeight bool
}

// real is a real server within a service, with what it leaves to that.
func (v *virtualServer) real(r *realServer, s *service) *backend {
	b := r.backend
	b.notes = nil
	if !r.hasWeight {
		b.weight = 1
		if v.hasWeight {
			b.weight = v.weight
		}
	}
	if b.forwarding == "" {
		b.forwarding, b.tunnel = v.forwarding, v.tunnel
	}
	if b.forwarding == "" {
		b.forwarding = plans.ForwardNAT // keepalived's default
	}
	switch {
	case s.fwmark != 0 && b.forwarding != plans.ForwardNAT && b.port != 0:
		b.notes = append(b.notes, remark(b.at, "port %d counts only with NAT: keepalived clears it, and so does the plan", b.port))
		b.port = 0
	case s.fwmark == 0 && b.port == 0:
		b.port = s.port
	}
	return &b
}

// method reads "lvs_method NAT|DR|TUN [type ipip|gue|gre [port N] [nocsum|csum|remcsum]]".
func method(s *statement) (f plans.Forwarding, t plans.Tunnel, err error) {
	switch way := strings.ToUpper(s.word(1)); {
	case way == "TUN":
	case len(s.words) > 2:
		return "", t, fmt.Errorf("cannot make sense of %q behind %s %s: one keyword a line", shorten(s.word(2)), s.words[0], shorten(s.word(1)))
	case way == "NAT":
		return plans.ForwardNAT, t, nil
	case way == "DR":
		return plans.ForwardDR, t, nil
	default:
		return "", t, fmt.Errorf("cannot use %s %q: there are NAT, DR and TUN", s.words[0], shorten(s.word(1)))
	}
	t = plans.Tunnel{Type: plans.TunnelIPIP, Checksum: plans.ChecksumNone}
	for i := 2; i < len(s.words); i++ {
		switch word := s.words[i]; word {
		case "type":
			i++
			t.Type = s.word(i)
		case "port":
			i++
			n, err := whole("tunnel port", s.word(i), 1, 65535)
			if err != nil {
				return "", t, err
			}
			t.Port = uint16(n)
		case "nocsum":
			t.Checksum = plans.ChecksumNone
		case "csum":
			t.Checksum = plans.ChecksumFull
		case "remcsum":
			t.Checksum = plans.ChecksumRemote
		default:
			return "", t, fmt.Errorf("cannot make sense of %q behind %s TUN: one keyword a line", shorten(word), s.words[0])
		}
	}
	switch {
	case t.Type != plans.TunnelIPIP && t.Type != plans.TunnelGUE && t.Type != plans.TunnelGRE:
		return "", t, fmt.Errorf("cannot use tunnel type %q: there are ipip, gue and gre", shorten(t.Type))
	case (t.Type == plans.TunnelGUE) != (t.Port != 0):
		return "", t, fmt.Errorf("cannot use tunnel type %s like this: gue needs a port, and only gue has one", t.Type)
	case t.Type == plans.TunnelIPIP && t.Checksum != plans.ChecksumNone, t.Type == plans.TunnelGRE && t.Checksum == plans.ChecksumRemote:
		return "", t, fmt.Errorf("cannot use that checksum with %s: ipip has none, gre nocsum and csum, gue all three", t.Type)
	}
	return plans.ForwardTUN, t, nil
}

// realServer reads a real_server block.
func (v *virtualServer) realServer(s *statement) error {
	r := &realServer{backend: backend{at: s.at, weight: 1}}
	var err error
	if r.address, _, err = v.host(s.word(1), false); err != nil {
		return err
	}
	if s.word(2) != "" {
		if r.port, err = v.port(s.word(2), v.service.protocol); err != nil {
			return err
		}
	}
	for _, inner := range s.block {
		var err error
		r.notes = append(r.notes, surplus(inner)...)
		switch inner.words[0] {
		case "weight":
			r.weight, err = whole("weight", inner.word(1), 0, math.MaxInt32)
			r.hasWeight = true
		case "lvs_method", "lb_kind":
			r.forwarding, r.tunnel, err = method(inner)
		case "uthreshold":
			r.upper, err = whole("uthreshold", inner.word(1), 0, math.MaxInt32)
		case "lthreshold":
			r.lower, err = whole("lthreshold", inner.word(1), 0, math.MaxInt32)
		case "alpha":
			r.notes = append(r.notes, notCounting(inner.at))
		default:
			r.notes = append(r.notes, watching(inner))
		}
		if err != nil {
			v.fail(inner.at, "%s", err)
		}
	}
	v.reals = append(v.reals, r)
	return nil
}

// surplus is the note about words behind a setting, which keepalived ignores.
func surplus(s *statement) []note {
	most := 2
	switch s.words[0] {
	case "ops", "flag-1", "flag-2", "flag-3", "sh-port", "sh-fallback", "mh-port", "mh-fallback", "hashed":
		most = 1
	case "lb_algo", "lvs_sched", "persistence_timeout", "persistence_granularity", "persistence_engine", "protocol", "ip_family",
		"weight", "uthreshold", "lthreshold":
	default:
		return nil
	}
	if len(s.words) <= most {
		return nil
	}
	return []note{warn(s.at, "cannot make sense of %q behind %s: left out, as keepalived does", shorten(s.words[most]), s.words[0])}
}
