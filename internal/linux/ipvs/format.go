package ipvs

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
)

// Table is what `ipvsadm -L -n` shows.
type Table struct {
	Info     Info
	Services []ServiceState
}

// WriteTable prints the table byte for byte as `ipvsadm -L -n` of ipvsadm
// 1.31 does: sorted, numeric.
func WriteTable(w io.Writer, t Table) error {
	p := &printer{w: w}
	v := t.Info.Version
	p.printf("IP Virtual Server version %d.%d.%d (size=%d)\n", v[0], v[1], v[2], t.Info.ConnTableSize)
	p.printf("Prot LocalAddress:Port Scheduler Flags\n")
	p.printf("  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn\n")
	for _, s := range sortedServices(t.Services) {
		p.printf("%s %s", tableName(s.Key), s.Scheduler)
		if s.Flags&flagsSched != 0 {
			p.printf(" (%s)", strings.Join(saved.schedulerFlags(s.Service), ","))
		}
		if s.Flags&FlagPersistent != 0 {
			p.printf(" persistent %d", s.Timeout)
			if s.Mask() != FullMask(s.Key.Address) {
				p.printf(" mask %s", s.Mask().Text(s.Key.Address))
			}
			if s.PEName != "" {
				p.printf(" pe %s", s.PEName)
			}
		}
		if s.Flags&FlagOnePacket != 0 {
			p.printf(" ops")
		}
		p.printf("\n")
		for _, d := range sortedDestinations(s.Destinations) {
			p.printf("  -> %-28s %-7s %-6d %-10d %-10d\n", endpoint(d.Addr()), methodWord(d.Forwarding),
				int32(d.Weight), d.ActiveConns, d.InActConns)
		}
	}
	return p.err
}

// WriteRules prints the services byte for byte as `ipvsadm -S -n` of ipvsadm
// 1.31 does, which leaves thresholds out.
func WriteRules(w io.Writer, services []ServiceState) error {
	p := &printer{w: w}
	for _, s := range sortedServices(services) {
		p.printf("-A %s\n", saved.service(s.Service))
		for _, d := range sortedDestinations(s.Destinations) {
			p.printf("-a %s\n", saved.destination(s.Key, d.Destination))
		}
	}
	return p.err
}

// WriteConns prints connections byte for byte as `ipvsadm -L -n -c` of ipvsadm
// 1.31 does, in the order given.
func WriteConns(w io.Writer, conns []Conn) error {
	p := &printer{w: w}
	p.printf("IPVS connection entries\n")
	p.printf("pro expire %-11s %-18s %-18s %s\n", "state", "source", "virtual", "destination")
	for _, c := range conns {
		expires := fmt.Sprintf("%02d:%02d", c.Expires/60, c.Expires%60)
		p.printf("%-3s %-6s %-11s %-18s %-18s %s\n", c.Protocol, expires, c.State,
			endpoint(c.Client), endpoint(c.Virtual), endpoint(c.Backend))
	}
	return p.err
}

// printer remembers the first error of a series of writes.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

func tableName(k ServiceKey) string {
	if k.FWMark == 0 {
		protocol := k.Protocol.String()
		if k.Protocol != TCP && k.Protocol != UDP && k.Protocol != SCTP {
			protocol = "?"
		}
		return fmt.Sprintf("%-4s %s", protocol, endpoint(netip.AddrPortFrom(k.Address, k.Port)))
	}
	name := fmt.Sprintf("FWM  %d", int32(k.FWMark))
	if k.Address.Is6() {
		name += " IPv6"
	}
	return name
}

func methodWord(f Forwarding) string {
	switch f {
	case NAT:
		return "Masq"
	case Local:
		return "Local"
	case Tunnel:
		return "Tunnel"
	case Route:
		return "Route"
	}
	return "(null)" // what the C library makes of ipvsadm's missing word
}

// endpoint gives address:port as inet_ntop(3) of glibc writes it, which knows
// the dotted form also for IPv4-compatible addresses (::192.0.2.1).
func endpoint(ap netip.AddrPort) string {
	a := ap.Addr()
	if a.Is6() && !a.Is4In6() {
		b := a.As16()
		compatible := b[12] != 0 || b[13] != 0
		for _, v := range b[:12] {
			compatible = compatible && v == 0
		}
		if compatible {
			return fmt.Sprintf("[::%s]:%d", netip.AddrFrom4([4]byte(b[12:])), ap.Port())
		}
	}
	return ap.String()
}
