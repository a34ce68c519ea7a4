package address

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/lvsup/lvsup/internal/linux/netconf"
	"github.com/lvsup/lvsup/internal/step"
)

// Name is the kind's name.
const Name = "address"

// Desired is what a plan wants of the interfaces of one host.
type Desired struct {
	Interfaces []Interface `json:"interfaces,omitempty"`
	// Network is the stack that keeps them for the next boot, one of netconf's;
	// empty: what the host uses is found.
	Network string `json:"network,omitempty"`
}

// Interface is one interface with a static address.
type Interface struct {
	Name    string   `json:"name"`              // kernel name, "ens33"
	Address string   `json:"address"`           // with prefix length, "192.168.140.10/24"
	Gateway string   `json:"gateway,omitempty"` // empty: no default route through this interface
	DNS     []string `json:"dns,omitempty"`
	// Ifcfg holds further keys of an ifcfg file; other stacks ignore them.
	Ifcfg map[string]string `json:"ifcfg,omitempty"`
	netconf.Further
}

// The Fields of this kind's IDs beside addresses and step.ContentField.
const (
	FieldDevice   = "device"
	FieldLink     = "link"
	FieldDHCP     = "dhcp client"
	FieldLease    = "lease"
	FieldIfState  = "ifstate"
	FieldGateway  = "gateway"
	FieldGateway6 = "ipv6 gateway"
	FieldMTU      = "mtu"
	FieldRoute    = "route" // with ", metric N" if the plan gives one
)

// KeyDefault is the Key of the default routes.
const KeyDefault = "default"

// Values of the IDs.
const (
	up      = "up"
	down    = "down"
	present = "present"
	leased  = "leased"
	stopped = "stopped"
	none    = "none"
)

// Validate names the interface and the field that is wrong.
func Validate(want Desired) error {
	if want.Network != "" && !slices.Contains(netconf.Stacks(), want.Network) {
		return fmt.Errorf("network %q: write one of %s", want.Network, strings.Join(netconf.Stacks(), ", "))
	}
	_, err := parse(want)
	return err
}

// parse turns the texts into values.
func parse(want Desired) ([]netconf.Settings, error) {
	var all []netconf.Settings
	names, addrs, routes := map[string]bool{}, map[netip.Addr]string{}, map[step.ID]string{}
	for _, i := range want.Interfaces {
		s, err := netconf.ParseSettings(i.Name, i.Address, i.Gateway, i.DNS, i.Ifcfg)
		if err == nil {
			s, err = s.With(i.Further)
		}
		switch {
		case err != nil:
			return nil, err
		case i.Name == "lo":
			return nil, fmt.Errorf("lo: the loopback interface needs no address; a virtual_service puts its VIP there by itself")
		case names[i.Name]:
			return nil, fmt.Errorf("%s: named twice; write one interface block for it", i.Name)
		}
		names[i.Name] = true
		for _, p := range s.All() {
			if on := addrs[p.Addr()]; on != "" {
				return nil, fmt.Errorf("%s: address %s is on %s as well; one of them needs another address", i.Name, p.Addr(), on)
			}
			addrs[p.Addr()] = i.Name
		}
		for id := range planRoutes([]netconf.Settings{s}) {
			if on := routes[id]; on != "" {
				what := "route to " + id.Key + ": another is there"
				if id.Key == KeyDefault {
					what = id.Field + ": another is there, and a host has one default route"
				}
				return nil, fmt.Errorf("%s: %s, on %s; leave one out", i.Name, what, on)
			}
			routes[id] = i.Name
		}
		all = append(all, s)
	}
	if err := checkBonds(all); err != nil {
		return nil, err
	}
	return all, checkVLANs(all)
}
