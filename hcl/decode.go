package hcl

import (
	"slices"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/plans"
)

// loader turns the parsed files of a plan, or of one use of a module, into a
// cluster.
type loader struct {
	*report
	*sources
	dir      string // where the module's files are
	parent   *loader
	children map[string]*loader // by the module block's label and round
	given    map[string]given   // values for its variables
	first    plans.Range        // where the plan begins, or the module block
	language *blockSchema
	scope    *scope
	blocksOf []*block // at the top level
	rounds   map[*hclsyntax.Block]roundsOf
	// hostPrefix begins the names of the module's hosts, and servicePrefix those of
	// its services, where no name attribute says another.
	hostPrefix    string
	servicePrefix string
	owns          bool // there is a cluster block
	cluster       *plans.Cluster
	all           []*plans.Cluster // of a plan, with those of its modules
}

// prepare makes everything in the module known to references.
func (l *loader) prepare(bodies []*hclsyntax.Body) {
	l.language = schema()
	l.scope = newScope(l.report, l.dir)
	l.rounds, l.children = map[*hclsyntax.Block]roundsOf{}, map[string]*loader{}
	var syntax hclsyntax.Blocks
	for _, body := range bodies {
		l.checkAttributes(l.language, body.Attributes)
		syntax = append(syntax, body.Blocks...)
	}
	l.blocksOf = l.blocks(l.language, syntax)
	for _, b := range l.blocksOf {
		l.declare(b)
	}
	l.checkGiven()
}

// load reads a plan that has been prepared, with its modules: the settings first,
// which hosts and services take their defaults from, and the hosts before the
// services, which may name those of any module.
func (l *loader) load() []*plans.Cluster {
	l.cluster = &plans.Cluster{
		TimeSync: plans.TimeSync{MaxOffset: plans.DefaultMaxOffset},
		Firewall: plans.PolicyUnmanaged,
		SELinux:  plans.PolicyUnmanaged,
		IPVS:     plans.IPVS{Drain: plans.DefaultDrain},
		Source:   plans.Source{"": l.first},
	}
	l.loadHosts()
	l.loadServices()
	l.finish()
	all := l.clusters()
	if !l.owns && slices.Contains(all, l.cluster) {
		why := "Give the cluster a name"
		if len(all) > 1 {
			why = "The modules have clusters of their own, and what stands beside them is in none. Give it one, too"
		}
		l.errorAt(l.first, "No cluster block", why+":\n  cluster \"web\" {\n    forwarding = \"dr\"\n  }")
	}
	l.checkClusters(all)
	return all
}

func (l *loader) loadHosts() {
	l.settle()
	for _, b := range l.blocksOf {
		if l.owns || l.parent == nil {
			l.settings(b)
		}
	}
	for _, b := range l.blocksOf {
		switch b.schema.name {
		case "director", "real_server", "host":
			for _, round := range b.instances() {
				l.cluster.Hosts = append(l.cluster.Hosts, round.host())
			}
		}
	}
	for _, child := range l.modules() {
		child.loadHosts()
	}
}

func (l *loader) loadServices() {
	for _, b := range l.blocksOf {
		if b.schema.name == serviceRoot {
			for _, round := range b.instances() {
				l.cluster.Services = append(l.cluster.Services, round.service())
			}
		}
	}
	for _, child := range l.modules() {
		child.loadServices()
	}
}

// finish looks at what nothing has asked for: it may hold mistakes, too.
func (l *loader) finish() {
	for _, root := range sortedKeys(l.scope.nodes) {
		for _, name := range sortedKeys(l.scope.nodes[root]) {
			l.scope.resolve(root, name, l.first)
		}
	}
	l.checkVariables()
	for _, child := range l.modules() {
		child.finish()
	}
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
	case "output":
		l.declareOnce(outputRoot, b.label(), b.header(), &node{eval: b.output})
	case "module":
		b.children() // a module block holds none
		l.declareOnce("module", b.label(), b.header(), b.moduleNode())
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

// output gives the value of an output block.
func (b *block) output() cty.Value {
	b.children() // an output holds none
	if b.syntax.Body.Attributes["description"] != nil {
		b.text("description")
	}
	hidden, _ := b.boolean("sensitive")
	attr, there := b.syntax.Body.Attributes["value"]
	if !there {
		return cty.DynamicVal
	}
	value, ok := b.scope.evaluate(attr.Expr, nil)
	if ok && hidden {
		value = value.Mark(sensitive)
	}
	return value
}

// settings reads the blocks that say something about the whole cluster.
func (l *loader) settings(b *block) {
	c := l.cluster
	switch b.schema.name {
	case "cluster":
		b.children()
		c.Name = b.textOr("name", l.hostPrefix+b.label())
		c.Forwarding = plans.Forwarding(b.textOr("forwarding", string(c.Forwarding)))
		for name, at := range b.source {
			c.Source[name] = at
		}
	case "connection":
		c.Connection = b.connection(c.Connection)
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
	if key := b.text("host_key"); key != "" {
		c.HostKey = key
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
