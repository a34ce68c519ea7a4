package importer

import (
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/plans"
)

// Ldirectord reads the configuration of ldirectord(8): virtual services and real
// servers. Checks and what depends on them are told and left out.
//
// The error is an Errors.
func Ldirectord(src []byte, o Options) (*Result, error) {
	d := newDraft("ldirectord", o)
	if len(src) > MaxSize {
		d.fail(Place{File: d.opts.File}, "cannot import more than %d bytes: split the file", MaxSize)
		return nil, d.errors
	}
	l := &ldirectord{draft: d}
	var section []directive // the virtual line and what is indented below it
	text := strings.ReplaceAll(string(src), "\r\n", "\n")
	for i, line := range strings.Split(text, "\n") {
		one := directive{at: Place{d.opts.File, i + 1}}
		bare := strings.TrimLeft(line, " \t")
		if bare == "" || strings.HasPrefix(bare, "#") {
			continue
		}
		indent := len(strings.ReplaceAll(line[:len(line)-len(bare)], "\t", "    "))
		if indent > 0 {
			bare, _, _ = strings.Cut(bare, "#") // as ldirectord does, in quotes too
		}
		one.name, one.value, one.has = strings.Cut(strings.TrimSpace(bare), "=")
		one.name, one.value = strings.TrimSpace(one.name), strings.TrimSpace(one.value)
		switch {
		case indent > 0 && (len(section) == 0 || indent < 4):
			d.fail(one.at, "cannot tell where this belongs: what a virtual has is indented by a tab or at least 4 spaces, everything else not at all")
		case indent > 0:
			section = append(section, one)
		case one.name == "virtual" || one.name == "virtual6":
			l.virtual(section)
			section = []directive{one}
		default:
			l.virtual(section)
			section = nil
			l.global(one)
		}
		if d.full || len(d.errors) >= maxErrors {
			break
		}
	}
	l.virtual(section)
	return d.build()
}

type ldirectord struct{ *draft }

// directive is NAME = VALUE.
type directive struct {
	at          Place
	name, value string
	has         bool // there is a "="
}

// words gives the value's words.
func (o directive) words() []string { return strings.Fields(o.value) }

// global reads a line that is not indented.
func (l *ldirectord) global(o directive) {
	switch o.name {
	case "fallback", "fallback6":
		l.end = append(l.end, noFallback(o))
	case "autoreload", "callback", "execute", "fork", "supervised", "logfile", "maintenancedir":
		l.end = append(l.end, warn(o.at, "%s is for ldirectord itself: left out", o.name))
	default:
		if n, known := watchingDirective(o); known {
			l.end = append(l.end, n)
			return
		}
		l.end = append(l.end, unknownDirective(o))
	}
}

func noFallback(o directive) note {
	return warn(o.at, "%s %s is not carried over: nothing puts it in when all real servers are down", o.name, shorten(o.value))
}

func unknownDirective(o directive) note {
	if !o.has {
		return warn(o.at, "cannot make sense of %q, which is not NAME = VALUE: left out", shorten(o.name))
	}
	return warn(o.at, "unknown directive %q: left out", shorten(o.name))
}

// watchingDirective is the note about what needs a process that watches.
func watchingDirective(o directive) (n note, known bool) {
	switch o.name {
	case "checktype":
		if o.value == "off" {
			return warn(o.at, "checktype = off keeps the real servers out of ldirectord's table; the plan has them in: give them weight = 0 to have them get nothing"), true
		}
		fallthrough
	case "service", "checkcommand", "request", "receive", "virtualhost", "login", "passwd", "database", "secret", "load":
		return warn(o.at, "health checks are not carried over: lvsup does not watch real servers; take a dead one out with weight = 0"), true
	case "checktimeout", "negotiatetimeout", "connecttimeout", "checkinterval", "checkcount", "failurecount", "checkport", "httpmethod", "monitorfile":
		return warn(o.at, "settings of health checks are not carried over"), true
	case "quiescent", "readdquiescent", "cleanstop":
		return warn(o.at, "%s is not carried over: lvsup takes no real server out by itself", o.name), true
	case "fallbackcommand":
		return noScripts(o.at), true
	case "emailalert", "emailalertfrom", "emailalertfreq", "emailalertstatus", "smtp":
		return warn(o.at, "mail is not carried over: run lvsup drift from cron to be told of differences"), true
	}
	return note{}, false
}

