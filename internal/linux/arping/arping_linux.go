package arping

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Requests is how many broadcast requests Who sends, spread over the first
// half of its wait.
const Requests = 3

// DefaultWait is how long Who listens when it is not told.
const DefaultWait = time.Second

// maxMACs bounds what a flood of answers can make of the result.
const maxMACs = 256

// Who broadcasts ARP requests for addr (IPv4) on the interface and returns the
// MAC address of everyone who answered within wait (DefaultWait if not
// positive), sorted, each once. Needs CAP_NET_RAW. This host's own kernel does not answer its own question.
//
// An empty ifname means the interface whose network holds addr. The request
// names the interface's own address as its sender. Without one it becomes the
// probe of RFC 5227, with sender 0.0.0.0, to which Linux answers only for
// addresses of the interface that the question came in on: a VIP on lo stays
// hidden then (__inet_dev_addr_type in net/ipv4/fib_frontend.c).
func Who(ctx context.Context, ifname string, addr netip.Addr, wait time.Duration) ([]net.HardwareAddr, error) {
	if wait <= 0 {
		wait = DefaultWait
	}
	link, err := pick(ifname, addr)
	if err != nil {
		return nil, fmt.Errorf("cannot ask who has %s: %w", addr, err)
	}
	s, err := open(link)
	if err != nil {
		return nil, fmt.Errorf("cannot ask who has %s on %s: %w", addr, link.Name, err)
	}
	defer s.close()
	question := packet{
		op: opRequest, senderMAC: link.HardwareAddr, sender: senderFor(link, addr),
		targetMAC: make(net.HardwareAddr, 6), target: addr,
	}
	macs, err := s.ask(ctx, question, wait)
	if err != nil {
		return nil, fmt.Errorf("cannot ask who has %s on %s: %w", addr, link.Name, err)
	}
	return macs, nil
}

// Announce tells the segment that addr (IPv4) is at this interface: one
// gratuitous request (RFC 5227, 3) and one reply, since some routers heed only
// one of them. Needs CAP_NET_RAW.
func Announce(ifname string, addr netip.Addr) error {
	link, err := pick(ifname, addr)
	if err != nil {
		return fmt.Errorf("cannot announce %s: %w", addr, err)
	}
	s, err := open(link)
	if err != nil {
		return fmt.Errorf("cannot announce %s on %s: %w", addr, link.Name, err)
	}
	defer s.close()
	for _, op := range []uint16{opRequest, opReply} {
		p := packet{op: op, senderMAC: link.HardwareAddr, sender: addr, targetMAC: make(net.HardwareAddr, 6), target: addr}
		if op == opReply {
			p.targetMAC = broadcast()
		}
		if err := s.send(p); err != nil {
			return fmt.Errorf("cannot announce %s on %s: %w", addr, link.Name, err)
		}
	}
	return nil
}

// pick finds the interface and sees that it can carry ARP.
func pick(ifname string, addr netip.Addr) (*net.Interface, error) {
	if !addr.Is4() {
		return nil, errors.New("it is not an IPv4 address; IPv6 has no ARP")
	}
	if ifname == "" {
		return holder(addr)
	}
	link, err := net.InterfaceByName(ifname)
	if err != nil {
		return nil, fmt.Errorf("this host has no interface %q", ifname)
	}
	switch {
	case len(link.HardwareAddr) != 6:
		return nil, fmt.Errorf("interface %s is no Ethernet link", ifname)
	case link.Flags&net.FlagUp == 0:
		return nil, fmt.Errorf("interface %s is down", ifname)
	}
	return link, nil
}

// holder is the Ethernet interface that is up and has an address in a network
// that holds addr.
func holder(addr netip.Addr) (*net.Interface, error) {
	links, err := net.Interfaces()
	if err != nil {
		return nil, err
	}
	for _, link := range links {
		if len(link.HardwareAddr) != 6 || link.Flags&net.FlagUp == 0 {
			continue
		}
		for _, p := range prefixes(&link) {
			if p.Bits() < 32 && p.Contains(addr) {
				return &link, nil
			}
		}
	}
	return nil, errors.New("no interface of this host that is up has an address in its network")
}

