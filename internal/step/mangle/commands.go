package mangle

import (
	"strings"

	"github.com/lvsup/lvsup/internal/shell"
	"github.com/lvsup/lvsup/internal/step"
)

// Commands are what a person would type for the change.
func Commands(_ Desired, c step.Change) []string {
	switch {
	case !c.Action.Mutates() || c.Blocked != "":
		return nil
	case c.ID == fileID():
		return step.FileCommands(c, 0o600)
	}
	tool := strings.TrimPrefix(c.Why, with)
	r, err := parse(c.Key, c.To)
	if c.Action.Removes() {
		// What is left of a rule need not be one; its address and chains still are.
		r, err = parse(c.Key, "1000")
	}
	switch {
	case err != nil:
		return nil
	case tool == nft || tool == "":
		return r.typedNFT(c)
	}
	tool = family(tool, r.address.Is6())
	var commands []string
	if c.Action != step.Create {
		commands = append(commands, tool+"-save -c -t mangle | grep -Fv '\""+comment+c.Key+"\"' | "+tool+"-restore -c -T mangle")
	}
	if c.Action.Removes() {
		return commands
	}
	for _, chain := range r.chains() {
		words := append([]string{tool, "-w", "-t", "mangle", "-A", strings.ToUpper(chain)}, r.commented()...)
		commands = append(commands, shell.Quote(words...))
	}
	return commands
}

// typedNFT takes the rule's predecessors away by their comment, and lvsup's table
// with its last rule.
func (r rule) typedNFT(c step.Change) []string {
	var commands []string
	if c.Action != step.Create {
		mine := `comment "` + comment + strings.ReplaceAll(c.Key, "/", `\/`) + `" # handle \([0-9]*\)$`
		for _, chain := range []string{"prerouting", "output", "postrouting"} {
			list := table + " " + chain
			commands = append(commands, "nft -a list chain "+list+" 2>/dev/null | sed -n 's/.*"+mine+"/delete rule "+list+" \\1/p' | nft -f -")
		}
	}
	if c.Action.Removes() {
		return append(commands, "nft list table "+table+" | grep -Eqv '^(table|.chain|..type|.?}|$)' || nft delete table "+table)
	}
	for _, line := range r.nftAdd(r.chains()) {
		commands = append(commands, "nft "+shell.Quote(line))
	}
	return commands
}
