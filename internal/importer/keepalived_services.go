package importer

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
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
	if len(v.reals) == 0 {
		k.end = append(append(k.end, v.service.notes...), warn(s.at, "%s has no real servers: left out, as keepalived does", origin))
		return
	}
	for i, e := range entries {
		if k.full {
			return
		}
		v.make(e, origin, group, i, len(entries) > 1)
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

// make adds the service of entry number i. What there is to say about the block
// is said at the first.
func (v *virtualServer) make(e entry, origin, group string, i int, several bool) {
	s := v.service
	s.at, s.origin, s.group = v.at, origin, group
	s.address, s.port, s.fwmark, s.ipv6 = e.address, e.port, e.fwmark, e.address.Is6()
	if s.flags = slices.Clone(s.flags); i > 0 {
		s.notes = nil
	}
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
		have.notes = append(append(have.notes, s.notes...), warn(e.at, "%s is there already: the second is left out", s.key()))
		for _, r := range v.reals {
			have.notes = append(have.notes, r.notes...)
		}
		return
	}
	v.add(&s)
	for _, r := range v.reals {
		b := v.real(r, &s)
		if i == 0 {
			b.notes = append(slices.Clone(r.notes), b.notes...)
		}
		v.attach(&s, b)
	}
}

// family reports whether a service with a mark is of IPv6: by ip_family or the
// granularity, else by its real servers, first by those that are not tunnelled.
func (v *virtualServer) family() bool {
	if v.service.ipv6 {
		return true
	}
	all := len(v.reals) > 0
	for _, r := range v.reals {
		way := r.forwarding
		if way == "" {
			way = v.forwarding
		}
		if way != plans.ForwardTUN {
			return r.address.Is6()
		}
		all = all && r.address.Is6()
	}
	return all
}

// setting reads a statement in a virtual_server block.
func (v *virtualServer) setting(s *statement) error {
	var err error
	v.service.notes = append(v.service.notes, surplus(s)...)
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
	case "hashed":
		v.service.notes = append(v.service.notes, remark(s.at, "hashed is left out: the kernel sets it itself"))
	case "weight":
		v.weight, err = whole("weight", s.word(1), 0, math.MaxInt32)
		v.hasWeight = true
	case "real_server":
		return v.realServer(s)
	case "sorry_server":
		v.service.notes = append(v.service.notes, warn(s.at, "sorry_server %s is not carried over: nothing puts it in when all real servers are down", shorten(strings.Join(s.words[1:], " "))))
	case "sorry_server_inhibit", "sorry_server_lvs_method":
	case "quorum", "hysteresis", "alpha", "omega", "ha_suspend":
		v.service.notes = append(v.service.notes, notCounting(s.at))
	default:
		v.service.notes = append(v.service.notes, watching(s))
	}
	return err
}

func notCounting(at Place) note {
	return warn(at, "quorum, alpha, omega and the like are not carried over: lvsup does not count which real servers are up")
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
	length := !strings.Contains(text, ".")
	prefix, holes, err := netmask(text, length)
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
	v.service.ipv6 = v.service.ipv6 || length // where no address says otherwise
	return nil
}
