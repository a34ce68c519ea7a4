package rtnl

import (
	"fmt"
	"slices"
	"strings"
)

// Bond is what makes an interface one of several others (drivers/net/bonding of the
// kernel). The zero value is no bond.
type Bond struct {
	Mode    string   // as ip-link(8) has it: "active-backup"
	Members []string // in any order
	MIIMon  int      // how often their links are looked at, in milliseconds; 0: never
	// Primary is the member that is preferred, LACPRate "slow" or "fast", and
	// XmitHashPolicy what a member is chosen by; each is empty in a mode that has no
	// use for it.
	Primary        string
	LACPRate       string
	XmitHashPolicy string
}

// String gives "bond active-backup of ens33 ens36, miimon 100, primary ens33", the
// members in alphabetical order, and "" of the zero value.
func (b Bond) String() string {
	if b.Mode == "" {
		return ""
	}
	text := "bond " + b.Mode + " of " + strings.Join(slices.Sorted(slices.Values(b.Members)), " ")
	if len(b.Members) == 0 {
		text += "nothing"
	}
	return text + strings.Join(b.words(), "")
}

// words are the options, as String lists them.
func (b Bond) words() []string {
	words := []string{fmt.Sprintf(", miimon %d", b.MIIMon)}
	for _, o := range [][2]string{{"primary", b.Primary}, {"lacp_rate", b.LACPRate}, {"xmit_hash_policy", b.XmitHashPolicy}} {
		if o[1] != "" {
			words = append(words, ", "+o[0]+" "+o[1])
		}
	}
	return words
}

// Remakes reports whether the one can become the other only where no member is left,
// or the bond is down: in its mode, or in how often it speaks LACP (BOND_OPTFLAG_NOSLAVES
// and BOND_OPTFLAG_IFDOWN in drivers/net/bonding/bond_options.c).
func (b Bond) Remakes(to Bond) bool { return b.Mode != to.Mode || b.LACPRate != to.LACPRate }

// ParseBond reads what String wrote.
func ParseBond(text string) (Bond, error) {
	var b Bond
	for n, part := range strings.Split(text, ", ") {
		f := strings.Fields(part)
		switch {
		case n == 0 && len(f) >= 4 && f[0] == "bond" && f[2] == "of":
			if b.Mode = f[1]; f[3] != "nothing" {
				b.Members = f[3:]
			}
			continue
		case n == 0 || len(f) != 2:
			return Bond{}, fmt.Errorf("cannot read bond %q", text)
		}
		switch f[0] {
		case "miimon":
			if _, err := fmt.Sscan(f[1], &b.MIIMon); err != nil {
				return Bond{}, fmt.Errorf("cannot read bond %q: %w", text, err)
			}
		case "primary":
			b.Primary = f[1]
		case "lacp_rate":
			b.LACPRate = f[1]
		case "xmit_hash_policy":
			b.XmitHashPolicy = f[1]
		default:
			return Bond{}, fmt.Errorf("cannot read bond %q: %s is no option of lvsup's", text, f[0])
		}
	}
	return b, nil
}
