package importer

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/plans"
)

// draft is a configuration that has been read: what a kernel would be told, and
// what there is to say about it.
type draft struct {
	opts     Options
	tool     string // "ipvsadm", "keepalived" or "ldirectord"
	services []*service
	index    map[key]*service // of services
	backends int              // in all services
	timeouts plans.Timeouts
	sync     []plans.SyncDaemon
	// Remarks, by where they go in the plan.
	head, ipvs, director, end []note
	hosts                     map[string]lookedUp
	errors                    Errors
	full                      bool // more than maxServices or maxBackends
}

// service is a virtual service as a kernel knows it.
type service struct {
	at       Place
	origin   string // what the configuration calls it, for a comment; may be empty
	group    string // name of a group it is one of; may be empty
	protocol string // "tcp", "udp" or "sctp"; empty with fwmark
	address  netip.Addr
	port     uint16
	fwmark   uint32
	ipv6     bool

	scheduler string // empty: the kernel's tools take wlc
	flags     []string
	onePacket bool
	persist   int // seconds; 0: not persistent
	prefix    int // of client addresses; 0: each on its own
	engine    string
	backends  []*backend
	notes     []note
	endNotes  []note
}

// backend is a real server as a kernel knows it.
type backend struct {
	at           Place
	address      netip.Addr
	port         uint16
	forwarding   plans.Forwarding
	tunnel       plans.Tunnel // with forwarding tun
	weight       int
	upper, lower int
	notes        []note
}

// note is a remark about a line. Notes with one text are said once, for all
// their lines.
type note struct {
	at   Place
	text string
	mute bool // only a comment in the plan, no warning
}

func newDraft(tool string, o Options) *draft {
	if o.Director == "" {
		o.Director = "director"
	}
	if o.Cluster == "" {
		o.Cluster = "imported"
	}
	if o.File == "" {
		o.File = "stdin"
	}
	return &draft{tool: tool, opts: o, index: map[key]*service{}, hosts: map[string]lookedUp{}}
}

// maxErrors bounds the errors that are told at once.
const maxErrors = 20

// fail records that a line cannot be read.
func (d *draft) fail(at Place, format string, args ...any) {
	if len(d.errors) < maxErrors {
		d.errors = append(d.errors, &Error{at, clean(fmt.Sprintf(format, args...))})
	}
}

func warn(at Place, format string, args ...any) note {
	return note{at: at, text: clean(fmt.Sprintf(format, args...))}
}

func remark(at Place, format string, args ...any) note {
	return note{at: at, text: clean(fmt.Sprintf(format, args...)), mute: true}
}

// clean makes a text one printable line: configurations may hold anything.
func clean(s string) string {
	s = strings.ToValidUTF8(s, "?")
	return strings.Map(func(r rune) rune {
		if r == '\t' {
			return ' '
		}
		if !strconv.IsPrint(r) {
			return '?'
		}
		return r
	}, s)
}

// shorten cuts what a message quotes.
func shorten(s string) string {
	const most = 60
	if r := []rune(clean(s)); len(r) > most {
		return string(r[:most]) + "..."
	}
	return clean(s)
}

// add takes a service in, unless there are too many.
func (d *draft) add(s *service) {
	if len(d.services) >= maxServices {
		d.overflow(s.at)
		return
	}
	d.services = append(d.services, s)
	d.index[s.key()] = s
}

// find gives the service with that key, or nil.
func (d *draft) find(k key) *service { return d.index[k] }

// clear takes all services out again.
func (d *draft) clear() {
	d.services, d.index, d.backends = nil, map[key]*service{}, 0
}

// attach takes a backend into a service, unless there are too many.
func (d *draft) attach(s *service, b *backend) {
	if d.backends >= maxBackends {
		d.overflow(b.at)
		return
	}
	d.backends++
	s.backends = append(s.backends, b)
}

func (d *draft) overflow(at Place) {
	if !d.full {
		d.full = true
		d.fail(at, "cannot import more than %d services and %d backends: split the configuration", maxServices, maxBackends)
	}
}

// key finds a service: two with one key cannot both be.
type key struct {
	protocol string
	address  netip.Addr
	port     uint16
	fwmark   uint32
	ipv6     bool
}

func (s *service) key() key {
	return key{s.protocol, s.address, s.port, s.fwmark, s.ipv6}
}

func (k key) String() string {
	if k.fwmark != 0 {
		if k.ipv6 {
			return fmt.Sprintf("firewall mark %d (IPv6)", k.fwmark)
		}
		return fmt.Sprintf("firewall mark %d", k.fwmark)
	}
	return k.protocol + " " + netip.AddrPortFrom(k.address, k.port).String()
}

func (b *backend) endpoint() netip.AddrPort { return netip.AddrPortFrom(b.address, b.port) }
