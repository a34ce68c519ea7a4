package importer

import (
	"fmt"
	"math"
	"net/netip"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/plans"
)

// virtualServer reads a virtual_server block: one service, or one for each entry
// of a group.
func (k *keepalived) virtualServer(s *statement) {
	v := &virtualServer{keepalived: k, at: s.at}
	for _, inner := range s.block {
		if err := v.setting(inner); err != nil {
			k.fail(inner.at, "%s", err)
		}
	}
	if v.service.protocol == "" {
		v.service.protocol = "udp"
	}
	origin := shorten(strings.Join(s.words, " "))
	entries, group := v.entries(s)
	for _, e := range entries {
		if k.full {
			return
		}
		v.make(e, origin, group, len(entries) > 1)
	}
}

// virtualServer is a virtual_server block as far as it has been read.
type virtualServer struct {
	*keepalived
	at         Place
	service    service // its settings
	forwarding plans.Forwarding
	tunnel     plans.Tunnel
	weight     int
	hasWeight  bool
	reals      []*realServer
	protocol   bool // it is written
}

// realServer is a real_server block. Its port, forwarding and weight may be left
// to the virtual server.
type realServer struct {
	backend
	hasWeight bool
}

// entry is one service that a virtual_server makes.
type entry struct {
	at      Place
	address netip.Addr
	port    uint16
	fwmark  uint32
}

// entries reads what follows virtual_server: "ADDRESS [PORT]", "fwmark N" or
// "group NAME".
func (v *virtualServer) entries(s *statement) (out []entry, group string) {
	switch s.word(1) {
	case "group":
		group = s.word(2)
		v.used = append(v.used, group)
		g := v.groups[group]
		if g == nil {
			v.fail(s.at, "cannot find virtual_server_group %q: it is in no file that was read", shorten(group))
			return nil, ""
		}
		for _, inner := range g.block {
			out = append(out, v.entry(inner.at, inner.words)...)
		}
		return out, group
	}
	return v.entry(s.at, s.words[1:]), ""
}

func (v *virtualServer) entry(at Place, words []string) []entry {
	if len(words) == 0 {
		v.fail(at, "cannot tell which service this is: write an address and a port, fwmark or group")
		return nil
	}
	if words[0] == "fwmark" {
		text := strings.Join(words[1:], " ")
		n, err := strconv.ParseUint(text, 0, 32)
		if err != nil || n == 0 {
			v.fail(at, "cannot read firewall mark %q: want a whole number from 1 to %d", shorten(text), uint32(math.MaxUint32))
			return nil
		}
		return []entry{{at: at, fwmark: uint32(n)}}
	}
	addresses, err := v.addressRange(words[0])
	if err != nil {
		v.fail(at, "%s", err)
		return nil
	}
	port := uint16(0)
	if len(words) > 1 {
		if port, err = v.port(words[1], v.service.protocol); err != nil {
			v.fail(at, "%s", err)
			return nil
		}
	}
	var out []entry
	for _, a := range addresses {
		out = append(out, entry{at: at, address: a, port: port})
	}
	return out
}

// addressRange reads "192.0.2.1-9", whose end is the last octet, and for IPv6
// "2001:db8::1-ff", whose end is the last group; or one address.
func (v *virtualServer) addressRange(text string) ([]netip.Addr, error) {
	first, last, isRange := strings.Cut(text, "-")
	if _, err := netip.ParseAddr(first); err != nil || !isRange {
		a, _, err := v.host(text, false)
		return []netip.Addr{a}, err
	}
	a, _, err := v.host(first, false)
	if err != nil {
		return nil, err
	}
	base, size := 10, 8
	if a.Is6() {
		base, size = 16, 16
	}
	raw := a.AsSlice()
	low := uint64(raw[len(raw)-1])
	if a.Is6() {
		low |= uint64(raw[len(raw)-2]) << 8
	}
	high, err := strconv.ParseUint(last, base, size)
	if err != nil || high < low {
		return nil, fmt.Errorf("cannot read range %q: behind the - stands the last part of an address, not below the first", shorten(text))
	}
	var out []netip.Addr
	for n := low; n <= high && len(out) <= maxServices; n++ {
		out = append(out, a)
		a = a.Next()
	}
	return out, nil
}

// make adds the service of one entry.
func (v *virtualServer) make(e entry, origin, group string, several bool) {
	s := v.service
	s.at, s.origin, s.group = v.at, origin, group
	s.address, s.port, s.fwmark, s.ipv6 = e.address, e.port, e.fwmark, e.address.Is6()
	s.notes, s.flags = append([]note(nil), v.service.notes...), append([]string(nil), v.service.flags...)
	if several {
		s.origin += ", " + s.key().String()
	}
	if e.fwmark != 0 {
		s.protocol = ""
		s.ipv6 = v.family()
	} else if !v.protocol {
		s.notes = append(s.notes, warn(v.at, "the virtual server names no protocol, which keepalived takes for UDP, and so does the plan: if TCP was meant, take protocol out"))
	}
	if s.onePacket && s.fwmark == 0 && s.protocol != "udp" {
		s.notes = append(s.notes, warn(v.at, "ops is for UDP only: left out, as keepalived does"))
		s.onePacket = false
	}
	if s.fwmark == 0 && s.port == 0 && s.persist == 0 {
		s.notes = append(s.notes, warn(v.at, "a service on every port must be persistent: it gets %d s, as keepalived does", defaultPersistence))
		s.persist = defaultPersistence
	}
	if have := v.find(s.key()); have != nil {
		have.notes = append(have.notes, warn(e.at, "%s is there already: the second is left out", s.key()))
		return
	}
	v.add(&s)
	for _, r := range v.reals {
		v.attach(&s, v.real(r, &s))
	}
}

