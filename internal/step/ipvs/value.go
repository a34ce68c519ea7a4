package ipvs

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/ipvs"
	"github.com/lvsup/lvsup/internal/step"
)

// flagNames are the words of `ipvsadm -L` for a scheduler's flags, and what it
// says of those that have no name.
func flagNames(scheduler string) [3]string {
	switch scheduler {
	case "sh":
		return [3]string{"sh-fallback", "sh-port", "flag-3"}
	case "mh":
		return [3]string{"mh-fallback", "mh-port", "flag-3"}
	}
	return [3]string{"flag-1", "flag-2", "flag-3"}
}

var schedulerBits = [3]ipvs.Flags{ipvs.FlagSched1, ipvs.FlagSched2, ipvs.FlagSched3}

func parseSchedulerFlag(scheduler, name string) (ipvs.Flags, bool) {
	for i, known := range flagNames(scheduler) {
		if name == known {
			return schedulerBits[i], true
		}
	}
	return 0, false
}

// serviceValue gives a service's settings in the words of `ipvsadm -L`: "rr",
// "rr persistent 10", "sh (sh-fallback,sh-port) persistent 10 mask
// 255.255.255.0 pe sip ops". What the kernel keeps and does not use, such as
// the timeout of a service without persistence, is not part of it.
func serviceValue(s ipvs.Service) string {
	var buf [96]byte
	b := append(buf[:0], s.Scheduler...)
	if s.Scheduler == "" {
		b = append(b, noScheduler...)
	}
	separator := " ("
	for i, name := range flagNames(s.Scheduler) {
		if s.Flags&schedulerBits[i] != 0 {
			b = append(append(b, separator...), name...)
			separator = ","
		}
	}
	if separator == "," {
		b = append(b, ')')
	}
	if s.Flags&ipvs.FlagPersistent != 0 {
		b = appendNumber(b, " persistent ", s.Timeout)
		if s.Mask() != ipvs.FullMask(s.Key.Address) {
			b = append(append(b, " mask "...), s.Mask().Text(s.Key.Address)...)
		}
	}
	if s.PEName != "" {
		b = append(append(b, " pe "...), s.PEName...)
	}
	if s.Flags&ipvs.FlagOnePacket != 0 {
		b = append(b, " ops"...)
	}
	return string(b)
}

// parseService reads what serviceValue wrote.
func parseService(key ipvs.ServiceKey, value string) (ipvs.Service, error) {
	w := words(value)
	s := ipvs.Service{Key: key, Scheduler: w.next(), Netmask: ipvs.FullMask(key.Address)}
	ok := s.Scheduler != ""
	if list, found := strings.CutPrefix(w.peek(), "("); found {
		w.next()
		list, closed := strings.CutSuffix(list, ")")
		ok = ok && closed
		for _, name := range strings.Split(list, ",") {
			flag, known := parseSchedulerFlag(s.Scheduler, name)
			s.Flags |= flag
			ok = ok && known
		}
	}
	if w.word("persistent") {
		s.Flags |= ipvs.FlagPersistent
		s.Timeout = w.number(&ok)
		if w.word("mask") {
			mask, err := ipvs.ParseNetmask(key.Address, w.next())
			s.Netmask = mask
			ok = ok && err == nil
		}
	}
	if w.word("pe") {
		s.PEName = w.next()
		ok = ok && s.PEName != ""
	}
	if w.word("ops") {
		s.Flags |= ipvs.FlagOnePacket
	}
	if !ok || w.peek() != "" {
		return ipvs.Service{}, fmt.Errorf("cannot read %q as a service: want SCHEDULER [(FLAG,...)] [persistent SECONDS [mask MASK]] [pe ENGINE] [ops]", value)
	}
	return s, nil
}

// backendValue gives a backend's settings: "nat weight 1", "tun gue port 6080
// csum weight 1 upper 100 lower 80".
func backendValue(d ipvs.Destination) string {
	var buf [96]byte
	b := append(buf[:0], d.Forwarding.String()...)
	if d.Forwarding == ipvs.Tunnel {
		b = appendTunnel(b, d.Tunnel)
	}
	b = appendNumber(b, weightWord, d.Weight)
	if d.UpperThreshold != 0 {
		b = appendNumber(b, " upper ", d.UpperThreshold)
	}
	if d.LowerThreshold != 0 {
		b = appendNumber(b, " lower ", d.LowerThreshold)
	}
	return string(b)
}

const weightWord = " weight "

