package netfilter

import (
	"encoding/json"
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
		Expr                 []map[string]json.RawMessage
	}
}

// nftDrops reads what nft -j list ruleset printed. Output that was cut off
// counts as far as it goes.
func nftDrops(out string) bool {
	dec := json.NewDecoder(strings.NewReader(out))
	for range 3 { // {"nftables": [
		if _, err := dec.Token(); err != nil {
			return false
		}
	}
	base := make(map[[3]string]bool) // input and forward chains
	for dec.More() {
		var item nftItem
		if err := dec.Decode(&item); err != nil {
			return false
		}
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
	for line := range strings.Lines(out) {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		switch {
		case f[0] == ":INPUT" || f[0] == ":FORWARD":
			if f[1] == "DROP" {
				return true
			}
		case f[0] == "-A" && len(f) >= 4 && (f[1] == "INPUT" || f[1] == "FORWARD") && f[2] == "-j":
			// Without a match before -j the rule takes every packet.
			if f[3] == "DROP" || f[3] == "REJECT" {
				return true
			}
		}
	}
	return false
}
