package hcl

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"

	"github.com/lvsup/lvsup/plans"
)

// The roots that a reference can begin with: var.NAME, local.NAME, path.NAME and
// the blocks of hosts and services. "each" and "count" exist in some blocks only.
var hostRoots = []string{string(plans.RoleDirector), string(plans.RoleRealServer), string(plans.RoleHost)}

// serviceRoot begins a reference to a virtual service. What an output block gives
// is for the plan around the module, as module.NAME.OUTPUT.
const (
	serviceRoot = "virtual_service"
	moduleRoot  = "module"
	outputRoot  = "output"
)

// node is something that references can name. It is evaluated when first asked
// for.
type node struct {
	eval  func() cty.Value // reports its own mistakes; gives an unknown value then
	value cty.Value
	state nodeState
	// members are the attributes that a reference may go on with; empty: any.
	members []string
	// interfaces are the names after .interface, of a host.
	interfaces []string
	// repeated is "for_each" or "count" where the block has that, so that an
	// index comes before the members.
	repeated string
}

type nodeState int

const (
	unseen nodeState = iota
	busy
	done
)

// scope evaluates expressions.
type scope struct {
	report *report
	nodes  map[string]map[string]*node // root, then name
	funcs  map[string]function.Function
	module string   // which use of a module this is: module.table["1"]
	path   []string // what is being evaluated, outermost first
	// variables are those whose values have been asked for.
	variables map[string]*variable
}

// newScope makes the scope of a module whose files are in dir.
func newScope(r *report, dir string) *scope {
	s := &scope{report: r, funcs: functions(dir), variables: map[string]*variable{}, nodes: map[string]map[string]*node{"var": {}, "local": {}}}
	for _, root := range hostRoots {
		s.nodes[root] = map[string]*node{}
	}
	s.nodes[serviceRoot], s.nodes[moduleRoot], s.nodes[outputRoot] = map[string]*node{}, map[string]*node{}, map[string]*node{}
	s.nodes["path"] = map[string]*node{}
	for name, value := range map[string]string{"module": dir} {
		if absolute, err := filepath.Abs(value); err == nil {
			value = absolute
		}
		s.nodes["path"][name] = &node{value: cty.StringVal(value), state: done}
	}
	return s
}

// evaluate gives the value of an expression and whether there is one; if not,
// the reason has been reported. extra adds roots, such as "each".
func (s *scope) evaluate(expr hclsyntax.Expression, extra map[string]cty.Value) (cty.Value, bool) {
	wanted := map[string]map[string]cty.Value{}
	ok := true
	for _, traversal := range expr.Variables() {
		if _, given := extra[traversal.RootName()]; given {
			continue
		}
		ok = s.reference(traversal, wanted) && ok
	}
	if !ok {
		return cty.DynamicVal, false
	}
	context := &hcl2.EvalContext{Functions: s.funcs, Variables: map[string]cty.Value{}}
	maps.Copy(context.Variables, extra)
	for root, members := range wanted {
		context.Variables[root] = cty.ObjectVal(members)
	}
	value, diags := expr.Value(context)
	if diags.HasErrors() {
		s.failed(diags, context, expr, extra)
	}
	if diags.HasErrors() || !value.IsWhollyKnown() {
		return cty.DynamicVal, false
	}
	return value, true
}

// failed reports why an expression has no value. What is said of it may quote its
// parts, so nothing is said where one of them is sensitive.
func (s *scope) failed(diags hcl2.Diagnostics, context *hcl2.EvalContext, expr hclsyntax.Expression, extra map[string]cty.Value) {
	secret := false
	for _, value := range context.Variables {
		secret = secret || value.ContainsMarked()
	}
	for _, d := range diags {
		if secret {
			d.Detail = "A sensitive value takes part in this, so what is wrong with it is not shown."
		}
	}
	s.report.addHCLWith(diags, toRange(expr.Range()), s.involved(expr, extra))
}

