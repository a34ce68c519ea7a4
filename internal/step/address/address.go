package address

import (
	"fmt"
	"net/netip"

	"github.com/lvsup/lvsup/internal/linux/netconf"
)

// Name is the kind's name.
const Name = "address"

// Desired is what a plan wants of the interfaces of one host.
type Desired struct {
	Interfaces []Interface `json:"interfaces,omitempty"`
}

// Interface is one interface with a static address.
type Interface struct {
	Name    string   `json:"name"`              // kernel name, "ens33"
	Address string   `json:"address"`           // with prefix length, "192.168.140.10/24"
	Gateway string   `json:"gateway,omitempty"` // empty: no default route through this interface
	DNS     []string `json:"dns,omitempty"`
	// Ifcfg holds further keys of an ifcfg file; other stacks ignore them.
	Ifcfg map[string]string `json:"ifcfg,omitempty"`
}

// The Fields of this kind's IDs beside addresses and step.ContentField.
const (
	FieldLink     = "link"
	FieldDHCP     = "dhcp client"
	FieldLease    = "lease"
	FieldIfState  = "ifstate"
	FieldGateway  = "gateway"
	FieldGateway6 = "ipv6 gateway"
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
	_, err := parse(want)
	return err
}

// parse turns the texts into values.
func parse(want Desired) ([]netconf.Settings, error) {
	var all []netconf.Settings
	names, addrs, gateways := map[string]bool{}, map[netip.Addr]string{}, map[bool]string{}
	for _, i := range want.Interfaces {
		s, err := netconf.ParseSettings(i.Name, i.Address, i.Gateway, i.DNS, i.Ifcfg)
		if err != nil {
			return nil, err
		}
		a := s.Address.Addr()
		switch {
		case i.Name == "lo":
			return nil, fmt.Errorf("lo: the loopback interface needs no address; a virtual_service puts its VIP there by itself")
		case names[i.Name]:
			return nil, fmt.Errorf("%s: named twice; write one interface block for it", i.Name)
		case addrs[a] != "":
			return nil, fmt.Errorf("%s: address %s is on %s as well; one of them needs another address", i.Name, a, addrs[a])
		case s.Gateway.IsValid() && gateways[a.Is6()] != "":
			return nil, fmt.Errorf("%s: gateway: %s has one as well, and a host has one default route; leave one out", i.Name, gateways[a.Is6()])
		}
		names[i.Name], addrs[a] = true, i.Name
		if s.Gateway.IsValid() {
			gateways[a.Is6()] = i.Name
		}
		all = append(all, s)
	}
	return all, nil
}
