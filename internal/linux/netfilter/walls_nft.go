package netfilter

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// nftBases reads what nft -j list ruleset printed (libnftables-json(5)).
// Their order does not matter: what one chain of a hook drops, no other saves.
func nftBases(out string) []base { return nftBasesOf(slices.Collect(nftItems(out))) }

func nftBasesOf(items []nftItem) []base {
	type place struct{ family, table string }
	chains := map[place]map[string][]rule{}
	of := func(family, table string) map[string][]rule {
		p := place{family, table}
		if chains[p] == nil {
			chains[p] = map[string][]rule{}
		}
		return chains[p]
	}
	var bases []base
	for _, item := range items {
		if c := item.Chain; c != nil && (c.Hook == "input" || c.Hook == "forward" || c.Hook == "output") {
			b := base{hook: c.Hook, family: c.Family, name: c.Name, chains: of(c.Family, c.Table)}
			where := c.Family + " " + c.Table + " " + c.Name
			if c.Policy == "drop" {
				b.policy = Drop{Rule: "chain " + where + " policy drop", Undo: "nft chain " + where + " '{ policy accept; }'"}
			}
			bases = append(bases, b)
		}
		if r := item.Rule; r != nil {
			made := nftRule(r.Expr)
			where := r.Family + " " + r.Table + " " + r.Chain
			made.drop = Drop{
				Rule: fmt.Sprintf("rule %s handle %d", where, r.Handle),
				Undo: fmt.Sprintf("nft delete rule %s handle %d", where, r.Handle),
			}
			in := of(r.Family, r.Table)
			in[r.Chain] = append(in[r.Chain], made)
		}
	}
	return bases
}

// nftRule reads the statements of a rule from left to right, up to its verdict.
func nftRule(statements []map[string]json.RawMessage) rule {
	var r rule
	var conditions []func(Packet) tri
	for _, statement := range statements {
		for name, body := range statement {
			var to struct{ Target string }
			switch name {
			case "match":
				conditions = append(conditions, nftCondition(body))
			case "accept", "drop", "return":
				r.target = name
			case "reject":
				r.target = "drop"
			case "jump":
				r.target = "?"
				if json.Unmarshal(body, &to) == nil {
					r.target, r.jump = "jump", to.Target
				}
			case "counter", "log", "mangle", "notrack":
			case "goto", "vmap", "queue", "xt":
				r.target = "?"
			default:
				conditions = append(conditions, func(Packet) tri { return perhaps })
			}
		}
	}
	r.holds = all(conditions)
	return r
}

func nftCondition(body json.RawMessage) func(Packet) tri {
	var m struct {
		Op   string
		Left struct {
			Payload struct{ Protocol, Field string }
			Meta    struct{ Key string }
			CT      struct{ Key string } `json:"ct"`
		}
		Right json.RawMessage
	}
	unknown := func(Packet) tri { return perhaps }
	if json.Unmarshal(body, &m) != nil || m.Op != "==" && m.Op != "!=" && m.Op != "in" {
		return unknown
	}
	right, ok := nftValues(m.Right)
	if !ok {
		return unknown
	}
	some := func(on func(string) tri) tri {
		result := no
		for _, v := range right {
			result = max(result, on(v))
		}
		return result
	}
	var c func(Packet) tri
	switch payload := m.Left.Payload; {
	case payload.Field == "dport" || payload.Field == "sport":
		c = func(p Packet) tri {
			port := p.DestinationPort
			if payload.Field == "sport" {
				port = p.SourcePort
			}
			return min(truth(payload.Protocol == "th" || payload.Protocol == p.Protocol), some(func(v string) tri { return onPort(port, v, "-") }))
		}
	case payload.Field == "saddr" && payload.Protocol != "ether":
		c = func(p Packet) tri { return some(func(v string) tri { return onAddress(p.Source, v) }) }
	case payload.Field == "daddr" && payload.Protocol != "ether":
		c = func(p Packet) tri { return some(func(v string) tri { return onAddress(p.Destination, v) }) }
	case m.Left.Meta.Key == "l4proto", payload.Field == "protocol", payload.Field == "nexthdr":
		c = func(p Packet) tri { return some(func(v string) tri { return onProtocol(p.Protocol, v) }) }
	case m.Left.Meta.Key == "iifname":
		c = func(p Packet) tri {
			return some(func(v string) tri { return onInterface(p.In, strings.Replace(v, "*", "+", 1)) })
		}
	case m.Left.Meta.Key == "oifname":
		c = func(p Packet) tri {
			return some(func(v string) tri { return onInterface(p.Out, strings.Replace(v, "*", "+", 1)) })
		}
	case m.Left.CT.Key == "state":
		c = func(p Packet) tri { return onState(p, right) }
	default:
		return unknown
	}
	if m.Op == "!=" {
		positive := c
		c = func(p Packet) tri { return yes - positive(p) }
	}
	return c
}

// nftValues gives the texts of a number, a name, a prefix, a range, or a list or
// set of them. ok is false for what is named elsewhere or not known.
func nftValues(raw json.RawMessage) (values []string, ok bool) {
	var number json.Number
	if json.Unmarshal(raw, &number) == nil {
		return []string{number.String()}, true
	}
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return []string{text}, !strings.HasPrefix(text, "@")
	}
	var list []json.RawMessage
	var body struct {
		Set    []json.RawMessage
		Range  []json.Number
		Prefix *struct {
			Addr string
			Len  int
		}
	}
	if json.Unmarshal(raw, &list) != nil {
		if json.Unmarshal(raw, &body) != nil {
			return nil, false
		}
		list = body.Set
	}
	switch {
	case len(body.Range) == 2:
		return []string{body.Range[0].String() + "-" + body.Range[1].String()}, true
	case body.Prefix != nil:
		return []string{body.Prefix.Addr + "/" + strconv.Itoa(body.Prefix.Len)}, true
	}
	for _, item := range list {
		more, ok := nftValues(item)
		if !ok {
			return nil, false
		}
		values = append(values, more...)
	}
	return slices.Clip(values), len(values) > 0
}
