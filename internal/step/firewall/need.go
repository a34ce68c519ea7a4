package firewall

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
)

var portRE = regexp.MustCompile(`^([1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?/(tcp|udp|sctp)|[1-9][0-9]{0,2}/ip)$`)

// need is something that is to get through, and how the tools say it.
type need struct {
	port string     // "80/tcp", "8000-8010/udp", "4/ip"
	from netip.Addr // of answers: the real server that gives them from that port
}

// parseNeed reads "80/tcp", or "80/tcp@192.168.177.20" for answers.
func parseNeed(text string) (need, error) {
	port, address, answers := strings.Cut(text, "@")
	n := need{port: port}
	if !portRE.MatchString(port) {
		return n, fmt.Errorf("%q is not a port and protocol such as 80/tcp", text)
	}
	if !answers {
		return n, nil
	}
	from, err := netip.ParseAddr(address)
	if err != nil || from.Zone() != "" || isProtocol(port) {
		return n, fmt.Errorf("%q is not a real server's port such as 80/tcp@192.168.177.20", text)
	}
	n.from = from.Unmap()
	return n, nil
}

// hook is where the packets pass: answers are forwarded. IPVS takes requests in
// the input hook, after the filters, and gives answers the VIP in the forward
// hook, after the filters too, which so see the real server's address (ip_vs_ops4
// in net/netfilter/ipvs/ip_vs_core.c).
func (n need) hook() string {
	if n.from.IsValid() {
		return "forward"
	}
	return "input"
}

// in reports whether packets of the need come to a chain of that hook and family.
func (n need) in(hook, family string) bool {
	switch {
	case hook != n.hook():
		return false
	case n.from.Is4():
		return family != "ip6"
	case n.from.Is6():
		return family != "ip"
	}
	return true
}

// comment marks lvsup's rules; the need follows.
const comment = "lvsup "

// iptables is the rule's specification for iptables(8).
func (n need) iptables() []string {
	number, protocol, _ := strings.Cut(n.port, "/")
	ports := strings.Replace(number, "-", ":", 1)
	var spec []string
	switch {
	case n.from.IsValid():
		spec = []string{"-s", n.from.String(), "-p", protocol, "--sport", ports}
	case protocol == "ip":
		spec = []string{"-p", number}
	default:
		spec = []string{"-p", protocol, "--dport", ports}
	}
	return append(spec, "-m", "comment", "--comment", comment+n.String(), "-j", "ACCEPT")
}

// nft is the rule for nft(8).
func (n need) nft() string {
	number, protocol, _ := strings.Cut(n.port, "/")
	rule := protocol + " dport " + number
	switch {
	case n.from.Is4():
		rule = "ip saddr " + n.from.String() + " " + protocol + " sport " + number
	case n.from.Is6():
		rule = "ip6 saddr " + n.from.String() + " " + protocol + " sport " + number
	case protocol == "ip":
		rule = "meta l4proto " + number
	}
	return rule + ` accept comment "` + comment + n.String() + `"`
}

// String undoes parseNeed.
func (n need) String() string {
	if n.from.IsValid() {
		return n.port + "@" + n.from.String()
	}
	return n.port
}

// isProtocol reports whether a port is an IP protocol, such as "4/ip".
func isProtocol(port string) bool { return strings.HasSuffix(port, "/ip") }
