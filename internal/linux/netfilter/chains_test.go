package netfilter

import (
	"strings"
	"testing"
)

func none(string) bool { return false }

// chain finds a chain of what nft or iptables printed.
func chain(t *testing.T, all []Chain, hook string) Chain {
	t.Helper()
	for _, c := range all {
		if c.Hook == hook {
			return c
		}
	}
	t.Fatalf("there is no chain for %s in %+v", hook, all)
	return Chain{}
}

func TestChainsOfIPTables(t *testing.T) {
	// RHEL's iptables-services, with a rule that drops one port.
	out := services + "-A FORWARD -j REJECT --reject-with icmp-host-prohibited\n"
	all := Table{Family: "ip", Tool: "iptables", Save: out}.Chains(none)
	input, forward := chain(t, all, "input"), chain(t, all, "forward")
	for port, closed := range map[string]bool{"22/tcp": false, "443/tcp": false, "80/udp": true, "8080/tcp": true, "4/ip": true} {
		if input.Closed(port) != closed {
			t.Errorf("%s: %t", port, !closed)
		}
	}
	if !forward.ClosedToAnswers(true) { // the rule on ESTABLISHED is INPUT's
		t.Error("answers")
	}
	jump := strings.Replace(out, "-A FORWARD -j REJECT", "-A FORWARD -j known\n-A known -m state --state RELATED,ESTABLISHED -j ACCEPT\n-A FORWARD -j REJECT", 1)
	if c := chain(t, Table{Family: "ip", Save: jump}.Chains(none), "forward"); c.ClosedToAnswers(true) || !c.ClosedToAnswers(false) {
		t.Error("answers that a chain lets pass which FORWARD leads to")
	}
	if input.Name != "INPUT" || input.Family != "ip" || len(all) != 2 {
		t.Errorf("%+v", all)
	}
	// A rule that drops a port for certain, where all else may pass.
	open := chain(t, Table{Family: "ip", Save: "*filter\n:INPUT ACCEPT [0:0]\n-A INPUT -p tcp -m tcp --dport 80 -j DROP\n-A INPUT -s 192.0.2.0/24 -p tcp -m tcp --dport 81 -j DROP\n"}.Chains(none), "input")
	if !open.Closed("80/tcp") || open.Closed("81/tcp") || open.Closed("82/tcp") {
		t.Error("a port that a rule drops")
	}
	// Whoever asks may leave rules out.
	skipped := chain(t, Table{Family: "ip", Save: out}.Chains(func(line string) bool { return strings.Contains(line, "--dports 80,443") }), "input")
	if !skipped.Closed("443/tcp") || skipped.Closed("22/tcp") {
		t.Error("a rule that is left out counts")
	}
}

func TestChainsOfNFT(t *testing.T) {
	all := NFTChains(recorded(t, "policy-drop"), none)
	input := chain(t, all, "input")
	if input.Closed("80/tcp") || !input.Closed("81/tcp") {
		t.Error("policy-drop")
	}
	if c := chain(t, NFTChains(recorded(t, "reject-last"), none), "forward"); !c.ClosedToAnswers(false) {
		t.Error("reject-last")
	}
	for _, c := range NFTChains(recorded(t, "open"), none) {
		if !c.Closed("80/tcp") || c.Closed("81/tcp") || c.ClosedToAnswers(false) { // one rule drops 80
			t.Errorf("open: %+v", c)
		}
	}
	// As nft 1.0.6 prints ct state vmap { established : accept, invalid : drop }.
	const vmap = `{"nftables": [{"chain": {"family": "inet", "table": "f", "name": "fwd", "hook": "forward", "policy": "drop"}},
		{"rule": {"family": "inet", "table": "f", "chain": "fwd", "handle": 7, "comment": "lvsup x", "expr": [{"vmap": {"key": {"ct": {"key": "state"}}, "data": {"set": [["established", {"accept": null}], ["invalid", {"drop": null}]]}}}]}}]}`
	if c := chain(t, NFTChains(vmap, none), "forward"); c.ClosedToAnswers(true) || !c.ClosedToAnswers(false) {
		t.Error("a map of states")
	}
	if c := chain(t, NFTChains(vmap, func(comment string) bool { return comment == "lvsup x" }), "forward"); !c.ClosedToAnswers(true) {
		t.Error("a rule that is left out counts")
	}
	elsewhere := strings.Replace(vmap, `"chain": "fwd", "handle"`, `"chain": "known", "handle"`, 1)
	if c := chain(t, NFTChains(elsewhere, none), "forward"); !c.ClosedToAnswers(true) {
		t.Error("a rule of a chain that nothing leads to counts")
	}
	elsewhere = strings.TrimSuffix(elsewhere, "]}") + `, {"rule": {"family": "inet", "table": "f", "chain": "fwd", "expr": [{"vmap": {"key": {"meta": {"key": "iifname"}}, "data": {"set": [["ens36", {"jump": {"target": "known"}}]]}}}]}}]}`
	if c := chain(t, NFTChains(elsewhere, none), "forward"); c.ClosedToAnswers(true) {
		t.Error("a chain that a map leads to is not seen")
	}
	for r := range NFTRules(vmap) {
		if r != (NFTRule{"inet/f/fwd", "lvsup x", 7}) {
			t.Errorf("%+v", r)
		}
	}
}
