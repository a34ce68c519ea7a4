package hcl

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"unicode/utf8"

	hcl2 "github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/convert"
	"github.com/zclconf/go-cty/cty/function"
)

// beside makes a path that is not absolute one from the module's directory.
func beside(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// readText reads a file of at most MaxSize bytes of UTF-8.
func readText(dir string, arg cty.Value) (string, error) {
	name := beside(dir, arg.AsString())
	raw, err := read(name)
	if err != nil {
		return "", function.NewArgErrorf(0, "%s", err)
	}
	if !utf8.Valid(raw) {
		return "", function.NewArgErrorf(0, "%s is no text (UTF-8)", name)
	}
	return string(raw), nil
}

func fileFunc(dir string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{textParam("path")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			text, err := readText(dir, args[0])
			return cty.StringVal(text), err
		},
	})
}

func fileExistsFunc(dir string) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{textParam("path")},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			name := beside(dir, args[0].AsString())
			info, err := os.Stat(name)
			switch {
			case errors.Is(err, fs.ErrNotExist):
				return cty.False, nil
			case err != nil:
				return cty.NilVal, function.NewArgErrorf(0, "%s", err)
			case !info.Mode().IsRegular():
				return cty.NilVal, function.NewArgErrorf(0, "%s is not a regular file", name)
			}
			return cty.True, nil
		},
	})
}

// templateFileFunc fills in a file that is a template: ${...} and %{ for ... }
// with the given values and functions, and nothing else of the plan.
func templateFileFunc(dir string, inside map[string]function.Function) function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{textParam("path"), anyParam("vars")},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			if t := args[1].Type(); !t.IsObjectType() && !t.IsMapType() {
				return cty.NilVal, function.NewArgErrorf(1, "a map is needed, such as { port = 80 }")
			}
			text, err := readText(dir, args[0])
			if err != nil {
				return cty.NilVal, err
			}
			name := beside(dir, args[0].AsString())
			if at, what := tooDeepTemplate(name, []byte(text)); what != "" {
				return cty.NilVal, function.NewArgErrorf(0, "%s: %s", at, what)
			}
			expr, diags := hclsyntax.ParseTemplate([]byte(text), name, hcl2.InitialPos)
			if diags.HasErrors() {
				return cty.NilVal, templateError(diags)
			}
			values := args[1].AsValueMap()
			for _, t := range expr.Variables() {
				if _, there := values[t.RootName()]; !there {
					return cty.NilVal, function.NewArgErrorf(1, "%s asks for %q, and here are %s",
						toRange(t.SourceRange()), t.RootName(), plainList(sortedKeys(values), "no values"))
				}
			}
			value, diags := expr.Value(&hcl2.EvalContext{Variables: values, Functions: inside})
			if diags.HasErrors() {
				return cty.NilVal, templateError(diags)
			}
			out, err := convert.Convert(value, cty.String)
			if err != nil || out.IsNull() {
				return cty.NilVal, function.NewArgErrorf(0, "%s gives no text", name)
			}
			return out, nil
		},
	})
}

func templateError(diags hcl2.Diagnostics) error {
	d := diags.Errs()[0].(*hcl2.Diagnostic)
	place := ""
	if d.Subject != nil {
		place = toRange(*d.Subject).String() + ": "
	}
	return function.NewArgErrorf(0, "%s", fmt.Sprintf("%s%s. %s", place, d.Summary, strings.TrimRight(d.Detail, ".")))
}
