package hcl

import (
	"fmt"
	"maps"
	"slices"
	"strconv"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/plans"
)

// maxRounds is how often a block can be repeated.
const maxRounds = 10_000

// roundsOf is what for_each or count make of a block.
type roundsOf struct {
	blocks []*block
	ok     bool
}

// repeated is "for_each" or "count" if the block has one of them.
func (b *block) repeated() string {
	for _, name := range []string{"for_each", "count"} {
		if _, there := b.syntax.Body.Attributes[name]; there {
			return name
		}
	}
	return ""
}

// instances are the rounds of a host's or a service's block, none if for_each or
// count has a mistake in it. References see the same ones.
func (b *block) instances() []*block {
	l := b.loader
	if n := l.scope.nodes[b.schema.name][b.label()]; n != nil {
		l.scope.resolve(b.schema.name, b.label(), b.header()) // so that a circle is found
	}
	return b.repeatedOnce().blocks
}

func (b *block) repeatedOnce() roundsOf {
	found, before := b.loader.rounds[b.syntax]
	if !before {
		found.blocks, found.ok = b.allRounds()
		b.loader.rounds[b.syntax] = found
	}
	return found
}

// eachRound makes the value of a block that references can name: that of its only
// round, a map of those of for_each, or a list of those of count.
func (b *block) eachRound(value func(*block) cty.Value) cty.Value {
	found := b.repeatedOnce()
	if !found.ok {
		return cty.DynamicVal
	}
	values, byKey := []cty.Value{}, map[string]cty.Value{}
	for _, round := range found.blocks {
		// A copy: what is read here is read again, and recorded, by the loader.
		quiet := *round
		quiet.source = maps.Clone(round.source)
		v := value(&quiet)
		values, byKey[round.suffix] = append(values, v), v
	}
	switch b.repeated() {
	case "for_each":
		return cty.ObjectVal(byKey)
	case "count":
		return cty.TupleVal(values)
	}
	return values[0]
}

// name is what a host or a service is called: what its name attribute says, else
// its label, which the rounds of a block end with their key or number.
func (b *block) name() string {
	fallback := b.label()
	if fallback != "" && b.schema.name == serviceRoot {
		fallback = b.servicePrefix + fallback
	} else if fallback != "" {
		fallback = b.hostPrefix + fallback
	}
	if b.suffix != "" && fallback != "" {
		fallback += "-" + b.suffix
	}
	return b.textOr("name", fallback)
}

// reference is how a plan names the block's round: real_server.node["a"].
func (b *block) reference() string {
	root := b.schema.name + "." + b.label()
	if !hclsyntax.ValidIdentifier(b.label()) {
		root = b.schema.name + "[" + strconv.Quote(b.label()) + "]"
	}
	return root + b.index
}

// allRounds evaluates for_each or count: the blocks to read instead of b. A block
// without them is its own only round. ok is false if they have no usable value.
func (b *block) allRounds() (out []*block, ok bool) {
	switch b.repeated() {
	case "for_each":
		if attr, both := b.syntax.Body.Attributes["count"]; both {
			b.errorAt(toRange(attr.NameRange), "Both for_each and count", "A block is repeated by one of them. Leave the other out.")
			return nil, false
		}
		return b.forEach()
	case "count":
		n, there := b.number("count", 0, maxRounds)
		for i := range n {
			number := strconv.Itoa(i)
			out = append(out, b.round(number, "["+number+"]", map[string]cty.Value{
				"count": cty.ObjectVal(map[string]cty.Value{"index": cty.NumberIntVal(int64(i))}),
			}))
		}
		return out, there
	}
	return []*block{b}, true
}

// round copies the block for one round.
func (b *block) round(suffix, index string, extra map[string]cty.Value) *block {
	c := *b
	c.source, c.secret = maps.Clone(b.source), maps.Clone(b.secret)
	c.suffix, c.index = suffix, index
	c.extra = maps.Clone(b.extra)
	if c.extra == nil {
		c.extra = map[string]cty.Value{}
	}
	maps.Copy(c.extra, extra)
	return &c
}

func (b *block) forEach() (out []*block, ok bool) {
	v, expr, ok := b.value("for_each")
	if !ok {
		return nil, false
	}
	at := toRange(expr.Range())
	keys, values := []string{}, []cty.Value{}
	spans := []plans.Range{}
	add := func(key string, value cty.Value, at plans.Range) {
		keys, values, spans = append(keys, key), append(values, value), append(spans, at)
	}
	switch t := v.Type(); {
	case (t.IsObjectType() || t.IsMapType()) && !isHostObject(v):
		items := v.AsValueMap()
		for _, key := range sortedKeys(items) {
			if item := items[key]; !isHostObject(item) && holdsHosts(item) {
				addHosts(item, func(host cty.Value) { add(host.GetAttr(hostName).AsString(), host, at) })
			} else {
				add(key, item, at)
			}
		}
	case isList(t):
		elements := v.AsValueSlice()
		places := elementRanges(expr, len(elements))
		for i, item := range elements {
			if text, isText := openText(item); isText {
				add(text, item, places[i])
			} else if holdsHosts(item) {
				addHosts(item, func(host cty.Value) { add(host.GetAttr(hostName).AsString(), host, places[i]) })
			} else {
				b.wrong("for_each", places[i], "this element is "+describe(item), "")
			}
		}
	default:
		b.wrong("for_each", at, "this is "+describe(v), "")
	}
	if len(keys) > maxRounds {
		b.wrong("for_each", at, fmt.Sprintf("this has %d elements, and there can be %d", len(keys), maxRounds), "")
	}
	if !b.written("for_each") || len(keys) > maxRounds {
		return nil, false
	}
	for i, key := range keys {
		if slices.Contains(keys[:i], key) {
			b.errorAt(spans[i], fmt.Sprintf("%q twice in for_each", shorten(key)), "Each element of a list has a round of its own. Leave one of them out.")
			continue
		}
		out = append(out, b.round(key, "["+strconv.Quote(key)+"]", map[string]cty.Value{
			"each": cty.ObjectVal(map[string]cty.Value{"key": cty.StringVal(key), "value": values[i]}),
		}))
	}
	return out, true
}

// addHosts goes through the hosts of a value that holds nothing else.
func addHosts(v cty.Value, add func(cty.Value)) {
	if isHostObject(v) {
		add(v)
		return
	}
	for it := v.ElementIterator(); it.Next(); {
		_, element := it.Element()
		addHosts(element, add)
	}
}

// openText is asText of a value that may be sensitive, and is none then.
func openText(v cty.Value) (string, bool) {
	if v.IsMarked() {
		return "", false
	}
	return asText(v)
}
