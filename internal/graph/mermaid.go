package graph

import (
	"fmt"
	"strings"
)

// mermaid writes the picture as a flowchart, for pages that draw such text, as
// those of GitHub and GitLab do.
func (p *Picture) mermaid() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line("---\ntitle: %s\n---", quoteYAML(p.Name+": "+p.summary()+p.seenLine()))
	line("flowchart LR")
	var marked [2][]string // ids of what differs, of what is broken
	node := func(indent, id string, s State, lines []string) {
		line("%s%s[\"%s\"]", indent, id, quoteMermaid(lines))
		switch s {
		case Drifted:
			marked[0] = append(marked[0], id)
		case Broken:
			marked[1] = append(marked[1], id)
		}
	}
	p.nodes(node, func(i int, pool *Pool) {
		line("  subgraph pool%d[\"%s\"]", i+1, quoteMermaid([]string{pool.title()}))
	}, func() { line("  end") })
	for i, n := range p.Networks {
		line("  %s([\"%s\"])", nodeID("network", i), quoteMermaid(n.lines()))
	}
	p.edges(func(from, to, text string, answer bool) {
		arrow := "-->"
		if answer {
			arrow = "-.->"
		}
		line("  %s %s|\"%s\"| %s", from, arrow, quoteMermaid([]string{text}), to)
	})
	p.links(func(host, network string) { line("  %s --- %s", host, network) })
	for i, s := range []State{Drifted, Broken} {
		if len(marked[i]) == 0 {
			continue
		}
		frame, ground := s.colours()
		name := strings.TrimPrefix(s.class(), "lv-")
		line("  classDef %s fill:%s,stroke:%s,stroke-width:2px,color:#0f172a", name, ground, frame)
		line("  class %s %s", strings.Join(marked[i], ","), name)
	}
	return b.String()
}

// quoteMermaid writes lines for a place between quotes: what means something to
// Mermaid, to Markdown or to HTML becomes a code of Mermaid's.
func quoteMermaid(lines []string) string {
	var all []string
	for _, l := range lines {
		l = strings.ReplaceAll(clean(l), "\n", " ")
		all = append(all, strings.NewReplacer("#", "#35;", `"`, "#quot;", "<", "#lt;", ">", "#gt;", "`", "#96;", "&", "#amp;", ";", "#59;").Replace(l))
	}
	return strings.Join(all, "<br/>")
}

// quoteYAML writes a text between double quotes.
func quoteYAML(text string) string {
	text = strings.ReplaceAll(clean(text), "\n", ", ")
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text) + `"`
}
