package plans

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Narrowing is the part of a plan that a person wants a run to be about. A
// pattern is a host's name, or "kind=" and a kind's name, with the wildcards of
// path.Match: *, ? and [a-z]. Targets of hosts choose among hosts, those of kinds
// among kinds; none chooses all. What is excluded is out in any case.
type Narrowing struct {
	Target, Exclude []string
	Shard           Shard
	// Done are hosts that an earlier run has finished, by cluster.
	Done map[string][]string
}

// kindPrefix begins a pattern for kinds.
const kindPrefix = "kind="

// None reports whether nothing is narrowed.
func (n Narrowing) None() bool { return len(n.Target)+len(n.Exclude)+n.Shard.N+len(n.Done) == 0 }

// Check refuses a pattern that matches nothing in any of the clusters.
func (n Narrowing) Check(all []*Cluster) error {
	var hosts []string
	for _, c := range all {
		for _, h := range c.Hosts {
			if !slices.Contains(hosts, h.Name) {
				hosts = append(hosts, h.Name)
			}
		}
	}
	for _, flag := range []struct {
		name     string
		patterns []string
	}{{"--target", n.Target}, {"--exclude", n.Exclude}} {
		for _, p := range flag.patterns {
			if err := checkPattern(p, hosts); err != nil {
				return fmt.Errorf("cannot use %s %q: %w", flag.name, p, err)
			}
		}
	}
	return nil
}

func checkPattern(pattern string, hosts []string) error {
	what, names, word := "host", hosts, pattern
	if kind, ok := strings.CutPrefix(pattern, kindPrefix); ok {
		what, names, word = "kind", KindOrder(), kind
	}
	if _, err := path.Match(word, ""); err != nil || word == "" {
		return fmt.Errorf("it is no pattern: write a host's name or %sNAME, with * for any text, ? for any letter and [ab] for one of some", kindPrefix)
	}
	if matchesAny(word, names) {
		return nil
	}
	hint := ""
	if near := Nearest(word, names); near != "" {
		hint = fmt.Sprintf("did you mean %q? ", strings.TrimSuffix(pattern, word)+near)
	}
	if what == "host" && slices.Contains(KindOrder(), word) {
		hint = fmt.Sprintf("did you mean %q? ", kindPrefix+word)
	}
	return fmt.Errorf("no %s has that name; %sthe %ss are %s", what, hint, what, strings.Join(names, ", "))
}

func matchesAny(pattern string, names []string) bool {
	return slices.ContainsFunc(names, func(name string) bool {
		ok, _ := path.Match(pattern, name)
		return ok
	})
}

// Of gives what is left out of a cluster.
func (n Narrowing) Of(c *Cluster) LeftOut {
	var out LeftOut
	mine := n.Shard.Of(c)
	for _, h := range c.Hosts {
		if !n.takes(h.Name, false) || !mine(h.Name) || slices.Contains(n.Done[c.Name], h.Name) {
			out.Hosts = append(out.Hosts, h.Name)
		}
	}
	for _, k := range KindOrder() {
		if !n.takes(k, true) {
			out.Kinds = append(out.Kinds, k)
		}
	}
	return out
}

// takes reports whether a host or a kind is part of the run.
func (n Narrowing) takes(name string, kind bool) bool {
	matches := func(patterns []string) (match, some bool) {
		for _, p := range patterns {
			word, ofKind := strings.CutPrefix(p, kindPrefix)
			if ofKind != kind {
				continue
			}
			some = true
			ok, _ := path.Match(word, name)
			match = match || ok
		}
		return match, some
	}
	wanted, some := matches(n.Target)
	unwanted, _ := matches(n.Exclude)
	return (wanted || !some) && !unwanted
}

// LeftOut is what a run is not about.
type LeftOut struct {
	Hosts []string `json:"hosts,omitempty"` // they are not connected to
	Kinds []string `json:"kinds,omitempty"` // they are looked at, but not changed or told of
	// Held are hosts that get no traffic which they do not have already: nobody
	// looked whether they are ready for it, or they are not.
	Held []string `json:"held,omitempty"`
}

// None reports whether the run is about everything.
func (l LeftOut) None() bool { return len(l.Hosts)+len(l.Kinds) == 0 }

// Host reports whether a host is left out.
func (l LeftOut) Host(name string) bool { return slices.Contains(l.Hosts, name) }

// Kind reports whether a kind is left out.
func (l LeftOut) Kind(name string) bool { return slices.Contains(l.Kinds, name) }

// Rest is the cluster with only the hosts that are not left out. The cluster
// itself stays as it is.
func (l LeftOut) Rest(c *Cluster) *Cluster {
	rest := *c
	rest.Hosts = slices.DeleteFunc(slices.Clone(c.Hosts), func(h Host) bool { return l.Host(h.Name) })
	return &rest
}

// String says it in a few words, empty if nothing is left out.
func (l LeftOut) String() string {
	var parts []string
	if len(l.Hosts) > 0 {
		parts = append(parts, listed("host", l.Hosts))
	}
	if len(l.Kinds) > 0 {
		stay := slices.DeleteFunc(KindOrder(), l.Kind)
		if len(stay) < len(l.Kinds) {
			parts = append(parts, "all kinds but "+strings.Join(stay, ", "))
		} else {
			parts = append(parts, listed("kind", l.Kinds))
		}
	}
	return strings.Join(parts, "; ")
}

// listed names some things, or counts them where they are many.
func listed(noun string, names []string) string {
	const many = 8
	if len(names) > 1 {
		noun += "s"
	}
	if len(names) > many {
		return fmt.Sprintf("%d %s (%s, ...)", len(names), noun, strings.Join(names[:many/2], ", "))
	}
	return noun + " " + strings.Join(names, ", ")
}
