package netconf

import (
	"errors"
	"fmt"
	"strings"
)

// yamlNode is one "key: value" or "- item" of a YAML file in block style, the
// style that netplan, cloud-init and people write. Deeper flow style ([...],
// {...}) and block scalars are opaque values.
type yamlNode struct {
	key        string // "-" for an item of a sequence
	value      string // on the same line and, in flow style, on those that follow; no comment
	indent     int
	start, end int // its lines, end not included; blank and comment lines after it are outside
	children   []*yamlNode
}

var errYAML = errors.New("lvsup reads YAML in block style with spaces only")

// parseYAML reads a file into its top-level nodes.
func parseYAML(content string) ([]*yamlNode, error) {
	root := &yamlNode{indent: -1}
	open := []*yamlNode{root} // from the root to the node read last
	lines := splitLines(content)
	for i := 0; i < len(lines); {
		text := strings.TrimRight(yamlBare(lines[i]), " \t\r\n")
		rest := strings.TrimLeft(text, " ")
		if rest == "" || rest == "---" || strings.HasPrefix(rest, "%") {
			i++
			continue
		}
		if rest[0] == '\t' || rest == "..." {
			return nil, fmt.Errorf("line %d: %w", i+1, errYAML)
		}
		indent := len(text) - len(rest)
		n, err := addYAML(&open, i, indent, rest)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		i++
		switch {
		case strings.HasPrefix(n.value, "[") || strings.HasPrefix(n.value, "{"):
			for !balanced(n.value) {
				if i == len(lines) {
					return nil, fmt.Errorf("line %d: %w", n.start+1, errYAML)
				}
				n.value += " " + strings.TrimSpace(yamlBare(lines[i]))
				i++
			}
		case strings.HasPrefix(n.value, "|") || strings.HasPrefix(n.value, ">"):
			for i < len(lines) && (strings.TrimSpace(lines[i]) == "" || len(lines[i])-len(strings.TrimLeft(lines[i], " ")) > n.indent) {
				i++
			}
		}
		for _, o := range open {
			o.end = i
		}
	}
	return root.children, nil
}

// addYAML puts the text of a line into the tree: an item, a pair, or an item
// that is a pair. It gives the innermost node.
func addYAML(open *[]*yamlNode, line, indent int, text string) (*yamlNode, error) {
	item := text == "-" || strings.HasPrefix(text, "- ")
	stack := *open
	for len(stack) > 1 {
		top := stack[len(stack)-1]
		// Items may stand as deep as the key that they belong to.
		if top.indent < indent || item && top.indent == indent && top.key != "-" {
			break
		}
		stack = stack[:len(stack)-1]
	}
	n := &yamlNode{indent: indent, start: line, end: line + 1}
	parent := stack[len(stack)-1]
	inner := ""
	if item {
		n.key, inner = "-", strings.TrimLeft(text[1:], " ")
	} else {
		key, value, ok := yamlPair(text)
		if !ok {
			return nil, errYAML
		}
		n.key, n.value = key, value
	}
	parent.children = append(parent.children, n)
	*open = append(append([]*yamlNode{}, stack...), n)
	if !item || inner == "" {
		return n, nil
	}
	if _, _, pair := yamlPair(inner); !pair || inner[0] == '[' || inner[0] == '{' {
		n.value = inner
		return n, nil
	}
	return addYAML(open, line, indent+len(text)-len(inner), inner)
}

// yamlPair cuts "key: value".
func yamlPair(text string) (key, value string, ok bool) {
	if text[0] == '"' || text[0] == '\'' {
		end := strings.IndexByte(text[1:], text[0])
		if end < 0 || !strings.HasPrefix(text[end+2:], ":") {
			return "", "", false
		}
		return text[1 : end+1], strings.TrimSpace(text[end+3:]), true
	}
	if k, ok := strings.CutSuffix(text, ":"); ok && !strings.Contains(k, ": ") {
		return strings.TrimSpace(k), "", true
	}
	key, value, ok = strings.Cut(text, ": ")
	return strings.TrimSpace(key), strings.TrimSpace(value), ok
}

// yamlBare drops a comment.
func yamlBare(line string) string {
	var quote byte
	for i := 0; i < len(line); i++ {
		switch c := line[i]; {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case (c == '"' || c == '\'') && (i == 0 || strings.IndexByte(" [{,:-", line[i-1]) >= 0):
			quote = c
		case c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t'):
			return line[:i]
		}
	}
	return line
}

func balanced(flow string) bool {
	return strings.Count(flow, "[") == strings.Count(flow, "]") && strings.Count(flow, "{") == strings.Count(flow, "}")
}

// child finds a key of a mapping.
func (n *yamlNode) child(key string) *yamlNode {
	if n == nil {
		return nil
	}
	for _, c := range n.children {
		if c.key == key {
			return c
		}
	}
	return nil
}

// field gives a scalar of a mapping in either style.
func (n *yamlNode) field(key string) string {
	if n == nil || !n.flow() {
		return n.child(key).scalar()
	}
	for _, pair := range strings.Split(strings.Trim(n.value, "{} "), ",") {
		if k, v, ok := strings.Cut(pair, ":"); ok && strings.Trim(strings.TrimSpace(k), `"'`) == key {
			return strings.Trim(strings.TrimSpace(v), `"'`)
		}
	}
	return ""
}

// scalar is a value without its quotes.
func (n *yamlNode) scalar() string {
	if n == nil {
		return ""
	}
	return strings.Trim(n.value, `"'`)
}

// list gives the values of a sequence in block or flow style. An item that is
// more than a scalar gives its first word.
func (n *yamlNode) list() []string {
	if n == nil {
		return nil
	}
	var all []string
	if flow, ok := strings.CutPrefix(n.value, "["); ok {
		for _, w := range strings.Split(strings.TrimSuffix(flow, "]"), ",") {
			if w = strings.Trim(strings.TrimSpace(w), `"'`); w != "" {
				all = append(all, w)
			}
		}
		return all
	}
	for _, c := range n.children {
		text := c.scalar()
		if len(c.children) > 0 { // an address with a label or a lifetime
			text = strings.Trim(c.children[0].key, `"'`)
		}
		all = append(all, text)
	}
	return all
}

// flow reports whether the value is a mapping or a sequence in braces.
func (n *yamlNode) flow() bool {
	return n != nil && n.value != "" && strings.ContainsAny(n.value[:1], "[{&*<")
}

// yamlTrue reads a boolean as YAML 1.1 does.
func yamlTrue(text string) bool {
	switch strings.ToLower(text) {
	case "true", "yes", "on", "y":
		return true
	}
	return false
}
