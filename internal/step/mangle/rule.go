package mangle

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// rule is one thing that a packet filter is to do.
type rule struct {
	mss         bool // else a mark
	address     netip.Addr
	protocol    string // of a mark: "tcp", "udp" or "sctp"
	first, last uint16 // its ports
	value       uint32 // the mark, or the segment size
}

// comment is what lvsup's rules begin their comment with; the rule's key
// follows.
const comment = "lvsup "

// minMSS is the smallest segment size that Linux takes (TCP_MIN_MSS in
// include/net/tcp.h).
const minMSS = 88

// rules gives what is wanted, marks first.
func (d Desired) rules() ([]rule, error) {
	var all []rule
	seen := map[string]bool{}
	add := func(field string, i int, r rule, err error) error {
		if err == nil && seen[r.key()] {
			err = fmt.Errorf("%s is there twice", r.key())
		}
		if err != nil {
			return fmt.Errorf("%s[%d]: %w", field, i, err)
		}
		seen[r.key()] = true
		all = append(all, r)
		return nil
	}
	for i, m := range d.Marks {
		r, err := m.rule()
		if err := add("marks", i, r, err); err != nil {
			return nil, err
		}
	}
	for i, m := range d.MSS {
		r, err := m.rule()
		if err := add("mss", i, r, err); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func (m Mark) rule() (rule, error) {
	r := rule{value: m.Mark}
	var err error
	if r.address, err = parseAddress(m.Address); err != nil {
		return r, err
	}
	if m.Mark == 0 {
		return r, fmt.Errorf("mark: 0 is what packets without a mark have")
	}
	r.first, r.last, r.protocol, err = parsePort(m.Port)
	return r, err
}

func (m MSS) rule() (rule, error) {
	r := rule{mss: true, value: uint32(m.Size)}
	if m.Size < minMSS || m.Size > 65535 {
		return r, fmt.Errorf("size: %d is not within %d..65535", m.Size, minMSS)
	}
	var err error
	r.address, err = parseAddress(m.Address)
	return r, err
}

func parseAddress(s string) (netip.Addr, error) {
	a, err := netip.ParseAddr(s)
	if err != nil || a.Zone() != "" || a.IsUnspecified() {
		return a, fmt.Errorf("address: %q is not an address", s)
	}
	return a.Unmap(), nil
}

// parsePort reads "80/tcp" or "8000-8010/udp".
func parsePort(s string) (first, last uint16, protocol string, err error) {
	ports, protocol, _ := strings.Cut(s, "/")
	low, high, ranged := strings.Cut(ports, "-")
	if !ranged {
		high = low
	}
	l, err1 := strconv.ParseUint(low, 10, 16)
	h, err2 := strconv.ParseUint(high, 10, 16)
	if err1 != nil || err2 != nil || l == 0 || l > h || protocol != "tcp" && protocol != "udp" && protocol != "sctp" {
		return 0, 0, "", fmt.Errorf("port: %q is not like 80/tcp or 8000-8010/udp", s)
	}
	return uint16(l), uint16(h), protocol, nil
}

// ports gives the ports with that between the first and the last.
func (r rule) ports(between string) string {
	if r.first == r.last {
		return strconv.Itoa(int(r.first))
	}
	return fmt.Sprintf("%d%s%d", r.first, between, r.last)
}

// key names the rule in a change and in its comment: "mark 192.168.140.100
// 80/tcp", "mss 192.168.140.100".
func (r rule) key() string {
	if r.mss {
		return "mss " + r.address.String()
	}
	return "mark " + r.address.String() + " " + r.ports("-") + "/" + r.protocol
}

// text is the rule's value in a change.
func (r rule) text() string { return strconv.FormatUint(uint64(r.value), 10) }

// parse undoes key and text.
func parse(key, text string) (rule, error) {
	value, err := strconv.ParseUint(text, 10, 32)
	if err != nil {
		return rule{}, fmt.Errorf("cannot read the rule %s: its value is %q", key, text)
	}
	f := strings.Fields(key)
	switch {
	case len(f) == 3 && f[0] == "mark":
		return Mark{Address: f[1], Port: f[2], Mark: uint32(value)}.rule()
	case len(f) == 2 && f[0] == "mss":
		return MSS{Address: f[1], Size: int(value)}.rule()
	}
	return rule{}, fmt.Errorf("cannot read the rule %q", key)
}

// chains are those that hold the rule, in nft's spelling; iptables has them in
// capitals.
func (r rule) chains() []string { return chainsOf(r.mss) }

func chainsOf(mss bool) []string {
	if mss {
		return []string{"postrouting"}
	}
	return []string{"prerouting", "output"}
}

// found is a rule with lvsup's comment on a host.
type found struct {
	tool  string
	key   string // from its comment
	chain string
	value string   // decimal, or "changed" if it does not do what its key says
	ref   []string // what deletes it: nft's handle, or iptables' specification
	ipv6  bool     // iptables only
}

// changed is the value of a rule that somebody edited.
const changed = "changed"