// virtual reads a section: its first line is the virtual's.
func (l *ldirectord) virtual(section []directive) {
	if len(section) == 0 || l.full {
		return
	}
	head, s := section[0], &service{at: section[0].at, scheduler: "wrr"} // ldirectord's default
	s.origin = shorten(head.name + " = " + head.value)
	s.ipv6 = head.name == "virtual6"
	value, rest := head.value, ""
	if i := strings.IndexAny(value, " \t"); i >= 0 { // ldirectord takes what it can read
		value, rest = value[:i], strings.TrimSpace(value[i:])
	}
	if rest != "" && !strings.HasPrefix(rest, "#") {
		s.notes = append(s.notes, warn(head.at, "cannot make sense of %q behind the virtual: left out, as ldirectord does", shorten(rest)))
	}
	host, port, err := l.identity(s, value)
	if err != nil {
		l.fail(head.at, "%s", err)
		return
	}
	var reals []directive
	mask := directive{}
	for _, o := range section[1:] {
		if o.name == "netmask" {
			mask = o
			continue
		}
		if o.name == "real" || o.name == "real6" {
			reals = append(reals, o)
			continue
		}
		if err := l.setting(s, o); err != nil {
			l.fail(o.at, "%s", err)
		}
	}
	// A protocol may stand below the ports that it gives a meaning to.
	if s.fwmark == 0 {
		var looked string
		if s.address, looked, err = l.host(host, s.ipv6); err == nil {
			s.port, err = l.port(port, s.protocol)
		}
		if err != nil {
			l.fail(head.at, "%s", err)
			return
		}
		if looked != "" {
			s.notes = append(s.notes, remark(head.at, "%s", looked))
		}
		s.ipv6 = s.address.Is6()
	}
	if s.onePacket && s.fwmark == 0 && s.protocol != "udp" {
		s.notes = append(s.notes, warn(head.at, "ops is for UDP only: left out, as ldirectord does"))
		s.onePacket = false
	}
	if mask.has {
		l.netmask(s, mask)
	}
	if have := l.find(s.key()); have != nil {
		l.fail(head.at, "cannot have %s twice: it is at %s already", s.key(), have.at)
		return
	}
	l.add(s)
	for _, o := range reals {
		if err := l.real(s, o); err != nil {
			l.fail(o.at, "%s", err)
		}
	}
}

// identity reads what follows virtual: ADDRESS:PORT, [ADDRESS]:PORT or a mark.
func (l *ldirectord) identity(s *service, value string) (host, port string, err error) {
	if n, err := strconv.ParseUint(value, 10, 32); err == nil {
		if n == 0 {
			return "", "", errors.New("cannot use firewall mark 0: marks begin at 1")
		}
		s.fwmark = uint32(n)
		return "", "", nil
	}
	i := strings.LastIndexByte(value, ':')
	if i < 0 {
		return "", "", fmt.Errorf("cannot read virtual %q: write ADDRESS:PORT, [ADDRESS]:PORT with virtual6, or a firewall mark", shorten(value))
	}
	host, port = value[:i], value[i+1:]
	if inner, ok := strings.CutPrefix(host, "["); ok {
		host = strings.TrimSuffix(inner, "]")
		if !s.ipv6 {
			return "", "", errors.New("cannot use an IPv6 address here: write virtual6, and real6 for the real servers")
		}
	}
	s.protocol = "tcp"
	if port == "53" || port == "domain" {
		s.protocol = "udp" // as ldirectord takes it
	}
	return host, port, nil
}

