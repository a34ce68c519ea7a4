package hcl

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

func textParam(name string) function.Parameter {
	return function.Parameter{Name: name, Type: cty.String}
}

// textFunc makes a function of one text.
func textFunc(param string, f func(string) string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{textParam(param)},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.StringVal(f(args[0].AsString())), nil
		},
	})
}

// encodeFunc makes a function of the UTF-8 bytes of a text.
func encodeFunc(f func([]byte) string) function.Function {
	return textFunc("str", func(s string) string { return f([]byte(s)) })
}

// textTestFunc makes a function that asks whether a text has another in it.
func textTestFunc(param string, f func(s, other string) bool) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{textParam("str"), textParam(param)},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(f(args[0].AsString(), args[1].AsString())), nil
		},
	})
}

// replaceFunc replaces a text or, as in Terraform, what matches a regular
// expression between slashes.
func replaceFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{textParam("str"), textParam("substr"), textParam("replace")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if what := args[1].AsString(); len(what) > 1 && strings.HasPrefix(what, "/") && strings.HasSuffix(what, "/") {
				return stdlib.RegexReplace(args[0], cty.StringVal(what[1:len(what)-1]), args[2])
			}
			return stdlib.Replace(args[0], args[1], args[2])
		},
	})
}

func base64DecodeFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{textParam("str")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			raw, err := base64.StdEncoding.DecodeString(args[0].AsString())
			switch {
			case err != nil:
				return cty.NilVal, function.NewArgErrorf(0, "this is no base64")
			case !utf8.Valid(raw):
				return cty.NilVal, function.NewArgErrorf(0, "what is decoded is no text (UTF-8)")
			}
			return cty.StringVal(string(raw)), nil
		},
	})
}

// secretParam lets a function see the marks of its argument.
func secretParam() function.Parameter {
	return function.Parameter{
		Name: "value", Type: cty.DynamicPseudoType,
		AllowMarked: true, AllowNull: true, AllowUnknown: true, AllowDynamicType: true,
	}
}

func sensitiveFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{secretParam()},
		Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			open, _ := args[0].UnmarkDeep()
			return open.Mark(sensitive), nil
		},
	})
}

func nonSensitiveFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{secretParam()},
		Type:   func(args []cty.Value) (cty.Type, error) { return args[0].Type(), nil },
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			open, _ := args[0].UnmarkDeep()
			return open, nil
		},
	})
}

func isSensitiveFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{secretParam()},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			return cty.BoolVal(args[0].ContainsMarked()), nil
		},
	})
}
