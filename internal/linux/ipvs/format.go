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
			p.printf(" (%s)", schedFlags(s.Service))
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
		p.printf("-A %s\n", ServiceArguments(s.Service))
		for _, d := range sortedDestinations(s.Destinations) {
			p.printf("-a %s\n", DestinationArguments(s.Key, d.Destination))
		}
	}
	return p.err
}

// ServiceArguments gives what follows -A or -E on ipvsadm's command line, in
// the order in which `ipvsadm -S -n` writes it: "-t 192.0.2.1:80 -s rr".
func ServiceArguments(s Service) string {
	line := KeyArguments(s.Key) + " -s " + s.Scheduler
	if s.Flags&FlagPersistent != 0 {
		line += fmt.Sprintf(" -p %d", s.Timeout)
		if s.Mask() != FullMask(s.Key.Address) {
			line += " -M " + s.Mask().Text(s.Key.Address)
		}
	}
	if s.PEName != "" {
		line += " --pe " + s.PEName
	}
	if s.Flags&FlagOnePacket != 0 {
		line += " -o"
	}
	if s.Flags&flagsSched != 0 {
		line += " -b " + schedFlags(s)
	}
	return line
}

// DestinationArguments gives what follows -a or -e on ipvsadm's command line:
// "-t 192.0.2.1:80 -r 198.51.100.1:80 -m -w 1".
func DestinationArguments(k ServiceKey, d Destination) string {
	line := fmt.Sprintf("%s -r %s %s -w %d", KeyArguments(k), endpoint(d.Addr()), methodOption(d.Forwarding), int32(d.Weight))
	if d.Forwarding != Tunnel {
		return line
	}
	checksum := map[TunnelFlags]string{
		TunnelNoChecksum: "--tun-nocsum", TunnelChecksum: "--tun-csum", TunnelRemoteChecksum: "--tun-remcsum",
	}[d.Tunnel.Flags]
	switch d.Tunnel.Type {
	case TunnelIPIP:
		line += " --tun-type ipip"
	case TunnelGUE:
		line += fmt.Sprintf(" --tun-type gue --tun-port %d %s", d.Tunnel.Port, checksum)
	case TunnelGRE:
		line += " --tun-type gre " + checksum
	}
	return line
}

// KeyArguments gives ipvsadm's options for a service: "-t 192.0.2.1:80",
// "-f 1 -6".
func KeyArguments(k ServiceKey) string {
	if k.FWMark != 0 {
		// ipvsadm prints the mark as a signed number.
		line := fmt.Sprintf("-f %d", int32(k.FWMark))
		if k.Address.Is6() {
			line += " -6"
		}
		return line
	}
	option := "--xxx-service"
	switch k.Protocol {
	case TCP:
		option = "-t"
	case UDP:
		option = "-u"
	case SCTP:
		option = "--sctp-service"
	}
	return option + " " + endpoint(netip.AddrPortFrom(k.Address, k.Port))
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

const flagsSched = FlagSched1 | FlagSched2 | FlagSched3

func schedFlags(s Service) string { return strings.Join(SchedulerFlags(s), ",") }

// SchedulerFlags gives the words for the scheduler's flags that a service has,
// as ipvsadm(8) has them: "sh-fallback", "mh-port", or "flag-1" of a scheduler
// without words for them.
func SchedulerFlags(s Service) []string {
	names := map[string][3]string{
		"sh": {"sh-fallback", "sh-port", ""},
		"mh": {"mh-fallback", "mh-port", ""},
	}
	words, known := names[s.Scheduler]
	if !known {
		words = [3]string{"flag-1", "flag-2", "flag-3"}
	}
	var set []string
	for i, flag := range []Flags{FlagSched1, FlagSched2, FlagSched3} {
		if s.Flags&flag != 0 && words[i] != "" {
			set = append(set, words[i])
		}
	}
	return set
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

func methodOption(f Forwarding) string {
	switch f {
	case NAT:
		return "-m"
	case Tunnel:
		return "-i"
	case Local, Route:
		return "-g"
	}
	return "(null)"
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