// setting reads a line of a section.
func (l *ldirectord) setting(s *service, o directive) error {
	var err error
	switch o.name {
	case "scheduler":
		s.scheduler = o.value
	case "persistent":
		s.persist, err = whole("persistent", o.value, 1, math.MaxInt32)
	case "protocol":
		switch {
		case s.fwmark != 0 && o.value != "fwm":
			return errors.New("cannot give a firewall mark a protocol: it is fwm, or nothing")
		case s.fwmark == 0 && o.value != "tcp" && o.value != "udp":
			return fmt.Errorf("cannot use protocol %q: an address and port have tcp or udp", shorten(o.value))
		case s.fwmark == 0:
			s.protocol = o.value
		}
	case "ops":
		if o.value != "yes" && o.value != "no" {
			return fmt.Errorf("cannot read ops = %q: it is yes or no", shorten(o.value))
		}
		s.onePacket = o.value == "yes"
	case "fallback", "fallback6":
		s.notes = append(s.notes, noFallback(o))
	default:
		n, known := watchingDirective(o)
		if !known {
			n = unknownDirective(o)
		}
		s.notes = append(s.notes, n)
	}
	return err
}

func (l *ldirectord) netmask(s *service, o directive) {
	prefix, holes, err := netmask(o.value, s.ipv6)
	switch {
	case err != nil:
		l.fail(o.at, "%s", err)
	case s.persist == 0:
		s.notes = append(s.notes, warn(o.at, "a netmask without persistence does nothing: left out"))
	case holes:
		s.notes = append(s.notes, holesNote(o.at, o.value))
	default:
		s.prefix = prefix
	}
}

// real reads "ADDRESS[->ADDRESS][:PORT] gate|masq|ipip [WEIGHT] ["REQUEST", "RECEIVE"]".
func (l *ldirectord) real(s *service, o directive) error {
	if (o.name == "real6") != s.ipv6 {
		return fmt.Errorf("cannot use %s here: real goes with virtual, and real6 with virtual6", o.name)
	}
	words := o.words()
	if len(words) < 2 {
		return errors.New("cannot read the real server: write its address, and gate, masq or ipip")
	}
	b := backend{at: o.at, weight: 1}
	first, last, port, err := l.span(words[0], s)
	if err != nil {
		return err
	}
	b.port = port
	switch words[1] {
	case "gate":
		b.forwarding = plans.ForwardDR
	case "masq":
		b.forwarding = plans.ForwardNAT
	case "ipip":
		b.forwarding, b.tunnel = plans.ForwardTUN, plans.Tunnel{Type: plans.TunnelIPIP, Checksum: plans.ChecksumNone}
	default:
		return fmt.Errorf("cannot use method %q: there are gate, masq and ipip", shorten(words[1]))
	}
	words = words[2:]
	if len(words) > 0 && !strings.HasPrefix(words[0], `"`) {
		if b.weight, err = whole("weight", words[0], 0, math.MaxInt32); err != nil {
			return err
		}
		words = words[1:]
	}
	if len(words) > 0 {
		if !strings.HasPrefix(words[0], `"`) {
			return fmt.Errorf("cannot make sense of %q behind the real server", shorten(words[0]))
		}
		b.notes = append(b.notes, warn(o.at, "health checks are not carried over: lvsup does not watch real servers; take a dead one out with weight = 0"))
	}
	if b.forwarding != plans.ForwardNAT && s.fwmark == 0 {
		b.port = s.port // as ldirectord and ipvsadm do, whatever is written
	}
	for a := first; ; a = a.Next() {
		one := b
		one.address, one.notes = a, slices.Clone(b.notes)
		l.attach(s, &one)
		if a == last || l.full {
			return nil
		}
	}
}

// span reads the addresses and the port of a real server.
func (l *ldirectord) span(text string, s *service) (first, last netip.Addr, port uint16, err error) {
	fail := func(err error) (netip.Addr, netip.Addr, uint16, error) {
		return netip.Addr{}, netip.Addr{}, 0, err
	}
	from, to, isRange := strings.Cut(text, "->")
	end := from
	if isRange {
		end = to
	}
	last, port, _, _, err = l.endpoint(end, s.protocol, s.ipv6)
	if err != nil {
		return fail(err)
	}
	if !isRange {
		return last, last, port, nil
	}
	if first, _, err = l.host(strings.Trim(from, "[]"), s.ipv6); err != nil {
		return fail(err)
	}
	if !first.Is4() || !last.Is4() || last.Less(first) {
		return fail(fmt.Errorf("cannot read range %q: it goes from a lower IPv4 address to a higher one", shorten(text)))
	}
	return first, last, port, nil
}