// family reports whether a service with a mark is of IPv6: by ip_family, else by
// its real servers.
func (v *virtualServer) family() bool {
	if v.service.ipv6 {
		return true
	}
	for _, r := range v.reals {
		if !r.address.Is6() {
			return false
		}
	}
	return len(v.reals) > 0
}

// real is a real server within a service, with what it leaves to that.
func (v *virtualServer) real(r *realServer, s *service) *backend {
	b := r.backend
	b.notes = append([]note(nil), r.notes...)
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

// setting reads a statement in a virtual_server block.
func (v *virtualServer) setting(s *statement) error {
	var err error
	switch word := s.words[0]; word {
	case "lb_algo", "lvs_sched":
		v.service.scheduler = s.word(1)
	case "lb_kind", "lvs_method":
		v.forwarding, v.tunnel, err = method(s)
	case "persistence_timeout":
		v.service.persist = defaultPersistence
		if s.word(1) != "" {
			v.service.persist, err = whole("persistence_timeout", s.word(1), 1, math.MaxInt32)
		}
	case "persistence_granularity":
		err = v.granularity(s)
	case "persistence_engine":
		v.service.engine = s.word(1)
	case "protocol":
		v.service.protocol, v.protocol = strings.ToLower(s.word(1)), true
		if p := v.service.protocol; p != "tcp" && p != "udp" && p != "sctp" {
			return fmt.Errorf("cannot use protocol %q: there are TCP, UDP and SCTP", shorten(s.word(1)))
		}
	case "ip_family":
		v.service.ipv6 = s.word(1) == "inet6"
	case "ops":
		v.service.onePacket = true
	case "flag-1", "flag-2", "flag-3", "sh-port", "sh-fallback", "mh-port", "mh-fallback":
		v.service.flags = append(v.service.flags, word)
	case "hashed": // the kernel sets it itself
	case "weight":
		v.weight, err = whole("weight", s.word(1), 0, math.MaxInt32)
		v.hasWeight = true
	case "real_server":
		return v.realServer(s)
	case "sorry_server":
		v.service.notes = append(v.service.notes, warn(s.at, "sorry_server %s is not carried over: nothing puts it in when all real servers are down", shorten(strings.Join(s.words[1:], " "))))
	case "sorry_server_inhibit", "sorry_server_lvs_method":
	case "quorum", "hysteresis", "alpha", "omega", "ha_suspend":
		v.service.notes = append(v.service.notes, warn(s.at, "%s is not carried over: lvsup does not count which real servers are up", word))
	default:
		v.service.notes = append(v.service.notes, watching(s))
	}
	return err
}

// watching is the note about a keyword of what only a process that watches can
// do, or about an unknown one.
func watching(s *statement) note {
	word := s.words[0]
	switch word {
	case "HTTP_GET", "SSL_GET", "TCP_CHECK", "SMTP_CHECK", "DNS_CHECK", "MISC_CHECK", "BFD_CHECK", "UDP_CHECK", "PING_CHECK", "FILE_CHECK":
		return warn(s.at, "health check %s is not carried over: lvsup does not watch real servers; take a dead one out with weight = 0", word)
	case "delay_loop", "retry", "nb_get_retry", "delay_before_retry", "warmup", "connect_timeout", "virtualhost", "connect_ip", "connect_port",
		"bindto", "bind_if", "bind_port", "fwmark", "log_all_failures", "snmp_name":
		return warn(s.at, "settings of health checks are not carried over")
	case "inhibit_on_failure":
		return warn(s.at, "inhibit_on_failure is not carried over: lvsup does not watch real servers; weight = 0 is how to do it by hand")
	case "notify_up", "notify_down", "quorum_up", "quorum_down":
		return noScripts(s.at)
	case "smtp_alert":
		return warn(s.at, "mail is not carried over: run lvsup drift from cron to be told of differences")
	}
	return warn(s.at, "unknown keyword %q: left out", shorten(word))
}

// granularity reads a mask. As keepalived does, it makes the service persistent.
func (v *virtualServer) granularity(s *statement) error {
	text := s.word(1)
	prefix, holes, err := netmask(text, !strings.Contains(text, "."))
	switch {
	case err != nil:
		return err
	case holes:
		v.service.notes = append(v.service.notes, holesNote(s.at, text))
		return nil
	case v.service.persist == 0:
		v.service.persist = defaultPersistence
	}
	v.service.prefix = prefix
	return nil
}

// method reads "lvs_method NAT|DR|TUN [type ipip|gue|gre [port N] [nocsum|csum|remcsum]]".
func method(s *statement) (f plans.Forwarding, t plans.Tunnel, err error) {
	switch strings.ToUpper(s.word(1)) {
	case "NAT":
		return plans.ForwardNAT, t, nil
	case "DR":
		return plans.ForwardDR, t, nil
	case "TUN":
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
			return "", t, fmt.Errorf("cannot make sense of %q behind %s TUN", shorten(word), s.words[0])
		}
	}
	switch {
	case t.Type != plans.TunnelIPIP && t.Type != plans.TunnelGUE && t.Type != plans.TunnelGRE:
		return "", t, fmt.Errorf("cannot use tunnel type %q: there are ipip, gue and gre", shorten(t.Type))
	case (t.Type == plans.TunnelGUE) != (t.Port != 0):
		return "", t, fmt.Errorf("cannot use tunnel type %s like this: gue needs a port, and only gue has one", t.Type)
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
			r.notes = append(r.notes, warn(inner.at, "alpha is not carried over: lvsup does not count which real servers are up"))
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
