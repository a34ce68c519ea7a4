package netfilter

import "strings"

// iptablesBases reads what iptables-save printed of the filter table. tool is the
// command that changes it.
func iptablesBases(tool, out string) []base {
	hooks := map[string]string{"INPUT": "input", "FORWARD": "forward", "OUTPUT": "output"}
	chains := map[string][]rule{}
	var bases []base
	for line := range strings.Lines(out) {
		line = strings.TrimSpace(line)
		words := SplitWords(line)
		switch {
		case len(words) < 2:
		case strings.HasPrefix(words[0], ":"):
			name := words[0][1:]
			if hooks[name] == "" {
				continue
			}
			b := base{hook: hooks[name], family: "inet", name: name, chains: chains}
			if words[1] == "DROP" {
				b.policy = Drop{Rule: "-P " + name + " DROP", Undo: tool + " -P " + name + " ACCEPT"}
			}
			bases = append(bases, b)
		case words[0] == "-A":
			r := iptablesRule(words[2:])
			if r.target == "drop" {
				r.drop = Drop{Rule: line, Undo: tool + " -D" + strings.TrimPrefix(line, "-A")}
			}
			chains[words[1]] = append(chains[words[1]], r)
		}
	}
	return bases
}

// iptablesRule reads the words after the chain's name (iptables-extensions(8)).
func iptablesRule(words []string) rule {
	var r rule
	var conditions []func(Packet) tri
	for i := 0; i < len(words); {
		negated := words[i] == "!"
		if negated {
			i++
		}
		if i == len(words) {
			break
		}
		option := words[i]
		i++
		var values []string // up to the next option
		for i < len(words) && words[i] != "!" && !strings.HasPrefix(words[i], "-") {
			values = append(values, words[i])
			i++
		}
		value := ""
		if len(values) > 0 {
			value = values[0]
		}
		if option == "-j" || option == "-g" {
			r.target, r.jump = iptablesTarget(value)
			if option == "-g" {
				r.target = "?" // it does not come back here
			}
			break // what follows are the target's own options
		}
		if option == "-m" || option == "--comment" {
			continue
		}
		c := iptablesCondition(option, value)
		if negated {
			positive := c
			c = func(p Packet) tri { return yes - positive(p) }
		}
		conditions = append(conditions, c)
	}
	r.holds = all(conditions)
	return r
}

func all(conditions []func(Packet) tri) func(Packet) tri {
	return func(p Packet) tri {
		result := yes
		for _, c := range conditions {
			result = min(result, c(p))
		}
		return result
	}
}

func iptablesCondition(option, value string) func(Packet) tri {
	switch option {
	case "-p":
		return func(p Packet) tri { return onProtocol(p.Protocol, value) }
	case "-s":
		return func(p Packet) tri { return onAddress(p.Source, value) }
	case "-d":
		return func(p Packet) tri { return onAddress(p.Destination, value) }
	case "-i":
		return func(p Packet) tri { return onInterface(p.In, value) }
	case "-o":
		return func(p Packet) tri { return onInterface(p.Out, value) }
	case "--dport", "--dports":
		return func(p Packet) tri { return onPort(p.DestinationPort, value, ":") }
	case "--sport", "--sports":
		return func(p Packet) tri { return onPort(p.SourcePort, value, ":") }
	case "--state", "--ctstate":
		return func(p Packet) tri { return onState(p, strings.Split(value, ",")) }
	}
	return func(Packet) tri { return perhaps }
}

func iptablesTarget(name string) (target, jump string) {
	switch name {
	case "ACCEPT":
		return "accept", ""
	case "DROP", "REJECT":
		return "drop", ""
	case "RETURN":
		return "return", ""
	case "LOG", "NFLOG", "MARK", "CONNMARK", "TRACE", "TCPMSS", "CT", "NOTRACK", "SET", "":
		return "", ""
	case "QUEUE", "NFQUEUE", "AUDIT", "SYNPROXY":
		return "?", ""
	}
	return "jump", name
}

// SplitWords takes a line of iptables-save apart: words with odd characters
// stand in double quotes, with backslashes before quotes and backslashes
// (xtables_save_string in libxtables/xtables.c).
func SplitWords(line string) []string {
	var words []string
	var word strings.Builder
	quoted, begun := false, false
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case c == '"':
			quoted, begun = !quoted, true
		case c == '\\' && quoted && i+1 < len(line):
			i++
			word.WriteByte(line[i])
		case c == ' ' && !quoted:
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteByte(c)
			begun = true
		}
	}
	if begun {
		words = append(words, word.String())
	}
	return words
}
