package importer

import (
	"fmt"
	"math/bits"
	"net/netip"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/plans"
)

// host reads an address or looks a host up. What a name stood for goes into the
// remark, which is empty for an address.
func (d *draft) host(text string, ipv6 bool) (a netip.Addr, looked string, err error) {
	if a, err := netip.ParseAddr(text); err == nil {
		a = a.Unmap()
		if a.Zone() != "" {
			return netip.Addr{}, "", fmt.Errorf("cannot use address %q: IPVS knows no zones; leave %%%s out", shorten(text), a.Zone())
		}
		return a, "", nil
	}
	if !validHostName(text) {
		return netip.Addr{}, "", fmt.Errorf("cannot read address %q: write one like 192.0.2.1, or [2001:db8::1] where a port follows", shorten(text))
	}
	if d.opts.Resolver == nil {
		return netip.Addr{}, "", fmt.Errorf("cannot look up %q: write its address", shorten(text))
	}
	a, err = d.lookUp(text, ipv6)
	if err != nil {
		return netip.Addr{}, "", fmt.Errorf("cannot look up %q: write its address, or import where the name is known (%s)", shorten(text), clean(err.Error()))
	}
	return a, fmt.Sprintf("%s is %s today: the plan keeps the address", clean(text), a), nil
}

// lookedUp is a name that was asked for, and what came of it.
type lookedUp struct {
	address netip.Addr
	err     error
}

// lookUp asks for each name once: all its backends get the same address, and a
// name server that is away is waited for once.
func (d *draft) lookUp(name string, ipv6 bool) (netip.Addr, error) {
	key := fmt.Sprintf("%s %t", name, ipv6)
	found, asked := d.hosts[key]
	if !asked {
		found.address, found.err = d.opts.Resolver.Host(name, ipv6)
		found.address = found.address.Unmap()
		d.hosts[key] = found
	}
	return found.address, found.err
}

// validHostName keeps what is no name from the resolver: addresses with a
// mistake (10.0.0.300) too.
func validHostName(s string) bool {
	letters := false
	for _, c := range []byte(s) {
		switch {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z':
			letters = true
		case c >= '0' && c <= '9' || c == '.' || c == '-' || c == '_':
		default:
			return false
		}
	}
	return letters && len(s) <= 253
}

// port reads a port number or looks a service up.
func (d *draft) port(text, protocol string) (uint16, error) {
	if n, err := strconv.ParseUint(text, 10, 32); err == nil {
		if n > 65535 {
			return 0, fmt.Errorf("cannot use port %s: ports go up to 65535", shorten(text))
		}
		return uint16(n), nil
	}
	if text == "" || strings.ContainsAny(text, " \t:[]") || len(text) > 64 {
		return 0, fmt.Errorf("cannot read port %q: write a number", shorten(text))
	}
	if protocol == "" {
		protocol = "tcp"
	}
	if d.opts.Resolver == nil {
		return 0, fmt.Errorf("cannot look up port %q: write its number", shorten(text))
	}
	n, err := d.opts.Resolver.Port(text, protocol)
	if err != nil {
		return 0, fmt.Errorf("cannot look up port %q: write its number (%s)", shorten(text), clean(err.Error()))
	}
	return n, nil
}

// endpoint reads host[:port] or [address]:port. has says that there is a port.
func (d *draft) endpoint(text, protocol string, ipv6 bool) (a netip.Addr, port uint16, has bool, looked string, err error) {
	host, service := text, ""
	switch {
	case strings.HasPrefix(text, "["):
		end := strings.IndexByte(text, ']')
		if end < 0 {
			return a, 0, false, "", fmt.Errorf("cannot read address %q: the closing ] is missing", shorten(text))
		}
		host, service = text[1:end], text[end+1:]
		if service != "" && service[0] != ':' {
			return a, 0, false, "", fmt.Errorf("cannot read address %q: after the ] comes :PORT or nothing", shorten(text))
		}
		service, has = strings.CutPrefix(service, ":")
		ipv6 = true
	case strings.Count(text, ":") == 1:
		host, service, has = strings.Cut(text, ":")
	}
	if a, looked, err = d.host(host, ipv6); err != nil {
		return netip.Addr{}, 0, false, "", err
	}
	if has {
		if port, err = d.port(service, protocol); err != nil {
			return netip.Addr{}, 0, false, "", err
		}
	}
	return a, port, has, looked, nil
}

// whole reads a whole number within bounds.
func whole(what, text string, low, high int) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < low || n > high {
		return 0, fmt.Errorf("cannot read %s %q: want a whole number from %d to %d", what, shorten(text), low, high)
	}
	return n, nil
}

