package firstplan

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/plans"
)

// script goes through all questions in order. Each takes its answer, or its
// default, which depends on the answers before.
type script struct {
	answers []string
	asked   []Question
	mistake string // what no plan says of an answer

	cluster, way, director string
	hosts                  []host // the director first
	vip, port, scheduler   string
	page                   bool
}

// host is one with its interfaces.
type host struct {
	name       string
	interfaces []iface
}

type iface struct{ name, address, gateway string }

// ask gives the answer to the next question, or what stands for it.
func (s *script) ask(text, fallback string, help ...string) string {
	n := len(s.asked)
	s.asked = append(s.asked, Question{Text: text, Help: help, Default: fallback})
	if n < len(s.answers) {
		return s.answers[n]
	}
	return fallback
}

func newScript(answers []string) *script {
	s := &script{answers: answers}
	s.cluster = s.ask("A name for the cluster", "web")
	s.way = s.ask("Forwarding", string(plans.ForwardDR),
		"How do requests get from the director to the real servers?",
		"  dr   they share a network; answers go straight back to the client",
		"  nat  they are in a network behind the director; answers go through it",
		"  tun  they may be anywhere; requests are wrapped, answers go straight back")
	s.director = s.ask("The director's name", "director", "Hosts are called what ssh knows them by.")
	if s.way == string(plans.ForwardNAT) {
		s.askNAT()
	} else {
		s.askDirect()
	}
	s.port = s.ask("Port of the service (TCP)", "80")
	s.scheduler = s.ask("Scheduler", plans.DefaultScheduler,
		"Who gets a request? rr: each in turn; wlc: who has the fewest connections; sh:",
		"the same one for the same client. There are more, see ipvsadm(8).")
	s.page = s.yes("Install Apache on the real servers, with a page that says who answered (yes, no)", "no",
		"A service needs somebody who answers: Apache, unless there is a web server.")
	return s
}

// askDirect asks for hosts whose answers go straight to the client.
func (s *script) askDirect() {
	card := s.ask("Its network interface", "eth0")
	address := s.ask("Its address there, with the prefix length", "192.168.140.10/24")
	gateway := s.ask("Its default gateway (\"none\": no default route)", first(address))
	s.hosts = []host{{s.director, []iface{{card, address, none(gateway)}}}}
	names := s.names(address)
	taken := []string{address, gateway}
	for i, name := range names {
		at := s.ask("Address of "+name, pick(address, 20+10*i, taken))
		taken = append(taken, at)
		way := gateway
		if s.way == string(plans.ForwardTUN) {
			way = s.ask("Default gateway of "+name+" (\"none\": no default route)", first(at))
		}
		s.hosts = append(s.hosts, host{name, []iface{{card, at, none(way)}}})
	}
	s.vip = s.ask("The virtual address (VIP), which clients ask", bare(pick(address, 100, taken)))
}

// askNAT asks for hosts of which only the director has a way to the clients.
func (s *script) askNAT() {
	card := s.ask("Its network interface on the clients' side", "eth0")
	address := s.ask("Its address there, with the prefix length", "192.168.146.100/24")
	gateway := s.ask("Its default gateway (\"none\": no default route)", first(address))
	inner := s.ask("Its network interface on the real servers' side", "eth1")
	dip := s.ask("Its address there (DIP), with the prefix length", "192.168.177.254/24",
		"The director is the real servers' gateway.")
	s.hosts = []host{{s.director, []iface{{card, address, none(gateway)}, {inner, dip, ""}}}}
	taken := []string{dip}
	for i, name := range s.names(dip) {
		at := s.ask("Address of "+name, pick(dip, 10+10*i, taken))
		taken = append(taken, at)
		s.hosts = append(s.hosts, host{name, []iface{{card, at, bare(dip)}}})
	}
	s.vip = s.ask("The virtual address (VIP), which clients ask", bare(address), "The director's own address will do.")
}

// names asks for the real servers. By default there are two, or one where the
// network, which the director is in, has no room for more.
func (s *script) names(network string) []string {
	fallback := "node1 node2"
	if p, err := netip.ParsePrefix(network); err == nil && p.Addr().BitLen()-p.Bits() <= 2 {
		fallback = "node1"
	}
	names := strings.Fields(s.ask("The real servers' names, with spaces between them", fallback))
	if len(names) == 0 {
		s.mistake = "There is no name"
	}
	return names
}

func (s *script) yes(text, fallback string, help ...string) bool {
	answer := strings.ToLower(s.ask(text, fallback, help...))
	if !slices.Contains([]string{"yes", "y", "no", "n"}, answer) {
		s.mistake = fmt.Sprintf("%q is neither yes nor no", answer)
	}
	return strings.HasPrefix(answer, "y")
}

// none takes the word that stands for no gateway.
func none(gateway string) string {
	if gateway == "none" {
		return ""
	}
	return gateway
}

// bare takes the prefix length off.
func bare(address string) string {
	at, _, _ := strings.Cut(address, "/")
	return at
}

// first is the first address of a network, where gateways often are, unless it is
// the host's own.
func first(address string) string {
	p, err := netip.ParsePrefix(address)
	if err != nil || p.Bits() >= p.Addr().BitLen()-1 {
		return "none"
	}
	at := p.Masked().Addr().Next()
	if at == p.Addr() {
		at = at.Next()
	}
	return at.String()
}

// pick proposes an address with a prefix length in the network of another: the
// n-th, or one after it that is not taken.
func pick(near string, n int, taken []string) string {
	p, err := netip.ParsePrefix(near)
	if err != nil {
		return ""
	}
	at := p.Masked().Addr()
	size := 1 << min(16, at.BitLen()-p.Bits())
	if n >= size-1 {
		n = 1
	}
	for range n {
		at = at.Next()
	}
	for range 256 {
		busy := slices.ContainsFunc(taken, func(t string) bool { return bare(t) == at.String() })
		last := at.Is4() && p.Bits() < 31 && !p.Contains(at.Next()) // the broadcast address
		if !busy && !last && at != p.Addr() && p.Contains(at) {
			return netip.PrefixFrom(at, p.Bits()).String()
		}
		at = at.Next()
	}
	return ""
}

// plan writes the plan.
func (s *script) plan() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("cluster %s {", quote(s.cluster))
	line("forwarding = %s", quote(s.way))
	line("}")
	for i, h := range s.hosts {
		role := "real_server"
		if i == 0 {
			role = "director"
		}
		line("\n%s %s {", role, quote(h.name))
		for _, card := range h.interfaces {
			line("interface %s {", quote(card.name))
			line("address = %s", quote(card.address))
			if card.gateway != "" {
				line("gateway = %s", quote(card.gateway))
			}
			line("}")
		}
		if i > 0 && s.page {
			line("httpd {\nindex = %s\n}", quote("<h1>This is "+h.name+"!</h1>"))
		}
		line("}")
	}
	line("\nvirtual_service \"web\" {")
	line("address = %s", quote(s.vip))
	line("port = %s", number(s.port))
	line("scheduler = %s", quote(s.scheduler))
	line("backend {\nfor_each = real_server\nhost = each.value\n}")
	line("}")
	return b.String()
}

// number writes digits as they are; the plan language says what is wrong with the
// rest.
func number(text string) string {
	if text == "" || strings.Trim(text, "0123456789") != "" {
		return quote(text)
	}
	return text
}

// quote writes a text as the plan language does.
func quote(text string) string {
	text = strings.ToValidUTF8(text, "?")
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "${", "$${", "%{", "%%{", "\n", `\n`, "\r", `\r`, "\t", `\t`).Replace(text) + `"`
}
