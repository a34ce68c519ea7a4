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
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Requests is how often a question is broadcast, spread over the first half of
// the wait.
const Requests = 3

// DefaultWait is how long Ask listens when it is not told.
const DefaultWait = time.Second

// maxMACs bounds what a flood of answers can make of one result.
const maxMACs = 256

// maxBatch is how many questions are on one link at once: a director with a
// thousand VIPs must not be a storm of broadcasts.
const maxBatch = 64

// Question asks who answers for an address (IPv4).
type Question struct {
	Interface string // empty: the one whose network holds the address
	Address   netip.Addr
}

// Answer is the MAC address of everyone who answered, sorted, each once, or why
// it could not be asked.
type Answer struct {
	MACs []net.HardwareAddr
	Err  error
}

// Ask broadcasts ARP requests and gives what was answered within wait
// (DefaultWait if not positive), in the order of the questions. They are asked all at
// once, up to 64 to a link; each further 64 take another wait. Needs CAP_NET_RAW. This
// host's own kernel does not answer its own question.
//
// A request names the interface's own address as its sender. Without one it becomes
// the probe of RFC 5227, with sender 0.0.0.0, to which Linux answers only for
// addresses of the interface that the question came in on: a VIP on lo stays
// hidden then (__inet_dev_addr_type in net/ipv4/fib_frontend.c).
func Ask(ctx context.Context, questions []Question, wait time.Duration) []Answer {
	if wait <= 0 {
		wait = DefaultWait
	}
	answers := make([]Answer, len(questions))
	links := map[int]*net.Interface{}
	byLink := map[int][]int{} // index of the link -> of the questions
	for i, q := range questions {
		link, err := pick(q.Interface, q.Address)
		if err != nil {
			answers[i].Err = err
			continue
		}
		links[link.Index] = link
		byLink[link.Index] = append(byLink[link.Index], i)
	}
	var all sync.WaitGroup
	for index, mine := range byLink {
		// Opened here, and not where it is waited for: a socket belongs to the network
		// namespace of the thread that opens it.
		s, err := open(links[index])
		if err != nil {
			for _, i := range mine {
				answers[i].Err = fmt.Errorf("%s: %w", links[index].Name, err)
			}
			continue
		}
		var packets []packet
		for _, i := range mine {
			packets = append(packets, s.question(questions[i].Address))
		}
		all.Go(func() {
			defer s.close()
			for len(mine) > 0 {
				n := min(len(mine), maxBatch)
				heard, err := s.ask(ctx, packets[:n], wait)
				for _, i := range mine[:n] {
					answers[i] = Answer{heard[questions[i].Address], err}
				}
				mine, packets = mine[n:], packets[n:]
			}
		})
	}
	all.Wait()
	return answers
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
	link *net.Interface
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
	s := &socket{link: link, fd: fd, to: unix.SockaddrLinklayer{Protocol: proto, Ifindex: link.Index, Halen: 6}}
	if err := unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: proto, Ifindex: link.Index}); err != nil {
		unix.Close(fd)
		return nil, fmt.Errorf("bind packet socket: %w", err)
	}
	copy(s.to.Addr[:], broadcast())
	return s, nil
}

func (s *socket) close() { unix.Close(s.fd) }

// question asks who has the address.
func (s *socket) question(addr netip.Addr) packet {
	return packet{
		op: opRequest, senderMAC: s.link.HardwareAddr, sender: senderFor(s.link, addr),
		targetMAC: make(net.HardwareAddr, 6), target: addr,
	}
}

func (s *socket) send(p packet) error {
	if err := unix.Sendto(s.fd, p.encode(), 0, &s.to); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	return nil
}

// ask sends each question Requests times and gives who answered until wait is
// over, by address.
func (s *socket) ask(ctx context.Context, questions []packet, wait time.Duration) (map[netip.Addr][]net.HardwareAddr, error) {
	heard := map[netip.Addr][]net.HardwareAddr{}
	for _, q := range questions {
		heard[q.target] = nil
	}
	start := time.Now()
	gap := wait / (2 * Requests)
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
				for _, q := range questions {
					if err := s.send(q); err != nil {
						return nil, fmt.Errorf("%s: %w", s.link.Name, err)
					}
				}
				sent++
			}
			until = min(until, time.Duration(sent)*gap)
		}
		p, ok, err := s.receive(until - time.Since(start))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", s.link.Name, err)
		}
		macs, asked := heard[p.sender]
		if ok && asked && p.op == opReply && len(macs) < maxMACs && !known(macs, p.senderMAC) {
			heard[p.sender] = append(macs, p.senderMAC)
		}
	}
	for _, macs := range heard {
		slices.SortFunc(macs, func(a, b net.HardwareAddr) int { return bytes.Compare(a, b) })
	}
	return heard, nil
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