// netmask reads the mask of a persistent service: 255.255.255.0, for IPv6 a
// length; a length is taken for IPv4 too. holes says that it is a mask that no
// length can say.
func netmask(text string, ipv6 bool) (prefix int, holes bool, err error) {
	most := 32
	if ipv6 {
		most = 128
	}
	if n, err := strconv.Atoi(text); err == nil && n >= 1 && n <= most {
		return n, false, nil
	}
	if a, err := netip.ParseAddr(text); err == nil && a.Is4() && !ipv6 {
		b := a.As4()
		m := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		ones := bits.LeadingZeros32(^m)
		if m == 0 {
			return 0, false, fmt.Errorf("cannot use netmask 0.0.0.0: all clients would be one; write one like 255.255.255.0")
		}
		return ones, m<<ones != 0, nil
	}
	if ipv6 {
		return 0, false, fmt.Errorf("cannot read netmask %q: for IPv6 it is a length from 1 to 128", shorten(text))
	}
	return 0, false, fmt.Errorf("cannot read netmask %q: want one like 255.255.255.0", shorten(text))
}

// knownPorts names services after what usually listens on a port; the others are
// named after the number.
func knownPorts(port uint16) string {
	switch port {
	case 0:
		return "all"
	case 21:
		return "ftp"
	case 22:
		return "ssh"
	case 25:
		return "smtp"
	case 53:
		return "dns"
	case 69:
		return "tftp"
	case 80:
		return "http"
	case 110:
		return "pop3"
	case 123:
		return "ntp"
	case 143:
		return "imap"
	case 389:
		return "ldap"
	case 443:
		return "https"
	case 465:
		return "smtps"
	case 514:
		return "syslog"
	case 587:
		return "submission"
	case 636:
		return "ldaps"
	case 993:
		return "imaps"
	case 995:
		return "pop3s"
	case 1433:
		return "mssql"
	case 1521:
		return "oracle"
	case 1812:
		return "radius"
	case 3128:
		return "squid"
	case 3306:
		return "mysql"
	case 3389:
		return "rdp"
	case 5060:
		return "sip"
	case 5432:
		return "postgresql"
	case 6379:
		return "redis"
	case 6443:
		return "kubernetes"
	case 11211:
		return "memcached"
	}
	return ""
}

// label is a service's name without its address: "http", "tcp-8443", "dns-udp",
// "fwmark-1".
func (s *service) label() string {
	if s.fwmark != 0 {
		l := "fwmark-" + strconv.FormatUint(uint64(s.fwmark), 10)
		if s.ipv6 {
			l += "-ipv6"
		}
		return l
	}
	l := knownPorts(s.port)
	switch {
	case l == "":
		return s.protocol + "-" + strconv.Itoa(int(s.port))
	case s.protocol != "tcp":
		return l + "-" + s.protocol
	}
	return l
}

// nameServices gives each service a name of its own that the plan language
// allows, the shortest of: what it serves (http), that with its address
// (http-192.0.2.1), that with a number.
func nameServices(services []*service) []string {
	base := make([]string, len(services))
	count := map[string]int{}
	for i, s := range services {
		base[i] = s.label()
		if g := wordOf(s.group); g != "" {
			base[i] = g + "-" + base[i]
		}
		count[base[i]]++
	}
	names := make([]string, len(services))
	taken := map[string]bool{}
	for i, s := range services {
		name := base[i]
		if count[base[i]] > 1 && s.fwmark == 0 {
			name += "-" + strings.ReplaceAll(s.address.String(), ":", "-")
		}
		if len(name) > maxName || taken[name] {
			name = numbered(name, taken)
		}
		taken[name] = true
		names[i] = name
	}
	return names
}

// maxName bounds a name of the plan language, in bytes.
const maxName = 63

// numbered cuts a name and puts the first free number behind it.
func numbered(name string, taken map[string]bool) string {
	for n := 2; ; n++ {
		tail := "-" + strconv.Itoa(n)
		tried := name[:min(len(name), maxName-len(tail))] + tail
		if !taken[tried] {
			return tried
		}
	}
}

// wordOf makes a part of a name of any text: letters, digits, ".", "_" and "-",
// the first one a letter or digit.
func wordOf(s string) string {
	word := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '.', r == '_', r == '-':
			return r
		}
		return '-'
	}, s)
	word = strings.Trim(word, "._-")
	return strings.TrimRight(word[:min(len(word), 32)], "._-")
}

// nearest gives "; did you mean X?", or nothing.
func nearest(word string, candidates []string) string {
	if near := plans.Nearest(word, candidates); near != "" {
		return "; did you mean " + near + "?"
	}
	return ""
}
