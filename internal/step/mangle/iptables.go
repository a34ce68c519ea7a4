package mangle

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netfilter"
)

// iptables is the rule's specification for iptables(8) and ip6tables(8).
func (r rule) iptables() []string {
	if r.mss {
		return []string{"-s", r.address.String(), "-p", "tcp", "--tcp-flags", "SYN,RST", "SYN", "-j", "TCPMSS", "--set-mss", r.text()}
	}
	return []string{"-d", r.address.String(), "-p", r.protocol, "--dport", r.ports(":"), "-j", "MARK", "--set-mark", r.text()}
}

// commented is the specification with lvsup's comment.
func (r rule) commented() []string {
	spec := r.iptables()
	at := slices.Index(spec, "-j")
	return slices.Insert(spec, at, "-m", "comment", "--comment", comment+r.key())
}

// parseIPTables reads what iptables -t mangle -S printed.
func parseIPTables(tool, out string, ipv6 bool) []found {
	var mine []found
	for line := range strings.Lines(out) {
		words := netfilter.SplitWords(strings.TrimSpace(line))
		if len(words) < 2 || words[0] != "-A" {
			continue
		}
		spec := words[2:]
		i := slices.Index(spec, "--comment")
		if i < 0 || i+1 == len(spec) {
			continue
		}
		key, ours := strings.CutPrefix(spec[i+1], comment)
		if !ours {
			continue
		}
		f := found{tool: tool, key: key, chain: strings.ToLower(words[1]), value: changed, ref: spec, ipv6: ipv6}
		if value, ok := iptablesValue(spec); ok {
			if r, err := parse(key, value); err == nil && slices.Equal(simple(spec), simple(r.commented())) {
				f.value = value
			}
		}
		mine = append(mine, f)
	}
	return mine
}

// iptablesValue is the mark or size that a rule sets.
func iptablesValue(spec []string) (string, bool) {
	for i, word := range spec[:max(len(spec)-1, 0)] {
		switch word {
		case "--set-mss", "--set-mark", "--set-xmark":
			number, _, _ := strings.Cut(spec[i+1], "/")
			value, err := strconv.ParseUint(number, 0, 32)
			return strconv.FormatUint(value, 10), err == nil
		}
	}
	return "", false
}

// simple brings a specification to one form: typed and printed ones differ in
// the length of a host's prefix, in -m PROTOCOL, and in how a mark is written.
func simple(spec []string) []string {
	var out []string
	for i := 0; i < len(spec); i++ {
		next := ""
		if i+1 < len(spec) {
			next = spec[i+1]
		}
		switch spec[i] {
		case "-m":
			i++
		case "-s", "-d":
			next = strings.TrimSuffix(strings.TrimSuffix(next, "/32"), "/128")
			out = append(out, spec[i]+" "+next)
			i++
		case "--set-mark", "--set-xmark":
			number, mask, _ := strings.Cut(next, "/")
			value, err := strconv.ParseUint(number, 0, 32)
			if err != nil || mask != "" && mask != "0xffffffff" {
				out = append(out, spec[i]+" "+next)
			} else {
				out = append(out, fmt.Sprint("mark ", value))
			}
			i++
		default:
			out = append(out, spec[i])
		}
	}
	return out
}
