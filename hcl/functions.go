package hcl

import (
	"fmt"
	"math/big"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
	"github.com/zclconf/go-cty/cty/function/stdlib"
)

// functions returns the functions of the plan language. They are Terraform's, by
// name and meaning; none reads a file, a clock or a random source, so a plan
// means the same every time.
func functions() map[string]function.Function {
	return map[string]function.Function{
		"abs": stdlib.AbsoluteFunc, "ceil": stdlib.CeilFunc, "floor": stdlib.FloorFunc,
		"max": stdlib.MaxFunc, "min": stdlib.MinFunc, "parseint": stdlib.ParseIntFunc,
		"pow": stdlib.PowFunc, "signum": stdlib.SignumFunc,

		"chomp": stdlib.ChompFunc, "format": stdlib.FormatFunc, "formatlist": stdlib.FormatListFunc,
		"indent": stdlib.IndentFunc, "join": stdlib.JoinFunc, "lower": stdlib.LowerFunc,
		"regex": stdlib.RegexFunc, "regexall": stdlib.RegexAllFunc, "replace": stdlib.ReplaceFunc,
		"split": stdlib.SplitFunc, "strrev": stdlib.ReverseFunc, "substr": stdlib.SubstrFunc,
		"title": stdlib.TitleFunc, "trim": stdlib.TrimFunc, "trimprefix": stdlib.TrimPrefixFunc,
		"trimspace": stdlib.TrimSpaceFunc, "trimsuffix": stdlib.TrimSuffixFunc, "upper": stdlib.UpperFunc,

		"chunklist": stdlib.ChunklistFunc, "coalesce": stdlib.CoalesceFunc, "coalescelist": stdlib.CoalesceListFunc,
		"compact": stdlib.CompactFunc, "concat": stdlib.ConcatFunc, "contains": stdlib.ContainsFunc,
		"distinct": stdlib.DistinctFunc, "element": stdlib.ElementFunc, "flatten": stdlib.FlattenFunc,
		"index": stdlib.IndexFunc, "keys": stdlib.KeysFunc, "length": lengthFunc(),
		"lookup": stdlib.LookupFunc, "merge": stdlib.MergeFunc, "range": stdlib.RangeFunc,
		"reverse": stdlib.ReverseListFunc, "setproduct": stdlib.SetProductFunc, "slice": stdlib.SliceFunc,
		"sort": stdlib.SortFunc, "values": stdlib.ValuesFunc, "zipmap": stdlib.ZipmapFunc,

		"jsondecode": stdlib.JSONDecodeFunc, "jsonencode": stdlib.JSONEncodeFunc,
		"tobool": stdlib.MakeToFunc(cty.Bool), "tonumber": stdlib.MakeToFunc(cty.Number), "tostring": stdlib.MakeToFunc(cty.String),
		"tolist": stdlib.MakeToFunc(cty.List(cty.DynamicPseudoType)), "tomap": stdlib.MakeToFunc(cty.Map(cty.DynamicPseudoType)),
		"toset": stdlib.MakeToFunc(cty.Set(cty.DynamicPseudoType)),

		"cidrhost": cidrHostFunc(), "cidrnetmask": cidrNetmaskFunc(), "cidrsubnet": cidrSubnetFunc(),
	}
}

// lengthFunc counts the elements of a collection or, as in Terraform, the
// characters of a text.
func lengthFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{{Name: "value", Type: cty.DynamicPseudoType}},
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

func prefixParam() function.Parameter { return function.Parameter{Name: "prefix", Type: cty.String} }

func prefixArg(args []cty.Value) (netip.Prefix, error) {
	p, err := netip.ParsePrefix(args[0].AsString())
	if err != nil {
		return p, function.NewArgErrorf(0, "%q is not a network such as \"192.168.140.0/24\"", args[0].AsString())
	}
	return p.Masked(), nil
}

func intArg(args []cty.Value, i int) (*big.Int, error) {
	n, accuracy := args[i].AsBigFloat().Int(nil)
	if n == nil || accuracy != big.Exact {
		return nil, function.NewArgErrorf(i, "a whole number is needed")
	}
	return n, nil
}

// cidrHostFunc gives the address with that number in a network; negative numbers
// count from its end.
func cidrHostFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{prefixParam(), {Name: "hostnum", Type: cty.Number}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := prefixArg(args)
			if err != nil {
				return cty.NilVal, err
			}
			n, err := intArg(args, 1)
			if err != nil {
				return cty.NilVal, err
			}
			size := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-p.Bits()))
			if n.Sign() < 0 {
				n.Add(n, size)
			}
			if n.Sign() < 0 || n.Cmp(size) >= 0 {
				return cty.NilVal, function.NewArgErrorf(1, "%s has no such address: it has %s", p, size)
			}
			return cty.StringVal(addTo(p.Addr(), n).String()), nil
		},
	})
}

// cidrNetmaskFunc writes an IPv4 prefix length as a netmask.
func cidrNetmaskFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{prefixParam()},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := prefixArg(args)
			if err != nil {
				return cty.NilVal, err
			}
			if !p.Addr().Is4() {
				return cty.NilVal, function.NewArgErrorf(0, "IPv6 has no netmasks")
			}
			mask, err := netip.AddrFrom4([4]byte{255, 255, 255, 255}).Prefix(p.Bits())
			if err != nil {
				return cty.NilVal, err
			}
			return cty.StringVal(mask.Addr().String()), nil
		},
	})
}

// cidrSubnetFunc divides a network: newbits more bits of prefix length, subnet
// number netnum.
func cidrSubnetFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{prefixParam(), {Name: "newbits", Type: cty.Number}, {Name: "netnum", Type: cty.Number}},
		Type:   function.StaticReturnType(cty.String),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := prefixArg(args)
			if err != nil {
				return cty.NilVal, err
			}
			newBits, err := intArg(args, 1)
			if err != nil {
				return cty.NilVal, err
			}
			number, err := intArg(args, 2)
			if err != nil {
				return cty.NilVal, err
			}
			room := p.Addr().BitLen() - p.Bits()
			if newBits.Sign() < 0 || newBits.Cmp(big.NewInt(int64(room))) > 0 {
				return cty.NilVal, function.NewArgErrorf(1, "%s can be divided by 0 to %d bits", p, room)
			}
			bits := int(newBits.Int64())
			if number.Sign() < 0 || number.BitLen() > bits {
				return cty.NilVal, function.NewArgErrorf(2, "%d bits number the subnets from 0 to 2^%d-1", bits, bits)
			}
			first := addTo(p.Addr(), new(big.Int).Lsh(number, uint(room-bits)))
			return cty.StringVal(fmt.Sprintf("%s/%d", first, p.Bits()+bits)), nil
		},
	})
}

// addTo adds n, which must not lead past the last address, to an address.
func addTo(a netip.Addr, n *big.Int) netip.Addr {
	sum := new(big.Int).SetBytes(a.AsSlice())
	sum.Add(sum, n)
	bytes := make([]byte, a.BitLen()/8)
	out, _ := netip.AddrFromSlice(sum.FillBytes(bytes))
	return out
}
