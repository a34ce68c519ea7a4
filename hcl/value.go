package hcl

import (
	"fmt"
	"math/big"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"

	"github.com/lvsup/lvsup/plans"
)

// describe says what a value is, to follow "this is": a number, a list.
func describe(v cty.Value) string {
	switch t := v.Type(); {
	case v.IsMarked():
		return "a sensitive value"
	case v.IsNull():
		return "null"
	case t == cty.String:
		return "the text " + strconv.Quote(shorten(v.AsString()))
	case t == cty.Number:
		return "the number " + v.AsBigFloat().Text('f', -1)
	case t == cty.Bool:
		return strconv.FormatBool(v.True())
	case isHostObject(v):
		return "a host"
	case holdsHosts(v):
		return "several hosts"
	case isList(t):
		return "a list"
	default:
		return "a map"
	}
}

func shorten(s string) string {
	const most = 60
	if r := []rune(s); len(r) > most {
		return string(r[:most]) + "..."
	}
	return s
}

// text reads an attribute that is text. "" if there is no value.
func (b *block) text(name string) string {
	v, expr, ok := b.value(name)
	if !ok {
		return ""
	}
	s, ok := asText(adapted(v, expr, cty.String))
	if !ok {
		b.wrong(name, toRange(expr.Range()), "this is "+describe(v), "")
	}
	return s
}

// adapted converts a text, a number or a bool to the type that an attribute wants,
// where a reference takes part in it: what is given with -var, and each.key, are
// texts. A value that is written out must be of that type.
func adapted(v cty.Value, expr hclsyntax.Expression, want cty.Type) cty.Value {
	if !v.Type().IsPrimitiveType() || len(expr.Variables()) == 0 {
		return v
	}
	if out, err := convert.Convert(v, want); err == nil {
		return out
	}
	return v
}

func asText(v cty.Value) (string, bool) {
	if v.IsNull() || v.Type() != cty.String {
		return "", false
	}
	return v.AsString(), true
}

// boolean reads an attribute that is true or false. there tells false from no
// value.
func (b *block) boolean(name string) (yes, there bool) {
	v, expr, ok := b.value(name)
	if !ok {
		return false, false
	}
	if v = adapted(v, expr, cty.Bool); v.Type() != cty.Bool {
		b.wrong(name, toRange(expr.Range()), "this is "+describe(v), "")
		return false, false
	}
	return v.True(), true
}

// number reads an attribute that is a whole number from low to high. there is
// false if there is no usable value.
func (b *block) number(name string, low, high int64) (n int, there bool) {
	v, expr, ok := b.value(name)
	if !ok {
		return 0, false
	}
	if v = adapted(v, expr, cty.Number); v.Type() != cty.Number {
		hint := ""
		if s, isText := asText(v); isText {
			if _, err := strconv.Atoi(s); err == nil {
				hint = "Write it without quotes."
			}
		}
		b.wrong(name, toRange(expr.Range()), "this is "+describe(v), hint)
		return 0, false
	}
	whole, accuracy := v.AsBigFloat().Int(nil)
	if whole == nil || accuracy != big.Exact || whole.Cmp(big.NewInt(low)) < 0 || whole.Cmp(big.NewInt(high)) > 0 {
		b.wrong(name, toRange(expr.Range()), "this is "+describe(v), "")
		return 0, false
	}
	return int(whole.Int64()), true
}

// duration reads an attribute such as "500ms". 0 if there is no usable value.
func (b *block) duration(name string) time.Duration {
	v, expr, ok := b.value(name)
	if !ok {
		return 0
	}
	at := toRange(expr.Range())
	if v.Type() == cty.Number {
		n := v.AsBigFloat().Text('f', -1)
		b.wrong(name, at, "this is "+describe(v)+" without a unit", b.withUnit(name, n))
		return 0
	}
	s, ok := asText(v)
	if !ok {
		b.wrong(name, at, "this is "+describe(v), "")
		return 0
	}
	d, err := time.ParseDuration(s)
	if err != nil {
		hint := ""
		if _, err := strconv.Atoi(s); err == nil {
			hint = b.withUnit(name, s)
		}
		b.wrong(name, at, "this is "+describe(v), hint)
		return 0
	}
	return d
}

// withUnit says how to write a duration that is only a number, in the unit that the
// attribute wants.
func (b *block) withUnit(name, number string) string {
	if a, _ := b.schema.attr(name); strings.Contains(a.want, "milliseconds") {
		return fmt.Sprintf("For milliseconds, write \"%sms\".", number)
	}
	return fmt.Sprintf("For seconds, write \"%ss\".", number)
}

// address reads an attribute that is an IP address. Zero if there is no usable
// value.
func (b *block) address(name string) netip.Addr {
	v, expr, ok := b.value(name)
	if !ok {
		return netip.Addr{}
	}
	return b.addressValue(name, v, toRange(expr.Range()))
}

