package firewall

import "fmt"

// Desired is how far lvsup may go with a host's firewall. The zero value leaves
// it alone.
type Desired struct {
	Policy string `json:"policy,omitempty"` // "unmanaged", "open" or "disabled"
	// Ports are let in where the policy is "open": "80/tcp", "8000-8010/udp", or an
	// IP protocol by its number, "4/ip".
	Ports []string `json:"ports,omitempty"`
	// Answers are let through where the policy is "open": what nat real servers send
	// to clients, "80/tcp@192.168.177.20".
	Answers []string `json:"answers,omitempty"`
	// Tracked says that the kernel knows the connections that answers belong to
	// (net.ipv4.vs.conntrack), so that rules on the state ESTABLISHED see to them.
	Tracked bool `json:"tracked,omitempty"`
}

// The policies.
const (
	Unmanaged = "unmanaged" // leave it alone
	Open      = "open"      // let the ports through
	Disabled  = "disabled"  // off now and at boot
)

// Validate names the field that is wrong.
func Validate(want Desired) error {
	switch want.Policy {
	case "", Unmanaged, Open, Disabled:
	default:
		return fmt.Errorf("policy: %q is none of unmanaged, open, disabled", want.Policy)
	}
	for _, port := range want.Ports {
		if n, err := parseNeed(port); err != nil || n.from.IsValid() {
			return fmt.Errorf("ports: %q is not a port and protocol such as 80/tcp", port)
		}
	}
	for _, answer := range want.Answers {
		if n, err := parseNeed(answer); err != nil || !n.from.IsValid() {
			return fmt.Errorf("answers: %q is not a real server's port such as 80/tcp@192.168.177.20", answer)
		}
	}
	return nil
}

// needs are the ports and the answers.
func (d Desired) needs() []need {
	var all []need
	for _, texts := range [][]string{d.Ports, d.Answers} {
		for _, text := range texts {
			if n, err := parseNeed(text); err == nil { // Validate has seen the others
				all = append(all, n)
			}
		}
	}
	return all
}
