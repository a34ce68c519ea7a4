package vip

import (
	"net/netip"
	"path"
	"slices"
	"strings"
)

// addedBy looks in a boot script for a command, typed by a person, that adds
// the VIP to its interface, and gives the number of its line. Only a command
// that surely runs counts: on a line of its own, in no compound command, before
// any exit.
func addedBy(script string, v VIP) (line int, ok bool) {
	lines := split(script)
	depth := 0
	for i, l := range lines[:firstExit(lines)] {
		words := strings.Fields(l)
		if len(words) == 0 || words[0][0] == '#' {
			continue
		}
		if strings.Contains(l, "<<") || strings.Count(l, "'")%2 == 1 || strings.Count(l, `"`)%2 == 1 || strings.HasSuffix(strings.TrimSpace(l), `\`) {
			return 0, false // what follows may be no commands; better one too many
		}
		opens, closes := compound(words)
		if opens {
			depth++
		}
		if closes {
			depth = max(depth-1, 0)
			continue
		}
		if depth == 0 && adds(words, v) {
			return i + 1, true
		}
	}
	return 0, false
}

// compound reports whether a line begins or ends a compound command. One that
// does both is whole.
func compound(words []string) (opens, closes bool) {
	starts := []string{"if", "for", "while", "until", "case", "{", "(", "function"}
	ends := []string{"fi", "done", "esac", "}", ")"}
	first, last := words[0], strings.TrimSuffix(words[len(words)-1], ";")
	opens = slices.Contains(starts, first) || strings.HasSuffix(first, "()") ||
		len(words) > 1 && strings.HasPrefix(words[1], "()")
	return opens, slices.Contains(ends, first) || slices.Contains(ends, last)
}

// adds reports whether the words are a command that adds the VIP.
func adds(words []string, v VIP) bool {
	words = simple(words)
	if len(words) == 0 {
		return false
	}
	switch path.Base(words[0]) {
	case "ip":
		return ipAdds(words[1:], v)
	case "ifconfig":
		return ifconfigAdds(words[1:], v)
	}
	return false
}

// simple gives the first simple command of a line: what stands before a
// separator, redirection or comment. It is nil where the command runs in the
// background or in a pipe, which nobody does with these.
func simple(words []string) []string {
	for i, w := range words {
		switch {
		case w == ";" || w == "&&" || w == "||" || w[0] == '#' || strings.ContainsAny(w, "<>"):
			return words[:i]
		case strings.HasSuffix(w, ";"):
			return append(append([]string{}, words[:i]...), strings.TrimRight(w, ";"))
		case strings.ContainsAny(w, "&|`$()'\"\\*?"):
			return nil
		}
	}
	return words
}

// ipAdds reads the arguments of ip(8): [-4] addr add ADDRESS dev IF, the last
// two in any order and with any options between (ip-address(8)).
func ipAdds(args []string, v VIP) bool {
	for len(args) > 0 && strings.HasPrefix(args[0], "-") {
		args = args[1:]
	}
	if len(args) < 2 || args[0] == "" || !strings.HasPrefix("address", args[0]) {
		return false
	}
	switch verb := args[1]; {
	case verb == "a", verb == "ad", verb == "add", verb == "replace", verb == "change", verb == "chg":
	default:
		return false
	}
	dev, address := "", ""
	for args = args[2:]; len(args) > 0; {
		word, value := args[0], ""
		if len(args) > 1 {
			value = args[1]
		}
		switch word {
		case "dev":
			dev = value
		case "local":
			address = value
		case "peer", "remote":
			return false // a point-to-point address is another thing
		case "broadcast", "brd", "anycast", "label", "scope", "metric", "priority", "preference", "valid_lft", "preferred_lft", "proto":
		case "home", "mngtmpaddr", "nodad", "noprefixroute", "autojoin", "optimistic":
			args = args[1:]
			continue
		default:
			address = word
			args = args[1:]
			continue
		}
		args = args[min(2, len(args)):]
	}
	return dev == v.Interface && same(address, v)
}

// ifconfigAdds reads the arguments of ifconfig(8): IF[:N] ADDRESS[/LEN]
// [netmask MASK] ...
func ifconfigAdds(args []string, v VIP) bool {
	if len(args) < 2 {
		return false
	}
	dev, _, _ := strings.Cut(args[0], ":")
	address := args[1]
	if v.prefix().Addr().Is6() {
		if len(args) < 4 || args[1] != "inet6" || args[2] != "add" {
			return false
		}
		address = args[3]
	} else if !strings.Contains(address, "/") {
		// Without a mask, ifconfig takes that of the address's old class.
		masked := false
		for i, w := range args[:len(args)-1] {
			masked = masked || w == "netmask" && args[i+1] == "255.255.255.255"
		}
		if !masked {
			return false
		}
	}
	return dev == v.Interface && same(address, v)
}

// same reports whether the text is the VIP; without a length it is a host's.
func same(text string, v VIP) bool {
	want := v.prefix()
	if p, err := netip.ParsePrefix(text); err == nil {
		return p == want
	}
	a, err := netip.ParseAddr(text)
	return err == nil && a == want.Addr() && want.IsSingleIP()
}
