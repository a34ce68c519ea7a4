package hcl

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/plans"
)

// Bounds on modules: how deep they nest, and how often they are used in all.
const (
	maxModuleDepth = 10
	maxModules     = 1000
)

// sources are the files of a plan and of its modules, each read and parsed once.
type sources struct {
	files   map[string][]byte            // by name, for diagnostics
	bodies  map[string][]*hclsyntax.Body // by directory; nil where it cannot be used
	modules int                          // how many loaders there are
}

// module parses the files of a module's directory, which the plan names at that place. ok
// is false, with the reason reported, where that is not possible.
func (s *sources) module(dir string, at plans.Range, r *report) (bodies []*hclsyntax.Body, ok bool) {
	if bodies, before := s.bodies[dir]; before {
		return bodies, bodies != nil
	}
	s.bodies[dir] = nil
	said := len(r.diags)
	for _, name := range expand(dir, at, r) {
		src, err := read(name)
		if err != nil {
			r.errorAt(at, "Module cannot be read", upperFirst(err.Error())+".")
			continue
		}
		s.files[name] = src
		if body := parseFile(name, src, r); body != nil {
			bodies = append(bodies, body)
		}
	}
	if slices.ContainsFunc(r.diags[said:], func(d plans.Diagnostic) bool { return d.Severity == plans.Error }) {
		return nil, false
	}
	s.bodies[dir] = bodies
	return bodies, true
}

// moduleNode makes the outputs of a module known to references.
func (b *block) moduleNode() *node {
	n := &node{repeated: b.repeated()}
	n.eval = func() cty.Value {
		return b.eachRound(func(round *block) cty.Value {
			child := b.child(round)
			if child == nil {
				return cty.DynamicVal
			}
			outputs := map[string]cty.Value{}
			n.members = sortedKeys(child.scope.nodes[outputRoot])
			for _, name := range n.members {
				outputs[name] = child.scope.resolve(outputRoot, name, b.header())
			}
			return cty.ObjectVal(outputs)
		})
	}
	return n
}

// moduleLoaders are the loaders of a module block, one for each round of it.
func (b *block) moduleLoaders() []*loader {
	var out []*loader
	for _, round := range b.instances() {
		if child := b.child(round); child != nil {
			out = append(out, child)
		}
	}
	return out
}

// child makes the loader of a module for one round of its block, or gives the one
// that is there. nil: the module cannot be used, which has been reported.
func (b *block) child(round *block) *loader {
	l, id := b.loader, b.label()+round.index
	if child, before := l.children[id]; before {
		return child
	}
	l.children[id] = nil
	dir, at, ok := round.moduleDir()
	if !ok {
		return nil
	}
	bodies, ok := l.sources.module(dir, at, l.report)
	if !ok {
		return nil
	}
	if l.sources.modules++; l.sources.modules > maxModules {
		l.errorAt(at, "Too many modules", fmt.Sprintf("A plan uses modules at most %d times in all.", maxModules))
		return nil
	}
	prefix := b.label() + "-"
	if round.suffix != "" {
		prefix += round.suffix + "-"
	}
	child := &loader{
		report: l.report, sources: l.sources, dir: dir, parent: l, first: b.header(),
		hostPrefix: l.hostPrefix + prefix, given: map[string]given{},
	}
	for name, attr := range b.syntax.Body.Attributes {
		if _, own := b.schema.attr(name); own {
			continue
		}
		at, expr := toRange(attr.Expr.Range()), attr.Expr
		child.given[name] = given{at: at, undeclared: plans.Error, eval: func(cty.Type) (cty.Value, bool) {
			return l.scope.evaluate(expr, round.extra)
		}}
	}
	l.children[id] = child
	child.prepare(bodies)
	child.scope.module = strings.TrimPrefix(l.scope.module+"."+round.reference(), ".")
	return child
}

