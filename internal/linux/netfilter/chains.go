package netfilter

import (
	"context"
	"encoding/json"
	"iter"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/host"
)

// Chain is a base chain that packets for the host ("input") or through it
// ("forward") come to by themselves.
type Chain struct {
	Family string // "ip", "ip6" or "inet"
	Table  string
	Name   string
	Hook   string

	drops   bool // what no rule accepts
	accepts func(port string) bool
	answers bool // a rule accepts what belongs to a known connection
	base    base
}

// Closed reports whether a port such as "80/tcp", or an IP protocol such as
// "4/ip", does not get through: what no rule accepts is dropped and none accepts
// it by number, as Refused has it, or a rule drops it for certain.
func (c Chain) Closed(port string) bool {
	if c.accepts(port) {
		return false
	}
	if c.drops {
		return true
	}
	number, protocol, _ := strings.Cut(port, "/")
	p := Packet{Hook: c.Hook, Protocol: protocol, New: true}
	if protocol == "ip" {
		p.Protocol = number
	} else {
		first, _, _ := strings.Cut(number, "-")
		p.DestinationPort = decimal(first)
	}
	_, certain := c.base.drops(p)
	return certain
}

// ClosedToAnswers reports whether a packet that nobody asked for does not get
// through; known says that the answers in question belong to a connection which
// the kernel tracks.
func (c Chain) ClosedToAnswers(known bool) bool { return c.drops && !(known && c.answers) }

// NFTChains reads the base chains of filters from what nft -j list ruleset
// printed, without those rules for which skip, given the comment, is true.
func NFTChains(out string, skip func(comment string) bool) []Chain {
	var kept []nftItem
	rules := map[[2]string]nftRules{}
	for item := range nftItems(out) {
		if r := item.Rule; r != nil {
			if skip(r.Comment) {
				continue
			}
			at := [2]string{r.Family, r.Table}
			rules[at] = append(rules[at], item)
		}
		kept = append(kept, item)
	}
	bases := nftBasesOf(kept)
	var chains []Chain
	for _, item := range kept {
		c := item.Chain
		if c == nil || c.Hook != "input" && c.Hook != "forward" && c.Hook != "output" {
			continue
		}
		b := bases[0] // they are in the same order
		bases = bases[1:]
		if c.Hook == "output" || c.Family != "ip" && c.Family != "ip6" && c.Family != "inet" {
			continue
		}
		mine := rules[[2]string{c.Family, c.Table}].reached(c.Name)
		chains = append(chains, Chain{
			Family: c.Family, Table: c.Table, Name: c.Name, Hook: c.Hook, base: b,
			drops:   c.Policy == "drop" || mine.dropsAll(c.Name),
			accepts: mine.accepts, answers: mine.answers(),
		})
	}
	return chains
}

// nftRules are rules of one table.
type nftRules []nftItem

// reached are the rules of the chain and of those that it leads to.
func (t nftRules) reached(chain string) nftRules {
	leads := map[string][]string{}
	for _, item := range t {
		for _, statement := range item.Rule.Expr {
			for _, body := range statement {
				leads[item.Rule.Chain] = append(leads[item.Rule.Chain], nftTargets(body)...)
			}
		}
	}
	seen := reach(chain, leads)
	var mine nftRules
	for _, item := range t {
		if seen[item.Rule.Chain] {
			mine = append(mine, item)
		}
	}
	return mine
}

// nftTargets are the chains that a statement names, which a map may do too.
func nftTargets(body json.RawMessage) []string {
	var one struct{ Target string }
	if json.Unmarshal(body, &one) == nil && one.Target != "" {
		return []string{one.Target}
	}
	var targets []string
	var fields map[string]json.RawMessage
	var list []json.RawMessage
	if json.Unmarshal(body, &fields) == nil {
		list = slices.Collect(maps.Values(fields))
	} else if json.Unmarshal(body, &list) != nil {
		return nil
	}
	for _, item := range list {
		targets = append(targets, nftTargets(item)...)
	}
	return targets
}

// reach gives the chains that one leads to, itself among them.
func reach(chain string, leads map[string][]string) map[string]bool {
	seen := map[string]bool{chain: true}
	for todo := []string{chain}; len(todo) > 0; todo = todo[1:] {
		for _, next := range leads[todo[0]] {
			if !seen[next] {
				seen[next] = true
				todo = append(todo, next)
			}
		}
	}
	return seen
}

