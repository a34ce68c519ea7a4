package firewall

import (
	"fmt"
	"regexp"
)

// Desired is how far lvsup may go with a host's firewall. The zero value leaves
// it alone.
type Desired struct {
	Policy string `json:"policy,omitempty"` // "unmanaged", "open" or "disabled"
	// Ports are let in where the policy is "open": "80/tcp", "8000-8010/udp", or an
	// IP protocol by its number, "4/ip".
	Ports []string `json:"ports,omitempty"`
}

// The policies.
const (
	Unmanaged = "unmanaged" // leave it alone
	Open      = "open"      // let the ports through
	Disabled  = "disabled"  // off now and at boot
)

var portRE = regexp.MustCompile(`^([1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?/(tcp|udp|sctp)|[1-9][0-9]{0,2}/ip)$`)

// Validate names the field that is wrong.
func Validate(want Desired) error {
	switch want.Policy {
	case "", Unmanaged, Open, Disabled:
	default:
		return fmt.Errorf("policy: %q is none of unmanaged, open, disabled", want.Policy)
	}
	for _, port := range want.Ports {
		if !portRE.MatchString(port) {
			return fmt.Errorf("ports: %q is not a port and protocol such as 80/tcp", port)
		}
	}
	return nil
}