// reference puts what a traversal needs into wanted, or reports why it cannot.
func (s *scope) reference(t hcl2.Traversal, wanted map[string]map[string]cty.Value) bool {
	root, at := t.RootName(), toRange(t[0].SourceRange())
	nodes, known := s.nodes[root]
	if !known || root == outputRoot {
		s.unknownRoot(root, toRange(t.SourceRange()), len(t) == 1)
		return false
	}
	if wanted[root] == nil {
		wanted[root] = map[string]cty.Value{}
	}
	if len(t) == 1 {
		for _, name := range sortedKeys(nodes) {
			wanted[root][name] = s.resolve(root, name, at)
		}
		return true
	}
	name, at, literal := step(t[1])
	if !literal {
		s.report.errorAt(at, "Invalid reference", fmt.Sprintf(
			"After %s comes a name, as in %s.%s.", root, root, firstOr(sortedKeys(nodes), "NAME")))
		return false
	}
	n, known := nodes[name]
	if !known {
		s.unknownName(root, name, at)
		return false
	}
	value := s.resolve(root, name, toRange(t.SourceRange()))
	wanted[root][name] = value
	return s.checkMembers(n, root+"."+name, t[2:], value)
}

// checkMembers reports what a reference asks of a host or a service that has no
// such thing. rest is what follows its name.
func (s *scope) checkMembers(n *node, name string, rest hcl2.Traversal, value cty.Value) bool {
	if len(n.members) == 0 || !value.IsKnown() {
		return true
	}
	if n.repeated != "" && len(rest) > 0 {
		index, ok := s.checkIndex(n, name, rest[0], value)
		if !ok {
			return false
		}
		name, rest = name+index, rest[1:]
	}
	if len(rest) == 0 {
		return true
	}
	member, at, literal := step(rest[0])
	if literal && !slices.Contains(n.members, member) {
		s.report.errorAt(at, fmt.Sprintf("%s has no %q", name, member), didYouMean(member, n.members)+"It has "+list(n.members)+".")
		return false
	}
	if len(rest) > 1 && member == hostInterface {
		iface, at, literal := step(rest[1])
		if literal && !slices.Contains(n.interfaces, iface) {
			s.report.errorAt(at, fmt.Sprintf("%s has no interface %q", name, iface), didYouMean(iface, n.interfaces)+"It has "+list(n.interfaces)+".")
			return false
		}
	}
	return true
}

// checkIndex reports a reference into a block with for_each or count that names
// none of its rounds.
func (s *scope) checkIndex(n *node, name string, first hcl2.Traverser, value cty.Value) (index string, ok bool) {
	var indexes []string
	for it := value.ElementIterator(); it.Next(); {
		key, _ := it.Element()
		indexes = append(indexes, "["+brief(key)+"]")
	}
	at := toRange(first.SourceRange())
	key, isAttr := "", false
	switch first := first.(type) {
	case hcl2.TraverseAttr:
		key, isAttr = first.Name, true
		index = "[" + strconv.Quote(key) + "]"
	case hcl2.TraverseIndex:
		if first.Key.IsNull() || !first.Key.IsKnown() {
			return "", true
		}
		if _, isText := asText(first.Key); isText {
			key = first.Key.AsString()
		}
		index = "[" + brief(first.Key) + "]"
	default:
		return "", true
	}
	if slices.Contains(indexes, index) {
		return index, true
	}
	switch {
	case isAttr && slices.Contains(n.members, key):
		s.report.errorAt(at, fmt.Sprintf("%s has %s", name, n.repeated), fmt.Sprintf(
			"It stands for several, so say which one: %s%s.%s, or of all of them:\n  %s",
			name, firstOr(indexes, "[...]"), key, allOf(n, name, key)))
	case len(indexes) == 0:
		s.report.errorAt(at, fmt.Sprintf("%s has no %s", name, index), "It has no elements at all.")
	default:
		s.report.errorAt(at, fmt.Sprintf("%s has no %s", name, index), nearIndex(key, index, indexes)+"It has "+someOf(indexes)+".")
	}
	return "", false
}

