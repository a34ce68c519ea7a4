package hcl

import (
	"fmt"
	"math/big"
	"net/netip"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/function"
)

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

// cidrSubnetsFunc divides a network into subnets of several sizes, one after
// another: newbits more bits of prefix length each.
func cidrSubnetsFunc() function.Function {
	return function.New(&function.Spec{
		Params:   []function.Parameter{prefixParam()},
		VarParam: &function.Parameter{Name: "newbits", Type: cty.Number},
		Type:     function.StaticReturnType(cty.List(cty.String)),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := prefixArg(args)
			if err != nil {
				return cty.NilVal, err
			}
			room := p.Addr().BitLen() - p.Bits()
			next, size := new(big.Int), new(big.Int).Lsh(big.NewInt(1), uint(room))
			var out []cty.Value
			for i := 1; i < len(args); i++ {
				newBits, err := intArg(args, i)
				if err != nil {
					return cty.NilVal, err
				}
				if newBits.Sign() < 0 || newBits.Cmp(big.NewInt(int64(room))) > 0 {
					return cty.NilVal, function.NewArgErrorf(i, "%s can be divided by 0 to %d bits", p, room)
				}
				bits := p.Bits() + int(newBits.Int64())
				own := new(big.Int).Lsh(big.NewInt(1), uint(p.Addr().BitLen()-bits))
				// A subnet begins at a multiple of its size.
				next.Add(next, own).Sub(next, big.NewInt(1)).Div(next, own).Mul(next, own)
				if end := new(big.Int).Add(next, own); end.Cmp(size) > 0 {
					return cty.NilVal, function.NewArgErrorf(i, "%s has no room for so many subnets", p)
				}
				out = append(out, cty.StringVal(fmt.Sprintf("%s/%d", addTo(p.Addr(), next), bits)))
				next.Add(next, own)
			}
			if len(out) == 0 {
				return cty.ListValEmpty(cty.String), nil
			}
			return cty.ListVal(out), nil
		},
	})
}

// cidrContainsFunc reports whether a network has an address, or all of another
// network.
func cidrContainsFunc() function.Function {
	return function.New(&function.Spec{
		Params: []function.Parameter{prefixParam(), textParam("address")},
		Type:   function.StaticReturnType(cty.Bool),
		Impl: func(args []cty.Value, _ cty.Type) (cty.Value, error) {
			p, err := prefixArg(args)
			if err != nil {
				return cty.NilVal, err
			}
			text := args[1].AsString()
			if a, err := netip.ParseAddr(text); err == nil {
				return cty.BoolVal(p.Contains(a)), nil
			}
			inner, err := netip.ParsePrefix(text)
			if err != nil {
				return cty.NilVal, function.NewArgErrorf(1, "%q is no address and no network", text)
			}
			return cty.BoolVal(p.Bits() <= inner.Bits() && p.Contains(inner.Addr())), nil
		},
	})
}
