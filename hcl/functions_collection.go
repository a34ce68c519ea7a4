package hcl

import (
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func anyParam(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.DynamicPseudoType}
}

func isList(t cty.Type) bool { return t.IsTupleType() || t.IsListType() || t.IsSetType() }

// lengthFunc counts the elements of a collection or, as in Terraform, the
// characters of a text.
func lengthFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{anyParam("value")},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			v := args[0]
			switch t := v.Type(); {
			case t == cty.String:
				return stdlib.Strlen(v)
			case t.IsObjectType():
				return cty.NumberIntVal(int64(len(t.AttributeTypes()))), nil
			case t.IsTupleType(), t.IsCollectionType():
				return stdlib.Length(v)
			}
			return cty.NilVal, function.NewArgErrorf(0, "length takes a text, a list or a map")
		},
	})
}

// coalesceFunc gives its first argument that is neither null nor an empty text.
func coalesceFunc() function.Function {
	return function.New(&function.Spec{
		VarParam: &function.Parameter{Name: "values", Type: cty.DynamicPseudoType, AllowNull: true, AllowDynamicType: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			types := make([]cty.Type, len(args))
			for i, a := range args {
				types[i] = a.Type()
			}
			t, _ := convert.UnifyUnsafe(types)
			if t == cty.NilType {
				return t, function.NewArgErrorf(0, "all arguments must be of one type")
			}
			return t, nil
		},
		Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
			for _, a := range args {
				v, err := convert.Convert(a, want)
				if err != nil {
					return cty.NilVal, err
				}
				if !v.IsNull() && (v.Type() != cty.String || v.AsString() != "") {
					return v, nil
				}
			}
			return cty.NilVal, function.NewArgErrorf(0, "every argument is null or an empty text")
		},
	})
}

// indexFunc gives the place of a value in a list, from 0.
func indexFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{anyParam("list"), anyParam("value")},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if t := args[0].Type(); !t.IsTupleType() && !t.IsListType() {
				return cty.NilVal, function.NewArgErrorf(0, "index takes a list and a value")
			}
			for i, element := range args[0].AsValueSlice() {
				if same, err := stdlib.Equal(element, args[1]); err == nil && same.IsKnown() && same.True() {
					return cty.NumberIntVal(int64(i)), nil
				}
			}
			return cty.NilVal, function.NewArgErrorf(1, "the list has no such element")
		},
	})
}

// lookupFunc gives an element of a map, or a default if there is none.
func lookupFunc() function.Function {
	find := func(args []cty.Value) (cty.Value, error) {
		t := args[0].Type()
		if !t.IsObjectType() && !t.IsMapType() {
			return cty.NilVal, function.NewArgErrorf(0, "lookup takes a map, a key and a default")
		}
		key := args[1].AsString()
		switch {
		case t.IsObjectType() && t.HasAttribute(key):
			return args[0].GetAttr(key), nil
		case t.IsMapType() && args[0].HasIndex(args[1]).True():
			return args[0].Index(args[1]), nil
		case len(args) == 3:
			return args[2], nil
		}
		return cty.NilVal, function.NewArgErrorf(1, "the map has no %q, and lookup was given no default", key)
	}
	return function.New(&function.Spec{
		Params:   []function.Parameter{anyParam("map"), {Name: "key", Type: cty.String}},
		VarParam: &function.Parameter{Name: "default", Type: cty.DynamicPseudoType, AllowNull: true},
		Type: func(args []cty.Value) (cty.Type, error) {
			if len(args) > 3 {
				return cty.NilType, function.NewArgErrorf(3, "lookup takes a map, a key and a default")
			}
			if !args[0].IsKnown() || !args[1].IsKnown() {
				return cty.DynamicPseudoType, nil
			}
			v, err := find(args)
			if err != nil {
				return cty.NilType, err
			}
			return v.Type(), nil
		},
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) { return find(args) },
	})
}

