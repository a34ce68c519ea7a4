package netconf

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// VLAN says which VLAN of which interface an interface is (IEEE 802.1Q). The zero
// value is none.
type VLAN struct {
	ID   int    `json:"id"`   // 1 to 4094
	Link string `json:"link"` // the interface below it
}

// MaxVLAN is the highest ID that a tag can say: 0 is no VLAN, and 4095 is
// reserved.
const MaxVLAN = 4094

// Names lists what a VLAN's interface may be called. Network scripts of both
// families read link and ID out of these, and out of no others (ifup of
// fedora-sysv/initscripts; interfaces(5), vlan-interfaces(5)).
func (v VLAN) Names() []string {
	return []string{v.Link + "." + strconv.Itoa(v.ID), "vlan" + strconv.Itoa(v.ID)}
}

// telling reports whether the name says which interface is below it.
func (v VLAN) telling(name string) bool { return name == v.Names()[0] }

func (s Settings) checkVLAN(v VLAN) error {
	err := CheckName(v.Link)
	switch {
	case v.ID < 1 || v.ID > MaxVLAN:
		return fmt.Errorf("id %d: write a number from 1 to %d", v.ID, MaxVLAN)
	case err != nil:
		return fmt.Errorf("link: %w", err)
	case v.Link == "lo":
		return errors.New("link lo: the loopback interface carries no VLANs")
	case !slices.Contains(v.Names(), s.Name):
		return fmt.Errorf("VLAN %d of %s cannot be called so: call it %s", v.ID, v.Link, strings.Join(v.Names(), " or "))
	}
	return nil
}

// WithLinks lists the interfaces and those below them, which carry VLANs or are
// members of bonds, each once.
func WithLinks(all []Settings) []string {
	var names []string
	add := func(name string) {
		if name != "" && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, s := range all {
		add(s.Name)
	}
	for _, s := range all {
		add(s.VLAN.Link)
		for _, m := range s.Bond.Members {
			add(m)
		}
	}
	return names
}

// vlansOn lists the VLANs on an interface, in their order.
func vlansOn(link string, all []Settings) []Settings {
	var on []Settings
	for _, s := range all {
		if s.VLAN.Link == link {
			on = append(on, s)
		}
	}
	return on
}
