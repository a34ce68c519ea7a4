// Package byhand writes a plan down as shell scripts, one a host, for people who
// would rather run what they have read.
package byhand

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/lvsup/lvsup/internal/shell"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/internal/view"
	"github.com/lvsup/lvsup/plans"
)

// Order lists the plan's hosts in the order in which their scripts are run: as in
// an apply, a director gets its services once the real servers are ready, and
// loses them before anything else goes.
func Order(p *plans.Plan) []string {
	var directors, others []string
	for _, h := range p.Hosts {
		if h.Role == plans.RoleDirector {
			directors = append(directors, h.Host)
		} else {
			others = append(others, h.Host)
		}
	}
	if p.Destroy {
		return append(directors, others...)
	}
	return append(others, directors...)
}

// Script is what the plan would do on the host, as it was seen at a time, for
// sh(1). A plan with sensitive values is concealed first (plans.Conceal): what
// holds one is left out, and the script says so and ends with exit code 3.
func Script(p *plans.Plan, host plans.HostPlan, seen time.Time) (string, error) {
	s := script{host: host}
	for _, st := range plans.FirstStages() {
		s.stage(st, false)
	}
	for _, st := range plans.ReverseStages() {
		s.stage(st, true)
	}
	if s.hostile != "" {
		return "", fmt.Errorf("cannot write a script for %s: its command for %s has a control character", host.Host, s.hostile)
	}
	return s.head(p, seen) + s.body.String() + s.end(), nil
}

// script is one under construction.
type script struct {
	host    plans.HostPlan
	body    strings.Builder
	stages  int
	checked bool     // the tools were looked for
	made    []string // files that were not there
	left    []string // what is not done
	hostile string   // an ID whose command no kind has made
}

// stage writes down what a stage changes on the host.
func (s *script) stage(st plans.Stage, reverse bool) {
	if !st.Takes(s.host.Role) {
		return
	}
	begun := false
	for _, kind := range st.Kinds {
		kc, _ := s.host.Kind(kind)
		for i, c := range kc.Changes {
			if c.Reverse() != reverse || !c.Action.Mutates() {
				continue
			}
			if !begun {
				begun = true
				s.begin(st.Name, reverse)
			}
			var commands []string
			if i < len(kc.Commands) {
				commands = kc.Commands[i]
			}
			s.change(c, commands)
		}
	}
}

func (s *script) begin(name string, reverse bool) {
	if reverse {
		name += " (removals)"
	}
	if name != "packages" && !s.checked { // which may bring a tool
		s.checked = true
		s.body.WriteString(s.check())
	}
	s.stages++
	fmt.Fprintf(&s.body, "\n# == %d. %s\nstage=%s\n", s.stages, name, shell.Quote(name))
}

func (s *script) change(c step.Change, commands []string) {
	what := view.Clean(c.ID.String())
	fmt.Fprintf(&s.body, "\n# %c %s\n", c.Action, what)
	byHand := len(commands) == 0
	for _, command := range commands {
		if strings.ContainsFunc(command, func(r rune) bool { return r != '\n' && r != '\t' && unicode.IsControl(r) }) {
			s.hostile = what
		}
		byHand = byHand || command == plans.Concealed || strings.HasPrefix(command, "#")
	}
	if byHand {
		s.left = append(s.left, c.ID.String())
		s.body.WriteString("# Left to you: a sensitive value is part of it, or no command can do it.\n")
		return
	}
	s.body.WriteString(strings.Join(commands, "\n") + "\n")
	if c.Action == step.Create && c.Field == step.ContentField {
		s.made = append(s.made, shell.Quote(c.Key))
	}
}

// tools are the programs that a host need not have, by the word that begins their
// commands.
func tools() []string {
	return []string{"ipvsadm", "nft", "iptables", "iptables-legacy", "ip6tables", "ip6tables-legacy", "firewall-cmd", "ufw", "nmcli", "netplan"}
}

// check ends the script where a tool is missing.
func (s *script) check() string {
	needed := map[string]bool{}
	for _, kc := range s.host.Kinds {
		for _, commands := range kc.Commands {
			for _, command := range commands {
				first, _, _ := strings.Cut(command, " ")
				needed[first] = true
			}
		}
	}
	all := slices.DeleteFunc(tools(), func(tool string) bool { return !needed[tool] })
	if len(all) == 0 {
		return ""
	}
	return "\nfor tool in " + strings.Join(all, " ") + "; do\n" +
		"\tcommand -v $tool >/dev/null || { echo \"$0: $tool is missing: install it\" >&2; exit 1; }\n" +
		"done\n"
}

// head begins the script.
func (s *script) head(p *plans.Plan, seen time.Time) string {
	verb := "apply"
	if p.Destroy {
		verb = "destroy"
	}
	return fmt.Sprintf(`# What lvsup %s would do on %s of cluster %q, as the host was at %s.
# Run it there once, as root; a second run stops at what is done already. The hosts'
# turns: %s.
#
# Unlike lvsup %s, it
# - keeps no record of what is lvsup's: the next lvsup apply adopts what it finds,
#   and lvsup destroy leaves that as it is;
# - has no guard: if it changes the address that your SSH session uses, run it at the
#   console, or you may lock yourself out;
# - does not look whether the host is still as it was, locks nothing, waits for no
#   other host, and checks nothing afterwards: lvsup plan and lvsup probe do.
# What runs at boot, lvsup-restore.service, is lvsup's agent, which lvsup plan has put
# on the host.
set -eu
umask 022
export PATH="$PATH:/usr/sbin:/sbin"
stage=begin
trap 'code=$?; [ $code = 0 ] || [ $code = 3 ] || echo "$0: stopped in stage $stage" >&2' EXIT
[ "$(id -u)" = 0 ] || { echo "$0: run it as root" >&2; exit 1; }
`, verb, s.host.Host, p.Cluster, seen.UTC().Format(view.Minute), strings.Join(Order(p), ", "), verb)
}

// end gives new files the types that SELinux's policy names for them, as lvsup
// does, and says what is left.
func (s *script) end() string {
	var b strings.Builder
	switch {
	case s.stages == 0:
		b.WriteString("\n# There is nothing to do on this host.\n")
	case len(s.made) > 0:
		b.WriteString("\n# == SELinux's types, where the host has it\nstage=labels\n" +
			"if [ -e /sys/fs/selinux/enforce ] && command -v restorecon >/dev/null; then\n\trestorecon " +
			strings.Join(s.made, " \\\n\t\t") + "\nfi\n")
	}
	if len(s.left) > 0 {
		b.WriteString("\n")
		for _, what := range s.left {
			b.WriteString("echo " + shell.Quote("left to you: "+view.Clean(what)) + " >&2\n")
		}
		b.WriteString("exit 3\n")
	}
	return b.String()
}
