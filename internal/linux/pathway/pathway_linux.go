// Package pathway tells how packets go through a host now: its links and what
// they let pass, the kernel's routes, the sockets that listen, and what a
// firewall drops. It only reads, sends nothing, and bounds what it collects.
package pathway

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
	"github.com/lvsup/lvsup/internal/linux/netfilter"
	"github.com/lvsup/lvsup/internal/linux/procsys"
	"github.com/lvsup/lvsup/internal/linux/rtnl"
	"github.com/lvsup/lvsup/internal/wire"
)

// Bounds on what one host reports.
const (
	maxLinks     = 256
	maxAddresses = 64 // of one interface
	maxListeners = 1024
)

// Collect answers the request. It fails only if the kernel does not tell its
// interfaces; whatever else cannot be read stays empty.
func Collect(ctx context.Context, h host.Host, req wire.PathRequest) (wire.Path, error) {
	links, err := links(h)
	if err != nil {
		return wire.Path{}, err
	}
	p := wire.Path{
		Links: links, Routes: []wire.Lookup{}, Verdicts: []wire.Verdict{}, Listeners: listeners(h),
		ForwardsIPv4: number(h, "net.ipv4.ip_forward") != 0,
		ForwardsIPv6: number(h, "net.ipv6.conf.all.forwarding") != 0,
		VSConntrack:  number(h, "net.ipv4.vs.conntrack") != 0,
	}
	for _, q := range req.Routes[:min(len(req.Routes), wire.MaxRouteQuestions)] {
		p.Routes = append(p.Routes, lookup(q))
	}
	if len(req.Packets) > 0 {
		walls := netfilter.Read(ctx, h)
		for _, packet := range req.Packets[:min(len(req.Packets), wire.MaxPackets)] {
			if d, drops := walls.Drops(netfilter.Packet(packet)); drops {
				p.Verdicts = append(p.Verdicts, wire.Verdict{Packet: packet, Rule: d.Rule, Undo: d.Undo})
			}
		}
	}
	if len(req.Ports) > 0 {
		p.Refused = netfilter.Refused(ctx, h, req.Ports[:min(len(req.Ports), wire.MaxPorts)])
		p.RefusesAnswers = netfilter.RefusesAnswers(ctx, h, p.VSConntrack)
	}
	return p, nil
}

func links(h host.Host) ([]wire.PathLink, error) {
	interfaces, err := rtnl.Interfaces()
	if err != nil {
		return nil, err
	}
	cables, err := rtnl.Cables()
	if err != nil {
		return nil, err
	}
	all := []wire.PathLink{}
	for _, i := range interfaces[:min(len(interfaces), maxLinks)] {
		cable := cables[i.Name]
		// The larger of both counts (IN_DEV_MAXCONF in include/linux/inetdevice.h).
		larger := func(name string) int {
			// sysctl names have a slash for a dot in an interface's name.
			own := strings.ReplaceAll(i.Name, ".", "/")
			return max(number(h, "net.ipv4.conf.all."+name), number(h, "net.ipv4.conf."+own+"."+name))
		}
		l := wire.PathLink{
			Name: i.Name, MAC: i.MAC, Up: i.Up, Carrier: cable.Carrier, MTU: cable.MTU, Addresses: []string{},
			RPFilter: larger("rp_filter"), ARPIgnore: larger("arp_ignore"), ARPAnnounce: larger("arp_announce"),
		}
		for _, a := range i.Addresses[:min(len(i.Addresses), maxAddresses)] {
			l.Addresses = append(l.Addresses, a.String())
		}
		all = append(all, l)
	}
	return all, nil
}

// number reads a sysctl, 0 if there is none.
func number(h host.Host, name string) int {
	text, err := procsys.Read(h.Root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil {
		return 0
	}
	return n
}

func lookup(q wire.RouteQuestion) wire.Lookup {
	answer := wire.Lookup{RouteQuestion: q}
	to, err := netip.ParseAddr(q.To)
	if err != nil {
		answer.Error = fmt.Sprintf("%q is no address", q.To)
		return answer
	}
	from := netip.Addr{}
	if q.From != "" {
		if from, err = netip.ParseAddr(q.From); err != nil {
			answer.Error = fmt.Sprintf("%q is no address", q.From)
			return answer
		}
	}
	way, err := rtnl.Lookup(to, from)
	if err != nil {
		answer.Error = err.Error()
		return answer
	}
	answer.Local, answer.Interface, answer.MTU = way.Local, way.Interface, way.MTU
	if way.Gateway.IsValid() {
		answer.Gateway = way.Gateway.String()
	}
	if way.Source.IsValid() {
		answer.Source = way.Source.String()
	}
	return answer
}

// The states of sockets in /proc/net (include/net/tcp_states.h).
const (
	tcpListen = "0A"
	udpBound  = "07" // TCP_CLOSE: bound, and not connected to one peer
)

func listeners(h host.Host) []wire.Listener {
	all := []wire.Listener{}
	for _, t := range []struct{ file, protocol, state string }{
		{"/proc/net/tcp", "tcp", tcpListen}, {"/proc/net/tcp6", "tcp", tcpListen},
		{"/proc/net/udp", "udp", udpBound}, {"/proc/net/udp6", "udp", udpBound},
	} {
		f, err := os.Open(h.Path(t.file))
		if err != nil {
			continue
		}
		all = append(all, parseSockets(f, t.protocol, t.state)...)
		f.Close()
	}
	return all[:min(len(all), maxListeners)]
}

// parseSockets reads a table of /proc/net (proc_net_tcp(5)): sl, local address
// and port in hexadecimal, the same of the peer, state, and more.
func parseSockets(r io.Reader, protocol, state string) []wire.Listener {
	var all []wire.Listener
	lines := bufio.NewScanner(r)
	for lines.Scan() && len(all) < maxListeners {
		field := strings.Fields(lines.Text())
		if len(field) < 4 || field[3] != state {
			continue
		}
		address, port, ok := parseSocket(field[1])
		l := wire.Listener{Protocol: protocol, Address: address.String(), Port: port}
		if ok && !slices.Contains(all, l) {
			all = append(all, l)
		}
	}
	return all
}

// parseSocket reads "0100007F:0050". An address is printed in words of four
// bytes, each in the host's byte order.
func parseSocket(s string) (netip.Addr, uint16, bool) {
	words, last, ok := strings.Cut(s, ":")
	raw, err := hex.DecodeString(words)
	port, portErr := strconv.ParseUint(last, 16, 16)
	if !ok || err != nil || portErr != nil || len(raw)%4 != 0 {
		return netip.Addr{}, 0, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	a, ok := netip.AddrFromSlice(raw)
	return a.Unmap(), uint16(port), ok
}