func (t nftRules) dropsAll(chain string) bool {
	return slices.ContainsFunc(t, func(item nftItem) bool { return item.Rule.Chain == chain && nftDropsAll(item.Rule.Expr) })
}

func (t nftRules) accepts(port string) bool {
	return slices.ContainsFunc(t, func(item nftItem) bool { return nftRuleAccepts(item.Rule.Expr, port) })
}

// answers reports whether a rule, or a map of states, accepts what is known.
func (t nftRules) answers() bool {
	return slices.ContainsFunc(t, func(item nftItem) bool {
		established, accepts := false, false
		for _, statement := range item.Rule.Expr {
			for name, body := range statement {
				text := string(body)
				established = established || strings.Contains(text, `"established"`)
				accepts = accepts || name == "accept" || name == "vmap" && strings.Contains(text, `"accept"`)
			}
		}
		return established && accepts
	})
}

// NFTRule names a rule of nft's.
type NFTRule struct {
	Chain   string // "inet/filter/input"
	Comment string
	Handle  int
}

// NFTRules reads the rules from what nft -j list ruleset printed.
func NFTRules(out string) iter.Seq[NFTRule] {
	return func(yield func(NFTRule) bool) {
		for item := range nftItems(out) {
			if r := item.Rule; r != nil && !yield(NFTRule{r.Family + "/" + r.Table + "/" + r.Chain, r.Comment, r.Handle}) {
				return
			}
		}
	}
}

// Table is an iptables filter table.
type Table struct {
	Family string // "ip" or "ip6"
	Tool   string // the command that changes it: "iptables", "ip6tables-legacy"
	Save   string // as iptables-save(8) prints it
}

// FilterTables reads the filter tables that iptables keeps, in the kernel's older
// tables or in nf_tables. The caller knows that a service uses iptables: asking
// may load its modules.
func FilterTables(ctx context.Context, h host.Host) []Table {
	var all []Table
	for _, ip := range []string{"ip", "ip6"} {
		names, err := os.ReadFile(h.Path("/proc/net/" + ip + "_tables_names"))
		tools := []string{ip + "tables"}
		if err == nil && strings.Contains("\n"+string(names), "\nfilter\n") {
			tools = []string{ip + "tables-legacy", ip + "tables"}
		}
		for _, tool := range tools {
			res, err := h.Run(ctx, tool+"-save", "-t", "filter")
			if err == nil && res.Code == 0 {
				all = append(all, Table{ip, tool, res.Stdout})
				break
			}
		}
	}
	return all
}

// Chains are the table's base chains, without the rules for which skip, given
// the line, is true.
func (t Table) Chains(skip func(line string) bool) []Chain {
	var kept strings.Builder
	leads := map[string][]string{}
	for line := range strings.Lines(t.Save) {
		if skip(line) {
			continue
		}
		kept.WriteString(line)
		f := strings.Fields(line)
		for i, word := range f {
			if (word == "-j" || word == "-g") && i > 1 && i+1 < len(f) {
				leads[f[1]] = append(leads[f[1]], f[i+1])
			}
		}
	}
	save := kept.String()
	var chains []Chain
	for _, b := range iptablesBases(t.Tool, save) {
		if b.hook == "output" {
			continue
		}
		mine := reachedLines(save, reach(b.name, leads))
		chains = append(chains, Chain{
			Family: t.Family, Table: "filter", Name: b.name, Hook: b.hook, base: b,
			drops:   iptablesChainDrops(save, b.name),
			accepts: func(port string) bool { return iptablesAccepts(mine, port) },
			answers: iptablesAnswers(mine),
		})
	}
	return chains
}

// reachedLines are the rules of those chains.
func reachedLines(save string, chains map[string]bool) string {
	var mine strings.Builder
	for line := range strings.Lines(save) {
		if f := strings.Fields(line); len(f) > 1 && chains[f[1]] {
			mine.WriteString(line)
		}
	}
	return mine.String()
}

// iptablesAnswers reports whether a rule accepts what is known.
func iptablesAnswers(rules string) bool {
	for line := range strings.Lines(rules) {
		if strings.Contains(line, "ESTABLISHED") && strings.Contains(line, "-j ACCEPT") {
			return true
		}
	}
	return false
}
