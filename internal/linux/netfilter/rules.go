package netfilter

import (
	"encoding/json"
	"iter"
	"slices"
	"strconv"
	"strings"
)

// nftItem is the part of a ruleset's element that tells whether it drops
// (libnftables-json(5)).
type nftItem struct {
	Chain *struct {
		Family, Table, Name, Hook, Policy string
	}
	Rule *struct {
		Family, Table, Chain string
		Comment              string
		Handle               int
		Expr                 []map[string]json.RawMessage
	}
}

// nftItems reads what nft -j list ruleset printed. Output that was cut off
// counts as far as it goes.
func nftItems(out string) iter.Seq[nftItem] {
	return func(yield func(nftItem) bool) {
		dec := json.NewDecoder(strings.NewReader(out))
		for range 3 { // {"nftables": [
			if _, err := dec.Token(); err != nil {
				return
			}
		}
		for dec.More() {
			var item nftItem
			if dec.Decode(&item) != nil || !yield(item) {
				return
			}
		}
	}
}

// nftDrops reports whether a rule set drops what it does not know.
func nftDrops(out string) bool {
	base := make(map[[3]string]bool) // input and forward chains
	for item := range nftItems(out) {
		if c := item.Chain; c != nil && (c.Hook == "input" || c.Hook == "forward") {
			if c.Policy == "drop" {
				return true
			}
			base[[3]string{c.Family, c.Table, c.Name}] = true
		}
		if r := item.Rule; r != nil && base[[3]string{r.Family, r.Table, r.Chain}] && nftDropsAll(r.Expr) {
			return true
		}
	}
	return false
}

// nftDropsAll reports whether a rule has no condition and a dropping verdict.
func nftDropsAll(expr []map[string]json.RawMessage) bool {
	for _, statement := range expr {
		for name := range statement {
			switch name {
			case "drop", "reject":
				return true
			case "counter", "log":
			default:
				return false
			}
		}
	}
	return false
}

// iptablesDrops reads what iptables-save printed of the filter table.
func iptablesDrops(out string) bool {
	return iptablesChainDrops(out, "INPUT") || iptablesChainDrops(out, "FORWARD")
}

// iptablesChainDrops reports whether the chain drops what no rule of it accepts.
func iptablesChainDrops(out, chain string) bool {
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch {
		case f[0] == ":"+chain:
			if f[1] == "DROP" {
				return true
			}
		case f[0] == "-A" && len(f) >= 4 && f[1] == chain && f[2] == "-j":
			// Without a match before -j the rule takes every packet.
			if f[3] == "DROP" || f[3] == "REJECT" {
				return true
			}
		}
	}
	return false
}

// nftMatch is a match statement on a port or a protocol, as far as it is looked
// at.
type nftMatch struct {
	Op   string
	Left struct {
		Payload struct{ Protocol, Field string }
		Meta    struct{ Key string }
	}
	Right json.RawMessage
}

// protocolNames are what the tools may print for an IP protocol: its number, and
// its names in the /etc/protocols of distributions.
func protocolNames(number string) []string {
	switch number {
	case "4":
		return []string{number, "ipencap", "ipv4"}
	case "41":
		return []string{number, "ipv6"}
	case "47":
		return []string{number, "gre"}
	}
	return []string{number}
}

// on reports whether the statement is about the port or protocol.
func (m nftMatch) on(port string) bool {
	number, protocol, _ := strings.Cut(port, "/")
	payload := m.Left.Payload
	switch {
	case m.Op != "==":
		return false
	case protocol != "ip":
		return payload.Field == "dport" && (payload.Protocol == protocol || payload.Protocol == "th") && nftHolds(m.Right, number)
	case m.Left.Meta.Key == "l4proto", payload.Protocol == "ip" && payload.Field == "protocol", payload.Protocol == "ip6" && payload.Field == "nexthdr":
		return slices.ContainsFunc(protocolNames(number), func(name string) bool { return nftHolds(m.Right, name) })
	}
	return false
}

// nftAccepts reports whether a rule accepts the port by number.
func nftAccepts(out, port string) bool {
	for item := range nftItems(out) {
		if item.Rule != nil && nftRuleAccepts(item.Rule.Expr, port) {
			return true
		}
	}
	return false
}

func nftRuleAccepts(expr []map[string]json.RawMessage, port string) bool {
	matches, accepts := false, false
	for _, statement := range expr {
		if _, ok := statement["accept"]; ok {
			accepts = true
		}
		var m nftMatch
		if json.Unmarshal(statement["match"], &m) == nil && m.on(port) {
			matches = true
		}
	}
	return matches && accepts
}

// nftHolds reports whether a number, a name, a range or a set of them holds the
// port, all of them if it is a range.
func nftHolds(right json.RawMessage, port string) bool {
	var number json.Number
	if json.Unmarshal(right, &number) == nil {
		return number.String() == port
	}
	var name string
	if json.Unmarshal(right, &name) == nil {
		return name == port
	}
	var several struct {
		Set   []json.RawMessage
		Range []json.Number
	}
	if json.Unmarshal(right, &several) != nil {
		return false
	}
	if len(several.Range) == 2 {
		return within(port, several.Range[0].String(), several.Range[1].String())
	}
	return slices.ContainsFunc(several.Set, func(e json.RawMessage) bool { return nftHolds(e, port) })
}

// within reports whether a port, or a range such as 8000-8010, lies in a range; all
// are decimal.
func within(port, low, high string) bool {
	first, last, ranged := strings.Cut(port, "-")
	if !ranged {
		last = first
	}
	f, err1 := strconv.ParseUint(first, 10, 16)
	t, err2 := strconv.ParseUint(last, 10, 16)
	l, err3 := strconv.ParseUint(low, 10, 16)
	h, err4 := strconv.ParseUint(high, 10, 16)
	return err1 == nil && err2 == nil && err3 == nil && err4 == nil && l <= f && t <= h
}

// decimal is the number, 0 if it is none.
func decimal(s string) uint16 {
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil {
		return 0
	}
	return uint16(n)
}

// iptablesAccepts reports whether a rule that iptables-save printed accepts the
// port by number.
func iptablesAccepts(out, port string) bool {
	number, protocol, _ := strings.Cut(port, "/")
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		after := func(word string) string {
			if i := slices.Index(f, word); i >= 0 && i+1 < len(f) {
				return f[i+1]
			}
			return ""
		}
		if after("-j") != "ACCEPT" {
			continue
		}
		if protocol == "ip" && slices.Contains(protocolNames(number), after("-p")) {
			return true
		}
		if after("-p") != protocol {
			continue
		}
		for _, item := range strings.Split(after("--dport")+","+after("--dports"), ",") {
			low, high, ranged := strings.Cut(item, ":")
			if item == number || ranged && within(number, low, high) {
				return true
			}
		}
	}
	return false
}