// senderFor chooses the link's own address in addr's network, else any other
// of the link's. It is never addr itself: that would claim it.
func senderFor(link *net.Interface, addr netip.Addr) netip.Addr {
	sender := netip.IPv4Unspecified()
	for _, p := range prefixes(link) {
		if p.Addr() == addr {
			continue
		}
		if p.Contains(addr) {
			return p.Addr()
		}
		if sender.IsUnspecified() {
			sender = p.Addr()
		}
	}
	return sender
}

// prefixes are the link's IPv4 addresses.
func prefixes(link *net.Interface) []netip.Prefix {
	addrs, err := link.Addrs()
	if err != nil {
		return nil
	}
	var all []netip.Prefix
	for _, a := range addrs {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			all = append(all, p)
		}
	}
	return all
}

// broadcast is the Ethernet address that every station listens to.
func broadcast() net.HardwareAddr { return net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff} }

// socket is a packet socket bound to ARP on one interface (packet(7)).
type socket struct {
	fd   int
	to   unix.SockaddrLinklayer
	buff [256]byte
}

func open(link *net.Interface) (*socket, error) {
	// The kernel wants the protocol in network byte order.
	proto := binary.NativeEndian.Uint16([]byte{unix.ETH_P_ARP >> 8, unix.ETH_P_ARP & 0xff})
	// Protocol 0 receives nothing until bind names the interface, so no packet
	// of another one slips in before.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("packet socket: %w", err)
	}
	s := &socket{fd: fd, to: unix.SockaddrLinklayer{Protocol: proto, Ifindex: link.Index, Halen: 6}}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: link.Index}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bind packet socket: %w", err)
	}
	copy(s.to.Addr[:], broadcast())
	return s, nil
}

func (s *socket) close() { unix.Close(s.fd) }

func (s *socket) send(p packet) error {
	if err := unix.Sendto(s.fd, p.encode(), 0, &s.to); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// ask sends the question Requests times and gathers the answers until wait is
// over.
func (s *socket) ask(ctx context.Context, question packet, wait time.Duration) ([]net.HardwareAddr, error) {
	start := time.Now()
	gap := wait / (2 * Requests)
	var macs []net.HardwareAddr
	for sent := 0; ; {
		past := time.Since(start)
		if past >= wait && sent > 0 {
			break
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		until := wait
		if sent < Requests {
			if past >= time.Duration(sent)*gap {
				if err := s.send(question); err != nil {
					return nil, err
				}
				sent++
			}
			until = min(until, time.Duration(sent)*gap)
		}
		p, ok, err := s.receive(until - time.Since(start))
		if err != nil {
			return nil, err
		}
		if ok && p.op == opReply && p.sender == question.target && len(macs) < maxMACs && !known(macs, p.senderMAC) {
			macs = append(macs, p.senderMAC)
		}
	}
	slices.SortFunc(macs, func(a, b net.HardwareAddr) int { return bytes.Compare(a, b) })
	return macs, nil
}

func known(macs []net.HardwareAddr, mac net.HardwareAddr) bool {
	return slices.ContainsFunc(macs, func(m net.HardwareAddr) bool { return bytes.Equal(m, mac) })
}

// receive waits for one packet, at most for the time given and never longer
// than 100 ms, so that the caller sees its context end.
func (s *socket) receive(wait time.Duration) (packet, bool, error) {
	wait = max(time.Millisecond, min(wait, 100*time.Millisecond))
	fds := []unix.PollFd{{Fd: int32(s.fd), Events: unix.POLLIN}}
	n, err := unix.Poll(fds, int((wait+time.Millisecond-1)/time.Millisecond))
	if err == unix.EINTR || n == 0 && err == nil {
		return packet{}, false, nil
	}
	if err != nil {
		return packet{}, false, fmt.Errorf("poll: %w", err)
	}
	n, _, err = unix.Recvfrom(s.fd, s.buff[:], 0)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return packet{}, false, nil
	case err != nil:
		return packet{}, false, fmt.Errorf("receive: %w", err)
	}
	p, err := decode(s.buff[:n])
	return p, err == nil, nil
}
