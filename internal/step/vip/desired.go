package vip

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
)

// Desired is what a plan wants of virtual IP addresses on one host.
type Desired struct {
	VIPs []VIP `json:"vips,omitempty"`
	// Network is the stack that keeps Native VIPs, one of netconf's; empty: the
	// one that brings Cards up is found, the interfaces that the plan names.
	Network string   `json:"network,omitempty"`
	Cards   []string `json:"cards,omitempty"`
}

// VIP is one virtual IP address on one interface.
type VIP struct {
	Address   string `json:"address"`   // with prefix length, "192.168.140.100/32"
	Interface string `json:"interface"` // kernel name, "lo"
	// Native has the host's own network stack keep the VIP for the next boot, and
	// not rc.local. Only on lo.
	Native bool `json:"native,omitempty"`
}

// String gives the VIP as an ID names it: "192.168.140.100/32 dev lo".
func (v VIP) String() string { return v.Address + " dev " + v.Interface }

// deprecated is what keeps an IPv6 VIP from becoming the source of what the host
// itself sends: a longer prefix than the host's own address would win (RFC 6724),
// and a real server drops a tunnelled packet that comes from an address of its
// own (ip6_tnl_rcv_ctl in net/ipv6/ip6_tunnel.c).
const deprecated = " preferred_lft 0"

// command adds the VIP; ip is the path of ip(8).
func (v VIP) command(ip string) string {
	return ip + " addr replace " + v.Address + " dev " + v.Interface + v.lifetime()
}

func (v VIP) lifetime() string {
	if v.prefix().Addr().Is6() {
		return deprecated
	}
	return ""
}

// kept lists the VIPs that the network stack keeps, or else those that the boot
// script does.
func (d Desired) kept(native bool) []VIP {
	var some []VIP
	for _, v := range d.VIPs {
		if v.Native == native {
			some = append(some, v)
		}
	}
	return some
}

// prefix is the address as a value; Validate has seen to it that it parses.
func (v VIP) prefix() netip.Prefix {
	p, _ := netip.ParsePrefix(v.Address)
	return p
}

// interfaceName bounds what goes into a shell script; the kernel allows 15
// bytes (IFNAMSIZ).
var interfaceName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,14}$`)

// Validate names the VIP and the field that is wrong.
func Validate(want Desired) error {
	if want.Network != "" && !slices.Contains(netconf.Stacks(), want.Network) {
		return fmt.Errorf("network %q: write one of %s", want.Network, strings.Join(netconf.Stacks(), ", "))
	}
	for i, name := range want.Cards {
		if err := netconf.CheckName(name); err != nil {
			return fmt.Errorf("cards[%d]: %w", i, err)
		}
	}
	seen := map[string]bool{}
	for i, v := range want.VIPs {
		p, err := netip.ParsePrefix(v.Address)
		switch {
		case err != nil:
			return fmt.Errorf("vips[%d].address: %q is not an address with a prefix length, like 192.168.140.100/32", i, v.Address)
		case p.String() != v.Address || p.Addr().Is4In6() || strings.Contains(v.Address, "%"):
			return fmt.Errorf("vips[%d].address: %q is not written as %s", i, v.Address, netip.PrefixFrom(p.Addr().Unmap().WithZone(""), p.Bits()))
		case !interfaceName.MatchString(v.Interface):
			return fmt.Errorf("vips[%d].interface: %q is not the name of an interface", i, v.Interface)
		case v.Interface == "lo" && !p.IsSingleIP():
			return fmt.Errorf("vips[%d].address: a VIP on lo must be /%d, or the host would take the whole network %s for its own", i, p.Addr().BitLen(), p.Masked())
		case p.Addr().IsUnspecified() || p.Addr().IsMulticast() || p.Addr().IsLoopback():
			return fmt.Errorf("vips[%d].address: %s cannot be a VIP", i, p.Addr())
		case v.Native && v.Interface != "lo":
			return fmt.Errorf("vips[%d].native: only a VIP on lo can be kept by the network stack, and this is on %s", i, v.Interface)
		case seen[v.String()]:
			return fmt.Errorf("vips[%d]: %s is wanted twice", i, v)
		}
		seen[v.String()] = true
	}
	return nil
}