// allOf writes a reference to a member of every round.
func allOf(n *node, name, member string) string {
	if n.repeated == "count" {
		return name + "[*]." + member
	}
	return "values(" + name + ")[*]." + member
}

// someOf writes the first few names.
func someOf(names []string) string {
	const most = 8
	if len(names) > most {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", len(names)-most)
	}
	return strings.Join(names, ", ")
}

// nearIndex guesses which key was meant; of numbers there is no telling.
func nearIndex(key, index string, indexes []string) string {
	if near := plans.Nearest(index, indexes); near != "" && key != "" {
		return "Did you mean " + near + "? "
	}
	return ""
}

// step reads .name or ["name"].
func step(t hcl2.Traverser) (string, plans.Range, bool) {
	switch t := t.(type) {
	case hcl2.TraverseAttr:
		return t.Name, toRange(t.SrcRange), true
	case hcl2.TraverseIndex:
		if t.Key.Type() == cty.String && t.Key.IsKnown() && !t.Key.IsNull() {
			return t.Key.AsString(), toRange(t.SrcRange), true
		}
	}
	return "", toRange(t.SourceRange()), false
}

func (s *scope) resolve(root, name string, at plans.Range) cty.Value {
	n, id := s.nodes[root][name], root+"."+name
	switch n.state {
	case busy:
		circle := append(slices.Clone(s.path[slices.Index(s.path, id):]), id)
		s.report.errorAt(at, "References in a circle", fmt.Sprintf(
			"%s needs itself: %s. Write one of these values out.", id, strings.Join(circle, " -> ")))
		return cty.DynamicVal
	case unseen:
		n.state = busy
		s.path = append(s.path, id)
		n.value = n.eval()
		s.path = s.path[:len(s.path)-1]
		n.state = done
	}
	return n.value
}

func (s *scope) unknownRoot(root string, at plans.Range, alone bool) {
	if root == "each" {
		s.report.errorAt(at, "Nothing to go through", "each.key and each.value exist only in a block that has for_each.")
		return
	}
	if root == "count" {
		s.report.errorAt(at, "Nothing to count", "count.index exists only in a block that has count.")
		return
	}
	roots := append(slices.Clone(hostRoots), serviceRoot, moduleRoot, "var", "local", "path")
	near := plans.Nearest(root, roots)
	if alone && near == "" {
		s.report.errorAt(at, "Text without quotes", fmt.Sprintf(
			"%s is not the name of anything. If it is meant as text, write \"%s\".", root, root))
		return
	}
	detail := ""
	if near != "" {
		detail = fmt.Sprintf("Did you mean %q? ", near)
	}
	s.report.errorAt(at, fmt.Sprintf("Unknown reference %q", root), detail+
		"References begin with director, real_server, host, virtual_service, module, var, local or path, as in real_server.node1.ip.")
}

func (s *scope) unknownName(root, name string, at plans.Range) {
	names := sortedKeys(s.nodes[root])
	detail := didYouMean(name, names)
	for _, other := range hostRoots {
		if _, there := s.nodes[other][name]; there && other != root && slices.Contains(hostRoots, root) {
			detail = fmt.Sprintf("%s is a %s: write %s.%s. ", name, other, other, name)
		}
	}
	if root == "path" {
		s.report.errorAt(at, fmt.Sprintf("path has no %q", name), detail+"It has "+list(names)+".")
		return
	}
	thing := map[string]string{"var": "variable", "local": "local value"}[root]
	if thing == "" {
		thing = root
	}
	if len(names) == 0 {
		detail += fmt.Sprintf("The plan declares no %s.", thing)
	} else {
		detail += fmt.Sprintf("The plan declares %s.", strings.Join(names, ", "))
	}
	s.report.errorAt(at, fmt.Sprintf("No %s named %q", thing, name), detail)
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func firstOr(names []string, otherwise string) string {
	if len(names) == 0 {
		return otherwise
	}
	return names[0]
}
