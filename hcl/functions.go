package hcl

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/hashicorp/hcl/v2/ext/tryfunc"
	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions returns the functions of the plan language, of a module whose files
// are in dir. They are Terraform's, by name and meaning. None asks a clock or a
// random source, and files are looked for beside the plan, so a plan means the
// same every time and wherever lvsup is run.
func functions(dir string) map[string]function.Function {
	all := pureFunctions()
	all["file"] = fileFunc(dir)
	all["fileexists"] = fileExistsFunc(dir)
	all["templatefile"] = templateFileFunc(dir, functionsWithFiles(dir, all))
	return all
}

// functionsWithFiles are the functions inside a template: all but templatefile,
// which could go round in a circle.
func functionsWithFiles(dir string, pure map[string]function.Function) map[string]function.Function {
	out := map[string]function.Function{"file": fileFunc(dir), "fileexists": fileExistsFunc(dir)}
	for name, f := range pure {
		out[name] = f
	}
	return out
}

// pureFunctions are those that read nothing but their arguments.
func pureFunctions() map[string]function.Function {
	return map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc, "log": stdlib.LogFunc,
		"max": stdlib.MaxFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc,
		"pow": stdlib.PowFunc, "signum": stdlib.SignumFunc, "sum": sumFunc(),

		"chomp": stdlib.ChompFunc, "endswith": textTestFunc("suffix", strings.HasSuffix), "format": stdlib.FormatFunc,
		"formatlist": stdlib.FormatListFunc, "indent": stdlib.IndentFunc, "join": stdlib.JoinFunc, "lower": stdlib.LowerFunc,
		"regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc, "replace": replaceFunc(), "split": stdlib.SplitFunc,
		"startswith": textTestFunc("prefix", strings.HasPrefix), "strcontains": textTestFunc("substr", strings.Contains),
		"strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc, "title": stdlib.TitleFunc, "trim": stdlib.TrimFunc,
		"trimprefix": stdlib.TrimPrefixFunc, "trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc,
		"upper": stdlib.UpperFunc,

		"alltrue": allTrueFunc(), "anytrue": anyTrueFunc(), "chunklist": stdlib.ChunklistFunc, "coalesce": coalesceFunc(),
		"coalescelist": stdlib.CoalesceListFunc, "compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc,
		"contains": stdlib.ContainsFunc, "distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc,
		"flatten": stdlib.FlattenFunc, "index": indexFunc(), "keys": stdlib.KeysFunc, "length": lengthFunc(),
		"lookup": lookupFunc(), "matchkeys": matchKeysFunc(), "merge": stdlib.MergeFunc, "one": oneFunc(),
		"range": stdlib.RangeFunc, "reverse": stdlib.ReverseListFunc, "setintersection": stdlib.SetIntersectionFunc,
		"setproduct": stdlib.SetProductFunc, "setsubtract": stdlib.SetSubtractFunc, "setunion": stdlib.SetUnionFunc,
		"slice": stdlib.SliceFunc, "sort": stdlib.SortFunc, "transpose": transposeFunc(), "values": stdlib.ValuesFunc,
		"zipmap": stdlib.ZipmapFunc,

		"base64decode": base64DecodeFunc(), "base64encode": encodeFunc(base64.StdEncoding.EncodeToString),
		"csvdecode": stdlib.CSVDecodeFunc, "jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc,
		"md5":       encodeFunc(func(b []byte) string { return fmt.Sprintf("%x", md5.Sum(b)) }),
		"sha256":    encodeFunc(func(b []byte) string { return fmt.Sprintf("%x", sha256.Sum256(b)) }),
		"urlencode": encodeFunc(func(b []byte) string { return url.QueryEscape(string(b)) }),

		"can": tryfunc.CanFunc, "try": tryfunc.TryFunc,
		"nonsensitive": nonSensitiveFunc(), "sensitive": sensitiveFunc(), "issensitive": isSensitiveFunc(),
		"tobool": stdlib.MakeToFunc(cty.Bool), "tonumber": stdlib.MakeToFunc(cty.Number), "tostring": stdlib.MakeToFunc(cty.String),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),

		"basename": textFunc("path", filepath.Base), "dirname": textFunc("path", filepath.Dir),
		"cidrcontains": cidrContainsFunc(), "cidrhost": cidrHostFunc(), "cidrnetmask": cidrNetmaskFunc(),
		"cidrsubnet": cidrSubnetFunc(), "cidrsubnets": cidrSubnetsFunc(),
	}
}
