// Package fou lists, adds and removes the UDP ports on which the kernel takes
// tunnelled packets: foo over UDP and generic UDP encapsulation
// (include/uapi/linux/fou.h, net/ipv4/fou.c, ip-fou(8)).
//
// Every function opens its own socket in the network namespace of the calling
// thread. Asking makes the kernel load module fou where it can: who only reads
// sees first whether it is loaded.
package fou

import (
	"fmt"
	"strconv"
)

// GUE is the Type of a port for generic UDP encapsulation.
const GUE = "gue"

// Port is a UDP port of this host, on every address of one family.
type Port struct {
	Port uint16
	IPv6 bool // the family of the outer packets
	// Type is GUE, or "ipproto N" for a port whose packets are all of that IP
	// protocol.
	Type string
}

// String gives the port as ip-fou(8) takes it: "port 6080 gue".
func (p Port) String() string { return "port " + strconv.Itoa(int(p.Port)) + " " + p.Type }

// typeName gives the Type of a port by the kernel's numbers.
func typeName(encap, protocol uint8) string {
	if encap == encapGUE {
		return GUE
	}
	return fmt.Sprintf("ipproto %d", protocol)
}

// Commands, attributes and types of include/uapi/linux/fou.h.
const (
	version = 1

	cmdAdd = 1
	cmdDel = 2
	cmdGet = 3

	attrPort     = 1 // u16, network order
	attrAF       = 2 // u8
	attrProtocol = 3 // u8
	attrType     = 4 // u8
	attrPeerV4   = 8
	attrPeerV6   = 9
	attrLocalV4  = 6
	attrLocalV6  = 7

	encapGUE = 2
)
