package mangle

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// table is lvsup's own, of family inet so that it holds both kinds of address.
const table = "inet lvsup"

// nftChain makes a chain. Priority -150 is iptables' mangle.
func nftChain(chain string) string {
	return fmt.Sprintf("add chain %s %s { type filter hook %s priority -150; policy accept; }", table, chain, chain)
}

// nftRule is the rule in nft's language, without its comment.
func (r rule) nft() string {
	family := "ip"
	if r.address.Is6() {
		family = "ip6"
	}
	if r.mss {
		return fmt.Sprintf("%s saddr %s tcp flags & (syn|rst) == syn tcp option maxseg size set %d", family, r.address, r.value)
	}
	return fmt.Sprintf("%s daddr %s %s dport %s meta mark set %d", family, r.address, r.protocol, r.ports("-"), r.value)
}

// nftAdd makes the table and chains and puts the rule into the chains.
func (r rule) nftAdd(chains []string) []string {
	if len(chains) == 0 {
		return nil
	}
	commands := []string{"add table " + table}
	for _, chain := range chains {
		commands = append(commands, nftChain(chain),
			fmt.Sprintf("add rule %s %s %s comment \"%s%s\"", table, chain, r.nft(), comment, r.key()))
	}
	return commands
}

// nftElement is the part of a ruleset's element that is looked at
// (libnftables-json(5)).
type nftElement struct {
	Rule *struct {
		Chain, Comment string
		Handle         int
		Expr           []map[string]json.RawMessage
	}
}

// parseNFT reads what nft -j list table printed. others counts the rules that
// have no comment of lvsup's.
func parseNFT(out string) (mine []found, others int, err error) {
	var list struct{ Nftables []nftElement }
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		return nil, 0, fmt.Errorf("cannot read what nft prints: %w", err)
	}
	for _, e := range list.Nftables {
		if e.Rule == nil {
			continue
		}
		key, ours := strings.CutPrefix(e.Rule.Comment, comment)
		if !ours {
			others++
			continue
		}
		f := found{tool: nft, key: key, chain: e.Rule.Chain, value: changed, ref: []string{strconv.Itoa(e.Rule.Handle)}}
		if value, ok := nftValue(e.Rule.Expr); ok {
			if r, err := parse(key, value); err == nil && nftDoes(e.Rule.Expr, r) {
				f.value = value
			}
		}
		mine = append(mine, f)
	}
	return mine, others, nil
}

// nftStatement is a match or an assignment, as far as it is looked at.
type nftStatement struct {
	Op    string
	Left  json.RawMessage
	Right json.RawMessage
	Key   json.RawMessage
	Value json.RawMessage
}

// nftValue is what the rule sets something to.
func nftValue(expr []map[string]json.RawMessage) (string, bool) {
	for _, s := range expr {
		var m nftStatement
		if json.Unmarshal(s["mangle"], &m) == nil && len(m.Value) > 0 {
			return string(m.Value), true
		}
	}
	return "", false
}

// nftDoes reports whether a rule does what r says and nothing else. Counters
// do no harm.
func nftDoes(expr []map[string]json.RawMessage, r rule) bool {
	wanted := r.nftMeaning()
	var means []string
	for _, s := range expr {
		for kind, raw := range s {
			var m nftStatement
			if kind == "counter" {
				continue
			}
			if json.Unmarshal(raw, &m) != nil {
				return false
			}
			switch kind {
			case "match":
				means = append(means, m.match())
			case "mangle":
				means = append(means, compact(m.Key)+"="+compact(m.Value))
			default:
				return false
			}
		}
	}
	return slices.Equal(means, wanted)
}

// nftMeaning is what nftDoes looks for.
func (r rule) nftMeaning() []string {
	family, side := "ip", "daddr"
	if r.address.Is6() {
		family = "ip6"
	}
	if r.mss {
		side = "saddr"
	}
	means := []string{family + " " + side + " " + r.address.String()}
	if r.mss {
		return append(means, "tcp flags", fmt.Sprintf(`{"tcp option":{"field":"size","name":"maxseg"}}=%d`, r.value))
	}
	return append(means, r.protocol+" dport "+r.ports("-"), fmt.Sprintf(`{"meta":{"key":"mark"}}=%d`, r.value))
}

// match puts a match into few words.
func (m nftStatement) match() string {
	var left struct {
		Payload struct{ Protocol, Field string }
	}
	_ = json.Unmarshal(m.Left, &left) // what does not fit stays empty, and so unequal
	what := left.Payload.Protocol + " " + left.Payload.Field
	var text string
	var number json.Number
	var ports struct{ Range []json.Number }
	switch {
	case strings.Contains(string(m.Left), `"flags"`):
		// Versions of nft spell the mask differently.
		return "tcp flags"
	case m.Op != "==":
		return m.Op
	case json.Unmarshal(m.Right, &text) == nil:
		return what + " " + text
	case json.Unmarshal(m.Right, &number) == nil:
		return what + " " + number.String()
	case json.Unmarshal(m.Right, &ports) == nil && len(ports.Range) == 2:
		return what + " " + ports.Range[0].String() + "-" + ports.Range[1].String()
	}
	return what
}

// compact writes JSON without blanks and with sorted keys.
func compact(raw json.RawMessage) string {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return string(raw)
	}
	b, err := json.Marshal(v)
	if err != nil {
		return string(raw)
	}
	return string(b)
}
