package selinux

import "fmt"

// Desired is how far lvsup may go with SELinux on a host. The zero value leaves
// it alone.
type Desired struct {
	Policy string `json:"policy,omitempty"` // "unmanaged", "enforcing", "permissive" or "disabled"
}

// The policies.
const (
	Unmanaged  = "unmanaged"  // leave it alone
	Enforcing  = "enforcing"  // deny what the policy does not allow; now and at boot
	Permissive = "permissive" // log, do not deny; now and at boot
	Disabled   = "disabled"   // off from the next boot on, permissive until then
)

// Validate names the field that is wrong.
func Validate(want Desired) error {
	switch want.Policy {
	case "", Unmanaged, Enforcing, Permissive, Disabled:
		return nil
	}
	return fmt.Errorf("policy: %q is none of unmanaged, enforcing, permissive, disabled", want.Policy)
}
