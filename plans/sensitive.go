package plans

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/lvsup/lvsup/internal/linux/procsys"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/wire"
)

// Sensitive says which parts of a block are never to be shown: an attribute's
// name, or NAME.KEY of an element, as in Source.
type Sensitive map[string]bool

// Concealed stands where a sensitive value would.
const Concealed = "(sensitive value)"

// What stands for the two sides of a change, so that there still is one.
const (
	concealedFrom = "(sensitive value, as it is)"
	concealedTo   = "(sensitive value, as planned)"
)

// shown is a value as it may stand in a message.
func (s Sensitive) shown(attribute, value string) string {
	if s[attribute] {
		return Concealed
	}
	return value
}

// Conceal gives a plan as it may be shown: without the values that the cluster
// marks as sensitive, those that the hosts have in their places, and the commands
// that would name them. Only what it changes is copied.
func Conceal(c *Cluster, p *Plan) *Plan {
	out := *p
	out.Hosts = slices.Clone(p.Hosts)
	for i := range out.Hosts {
		host, known := c.Host(out.Hosts[i].Host)
		if !known {
			continue
		}
		hide := concealer(host)
		if hide == nil {
			continue
		}
		kinds := slices.Clone(out.Hosts[i].Kinds)
		for j, kind := range kinds {
			kinds[j] = concealKind(kind, hide)
		}
		out.Hosts[i].Kinds = kinds
	}
	return &out
}

func concealKind(kind wire.KindChanges, hide hider) wire.KindChanges {
	kind.Changes, kind.Commands = slices.Clone(kind.Changes), slices.Clone(kind.Commands)
	for i := range kind.Changes {
		var commands []string
		if i < len(kind.Commands) {
			commands = kind.Commands[i]
		}
		if hide(kind.Kind, &kind.Changes[i], commands) && len(commands) > 0 {
			kind.Commands[i] = []string{Concealed}
		}
	}
	return kind
}

// hider takes sensitive values out of a change, and says whether there were any in
// it or in its commands.
type hider func(kind string, c *step.Change, commands []string) bool

// concealer gives the hider for a host. nil: the host has nothing to hide.
func concealer(h *Host) hider {
	page := h.HTTPD != nil && h.HTTPD.Sensitive["index"]
	parameters := map[string]bool{}
	for key := range h.Sysctls {
		if h.Sensitive["sysctl."+key] {
			for _, alias := range procsys.Aliases(key) {
				parameters[alias] = true
			}
		}
	}
	var keys []string
	for _, i := range h.Interfaces {
		for key := range i.Ifcfg {
			if i.Sensitive["ifcfg."+key] {
				keys = append(keys, regexp.QuoteMeta(key))
			}
		}
	}
	if !page && len(parameters) == 0 && len(keys) == 0 {
		return nil
	}
	for name := range parameters {
		keys = append(keys, regexp.QuoteMeta(name)+" ") // in the file for the next boot
	}
	slices.Sort(keys)
	lines := regexp.MustCompile(`(?m)^(\s*(?:` + strings.Join(keys, "|") + `)=).*$`)
	return func(kind string, c *step.Change, commands []string) bool {
		switch {
		case kind == "httpd" && page && c.Field == step.ContentField, kind == "sysctl" && parameters[c.Key]:
			c.From, c.To = instead(c.From, concealedFrom), instead(c.To, concealedTo)
			return true
		case c.Field == step.ContentField:
			from, to := lines.ReplaceAllString(c.From, "${1}"+concealedFrom), lines.ReplaceAllString(c.To, "${1}"+concealedTo)
			found := from != c.From || to != c.To
			c.From, c.To = from, to
			return found
		case kind == "sysctl": // a change of forwarding sets others again
			for name := range parameters {
				if slices.ContainsFunc(commands, func(command string) bool { return strings.Contains(command, name+"=") }) {
					return true
				}
			}
		}
		return false
	}
}

func instead(value, mark string) string {
	if value == "" {
		return ""
	}
	return mark
}

// shortestSecret is how many characters a sensitive value has at least to be
// looked for in text of all kinds, where a "1" would be everywhere.
const shortestSecret = 4

// Redacter gives what takes the clusters' sensitive values out of a text, such as
// what a host says of a failure, as they are and as JSON spells them.
func Redacter(all ...*Cluster) *strings.Replacer {
	var hosts []Host
	for _, c := range all {
		hosts = append(hosts, c.Hosts...)
	}
	var values []string
	for _, h := range hosts {
		for key, value := range h.Sysctls {
			if h.Sensitive["sysctl."+key] {
				values = append(values, value)
			}
		}
		for _, i := range h.Interfaces {
			for key, value := range i.Ifcfg {
				if i.Sensitive["ifcfg."+key] {
					values = append(values, value)
				}
			}
		}
		if h.HTTPD != nil && h.HTTPD.Sensitive["index"] {
			values = append(values, strings.Split(h.HTTPD.Index, "\n")...)
		}
	}
	var pairs []string
	slices.SortFunc(values, func(a, b string) int { return len(b) - len(a) }) // the longest match wins
	for _, value := range values {
		value = strings.TrimSpace(value)
		if utf8.RuneCountInString(value) < shortestSecret {
			continue
		}
		pairs = append(pairs, value, Concealed)
		var spelled strings.Builder
		enc := json.NewEncoder(&spelled)
		enc.SetEscapeHTML(false)
		if err := enc.Encode(value); err == nil {
			pairs = append(pairs, strings.Trim(spelled.String(), "\"\n"), Concealed)
		}
	}
	return strings.NewReplacer(pairs...)
}
