package netfilter

import (
	"context"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Packet is one that asks for a connection, or answers one. What is empty is not
// known.
type Packet struct {
	Hook            string // "input", "forward" or "output"
	Protocol        string // "tcp", "udp", "sctp", or an IP protocol's number
	Source          string
	Destination     string
	SourcePort      uint16
	DestinationPort uint16
	In              string // interfaces
	Out             string
	New             bool // it opens a connection; otherwise its state is not known
}

// Drop is why a packet is dropped.
type Drop struct {
	Rule string // as the tool prints it
	Undo string // a command that takes the rule away
}

// Walls are the rules of a host.
type Walls struct {
	nft      []base // hooked chains of nf_tables
	iptables map[string][]base
}

// base is a chain that packets come to by themselves, with those it jumps to.
type base struct {
	hook   string
	family string // "ip", "ip6" or "inet"
	name   string
	policy Drop // what to undo if the policy drops; zero if it accepts
	chains map[string][]rule
}

// rule is one rule as far as it can be judged.
type rule struct {
	holds  func(Packet) tri
	target string // "accept", "drop", "return", "" for none that ends, "?" for what is not known
	jump   string // a chain, for target "jump"
	drop   Drop
}

// tri is what can be said of a condition. The smaller of two is their "and".
type tri int

const (
	no tri = iota
	perhaps
	yes
)

func truth(b bool) tri {
	if b {
		return yes
	}
	return no
}

// Read reads the rules of nf_tables and of the older iptables, as Drops of this
// package does.
func Read(ctx context.Context, h host.Host) Walls {
	w := Walls{iptables: map[string][]base{}}
	if asksNFT(h) {
		if res, err := h.Run(ctx, "nft", "-j", "list", "ruleset"); err == nil && res.Code == 0 {
			w.nft = nftBases(res.Stdout)
		}
	}
	for _, ip := range []string{"ip", "ip6"} {
		tables, err := os.ReadFile(h.Path("/proc/net/" + ip + "_tables_names"))
		if err != nil || !strings.Contains("\n"+string(tables), "\nfilter\n") {
			continue
		}
		for _, tool := range []string{ip + "tables-legacy", ip + "tables"} {
			res, err := h.Run(ctx, tool+"-save", "-t", "filter")
			if err == nil && res.Code == 0 {
				w.iptables[ip] = iptablesBases(tool, res.Stdout)
				break
			}
		}
	}
	return w
}

// Drops reports whether the rules drop the packet for certain: where that hangs
// on a condition that cannot be judged, they do not.
func (w Walls) Drops(p Packet) (Drop, bool) {
	family := "ip"
	for _, s := range []string{p.Destination, p.Source} {
		if a, err := netip.ParseAddr(s); err == nil && a.Is6() && !a.Is4In6() {
			family = "ip6"
		}
	}
	for _, b := range slices.Concat(w.iptables[family], w.nft) {
		if b.hook != p.Hook || b.family != family && b.family != "inet" {
			continue
		}
		if d, drops := b.drops(p); drops {
			return d, true
		}
	}
	return Drop{}, false
}

func (b base) drops(p Packet) (Drop, bool) {
	c := walk{chains: b.chains, packet: p}
	switch d, verdict := c.chain(b.name, 0); {
	case c.mayPass || verdict == "accept":
		return Drop{}, false
	case verdict == "drop":
		return d, true
	}
	return b.policy, b.policy != Drop{}
}

// maxDepth is how deep jumps go; the kernels' own limits are 16 and below.
const maxDepth = 20

// walk is the way of one packet through a base chain.
type walk struct {
	chains  map[string][]rule
	packet  Packet
	mayPass bool // a rule that cannot be judged may have let it pass
}

// chain gives "accept", "drop", or "" for the end of the chain.
func (w *walk) chain(name string, depth int) (Drop, string) {
	if depth > maxDepth {
		w.mayPass = true
		return Drop{}, ""
	}
	for _, r := range w.chains[name] {
		switch holds := r.holds(w.packet); {
		case holds == no || r.target == "":
		case holds == perhaps && r.target == "drop": // or else what follows decides
		case holds == perhaps || r.target == "?":
			w.mayPass = true
		case r.target == "jump":
			if d, verdict := w.chain(r.jump, depth+1); verdict != "" {
				return d, verdict
			}
		case r.target == "return":
			return Drop{}, ""
		default:
			return r.drop, r.target
		}
	}
	return Drop{}, ""
}

// onAddress reports whether an address is in a network, written 192.0.2.0/24 or as
// a single address.
func onAddress(address, network string) tri {
	p, err := netip.ParsePrefix(network)
	if err != nil {
		a, err := netip.ParseAddr(network)
		if err != nil {
			return perhaps
		}
		p = netip.PrefixFrom(a, a.BitLen())
	}
	a, err := netip.ParseAddr(address)
	if err != nil {
		return perhaps
	}
	return truth(p.Contains(a))
}

// onInterface compares names; a final + stands for any end.
func onInterface(name, pattern string) tri {
	if name == "" {
		return perhaps
	}
	if start, any := strings.CutSuffix(pattern, "+"); any {
		return truth(strings.HasPrefix(name, start))
	}
	return truth(name == pattern)
}

// onPort looks for a port in a list of ports and ranges with that separator.
func onPort(port uint16, list, separator string) tri {
	if port == 0 {
		return perhaps
	}
	for _, item := range strings.Split(list, ",") {
		low, high, ranged := strings.Cut(item, separator)
		if !ranged {
			high = low
		}
		if _, err := strconv.Atoi(low); err != nil {
			return perhaps // a name
		}
		if within(strconv.Itoa(int(port)), low, high) {
			return yes
		}
	}
	return no
}

// onProtocol compares with what a tool may print for a protocol.
func onProtocol(protocol, printed string) tri {
	numbers := map[string]string{"tcp": "6", "udp": "17", "sctp": "132"}
	known := append(protocolNames(protocol), numbers[protocol])
	return truth(printed == "all" || slices.Contains(known, printed))
}

// onState looks for the packet's state in a list.
func onState(p Packet, states []string) tri {
	if !p.New {
		return perhaps
	}
	return truth(slices.ContainsFunc(states, func(s string) bool { return strings.EqualFold(s, "new") }))
}
