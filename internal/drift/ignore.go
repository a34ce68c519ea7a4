package drift

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/lvsup/lvsup/hcl"
	"github.com/lvsup/lvsup/internal/step"
	"github.com/lvsup/lvsup/plans"
)

// rule is an hcl.Ignore that can be matched.
type rule struct{ host, kind, key *regexp.Regexp }

func pattern(text string) *regexp.Regexp {
	if text == "" {
		text = "*"
	}
	return regexp.MustCompile("(?s)^" + strings.ReplaceAll(regexp.QuoteMeta(text), `\*`, ".*") + "$")
}

// matches takes the key with or without its field: "net.ipv4.ip_forward" and
// "net.ipv4.ip_forward live".
func (r rule) matches(host, kind string, c step.Change) bool {
	return r.host.MatchString(host) && r.kind.MatchString(kind) &&
		(r.key.MatchString(c.Key) || c.Field != "" && r.key.MatchString(c.Key+" "+c.Field))
}

// Without gives the plan without what the rules say nothing of, and how many
// differences that is on each host. A rule that is past its last day counts no
// more, and is a warning.
func Without(p *plans.Plan, rules []hcl.Ignore, now time.Time) (*plans.Plan, map[string]int) {
	rest := *p
	rest.Findings = slices.Clone(p.Findings)
	var valid []rule
	for _, r := range rules {
		if now.Before(r.Until) {
			valid = append(valid, rule{pattern(r.Host), pattern(r.Kind), pattern(r.Key)})
			continue
		}
		rest.Findings = append(rest.Findings, plans.Finding{
			Severity: plans.Warning, Check: "ignore",
			Summary: fmt.Sprintf("the rule at %s:%d ended on %s", r.At.File, r.At.Start.Line, r.Until.AddDate(0, 0, -1).Format(time.DateOnly)),
			Detail:  fmt.Sprintf("it said: %s. Renew it, or take it out", r.Reason),
		})
	}
	ignored := map[string]int{}
	rest.Hosts = slices.Clone(p.Hosts)
	for i := range rest.Hosts {
		h := &rest.Hosts[i]
		h.Kinds = slices.Clone(h.Kinds)
		for j := range h.Kinds {
			k := &h.Kinds[j]
			changes, commands := k.Changes, k.Commands
			k.Changes, k.Commands = nil, nil
			for n, c := range changes {
				if slices.ContainsFunc(valid, func(r rule) bool { return r.matches(h.Host, k.Kind, c) }) {
					ignored[h.Host]++
					continue
				}
				k.Changes = append(k.Changes, c)
				if n < len(commands) {
					k.Commands = append(k.Commands, commands[n])
				}
			}
		}
	}
	return &rest, ignored
}
