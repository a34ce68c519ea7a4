package firewall

import (
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/step"
)

// Wall is a chain of rules that somebody wrote, as it is now or as the next boot
// makes it. lvsup puts a rule of its own at its head for what it drops.
type Wall struct {
	Keeper string // the service that loads the rules
	Chain  string // "inet/filter/input", "ip/INPUT", "ip/ufw-before-input"
	Hook   string // "input" or "forward"
	When   string // live or boot
	Closed []string
	// ByHand says why lvsup does not write to the file that makes the chain at boot.
	ByHand string
}

// family is the wall's: "ip", "ip6" or "inet".
func (w Wall) family() string {
	family, _, _ := strings.Cut(w.Chain, "/")
	return family
}

// takes reports whether the need is one for this wall. Ports have commands of
// ufw's own.
func (w Wall) takes(n need) bool {
	return n.in(w.Hook, w.family()) && (w.Keeper != ufw || n.from.IsValid() || isProtocol(n.port))
}

// doors are those that are wished for in the wall, by need.
func (w Wall) doors(want Desired) map[string]door {
	all := map[string]door{}
	for _, n := range want.needs() {
		if w.takes(n) {
			all[n.String()] = door{port: n.String(), chain: w.Chain, when: w.When}
		}
	}
	return all
}

// byHand are the doors that only a person can open, as changes that stop a run.
func (w Wall) byHand(want Desired, have Observed) []step.Change {
	var changes []step.Change
	for text, d := range w.doors(want) {
		id := d.id(w.Keeper)
		if have.Ports[id] == "" && slices.Contains(w.Closed, text) {
			changes = append(changes, step.Change{
				Action: step.Create, ID: id, To: portOpen,
				Blocked: w.ByHand + "; add at its end: " + d.line() + otherwise,
			})
		}
	}
	return changes
}

// line is the door's line in the file that is read at boot.
func (d door) line() string {
	n, err := parseNeed(d.port)
	if err != nil {
		return "" // it came from an id that lvsup did not make
	}
	if d.nft() {
		return "insert rule " + strings.ReplaceAll(d.chain, "/", " ") + " " + n.nft()
	}
	_, chain, _ := strings.Cut(d.chain, "/")
	return "-I " + chain + " " + quoted(n.iptables())
}

// quoted joins words as iptables-save does, with quotes around those that have
// a blank.
func quoted(words []string) string {
	words = slices.Clone(words)
	for i, word := range words {
		if strings.Contains(word, " ") {
			words[i] = `"` + word + `"`
		}
	}
	return strings.Join(words, " ")
}

// nft reports whether the door is in a chain of nft's; iptables has one table.
func (d door) nft() bool { return strings.Count(d.chain, "/") == 2 }

// owns reports whether a line of the file, or a rule as iptables-save prints it,
// is the door's: by its comment, and by its chain where the line names one.
func (d door) owns(line string) bool {
	if !strings.Contains(line, `"`+comment+d.port+`"`) || strings.HasPrefix(strings.TrimSpace(line), "#") {
		return false
	}
	f := strings.Fields(line)
	if d.nft() {
		return f[0] != "insert" || strings.HasPrefix(strings.TrimSpace(line), "insert rule "+strings.ReplaceAll(d.chain, "/", " ")+" ")
	}
	_, chain, _ := strings.Cut(d.chain, "/")
	return len(f) > 1 && (f[0] == "-A" || f[0] == "-I") && f[1] == chain
}

// edit puts the door's line into the file, or takes it out, and leaves every
// other byte as it is. ok is false for a file of iptables without a filter table.
func (d door) edit(text string, open bool) (edited string, ok bool) {
	lines := slices.DeleteFunc(strings.Split(text, "\n"), d.owns)
	if !open {
		return strings.Join(lines, "\n"), true
	}
	at := len(lines)
	if lines[at-1] == "" {
		at-- // what follows the last line's end
	}
	if !d.nft() {
		at = -1
		table := ""
		for i, line := range lines {
			line = strings.TrimSpace(line)
			if strings.HasPrefix(line, "*") {
				table = line
			}
			if line == "COMMIT" && table == "*filter" {
				at = i
			}
		}
	}
	if at < 0 {
		return text, false
	}
	return strings.Join(slices.Insert(lines, at, d.line()), "\n"), true
}

// has reports whether the file has the door's line.
func (d door) has(text string) bool { return slices.ContainsFunc(strings.Split(text, "\n"), d.owns) }
