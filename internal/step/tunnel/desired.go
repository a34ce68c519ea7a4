package tunnel

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// Desired is what a real server needs to unwrap the packets that a director
// sends it through tunnels.
type Desired struct {
	Tunnels []Tunnel `json:"tunnels,omitempty"` // each once
}

// Tunnel is one kind of wrapping.
type Tunnel struct {
	Type      string `json:"type"`                 // "ipip", "gue" or "gre"
	Port      uint16 `json:"port,omitempty"`       // UDP port to listen on, gue only
	OuterIPv6 bool   `json:"outer_ipv6,omitempty"` // the family of the RIP
	InnerIPv6 bool   `json:"inner_ipv6,omitempty"` // the family of the VIP
	// Checksum says that the gre header has one. gre0 takes packets with it or
	// those without, so all gre tunnels over IPv4 agree.
	Checksum bool `json:"checksum,omitempty"`
}

// The types of tunnels.
const (
	ipip = "ipip"
	gue  = "gue"
	gre  = "gre"
)

// Validate names the tunnel that is wrong.
func Validate(want Desired) error {
	checksums := map[bool]bool{} // by outer family
	for i, t := range want.Tunnels {
		if err := t.validate(); err != nil {
			return fmt.Errorf("tunnels[%d]: %w", i, err)
		}
		if slices.Contains(want.Tunnels[:i], t) {
			return fmt.Errorf("tunnels[%d]: it is there twice", i)
		}
		if t.Type != gre {
			continue
		}
		if other, seen := checksums[t.OuterIPv6]; seen && other != t.Checksum {
			return fmt.Errorf("tunnels[%d]: checksum: %s takes gre packets with a checksum or those without, not both", i, t.device())
		}
		checksums[t.OuterIPv6] = t.Checksum
	}
	return nil
}

func (t Tunnel) validate() error {
	switch {
	case t.Type != ipip && t.Type != gue && t.Type != gre:
		return fmt.Errorf("type: %q is not ipip, gue or gre", t.Type)
	case t.Type == gue && t.Port == 0:
		return errors.New("port: gue needs one")
	case t.Type != gue && t.Port != 0:
		return fmt.Errorf("port: %s has none", t.Type)
	case t.Type == gre && t.OuterIPv6 && t.Checksum:
		return errors.New("checksum: ip6gre0 takes no gre packets with one, and the kernel lets nobody change that")
	case t.Type != gre && t.Checksum:
		return fmt.Errorf("checksum: the device of %s does not look at it", t.Type)
	}
	return nil
}

// device is the one that the inner packets come out of.
func (t Tunnel) device() string {
	switch {
	case t.Type == gre && t.OuterIPv6:
		return "ip6gre0"
	case t.Type == gre:
		return "gre0"
	case t.OuterIPv6:
		return "ip6tnl0"
	case t.InnerIPv6:
		return "sit0"
	}
	return "tunl0"
}

// moduleOf names the module that makes a device.
func moduleOf(device string) string {
	return map[string]string{
		"tunl0": "ipip", "sit0": "sit", "ip6tnl0": "ip6_tunnel", "gre0": "ip_gre", "ip6gre0": "ip6_gre",
	}[device]
}

// allDevices are those that lvsup may touch.
func allDevices() []string { return []string{"gre0", "ip6gre0", "ip6tnl0", "sit0", "tunl0"} }

// inner says which families come out of a device.
type inner struct {
	ipv4, ipv6 bool
	checksum   bool
}

// devices are those of the tunnels.
func (d Desired) devices() map[string]inner {
	all := map[string]inner{}
	for _, t := range d.Tunnels {
		i := all[t.device()]
		all[t.device()] = inner{
			ipv4:     i.ipv4 || !t.InnerIPv6,
			ipv6:     i.ipv6 || t.InnerIPv6,
			checksum: t.Checksum,
		}
	}
	return all
}

// modules are those of the tunnels, sorted.
func (d Desired) modules() []string {
	set := map[string]bool{}
	for _, t := range d.Tunnels {
		set[moduleOf(t.device())] = true
		if t.Type == gue {
			set[fouModule] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// fouModule takes packets off UDP ports.
const fouModule = "fou"