// The words for tunnels, by the kernel's numbers; those of ipip and of no
// checksum go without saying.
var (
	tunnelWords   = [...]string{ipvs.TunnelIPIP: "ipip", ipvs.TunnelGUE: "gue", ipvs.TunnelGRE: "gre"}
	checksumWords = [...]string{ipvs.TunnelNoChecksum: "nocsum", ipvs.TunnelChecksum: "csum", ipvs.TunnelRemoteChecksum: "remcsum"}
)

func appendTunnel(b []byte, t ipvs.TunnelSettings) []byte {
	if t == (ipvs.TunnelSettings{}) {
		return b
	}
	if int(t.Type) < len(tunnelWords) {
		b = append(append(b, ' '), tunnelWords[t.Type]...)
	} else {
		b = appendNumber(b, " type-", uint32(t.Type))
	}
	if t.Port != 0 {
		b = appendNumber(b, " port ", uint32(t.Port))
	}
	switch {
	case t.Flags == 0:
	case int(t.Flags) < len(checksumWords):
		b = append(append(b, ' '), checksumWords[t.Flags]...)
	default:
		b = appendNumber(b, " flags-", uint32(t.Flags))
	}
	return b
}

// parseBackend reads what backendValue wrote.
func parseBackend(addr netip.AddrPort, value string) (ipvs.Destination, error) {
	w := words(value)
	d := ipvs.Destination{Address: addr.Addr(), Port: addr.Port()}
	var ok bool
	d.Forwarding, ok = ipvs.ParseForwarding(w.next())
	if d.Forwarding == ipvs.Tunnel && w.peek() != "weight" {
		d.Tunnel.Type = ipvs.TunnelType(w.choice(tunnelWords[:], "type-", 0xff, &ok))
		if w.word("port") {
			port := w.number(&ok)
			d.Tunnel.Port = uint16(port)
			ok = ok && port <= 0xffff
		}
		if w.peek() != "weight" {
			d.Tunnel.Flags = ipvs.TunnelFlags(w.choice(checksumWords[:], "flags-", 0xffff, &ok))
		}
	}
	ok = w.word("weight") && ok
	d.Weight = w.number(&ok)
	if w.word("upper") {
		d.UpperThreshold = w.number(&ok)
	}
	if w.word("lower") {
		d.LowerThreshold = w.number(&ok)
	}
	if !ok || w.peek() != "" {
		return ipvs.Destination{}, fmt.Errorf("cannot read %q as a backend: want FORWARDING [TUNNEL [port PORT] [CHECKSUM]] weight NUMBER [upper NUMBER] [lower NUMBER]", value)
	}
	return d, nil
}

// drained gives a backend's value with weight 0, as an interrupted removal
// leaves it.
func drained(value string) string {
	before, after, ok := strings.Cut(value, weightWord)
	if !ok {
		return value
	}
	if _, rest, has := strings.Cut(after, " "); has {
		return before + weightWord + "0 " + rest
	}
	return before + weightWord + "0"
}

// addTable flattens a table into a state.
func addTable(state step.State, table []ipvs.ServiceState) {
	for _, s := range table {
		state[serviceID(s.Key)] = serviceValue(s.Service)
		ids := newBackendIDs(s.Key)
		for _, d := range s.Destinations {
			state[ids.of(d.Addr())] = backendValue(d.Destination)
		}
	}
}

func appendNumber(b []byte, word string, n uint32) []byte {
	return strconv.AppendUint(append(b, word...), uint64(n), 10)
}

// scanner reads a value word by word; the words are one space apart.
type scanner struct{ rest string }

func words(value string) *scanner { return &scanner{value} }

// peek gives the next word, "" at the end.
func (s *scanner) peek() string {
	word, _, _ := strings.Cut(s.rest, " ")
	return word
}

func (s *scanner) next() string {
	var word string
	word, s.rest, _ = strings.Cut(s.rest, " ")
	return word
}

// word passes over the next word if it is that one.
func (s *scanner) word(want string) bool {
	if s.peek() != want {
		return false
	}
	s.next()
	return true
}

// number reads a number, and clears ok where there is none.
func (s *scanner) number(ok *bool) uint32 {
	n, err := strconv.ParseUint(s.next(), 10, 32)
	*ok = *ok && err == nil
	return uint32(n)
}

// choice reads one of the words, as its place among them, or prefix and a
// number up to most; it clears ok at anything else.
func (s *scanner) choice(words []string, prefix string, most uint64, ok *bool) uint64 {
	word := s.next()
	for i, w := range words {
		if w == word {
			return uint64(i)
		}
	}
	text, found := strings.CutPrefix(word, prefix)
	n, err := strconv.ParseUint(text, 10, 64)
	*ok = *ok && found && err == nil && n <= most
	return n
}
