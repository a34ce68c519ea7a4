package graph

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/plans"
)

// colours are frame and ground of what is not as planned, on white; the words
// beside say the same.
func (s State) colours() (frame, ground string) {
	switch s {
	case Drifted:
		return "#b45309", "#fef3c7"
	case Broken:
		return "#b91c1c", "#fee2e2"
	}
	return "#94a3b8", "#ffffff"
}

// dot writes the picture for Graphviz: dot -Tsvg, -Tpdf, -Tpng.
func (p *Picture) dot() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("digraph %s {", quoteDOT("cluster "+p.Name))
	line("  rankdir=LR; nodesep=0.35; ranksep=1.1; label=%s; labelloc=t; fontsize=18;", quoteDOT(p.Name+"\n"+p.summary()+p.seenLine()))
	line("  fontname=\"Helvetica\";")
	line("  node [shape=box style=\"rounded,filled\" fillcolor=\"#ffffff\" color=\"#94a3b8\" fontname=\"Helvetica\" fontsize=12];")
	line("  edge [fontname=\"Helvetica\" fontsize=11];")
	node := func(indent, id string, s State, lines []string) {
		frame, ground := s.colours()
		line("%s%s [label=%s color=%q fillcolor=%q];", indent, id, quoteDOT(strings.Join(lines, "\n")), frame, ground)
	}
	p.nodes(node, func(i int, pool *Pool) {
		line("  subgraph cluster_pool%d {", i+1)
		line("    label=%s; style=\"rounded,filled\"; color=\"#dbe3ee\"; fillcolor=\"#f4f7fb\"; fontname=\"Helvetica\"; fontsize=12;",
			quoteDOT(strings.Join(append([]string{pool.heading()}, pool.rules()...), "\n")))
	}, func() { line("  }") })
	for i, n := range p.Networks {
		line("  %s [label=%s shape=ellipse style=filled fillcolor=\"#e2e8f0\"];", nodeID("network", i), quoteDOT(strings.Join(n.lines(), "\n")))
	}
	p.edges(func(from, to, text string, answer bool) {
		style := "color=\"#2563eb\" penwidth=1.8"
		if answer {
			style = "color=\"#0f766e\" penwidth=1.8 style=dashed constraint=false"
		}
		line("  %s -> %s [label=%s %s];", from, to, quoteDOT(text), style)
	})
	p.links(func(host, network string) {
		line("  %s -> %s [dir=none color=\"#94a3b8\" constraint=false];", host, network)
	})
	line("}")
	return b.String()
}

// nodes gives every host's node, those of the clients first, and where a pool's begin
// and end.
func (p *Picture) nodes(node func(indent, id string, s State, lines []string), begin func(i int, pool *Pool), end func()) {
	node("  ", "clients", Planned, append([]string{"Clients"}, p.clients()...))
	for i, n := range p.Directors {
		lines := p.nodeLines(n, "Director ")
		if i == 0 {
			lines = append(lines, p.serviceLines()...)
		}
		node("  ", nodeID("director", i), n.State, lines)
	}
	for i := range p.Pools {
		pool := &p.Pools[i]
		begin(i, pool)
		for k, n := range pool.Nodes {
			node("    ", serverID(i, k), n.State, p.nodeLines(n, ""))
		}
		end()
	}
	for i, n := range p.Others {
		node("  ", nodeID("host", i), n.State, p.nodeLines(n, "Host "))
	}
}

func nodeID(word string, i int) string { return fmt.Sprintf("%s%d", word, i+1) }
func serverID(pool, i int) string      { return fmt.Sprintf("server%d_%d", pool+1, i+1) }
func (n Network) lines() []string {
	lines := []string{"Network " + n.Letter, n.Prefix.String()}
	for _, g := range n.Gateways {
		lines = append(lines, "gateway "+g.String())
	}
	return lines
}

func (p *Picture) seenLine() string {
	if p.Seen.IsZero() {
		return ""
	}
	_, words := p.overall()
	return "\n" + words + ", seen " + p.seenAt()
}

// nodeLines are what a host's node says.
func (p *Picture) nodeLines(n Node, role string) []string {
	lines := []string{role + n.Name}
	if n.Foreign {
		lines = append(lines, "not lvsup's to touch")
	} else {
		for _, a := range n.Addresses {
			lines = append(lines, strings.TrimSpace(a.Interface+" "+a.Prefix.String()))
		}
	}
	lines = append(lines, n.Shares...)
	if n.State != Planned {
		lines = append(lines, n.State.mark()+" "+n.Short)
	}
	return lines
}

// mark is the state as a character.
func (s State) mark() string {
	switch s {
	case Well:
		return "✓"
	case Drifted:
		return "▲"
	case Broken:
		return "✕"
	}
	return "–"
}

// serviceLines are what a director's node says of the services.
func (p *Picture) serviceLines() []string {
	var lines []string
	for _, v := range p.VIPs {
		switch {
		case !v.Address.IsValid():
			lines = append(lines, "by firewall mark")
		case v.Where == "":
			lines = append(lines, "VIP "+v.Address.String())
		default:
			lines = append(lines, "VIP "+v.Address.String()+" on "+v.Where)
		}
		for _, s := range v.services {
			text := s.Name + ": " + s.Match + ", " + s.How
			if s.State == Drifted {
				text = s.State.mark() + " " + text + ", " + s.Short
			}
			lines = append(lines, text)
		}
	}
	return lines
}

// edges gives every way of packets, from node to node.
func (p *Picture) edges(edge func(from, to, text string, answer bool)) {
	if len(p.Directors) == 0 || len(p.flows()) == 0 {
		return
	}
	director := nodeID("director", 0)
	edge("clients", director, "request to the VIP", false)
	if slices.Contains(p.ways(), plans.ForwardNAT) {
		edge(director, "clients", "answer from the VIP", true)
	}
	for i := range p.Pools {
		pool := &p.Pools[i]
		if len(pool.Ways) == 0 {
			continue
		}
		how, _ := pool.request()
		for k := range pool.Nodes {
			edge(director, serverID(i, k), how, false)
			if pool.through() {
				edge(serverID(i, k), director, "answer", true)
			}
			if pool.direct() {
				edge(serverID(i, k), "clients", "answer", true)
			}
		}
	}
}

// links gives every host's place in a network.
func (p *Picture) links(link func(host, network string)) {
	each := func(id string, n Node) {
		for _, i := range networksIn([]Node{n}) {
			link(id, nodeID("network", i))
		}
	}
	for i, n := range p.Directors {
		each(nodeID("director", i), n)
	}
	for i, pool := range p.Pools {
		for k, n := range pool.Nodes {
			each(serverID(i, k), n)
		}
	}
	for i, n := range p.Others {
		each(nodeID("host", i), n)
	}
}

// quoteDOT writes a quoted string of the DOT language; \n there centres the line
// before it.
func quoteDOT(text string) string {
	text = clean(text)
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(text) + `"`
}

// clean replaces control characters but the end of a line.
func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' && r != '\n' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}