// matchKeysFunc gives the values whose keys, at the same places, are searched for.
func matchKeysFunc() function.Function {
	list := cty.List(cty.DynamicPseudoType)
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "values", Type: list}, {Name: "keys", Type: list}, {Name: "searchset", Type: list}},
		Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
			values, keys, found := args[0].AsValueSlice(), args[1].AsValueSlice(), []cty.Value{}
			if len(values) != len(keys) {
				return cty.NilVal, function.NewArgErrorf(1, "values and keys must be of one length")
			}
			for i, key := range keys {
				for _, wanted := range args[2].AsValueSlice() {
					if same, err := stdlib.Equal(key, wanted); err == nil && same.IsKnown() && same.True() {
						found = append(found, values[i])
						break
					}
				}
			}
			if len(found) == 0 {
				return cty.ListValEmpty(want.ElementType()), nil
			}
			return cty.ListVal(found), nil
		},
	})
}

// oneFunc gives the only element of a list, or null of an empty one.
func oneFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{anyParam("list")},
		Type: func(args []cty.Value) (cty.Type, error) {
			switch t := args[0].Type(); {
			case t.IsListType(), t.IsSetType():
				return t.ElementType(), nil
			case t.IsTupleType() && len(t.TupleElementTypes()) == 1:
				return t.TupleElementTypes()[0], nil
			case t.IsTupleType() && len(t.TupleElementTypes()) == 0:
				return cty.DynamicPseudoType, nil
			}
			return cty.NilType, function.NewArgErrorf(0, "one takes a list of at most one element")
		},
		Impl: func(args []cty.Value, want cty.Type) (cty.Value, error) {
			switch elements := args[0].AsValueSlice(); len(elements) {
			case 0:
				return cty.NullVal(want), nil
			case 1:
				return elements[0], nil
			}
			return cty.NilVal, function.NewArgErrorf(0, "one takes a list of at most one element")
		},
	})
}

func boolListParam() function.Parameter {
	return function.Parameter{Name: "list", Type: cty.List(cty.Bool)}
}

func allTrueFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{boolListParam()},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, v := range args[0].AsValueSlice() {
				if v.IsNull() || v.False() {
					return cty.False, nil
				}
			}
			return cty.True, nil
		},
	})
}

func anyTrueFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{boolListParam()},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			for _, v := range args[0].AsValueSlice() {
				if !v.IsNull() && v.True() {
					return cty.True, nil
				}
			}
			return cty.False, nil
		},
	})
}

func sumFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "list", Type: cty.List(cty.Number)}},
		Type:   function.StaticReturnType(cty.Number),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			total := cty.Zero
			for _, v := range args[0].AsValueSlice() {
				if v.IsNull() {
					return cty.NilVal, function.NewArgErrorf(0, "the list holds a null")
				}
				sum, err := stdlib.Add(total, v) // infinities of opposite signs have none
				if err != nil {
					return cty.NilVal, err
				}
				total = sum
			}
			return total, nil
		},
	})
}

// transposeFunc turns a map of lists of texts round: the texts become keys.
func transposeFunc() function.Function {
	texts := cty.Map(cty.List(cty.String))
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "map", Type: texts}},
		Type:   function.StaticReturnType(texts),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			lists := map[string][]cty.Value{}
			for it := args[0].ElementIterator(); it.Next(); { // in the order of the keys
				key, list := it.Element()
				if list.IsNull() {
					return cty.NilVal, function.NewArgErrorf(0, "the map holds a null")
				}
				for _, v := range list.AsValueSlice() {
					if v.IsNull() {
						return cty.NilVal, function.NewArgErrorf(0, "the map holds a null")
					}
					lists[v.AsString()] = append(lists[v.AsString()], key)
				}
			}
			if len(lists) == 0 {
				return cty.MapValEmpty(cty.List(cty.String)), nil
			}
			out := map[string]cty.Value{}
			for key, list := range lists {
				out[key] = cty.ListVal(list)
			}
			return cty.MapVal(out), nil
		},
	})
}