func (b *block) addressValue(name string, v cty.Value, at plans.Range) netip.Addr {
	s, ok := asText(v)
	if !ok {
		hint := ""
		if isHostObject(v) {
			hint = "For its address, add .ip."
		}
		b.wrong(name, at, "this is "+describe(v), hint)
		return netip.Addr{}
	}
	a, err := netip.ParseAddr(s)
	if err == nil && a.Zone() == "" {
		return a.Unmap()
	}
	hint := ""
	if p, err := netip.ParsePrefix(s); err == nil {
		hint = fmt.Sprintf("Leave out /%d; of a host, take .ip instead of .address.", p.Bits())
	} else if a, err := netip.ParseAddrPort(s); err == nil {
		hint = fmt.Sprintf("Leave out :%d; the port goes into port.", a.Port())
	}
	b.wrong(name, at, "this is "+describe(v)+cause(err, hint), hint)
	return netip.Addr{}
}

// prefix reads an attribute that is an address with its prefix length. Zero if
// there is no usable value.
func (b *block) prefix(name string) netip.Prefix {
	v, expr, ok := b.value(name)
	if !ok {
		return netip.Prefix{}
	}
	return b.prefixValue(name, v, toRange(expr.Range()))
}

func (b *block) prefixValue(name string, v cty.Value, at plans.Range) netip.Prefix {
	s, ok := asText(v)
	if !ok {
		b.wrong(name, at, "this is "+describe(v), "")
		return netip.Prefix{}
	}
	p, err := netip.ParsePrefix(s)
	if err == nil {
		return p
	}
	hint := ""
	if a, err := netip.ParseAddr(s); err == nil {
		bits := map[bool]int{true: 24, false: 64}[a.Is4()]
		hint = fmt.Sprintf("Add the prefix length of its network, such as \"%s/%d\".", s, bits)
	} else if before, after, ok := strings.Cut(s, "/"); ok {
		if bits, ok := netmaskBits(after); ok {
			hint = fmt.Sprintf("Write the netmask as a prefix length: \"%s/%d\".", before, bits)
		}
	}
	b.wrong(name, at, "this is "+describe(v)+cause(err, hint), hint)
	return netip.Prefix{}
}

// cause gives the last part of what netip said about a text, in brackets, unless
// a hint says better what is wrong with it.
func cause(err error, hint string) string {
	if err == nil || hint != "" {
		return ""
	}
	_, why, ok := strings.Cut(err.Error(), "): ")
	if _, inner, nested := strings.Cut(why, "): "); nested {
		why = inner
	}
	if !ok {
		return ""
	}
	return " (" + why + ")"
}

// netmaskBits reads a netmask such as 255.255.255.0.
func netmaskBits(s string) (int, bool) {
	mask, err := netip.ParseAddr(s)
	if err != nil || !mask.Is4() {
		return 0, false
	}
	ones, bits := net.IPMask(mask.AsSlice()).Size()
	return ones, bits == 32
}

// elements reads an attribute that is a list. Each element comes with its span,
// which is also recorded as NAME.INDEX.
func (b *block) elements(name string) ([]cty.Value, []plans.Range) {
	v, expr, ok := b.value(name)
	if !ok {
		return nil, nil
	}
	if t := v.Type(); !t.IsTupleType() && !t.IsListType() && !t.IsSetType() {
		b.wrong(name, toRange(expr.Range()), "this is "+describe(v), "")
		return nil, nil
	}
	values := v.AsValueSlice()
	spans := elementRanges(expr, len(values))
	for i, at := range spans {
		b.source[name+"."+strconv.Itoa(i)] = at
	}
	return values, spans
}

// texts reads an attribute that is a list of texts.
func (b *block) texts(name string) []string {
	values, spans := b.elements(name)
	var out []string
	for i, v := range values {
		s, ok := asText(v)
		if !ok {
			b.wrong(name, spans[i], "this element is "+describe(v), "")
			continue
		}
		out = append(out, s)
	}
	return out
}

// sortedTexts reads an attribute that is a list of texts whose order means
// nothing. The recorded spans follow the elements.
func (b *block) sortedTexts(name string) []string {
	values, spans := b.elements(name)
	places := map[string][]plans.Range{}
	for i, v := range values {
		s, ok := asText(v)
		if !ok {
			b.wrong(name, spans[i], "this element is "+describe(v), "")
			continue
		}
		places[s] = append(places[s], spans[i])
	}
	var out []string
	for _, s := range sortedKeys(places) {
		for _, at := range places[s] {
			b.source[name+"."+strconv.Itoa(len(out))] = at
			out = append(out, s)
		}
	}
	return out
}

// textMap reads an attribute that is a map of texts, numbers and booleans, which
// become text. The span of each item is recorded as NAME.KEY. nil if there is no
// usable value.
func (b *block) textMap(name string) map[string]string {
	v, expr, ok := b.value(name)
	if !ok {
		return nil
	}
	if t := v.Type(); !t.IsObjectType() && !t.IsMapType() || isHostObject(v) {
		b.wrong(name, toRange(expr.Range()), "this is "+describe(v), "")
		return nil
	}
	out := map[string]string{}
	spans := itemRanges(expr)
	for key, item := range v.AsValueMap() {
		at, literal := spans[key]
		if !literal {
			at = toRange(expr.Range())
		}
		b.source[name+"."+key] = at
		if b.secret[name] {
			b.hide(name + "." + key)
		}
		s, err := convert.Convert(item, cty.String)
		if err != nil || s.IsNull() {
			got := describe(item)
			if b.secret[name+"."+key] {
				got = "sensitive and no text"
			}
			b.wrong(name, at, fmt.Sprintf("the value of %s is %s", key, got), "")
			continue
		}
		out[key] = s.AsString()
	}
	return out
}