// moduleDir finds the directory that a module block names.
func (b *block) moduleDir() (dir string, at plans.Range, ok bool) {
	source := b.text("source")
	at = b.source.At("source")
	if !b.written("source") || source == "" {
		return "", at, false
	}
	local := source == "." || source == ".." || filepath.IsAbs(source) || strings.HasPrefix(source, "./") || strings.HasPrefix(source, "../")
	if !local {
		hint := "Modules come from folders of this machine"
		if info, err := os.Stat(beside(b.dir, source)); err == nil && info.IsDir() {
			hint = fmt.Sprintf("Write:\n  source = %q\nModules come from folders of this machine", "./"+source)
		}
		b.errorAt(at, fmt.Sprintf("%q is no folder", shorten(source)), hint+", whose path begins with ./, ../ or /.")
		return "", at, false
	}
	dir = beside(b.dir, source)
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		b.errorAt(at, "No such module", fmt.Sprintf("There is no folder %s.", dir))
		return "", at, false
	}
	depth := 0
	for up := b.loader; up != nil; up = up.parent {
		if same(up.dir, dir) {
			b.errorAt(at, "Module inside itself", fmt.Sprintf("The files that stand in %s are those of this module. Modules do not go round in a circle.", dir))
			return "", at, false
		}
		if depth++; depth > maxModuleDepth {
			b.errorAt(at, "Modules too deep", fmt.Sprintf("Modules nest at most %d deep.", maxModuleDepth))
			return "", at, false
		}
	}
	return dir, at, true
}

// same reports whether two paths lead to one directory.
func same(a, b string) bool {
	one, errOne := os.Stat(a)
	other, errOther := os.Stat(b)
	return errOne == nil && errOther == nil && os.SameFile(one, other)
}

// settle gives a module the cluster that its hosts belong to: one of its own, with
// the settings of the plan around it as defaults, or the one around it.
func (l *loader) settle() {
	l.owns = slices.ContainsFunc(l.blocksOf, func(b *block) bool { return b.schema.name == "cluster" })
	switch {
	case l.parent == nil:
	case l.owns:
		c := *l.parent.cluster
		c.Name, c.Hosts, c.Services, c.Source = "", nil, nil, maps.Clone(c.Source)
		l.cluster = &c
	default:
		l.cluster, l.servicePrefix = l.parent.cluster, l.hostPrefix
		for _, b := range l.blocksOf {
			if slices.Contains([]string{"connection", "time_sync", "firewall", "selinux", "ipvs"}, b.schema.name) {
				l.errorAt(b.header(), fmt.Sprintf("A %s block in a module without a cluster", b.schema.name),
					"It holds for a whole cluster. Write it where the cluster block is.")
			}
		}
	}
}

// modules are the loaders of all module blocks.
func (l *loader) modules() []*loader {
	var out []*loader
	for _, b := range l.blocksOf {
		if b.schema.name == "module" {
			out = append(out, b.moduleLoaders()...)
		}
	}
	return out
}

// clusters are that of this module, if it is its own, and those of its modules.
func (l *loader) clusters() []*plans.Cluster {
	var inner, out []*plans.Cluster
	for _, child := range l.modules() {
		inner = append(inner, child.clusters()...)
	}
	if l.owns || l.parent == nil && (len(inner) == 0 || len(l.cluster.Hosts)+len(l.cluster.Services) > 0) {
		out = append(out, l.cluster)
	}
	return append(out, inner...)
}

// checkClusters reports what no cluster by itself shows.
func (l *loader) checkClusters(all []*plans.Cluster) {
	names, hosts := map[string]*plans.Cluster{}, map[string]*plans.Host{}
	for _, c := range all {
		if before, twice := names[c.Name]; twice && c.Name != "" {
			l.errorAt(c.Source.At("name"), fmt.Sprintf("Two clusters named %q", c.Name),
				fmt.Sprintf("The one at %s has that name, too. Give each its own, for example:\n  name = \"web-${var.table}\"", before.Source.At("name")))
		}
		names[c.Name] = c
		for i := range c.Hosts {
			h := &c.Hosts[i]
			if before, twice := hosts[h.Name]; twice && h.Name != "" && !slices.ContainsFunc(c.Hosts[:i], func(o plans.Host) bool { return o.Name == h.Name }) {
				l.errorAt(h.Source.At("name"), fmt.Sprintf("%q is a host of two clusters", h.Name), fmt.Sprintf(
					"The %s at %s has that name. A machine is in one cluster.", before.Role, before.Source.At("name")))
			}
			hosts[h.Name] = h
		}
	}
}
