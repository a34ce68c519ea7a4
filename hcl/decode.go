package hcl

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/plans"
)

// loader turns the parsed files of one plan into a cluster.
type loader struct {
	*report
	dir      string           // where the module's files are
	inModule bool             // a module block asks for it; else it is the plan itself
	given    map[string]given // values for its variables
	first    plans.Range      // where the plan begins
	language *blockSchema
	scope    *scope
	rounds   map[*hclsyntax.Block]roundsOf
	cluster  plans.Cluster
}

func (l *loader) load(bodies []*hclsyntax.Body) *plans.Cluster {
	l.language = schema()
	l.scope = newScope(l.report, l.dir)
	l.rounds = map[*hclsyntax.Block]roundsOf{}
	l.cluster = plans.Cluster{
		TimeSync: plans.TimeSync{MaxOffset: plans.DefaultMaxOffset},
		Firewall: plans.PolicyUnmanaged,
		SELinux:  plans.PolicyUnmanaged,
		IPVS:     plans.IPVS{Drain: plans.DefaultDrain},
		Source:   plans.Source{"": l.first},
	}
	var syntax hclsyntax.Blocks
	for _, body := range bodies {
		l.checkAttributes(l.language, body.Attributes)
		syntax = append(syntax, body.Blocks...)
	}
	blocks := l.blocks(l.language, syntax)
	for _, b := range blocks {
		l.declare(b)
	}
	l.checkGiven()
	// The defaults first: hosts and services take theirs from them.
	for _, b := range blocks {
		l.settings(b)
	}
	var services []*block
	for _, b := range blocks {
		switch b.schema.name {
		case "director", "real_server", "host":
			for _, round := range b.instances() {
				l.cluster.Hosts = append(l.cluster.Hosts, round.host())
			}
		case "virtual_service":
			services = append(services, b.instances()...)
		}
	}
	for _, b := range services {
		l.cluster.Services = append(l.cluster.Services, b.service())
	}
	// Variables and locals that nothing uses may hold mistakes too.
	for _, root := range sortedKeys(l.scope.nodes) {
		for _, name := range sortedKeys(l.scope.nodes[root]) {
			l.scope.resolve(root, name, l.first)
		}
	}
	l.checkVariables()
	if !slices.ContainsFunc(blocks, func(b *block) bool { return b.schema.name == "cluster" }) {
		l.errorAt(l.first, "No cluster block", "Give the cluster a name:\n  cluster \"web\" {\n    forwarding = \"dr\"\n  }")
	}
	return &l.cluster
}

// declare makes what a block adds to the scope known.
func (l *loader) declare(b *block) {
	switch b.schema.name {
	case "variable":
		l.declareOnce("var", b.label(), b.header(), &node{eval: b.variable})
	case "locals":
		for _, name := range sortedKeys(b.syntax.Body.Attributes) {
			attr := b.syntax.Body.Attributes[name]
			l.declareOnce("local", name, toRange(attr.NameRange), &node{eval: func() cty.Value {
				v, _ := l.scope.evaluate(attr.Expr, nil)
				return v
			}})
		}
		b.children() // locals hold none
	case "director", "real_server", "host", "virtual_service":
		// The name twice is for plans.Validate, which sees all hosts.
		if nodes := l.scope.nodes[b.schema.name]; b.label() != "" && nodes[b.label()] == nil {
			if b.schema.name == "virtual_service" {
				nodes[b.label()] = b.serviceNode()
			} else {
				nodes[b.label()] = b.hostNode()
			}
		}
	}
}

func (l *loader) declareOnce(root, name string, at plans.Range, n *node) {
	if name == "" {
		return // a missing label has been reported
	}
	if l.scope.nodes[root][name] != nil {
		l.errorAt(at, root+"."+name+" declared twice", "Give one of them another name, or remove it.")
		return
	}
	l.scope.nodes[root][name] = n
}

// settings reads the blocks that say something about the whole cluster.
func (l *loader) settings(b *block) {
	c := &l.cluster
	switch b.schema.name {
	case "cluster":
		b.children()
		c.Name = b.textOr("name", b.label())
		c.Forwarding = plans.Forwarding(b.text("forwarding"))
		for name, at := range b.source {
			c.Source[name] = at
		}
	case "connection":
		c.Connection = b.connection(plans.Connection{})
	case "time_sync":
		b.children()
		if d := b.duration("max_offset"); b.written("max_offset") {
			c.TimeSync.MaxOffset = d
		}
		c.TimeSync.RequireSource, _ = b.boolean("require_source")
		c.TimeSync.Source = b.source
	case "ipvs":
		c.IPVS = b.ipvs()
	case "firewall":
		b.children()
		if policy := b.text("policy"); b.written("policy") {
			c.Firewall, c.Source["firewall"] = plans.Policy(policy), b.source["policy"]
		}
	case "selinux":
		b.children()
		if policy := b.text("policy"); b.written("policy") {
			c.SELinux, c.Source["selinux"] = plans.Policy(policy), b.source["policy"]
		}
	}
}

// written reports whether an attribute has a usable value.
func (b *block) written(name string) bool {
	at, there := b.source[name]
	return there && !b.failed[at]
}

// connection reads a connection block over the values that hold without it.
func (b *block) connection(base plans.Connection) plans.Connection {
	b.children()
	c := base
	c.Source = b.source
	if host := b.text("host"); host != "" {
		c.Host = host
	}
	if port, there := b.number("port", 1, 65535); there {
		c.Port = port
	}
	if user := b.text("user"); user != "" {
		c.User = user
	}
	if become, there := b.boolean("become"); there {
		c.Become = become
	}
	return c
}
