package netconf

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Bond says which interfaces an interface is made of, and how they share the work
// (drivers/net/bonding; Documentation/networking/bonding.rst of the kernel). The
// zero value is no bond.
type Bond struct {
	Mode    string   `json:"mode"`    // one of BondModes
	Members []string `json:"members"` // at least one
	MIIMon  int      `json:"miimon"`  // how often their links are looked at, in milliseconds
	// Primary is the member to prefer; empty: none. LACPRate is one of LACPRates,
	// XmitHashPolicy one of HashPolicies; both are empty where the mode has no use
	// for them, and the kernel's default where it has and nothing is said.
	Primary        string `json:"primary,omitempty"`
	LACPRate       string `json:"lacp_rate,omitempty"`
	XmitHashPolicy string `json:"xmit_hash_policy,omitempty"`
}

// BondModes lists the modes, each at the place that is its number.
func BondModes() []string {
	return []string{"balance-rr", "active-backup", "balance-xor", "broadcast", "802.3ad", "balance-tlb", "balance-alb"}
}

// LACPRates lists how often a partner may be asked to speak: every 30 seconds, or
// every second. Each is at the place that is its number.
func LACPRates() []string { return []string{"slow", "fast"} }

// HashPolicies lists what a member can be chosen by, each at the place that is its
// number.
func HashPolicies() []string {
	return []string{"layer2", "layer3+4", "layer2+3", "encap2+3", "encap3+4"}
}

// TakesPrimary reports whether the mode prefers a member.
func (b Bond) TakesPrimary() bool {
	return b.Mode == "active-backup" || b.Mode == "balance-tlb" || b.Mode == "balance-alb"
}

// TakesLACP reports whether the mode is that of IEEE 802.3ad.
func (b Bond) TakesLACP() bool { return b.Mode == "802.3ad" }

// TakesHash reports whether the mode chooses a member by a hash.
func (b Bond) TakesHash() bool {
	return b.Mode == "balance-xor" || b.Mode == "802.3ad" || b.Mode == "balance-tlb"
}

// isBond reports whether the settings make a bond.
func (s Settings) isBond() bool { return s.Bond.Mode != "" }

// vlanNameRE matches what ifup of fedora-sysv/initscripts and ifupdown take for
// VLANs.
var vlanNameRE = regexp.MustCompile(`^(vlan[0-9]+|.*\.[0-9]+)$`)

// VLANName reports whether network scripts take the name for that of a VLAN.
func VLANName(name string) bool { return vlanNameRE.MatchString(name) }

// complete fills in what the kernel does where nothing is said.
func (b Bond) complete() Bond {
	if b.LACPRate == "" && b.TakesLACP() {
		b.LACPRate = LACPRates()[0]
	}
	if b.XmitHashPolicy == "" && b.TakesHash() {
		b.XmitHashPolicy = HashPolicies()[0]
	}
	return b
}

func (s Settings) checkBond(b Bond) error {
	switch {
	case s.VLAN != VLAN{}:
		return errors.New("a VLAN is no bond: write the VLAN as an interface of its own, upon the bond")
	case VLANName(s.Name):
		return errors.New("network scripts take this name for a VLAN's: call it bond0, for example")
	case !slices.Contains(BondModes(), b.Mode):
		return fmt.Errorf("mode %q: write one of %s", b.Mode, strings.Join(BondModes(), ", "))
	case len(b.Members) == 0:
		return errors.New("members: write the names of the interfaces that it is made of")
	case b.MIIMon < 1:
		return fmt.Errorf("miimon %d: write a number of milliseconds from 1", b.MIIMon)
	case b.Primary != "" && !(b.TakesPrimary() && slices.Contains(b.Members, b.Primary)):
		return fmt.Errorf("primary %q: write one of the members, in a mode that prefers one", b.Primary)
	case b.LACPRate != "" && !(b.TakesLACP() && slices.Contains(LACPRates(), b.LACPRate)):
		return fmt.Errorf("lacp_rate %q: write slow or fast, in mode 802.3ad", b.LACPRate)
	case b.XmitHashPolicy != "" && !(b.TakesHash() && slices.Contains(HashPolicies(), b.XmitHashPolicy)):
		return fmt.Errorf("xmit_hash_policy %q: write one of %s, in a mode that goes by it", b.XmitHashPolicy, strings.Join(HashPolicies(), ", "))
	}
	for n, m := range b.Members {
		switch err := CheckName(m); {
		case err != nil:
			return fmt.Errorf("members: %w", err)
		case m == "lo" || m == s.Name:
			return fmt.Errorf("members: %s cannot be one", m)
		case slices.Contains(b.Members[:n], m):
			return fmt.Errorf("members: %s is there twice", m)
		}
	}
	return nil
}

// option is one setting of a bond by its name in sysfs, which is also that of the
// module's parameter.
type option struct{ name, value string }

// options lists those that a bond of the mode has, the mode first. The primary comes
// last: some scripts set one after the other, and it must be a member by then.
func (b Bond) options() []option {
	all := []option{{"mode", b.Mode}, {"miimon", strconv.Itoa(b.MIIMon)}}
	if b.LACPRate != "" {
		all = append(all, option{"lacp_rate", b.LACPRate})
	}
	if b.XmitHashPolicy != "" {
		all = append(all, option{"xmit_hash_policy", b.XmitHashPolicy})
	}
	if b.Primary != "" {
		all = append(all, option{"primary", b.Primary})
	}
	return all
}

// readBond makes a bond of options by their names in sysfs. Words may be numbers
// there. What is not said is what the kernel does: a bond in mode balance-rr whose
// members nobody looks at.
func readBond(value func(name string) string) Bond {
	word := func(name string, words []string) string {
		text := value(name)
		if n, err := strconv.Atoi(text); err == nil && n >= 0 && n < len(words) {
			return words[n]
		}
		return text
	}
	b := Bond{Mode: word("mode", BondModes()), Primary: value("primary"), LACPRate: word("lacp_rate", LACPRates()), XmitHashPolicy: word("xmit_hash_policy", HashPolicies())}
	if b.Mode == "" {
		b.Mode = BondModes()[0]
	}
	b.MIIMon, _ = strconv.Atoi(value("miimon"))
	return b.complete()
}

// same reports whether two bonds have the same options; which members they have,
// other places say.
func (b Bond) same(o Bond) bool {
	return b.Mode == o.Mode && b.MIIMon == o.MIIMon && b.Primary == o.Primary && b.LACPRate == o.LACPRate && b.XmitHashPolicy == o.XmitHashPolicy
}

// sameMembers compares the members in any order.
func (b Bond) sameMembers(members []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(b.Members)), slices.Sorted(slices.Values(members)))
}
