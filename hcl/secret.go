package hcl

import (
	"fmt"

	"github.com/zclconf/go-cty/cty"

	"github.com/lvsup/lvsup/plans"
)

// hide remembers that an attribute, or an element of it, is never to be shown.
func (b *block) hide(name string) {
	if b.secret == nil {
		b.secret = plans.Sensitive{}
	}
	b.secret[name] = true
}

// uncover takes the sensitive mark off an attribute's value, and remembers what
// had it. ok is false, with the reason reported, where lvsup could not keep such a
// value to itself: names, addresses and ports are in all that it prints.
func (b *block) uncover(name string, value cty.Value, at plans.Range) (open cty.Value, ok bool) {
	if !value.ContainsMarked() {
		return value, true
	}
	a, _ := b.schema.attr(name)
	switch {
	case a.secret == secretElements && !value.IsMarked():
		return value, true
	case a.secret != secretAnywhere:
		b.errorAt(at, fmt.Sprintf("Sensitive value for %q", name),
			"lvsup shows this wherever it says what it does, so it cannot be kept secret here. If it is none, write:\n  "+name+" = nonsensitive(...)")
		return cty.DynamicVal, false
	case value.IsMarked():
		b.hide(name)
	case value.CanIterateElements():
		for it := value.ElementIterator(); it.Next(); {
			key, element := it.Element()
			if element.ContainsMarked() && !key.IsMarked() && key.Type() == cty.String {
				b.hide(name + "." + key.AsString())
			} else if element.ContainsMarked() {
				b.hide(name)
			}
		}
	}
	open, _ = value.UnmarkDeep()
	return open, true
}
